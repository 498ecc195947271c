//! The server's life: open, answer, finish what was taken, close.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use candor::clock::Clock;
use candor::config::Config;
use candor::engine::{Engine, Unfit};
use candor::http::local::{self, AddressFile};
use candor::http::{App, Readiness, router};
use candor::ids::Ids;
use candor::knowledge::generation;
use candor::telemetry;
use metrics::gauge;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How often histograms are folded together, so that they do not grow between two scrapes.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// How long after a comparison of index and database that failed the next is made.
const MEND_AGAIN_AFTER: Duration = Duration::from_secs(10);

pub async fn serve(flags: &[(&str, String)]) -> Result<()> {
    let config = Config::load(flags)?;
    telemetry::start_log(&config);
    let mut stop_signal = StopSignal::listen()?;
    let recorder = start_metrics()?;
    // The addresses first: one that is taken is found before anything is loaded.
    let public = bind(config.listen).await?;
    let metrics = bind(config.metrics_listen).await?;
    let loopback = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let engine = Engine::open(config.clone(), Clock::System, Ids::Random, Unfit::Refuse).await?;
    let app = App { engine: engine.clone(), readiness: Readiness::default() };

    let token: SecretString = BASE64_URL_SAFE_NO_PAD.encode(engine.ids().secret()).into();
    let address = AddressFile::leave(&config.data_dir, loopback.local_addr()?, &token)
        .context("the server's address cannot be left in the data folder")?;
    let (stop, stopping) = watch::channel(false);
    let mending = tokio::spawn(mend(app.clone()));
    let scraped = metrics_router(engine.clone(), recorder);
    tracing::info!(listen = %public.local_addr()?, metrics = %metrics.local_addr()?, "ready for questions");
    let servers = tokio::spawn(async move {
        tokio::try_join!(
            run(public, router(app.clone()), stopping.clone()),
            run(loopback, local::router(app.engine.clone(), token), stopping.clone()),
            run(metrics, scraped, stopping),
        )
    });
    stop_signal.arrived().await?;
    tracing::info!("stopping: finishing what was taken");
    let _ = stop.send(true);
    let limit = Duration::from_secs(config.shutdown_seconds_max);
    if let Ok(ended) = tokio::time::timeout(limit, servers).await {
        ended?.map(drop)?;
    } else {
        tracing::warn!(seconds = config.shutdown_seconds_max, "some requests took too long and were cut off");
    }
    mending.abort();
    drop(address);
    engine.database().close().await;
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen at {address}: choose another with --listen, PORT or CANDOR_METRICS_LISTEN")
    })
}

async fn run(listener: TcpListener, router: Router, mut stopping: watch::Receiver<bool>) -> std::io::Result<()> {
    axum::serve(listener, router)
        .with_graceful_shutdown(async move {
            let _ = stopping.wait_for(|stop| *stop).await;
        })
        .await
}

/// Compares the index with SQL, and tries again until it has succeeded.
async fn mend(app: App) {
    loop {
        match generation::mend(&app.engine, |missing| app.readiness.restoring(missing)).await {
            Ok(mended) => {
                if mended.restored + mended.swept > 0 {
                    let generation::Mended { restored, swept } = mended;
                    tracing::warn!(restored, swept, "the index differed from the database and was mended");
                }
                app.readiness.compared();
                return;
            }
            Err(error) => {
                tracing::error!(%error, "the index could not be compared with the database");
                app.readiness.failed(error.to_string());
                tokio::time::sleep(MEND_AGAIN_AFTER).await;
            }
        }
    }
}

fn start_metrics() -> Result<PrometheusHandle> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(telemetry::ANSWER_CONFIDENCE.into()), &telemetry::CONFIDENCE_BUCKETS)?
        .set_buckets_for_metric(
            Matcher::Full(telemetry::RETRIEVAL_TOP_SCORE.into()),
            &[0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0],
        )?
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &telemetry::SECONDS_BUCKETS)?
        .install_recorder()?;
    telemetry::describe_metrics();
    candor::http::start_label_pairs();
    metrics_process::Collector::default().describe();
    Ok(recorder)
}

fn metrics_router(engine: Engine, recorder: PrometheusHandle) -> Router {
    let upkeep = recorder.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(METRICS_UPKEEP).await;
            upkeep.run_upkeep();
        }
    });
    let process = metrics_process::Collector::default();
    let scrape = async move || {
        process.collect();
        if let Ok(points) = engine.generation().index.total().await {
            gauge!(telemetry::INDEX_POINTS).set(f64::from(u32::try_from(points).unwrap_or(u32::MAX)));
        }
        let (used, idle) = engine.database().connections();
        for (state, connections) in [("used", used), ("idle", idle)] {
            gauge!(telemetry::DATABASE_POOL_CONNECTIONS, "state" => state)
                .set(f64::from(u32::try_from(connections).unwrap_or(u32::MAX)));
        }
        recorder.render()
    };
    Router::new().route("/metrics", get(scrape))
}

/// The system's word that the server should stop. It is listened for from the start: a server that is told to stop before it is
/// ready stops in order too.
struct StopSignal {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl StopSignal {
    fn listen() -> Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    async fn arrived(&mut self) -> Result<()> {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => (),
            _ = self.interrupt.recv() => (),
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await?;
        Ok(())
    }
}
