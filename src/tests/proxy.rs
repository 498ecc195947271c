//! A door to a server that a test can shut, slow down, or slam while somebody stands in it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// What the door does with those who come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Lets them through.
    Open,
    /// Turns them away, and throws out those inside.
    Shut,
}

/// Where the server itself is.
#[derive(Clone, Debug)]
pub(crate) enum Behind {
    Tcp(String),
    Unix(String),
}

/// A door; gone when it is dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    door: watch::Sender<Door>,
    delay_ms: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn before(behind: Behind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (door, seen) = watch::channel(Door::Open);
        let delay_ms = Arc::new(AtomicU64::new(0));
        let delay = Arc::clone(&delay_ms);
        let task = tokio::spawn(async move {
            while let Ok((visitor, _)) = listener.accept().await {
                if *seen.borrow() == Door::Shut {
                    continue;
                }
                let (behind, mut seen, delay) = (behind.clone(), seen.clone(), Arc::clone(&delay));
                tokio::spawn(async move {
                    tokio::select! {
                        () = carry(visitor, behind, delay) => (),
                        _ = seen.wait_for(|door| *door == Door::Shut) => (),
                    }
                });
            }
        });
        Self { address, door, delay_ms, task }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn shut(&self) {
        self.door.send_replace(Door::Shut);
    }

    pub(crate) fn open(&self) {
        self.door.send_replace(Door::Open);
    }

    /// Each piece of an answer comes that much later.
    pub(crate) fn slow_down(&self, delay: Duration) {
        self.delay_ms.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(visitor: TcpStream, behind: Behind, delay: Arc<AtomicU64>) {
    match behind {
        Behind::Tcp(address) => {
            if let Ok(server) = TcpStream::connect(address).await {
                let (from_server, to_server) = server.into_split();
                both_ways(visitor, from_server, to_server, delay).await;
            }
        }
        Behind::Unix(path) => {
            if let Ok(server) = UnixStream::connect(path).await {
                let (from_server, to_server) = server.into_split();
                both_ways(visitor, from_server, to_server, delay).await;
            }
        }
    }
}

async fn both_ways(
    visitor: TcpStream,
    from_server: impl AsyncRead + Unpin,
    to_server: impl AsyncWrite + Unpin,
    delay: Arc<AtomicU64>,
) {
    let (from_visitor, to_visitor) = visitor.into_split();
    tokio::select! {
        () = pieces(from_visitor, to_server, Arc::default()) => (),
        () = pieces(from_server, to_visitor, delay) => (),
    }
}

async fn pieces(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, delay: Arc<AtomicU64>) {
    let mut piece = vec![0; 1 << 16];
    while let Ok(length) = from.read(&mut piece).await {
        tokio::time::sleep(Duration::from_millis(delay.load(Ordering::SeqCst))).await;
        if length == 0 || to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}
