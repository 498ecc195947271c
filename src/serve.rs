//! The server's life: open, answer, finish what was taken, close.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use candor::chat;
use candor::clock::Clock;
use candor::config::Config;
use candor::engine::{Engine, Unfit, work};
use candor::http::local::{self, AddressFile};
use candor::http::{count_dependencies, router};
use candor::ids::Ids;
use candor::index::IndexError;
use candor::insight::figures::LastFigures;
use candor::knowledge::{KnowledgeError, generation};
use candor::telemetry;
use metrics::gauge;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How often histograms are folded together, so that they do not grow between two scrapes.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// How long after a comparison of index and database that failed the next is made.
const MEND_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How often it is seen to that the index answers.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long a scrape waits for a figure; without it the last value stands.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(2);

pub async fn serve(flags: &[(&str, String)]) -> Result<()> {
    let config = Config::load(flags)?;
    telemetry::start_log(&config);
    let mut stop_signal = StopSignal::listen()?;
    let recorder = start_metrics()?;
    // The addresses first: one that is taken is found before anything is loaded.
    let public = bind(config.listen, "--listen or PORT").await?;
    let metrics = bind(config.metrics_listen, "CANDOR_METRICS_LISTEN").await?;
    let loopback = bind(SocketAddr::from(([127, 0, 0, 1], 0)), "nothing: any free port would do").await?;
    let engine = Engine::open(config.clone(), Clock::System, Ids::Random, Unfit::Refuse).await?;

    let token: SecretString = BASE64_URL_SAFE_NO_PAD.encode(engine.ids().secret()).into();
    let address = AddressFile::leave(&config.data_dir, loopback.local_addr()?, &token)
        .context("the server's address cannot be left in the data folder")?;
    let (stop, stopping) = watch::channel(false);
    let mending = tokio::spawn(keep_index_whole(engine.clone()));
    tokio::spawn(check_generators(engine.clone()));
    let workers = work::start(&engine);
    let scraped = metrics_router(engine.clone(), recorder);
    tracing::info!(listen = %public.local_addr()?, metrics = %metrics.local_addr()?, "ready for questions");
    let answering = engine.clone();
    let servers = tokio::spawn(async move {
        tokio::try_join!(
            run(public, router(answering.clone()), stopping.clone()),
            run(loopback, local::router(answering, token), stopping.clone()),
            run(metrics, scraped, stopping),
        )
    });
    stop_signal.arrived().await?;
    tracing::info!("stopping: finishing what was taken");
    let _ = stop.send(true);
    let limit = Duration::from_secs(config.shutdown_seconds_max);
    // Turns whose customers have left, or do not read on, are stored too.
    let finishing = async { tokio::join!(servers, engine.live().ended(), workers.drained()) };
    if let Ok((ended, (), ())) = tokio::time::timeout(limit, finishing).await {
        ended?.map(drop)?;
    } else {
        tracing::warn!(seconds = config.shutdown_seconds_max, "some requests or jobs took too long and were cut off");
    }
    workers.give_back().await;
    mending.abort();
    drop(address);
    engine.database().close().await;
    Ok(())
}

async fn bind(address: SocketAddr, setting: &str) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen at {address}: choose another address with {setting}"))
}

async fn run(listener: TcpListener, router: Router, mut stopping: watch::Receiver<bool>) -> std::io::Result<()> {
    axum::serve(listener, router)
        .with_graceful_shutdown(async move {
            let _ = stopping.wait_for(|stop| *stop).await;
        })
        .await
}

/// Keeps the index whole: compares it with SQL, mends it, and does so again after it was away.
async fn keep_index_whole(engine: Engine) {
    loop {
        match generation::mend(&engine, |missing| engine.readiness().restoring(missing)).await {
            Ok(mended) => {
                if mended.restored + mended.swept > 0 {
                    let generation::Mended { restored, swept } = mended;
                    tracing::warn!(restored, swept, "the index differed from the database and was mended");
                }
                engine.readiness().compared();
                // The index that answers is watched while another is built beside it.
                let why = tokio::select! {
                    why = index_is_lost(&engine) => why,
                    never = async { cut_again(&engine).await; std::future::pending().await } => never,
                };
                tracing::error!(why, "the index is away; questions go to people until it is back");
                engine.readiness().failed();
            }
            Err(error) => {
                tracing::error!(%error, "the index could not be compared with the database");
                engine.readiness().failed();
            }
        }
        tokio::time::sleep(MEND_AGAIN_AFTER).await;
    }
}

/// After a change to how articles are cut: has the index built again beside the one that answers.
async fn cut_again(engine: &Engine) {
    match generation::cut_again(engine).await {
        Ok(None) => (),
        Ok(Some(rebuilt)) => {
            tracing::info!(generation = rebuilt.generation, points = rebuilt.points, "the new index answers");
        }
        Err(error) => tracing::error!(%error, "the index stays as it is cut; the next start tries again"),
    }
}

/// Comes back when the index has not answered twice in a row, with why.
async fn index_is_lost(engine: &Engine) -> String {
    let mut was_away = false;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let looked_at = engine.generation();
        let looked = generation::has_all(engine).await;
        // Another was built in the meantime: what is missing of the one before it does not matter.
        if engine.generation().row.id != looked_at.row.id {
            continue;
        }
        match looked {
            Ok(true) => was_away = false,
            Ok(false) => return "points are missing".to_owned(),
            Err(KnowledgeError::Index(error @ IndexError::Missing { .. })) => return error.to_string(),
            // The database speaks for itself.
            Err(KnowledgeError::Database(_)) => (),
            Err(error) if was_away => return error.to_string(),
            Err(_) => was_away = true,
        }
    }
}

/// Asks once whether the language models of the settings are there; a name that does not exist is found now and not by a customer.
async fn check_generators(engine: Engine) {
    let generators = engine.generators();
    for generator in generators.first().into_iter().chain(generators.second()) {
        if let Err(error) = generator.check().await {
            let (provider, model) = (generator.provider().name(), generator.model());
            tracing::warn!(%error, provider, model, "the language model is not there: check its name and its key");
        }
    }
}

fn start_metrics() -> Result<PrometheusHandle> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(telemetry::ANSWER_CONFIDENCE.into()), &telemetry::CONFIDENCE_BUCKETS)?
        .set_buckets_for_metric(
            Matcher::Full(telemetry::RETRIEVAL_TOP_SCORE.into()),
            &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
        )?
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &telemetry::SECONDS_BUCKETS)?
        .install_recorder()?;
    telemetry::describe_metrics();
    candor::http::start_label_pairs();
    candor::jobs::start_label_pairs();
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
        count_dependencies(&engine).await;
        let counted = chat::store::count_by_status(engine.database());
        if let Ok(Ok(counted)) = tokio::time::timeout(SCRAPE_TIMEOUT, counted).await {
            for status in ["active", "needs_human", "agent_assigned", "closed"] {
                let sessions = counted.iter().find(|(name, _)| name == status).map_or(0, |(_, sessions)| *sessions);
                gauge!(telemetry::SESSIONS, "status" => status)
                    .set(f64::from(u32::try_from(sessions).unwrap_or(u32::MAX)));
            }
        }
        if let Ok(Err(error)) = tokio::time::timeout(SCRAPE_TIMEOUT, engine.queue().show()).await {
            tracing::debug!(%error, "the queue cannot be counted");
        }
        match LastFigures::read(&engine.config().eval_dir) {
            Ok(figures) => figures.show(),
            Err(error) => tracing::debug!(%error, "the last figures of eval cannot be read"),
        }
        let (used, idle) = engine.database().connections();
        for (state, connections) in [("used", used), ("idle", idle)] {
            gauge!(telemetry::DATABASE_POOL_CONNECTIONS, "state" => state)
                .set(f64::from(u32::try_from(connections).unwrap_or(u32::MAX)));
        }
        telemetry::rendered(&recorder.render())
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
