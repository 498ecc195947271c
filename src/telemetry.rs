//! Logs, the stages of an answer, and every metric's name.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::config::{Config, LogFormat};

/// A part of the way from a question to its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// What the message wants, and what is searched for.
    Rewrite,
    /// The question becomes a vector.
    Embed,
    /// Candidates are found, made visible and ranked.
    Search,
    /// A cross-encoder reads the best passages again, where there is one.
    Rerank,
    /// The draft is made.
    Generate,
    /// What a language model wrote is compared with the passages.
    Verify,
    /// Confidence and decision.
    Decide,
}

impl Stage {
    /// All stages, in their order.
    pub const ALL: [Self; 7] =
        [Self::Rewrite, Self::Embed, Self::Search, Self::Rerank, Self::Generate, Self::Verify, Self::Decide];

    /// Its name in metrics and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rewrite => "rewrite",
            Self::Embed => "embed",
            Self::Search => "search",
            Self::Rerank => "rerank",
            Self::Generate => "generate",
            Self::Verify => "verify",
            Self::Decide => "decide",
        }
    }
}

/// How long each stage took.
#[derive(Clone, Debug, Default)]
pub struct Stages {
    times: Vec<(Stage, Duration)>,
}

impl Stages {
    /// Runs `work` and notes how long it took.
    pub async fn time<T>(&mut self, stage: Stage, work: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let outcome = work.await;
        self.note(stage, began.elapsed());
        outcome
    }

    /// Runs `work`, which does not wait, and notes how long it took.
    pub fn time_sync<T>(&mut self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let outcome = work();
        self.note(stage, began.elapsed());
        outcome
    }

    /// Notes how long a stage took that is mixed with others.
    pub fn note(&mut self, stage: Stage, took: Duration) {
        histogram!(ANSWER_STAGE_DURATION, "stage" => stage.name()).record(took.as_secs_f64());
        self.times.push((stage, took));
    }

    /// The stages with their milliseconds.
    #[must_use]
    pub fn milliseconds(&self) -> Vec<(Stage, f64)> {
        self.times.iter().map(|(stage, took)| (*stage, took.as_secs_f64() * 1_000.0)).collect()
    }
}

/// `http_requests_total{method,route,status}`
pub const HTTP_REQUESTS: &str = "http_requests_total";
/// `http_request_duration_seconds{method,route}`
pub const HTTP_REQUEST_DURATION: &str = "http_request_duration_seconds";
/// `answers_total{decision,reason,response_type}`
pub const ANSWERS: &str = "answers_total";
/// `answer_first_token_seconds`
pub const ANSWER_FIRST_TOKEN: &str = "answer_first_token_seconds";
/// `answer_streams_failed_total`
pub const STREAMS_FAILED: &str = "answer_streams_failed_total";
/// `answer_cache_total{result}`
pub const ANSWER_CACHE: &str = "answer_cache_total";
/// `answer_stage_duration_seconds{stage}`
pub const ANSWER_STAGE_DURATION: &str = "answer_stage_duration_seconds";
/// `answer_duration_seconds`
pub const ANSWER_DURATION: &str = "answer_duration_seconds";
/// `answer_confidence`
pub const ANSWER_CONFIDENCE: &str = "answer_confidence";
/// `answer_confidence_decile_total{calibration,decile}`
pub const ANSWER_CONFIDENCE_DECILES: &str = "answer_confidence_decile_total";
/// `calibration_state{state}`
pub const CALIBRATION_STATE: &str = "calibration_state";
/// `retrieval_queries_total{result}`
pub const RETRIEVAL_QUERIES: &str = "retrieval_queries_total";
/// `retrieval_top_score`
pub const RETRIEVAL_TOP_SCORE: &str = "retrieval_top_score";
/// `ingest_articles_total{result}`
pub const INGEST_ARTICLES: &str = "ingest_articles_total";
/// `ingest_chunks_total`
pub const INGEST_CHUNKS: &str = "ingest_chunks_total";
/// `ingest_duration_seconds`
pub const INGEST_DURATION: &str = "ingest_duration_seconds";
/// `tickets_total{reason}`
pub const TICKETS: &str = "tickets_total";
/// `generator_requests_total{provider,model,result}`
pub const GENERATOR_REQUESTS: &str = "generator_requests_total";
/// `generator_tokens_total{model,kind}`
pub const GENERATOR_TOKENS: &str = "generator_tokens_total";
/// `generator_cost_usd_total{model}`
pub const GENERATOR_COST: &str = "generator_cost_usd_total";
/// `circuit_state{upstream}`
pub const CIRCUIT_STATE: &str = "circuit_state";
/// `sessions{status}`
pub const SESSIONS: &str = "sessions";
/// `dependency_up{dependency}`
pub const DEPENDENCY_UP: &str = "dependency_up";
/// `eval_figure{dataset,figure}`
pub const EVAL_FIGURE: &str = "eval_figure";
/// `jobs{kind,state}`
pub const JOBS: &str = "jobs";
/// `jobs_ended_total{kind,result}`
pub const JOBS_ENDED: &str = "jobs_ended_total";
/// `jobs_oldest_due_seconds`
pub const JOBS_OLDEST_DUE: &str = "jobs_oldest_due_seconds";
/// `job_duration_seconds{kind}`
pub const JOB_DURATION: &str = "job_duration_seconds";
/// `index_points`
pub const INDEX_POINTS: &str = "index_points";
/// `database_pool_connections{state}`
pub const DATABASE_POOL_CONNECTIONS: &str = "database_pool_connections";
/// `build_info{version}`
pub const BUILD_INFO: &str = "build_info";

/// Bucket bounds of `answer_confidence`.
pub const CONFIDENCE_BUCKETS: [f64; 10] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
/// Bucket bounds of everything that is measured in seconds, from an embedding to a slow language model.
pub const SECONDS_BUCKETS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Counts a search by its best passage's score.
pub fn count_retrieval(top_score: Option<f32>) {
    let result = if top_score.is_some() { "hit" } else { "empty" };
    counter!(RETRIEVAL_QUERIES, "result" => result).increment(1);
    if let Some(score) = top_score {
        histogram!(RETRIEVAL_TOP_SCORE).record(f64::from(score));
    }
}

/// Adds to what a model has cost. Counters hold whole numbers only, so it is kept as a gauge; [`rendered`] calls it a counter.
pub fn add_cost_usd(model: &str, cost_usd: f64) {
    gauge!(GENERATOR_COST, "model" => model.to_owned()).increment(cost_usd);
}

/// The metrics as they are scraped: what only goes up is declared as a counter.
#[must_use]
pub fn rendered(metrics: &str) -> String {
    metrics.replace(&format!("# TYPE {GENERATOR_COST} gauge"), &format!("# TYPE {GENERATOR_COST} counter"))
}

/// Describes every metric and starts those whose labels are known at 0, so that a dashboard shows a zero and not a gap.
pub fn describe_metrics() {
    describe_counter!(HTTP_REQUESTS, "Requests by method, route and status.");
    describe_histogram!(HTTP_REQUEST_DURATION, Unit::Seconds, "Time to answer a request.");
    describe_counter!(ANSWERS, "Answers by decision, reason and how they were made.");
    describe_histogram!(ANSWER_FIRST_TOKEN, Unit::Seconds, "Time from a question to the first words of its stream.");
    describe_counter!(STREAMS_FAILED, "Turns that failed after their stream had begun, which HTTP counts as 200.");
    describe_counter!(ANSWER_CACHE, "Questions by whether the answer of the time before could be given again.");
    describe_histogram!(ANSWER_STAGE_DURATION, Unit::Seconds, "Time of each stage of an answer.");
    describe_histogram!(ANSWER_DURATION, Unit::Seconds, "Time from a question to its answer.");
    describe_histogram!(ANSWER_CONFIDENCE, "Stated probability that a draft is right.");
    describe_counter!(
        ANSWER_CONFIDENCE_DECILES,
        "Judged drafts by what their calibration rests on and by the tenth of the drafts it was fitted on that they lie among."
    );
    describe_gauge!(CALIBRATION_STATE, "Workspaces by what their thresholds rest on.");
    describe_counter!(RETRIEVAL_QUERIES, "Searches that found something, and that did not.");
    describe_histogram!(RETRIEVAL_TOP_SCORE, "Fused score of the best passage.");
    describe_counter!(INGEST_ARTICLES, "Article files by what became of them.");
    describe_counter!(INGEST_CHUNKS, "Chunks that were published.");
    describe_histogram!(INGEST_DURATION, Unit::Seconds, "Time to publish an article.");
    describe_counter!(TICKETS, "Tickets by why they were opened.");
    describe_counter!(GENERATOR_REQUESTS, "Questions to a language model by what came of them, all attempts as one.");
    describe_counter!(GENERATOR_TOKENS, "Tokens that a language model used.");
    describe_gauge!(GENERATOR_COST, "What a language model's tokens cost, in US dollars.");
    describe_gauge!(CIRCUIT_STATE, "0: calls go through, 1: one tries, 2: the upstream is left alone.");
    describe_gauge!(SESSIONS, "Conversations by state.");
    describe_gauge!(DEPENDENCY_UP, "1 for what works of the things that the server needs.");
    describe_gauge!(
        EVAL_FIGURE,
        "The last figures that `eval` measured, by set and by the figure's name in the report."
    );
    describe_gauge!(JOBS, "Jobs that wait, run, or were given up, by kind.");
    describe_counter!(JOBS_ENDED, "Attempts at jobs by how they ended.");
    describe_gauge!(JOBS_OLDEST_DUE, Unit::Seconds, "For how long the job that is due has waited for a worker.");
    describe_histogram!(JOB_DURATION, Unit::Seconds, "Time of an attempt at a job.");
    describe_gauge!(INDEX_POINTS, "Points in the active index generation.");
    describe_gauge!(DATABASE_POOL_CONNECTIONS, "Database connections by state.");
    describe_gauge!(BUILD_INFO, "The version that runs.");

    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    for rests_on in ["default", "workspace", "outdated"] {
        gauge!(CALIBRATION_STATE, "state" => rests_on).set(0.0);
        for decile in 0..10 {
            let decile = decile.to_string();
            counter!(ANSWER_CONFIDENCE_DECILES, "calibration" => rests_on, "decile" => decile).absolute(0);
        }
    }
    counter!(STREAMS_FAILED).absolute(0);
    for result in ["hit", "held_anew", "outdated", "miss"] {
        counter!(ANSWER_CACHE, "result" => result).absolute(0);
    }
    for result in ["hit", "empty"] {
        counter!(RETRIEVAL_QUERIES, "result" => result).absolute(0);
    }
    for result in ["published", "failed", "removed"] {
        counter!(INGEST_ARTICLES, "result" => result).absolute(0);
    }
    counter!(INGEST_CHUNKS).absolute(0);
    for state in ["used", "idle"] {
        gauge!(DATABASE_POOL_CONNECTIONS, "state" => state).set(0.0);
    }
    gauge!(INDEX_POINTS).set(0.0);
}

/// Starts the log on standard error. What customers and articles say is never logged.
pub fn start_log(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // Colours are for a terminal; in a file they are noise.
    let colours = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    // A second start in one process (tests) keeps the first.
    let _ = match config.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
