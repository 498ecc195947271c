//! Mails from the transaction that posts them to a mail server, which the test plays.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use candor::clock::Clock;
use candor::config::Config;
use candor::database::Database;
use candor::ids::{Ids, JobId};
use candor::jobs::store::{self, StoredJob};
use candor::jobs::{Job, Kind, Lease, Queue, Workers};
use candor::mail::{Language, Letter, Mail, Mailer, Outbox, Posted};
use candor::vault::Vault;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::app::{NOW_MS, eventually};
use crate::stores::sqlite;

const ADDRESS: &str = "ada@example.com";
const TOKEN: &str = "s3cret-token";

/// How the server takes the next mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conduct {
    /// Refuses whom it is from, with this code.
    RefuseSender(u16),
    /// Refuses whom it is for.
    RefuseRecipient(u16),
    /// Takes it and hangs up before it says so.
    TakeAndHangUp,
}

/// A mail server that keeps what it was told.
#[derive(Clone, Default)]
struct Sink {
    /// For the next mails; after them it takes each.
    conduct: Arc<Mutex<VecDeque<Conduct>>>,
    mails: Arc<Mutex<Vec<String>>>,
    commands: Arc<Mutex<Vec<String>>>,
}

impl Sink {
    async fn start(conduct: &[Conduct]) -> (Self, SocketAddr) {
        let sink = Self { conduct: Arc::new(Mutex::new(conduct.iter().copied().collect())), ..Self::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let listening = sink.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                // A client may leave at any point.
                tokio::spawn({
                    let sink = listening.clone();
                    async move { sink.talk(connection).await.ok() }
                });
            }
        });
        (sink, address)
    }

    async fn talk(self, connection: TcpStream) -> std::io::Result<()> {
        let (reading, mut writing) = connection.into_split();
        let mut lines = BufReader::new(reading).lines();
        let mut conduct = None;
        writing.write_all(b"220 sink\r\n").await?;
        while let Some(line) = lines.next_line().await? {
            self.commands.lock().unwrap().push(line.clone());
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let reply = match verb.as_str() {
                "EHLO" => "250-sink\r\n250 8BITMIME".to_owned(),
                "MAIL" => {
                    conduct = self.conduct.lock().unwrap().pop_front();
                    match conduct {
                        Some(Conduct::RefuseSender(code)) => format!("{code} not now, {ADDRESS}"),
                        _ => "250 ok".to_owned(),
                    }
                }
                "RCPT" => match conduct {
                    Some(Conduct::RefuseRecipient(code)) => format!("{code} <{ADDRESS}> is not known here"),
                    _ => "250 ok".to_owned(),
                },
                "DATA" => {
                    writing.write_all(b"354 go on\r\n").await?;
                    let mut mail = String::new();
                    while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                        mail.push_str(line.strip_prefix('.').unwrap_or(&line));
                        mail.push('\n');
                    }
                    self.mails.lock().unwrap().push(mail);
                    if conduct == Some(Conduct::TakeAndHangUp) {
                        return Ok(());
                    }
                    "250 taken".to_owned()
                }
                "QUIT" => {
                    writing.write_all(b"221 bye\r\n").await?;
                    return Ok(());
                }
                _ => "250 ok".to_owned(),
            };
            writing.write_all(format!("{reply}\r\n").as_bytes()).await?;
        }
        Ok(())
    }

    fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }
}

/// An outbox with a worker, on a database of its own and with a clock that stands.
struct Post {
    database: Database,
    queue: Queue,
    outbox: Outbox,
    clock: Clock,
    _workers: Workers,
    _folder: TempDir,
}

impl Post {
    async fn open(server: Option<SocketAddr>) -> Self {
        let (database, folder) = sqlite().await;
        let clock = Clock::fixed(NOW_MS);
        let queue = Queue::new(database.clone(), Vault::default(), clock.clone(), Ids::Random);
        let mailer = Mailer::open(&config(server)).unwrap();
        let outbox = Outbox::new(mailer, queue.clone(), clock.clone());
        let sending = outbox.clone();
        let workers = Workers::start(queue.clone(), Kind::ALL.to_vec(), 2, move |job, lease: Lease| {
            let outbox = sending.clone();
            async move {
                let Job::SendMail(mail) = job;
                outbox.send(&mail, lease.idempotency_key()).await
            }
        });
        Self { database, queue, outbox, clock, _workers: workers, _folder: folder }
    }

    async fn post(&self, mail: Mail, key: &str) -> Posted {
        let mut transaction = self.database.begin().await.unwrap();
        let posted = self.outbox.post(&mut transaction, mail, key, None).await.unwrap();
        transaction.commit().await.unwrap();
        self.queue.wake();
        posted
    }

    /// Posts a letter for a new password, and gives its job.
    async fn post_reset(&self, key: &str) -> JobId {
        match self.post(reset(), key).await {
            Posted::Queued(job) => job,
            Posted::Off => panic!("mail is on"),
        }
    }

    /// The job once its attempt with this number has ended.
    async fn after_attempt(&self, job: JobId, attempt: i64) -> StoredJob {
        let ended = || async {
            let stored = store::job(&self.database, job).await.unwrap().unwrap();
            (stored.attempts == attempt && stored.state != "running").then_some(stored)
        };
        eventually("an attempt ends", ended).await
    }

    fn wait_for_the_pause(&self, job: &StoredJob) {
        assert!(job.run_at_ms > self.clock.now_ms(), "{job:?}");
        self.clock.advance(job.run_at_ms - self.clock.now_ms());
        self.queue.wake();
    }
}

fn config(server: Option<SocketAddr>) -> Config {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Config {
        smtp_host: server.map(|server| server.ip().to_string()),
        smtp_port: server.map_or(25, |server| server.port()),
        smtp_from: Some("Bikes <help@bikes.example>".into()),
        public_url: Some("https://help.bikes.example/".into()),
        ..Config::default()
    }
}

fn reset() -> Mail {
    let letter = Letter::PasswordReset { token: TOKEN.into(), valid_hours: 1 };
    Mail { to: ADDRESS.into(), name: Some("Ada <b>Lovelace</b>".into()), language: Language::English, letter }
}

fn header<'a>(mail: &'a str, name: &str) -> Option<&'a str> {
    mail.split("\n\n").next()?.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// A mail's parts as they are read: quoted-printable undone.
fn readable(mail: &str) -> String {
    let mail = mail.replace("=\n", "");
    let mut pieces = mail.split('=');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        match piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend(&piece.as_bytes()[2..]);
            }
            None => bytes.extend([b"=", piece.as_bytes()].concat()),
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_has_both_bodies_and_a_name_is_no_markup() {
    let (sink, address) = Sink::start(&[]).await;
    let post = Post::open(Some(address)).await;
    let job = post.post_reset("reset/1").await;
    assert_eq!(post.after_attempt(job, 1).await.state, "done");
    let mails = sink.mails();
    assert_eq!(mails.len(), 1);
    let mail = readable(&mails[0]);
    assert_eq!(header(&mail, "From"), Some("Bikes <help@bikes.example>"), "{mail}");
    assert_eq!(header(&mail, "To"), Some(ADDRESS));
    assert_eq!(header(&mail, "Subject"), Some("Choose a new password"));
    assert_eq!(header(&mail, "Date"), Some("Wed, 18 Nov 2026 11:06:40 +0000"));
    assert!(header(&mail, "Content-Type").unwrap().starts_with("multipart/alternative"), "{mail}");
    let (text, html) = mail.split_once("Content-Type: text/html").unwrap();
    assert!(text.contains("Content-Type: text/plain") && text.contains("Hello Ada <b>Lovelace</b>,"), "{text}");
    assert!(text.contains("https://help.bikes.example/reset-password?token=s3cret%2Dtoken"), "{text}");
    assert!(html.contains("Ada &lt;b&gt;Lovelace") && !html.contains("<b>"), "{html}");
    assert!(html.contains("help.bikes.example&#x2f;reset-password?token=s3cret%2Dtoken\""), "{html}");

    // The same is posted once.
    assert_eq!(post.post_reset("reset/1").await, job);
    let other = post.post_reset("reset/2").await;
    assert_eq!(post.after_attempt(other, 1).await.state, "done");
    let mails = sink.mails();
    assert_eq!(mails.len(), 2);
    assert_ne!(header(&mails[0], "Message-ID").unwrap(), header(&mails[1], "Message-ID").unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_for_now_or_cut_off_is_sent_again_with_the_same_message_id() {
    let conduct = [Conduct::RefuseSender(421), Conduct::RefuseRecipient(450), Conduct::TakeAndHangUp];
    let (sink, address) = Sink::start(&conduct).await;
    let post = Post::open(Some(address)).await;
    let id = post.post_reset("reset/1").await;
    for (attempt, failure) in (1..).zip(["(421)", "(450)", "ended the connection"]) {
        let job = post.after_attempt(id, attempt).await;
        let told = job.failure.clone().unwrap();
        assert_eq!(job.state, "queued");
        assert!(told.contains(failure) && !told.contains("ada"), "{told}");
        post.wait_for_the_pause(&job);
    }
    assert_eq!(post.after_attempt(id, 4).await.state, "done");
    let mails = sink.mails();
    assert_eq!(mails.len(), 2, "the one of which the server never said that it was taken, and its repeat");
    let message_id = header(&mails[0], "Message-ID").unwrap();
    assert!(message_id.ends_with("@bikes.example>"), "{message_id}");
    assert_eq!(header(&mails[1], "Message-ID"), Some(message_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_good_is_a_dead_letter_that_names_nobody() {
    let (sink, address) = Sink::start(&[Conduct::RefuseRecipient(550)]).await;
    let post = Post::open(Some(address)).await;
    let refused = post.post_reset("reset/1").await;
    let dead = post.after_attempt(refused, 1).await;
    assert_eq!(
        (dead.state.as_str(), dead.failure.as_deref()),
        ("failed", Some("the mail server refuses it for good (550)"))
    );
    let nobody = Mail { to: "ada at example".into(), ..reset() };
    let Posted::Queued(id) = post.post(nobody, "reset/2").await else { panic!("mail is on") };
    let dead = post.after_attempt(id, 1).await;
    let failure = "what it was to be sent to is no address";
    assert_eq!((dead.state.as_str(), dead.failure.as_deref()), ("failed", Some(failure)));
    assert!(sink.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_waited_for() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let post = Post::open(Some(address)).await;
    let id = post.post_reset("reset/1").await;
    let job = post.after_attempt(id, 1).await;
    assert_eq!((job.state.as_str(), job.failure.unwrap().contains("cannot be reached")), ("queued", true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_not_told_to_a_server_without_tls() {
    let (sink, address) = Sink::start(&[]).await;
    let config = Config { smtp_user: Some("bikes".into()), smtp_pass: Some("hunter2".into()), ..config(Some(address)) };
    let mailer = Mailer::open(&config).unwrap().unwrap();
    let mail = reset();
    let sending = tokio::time::timeout(Duration::from_secs(10), mailer.send(&mail, "reset/1", NOW_MS));
    let error = sending.await.unwrap().unwrap_err();
    assert!(matches!(error, candor::mail::MailError::Later(_)), "{error:?}");
    let commands = sink.commands.lock().unwrap().join("\n");
    assert!(!commands.contains("AUTH") && !commands.contains("MAIL"), "{commands}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_nothing_is_queued_and_the_caller_is_told() {
    let post = Post::open(None).await;
    assert!(!post.outbox.is_on());
    assert_eq!(post.post(reset(), "reset/1").await, Posted::Off);
    assert!(store::count_unfinished(&post.database).await.unwrap().is_empty());
}
