//! `make bench`: speed and size of the real programs on a real folder, as ratios within one run.
//!
//! It drives `candor` and `ingest`, which lie beside it, in a temporary data folder, and reads their processor time and memory
//! from /proc: Linux only.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use candor::config::{Config, Precision};
use candor::inference::{Embedder, Passage};
use candor::knowledge::chunk::{Chunker, Chunking};
use candor::knowledge::parse::{Format, parse};
use candor::knowledge::points::told;
use candor::knowledge::source;
use clap::Parser;
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Prints the speed and size figures of the README.
#[derive(Parser)]
#[command(after_help = "Examples:
  bench
  bench --docs path/to/articles --requests 400")]
struct Arguments {
    /// The folder of articles.
    #[arg(long, default_value = "datasets/tarnwheel/docs")]
    docs: PathBuf,
    /// Questions, one a line; the titles of the articles are asked when there are none.
    #[arg(long)]
    questions: Option<PathBuf>,
    /// Requests of each HTTP measurement.
    #[arg(long, default_value_t = 400)]
    requests: usize,
}

/// Clients of the throughput measurement, as in the Python stacks' harness.
const CLIENTS: usize = 16;
/// Sessions that were begun: each question is asked in one of its own, without anything said before it.
static SESSIONS: AtomicUsize = AtomicUsize::new(0);

/// Clock ticks a second in /proc/PID/stat, on every Linux that matters.
const TICKS_A_SECOND: f64 = 100.0;

#[tokio::main]
async fn main() -> ExitCode {
    match bench(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn bench(arguments: Arguments) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let installation = Installation::make(folder.path())?;
    let docs = folder.path().join("docs");
    copy(&arguments.docs, &docs)?;
    let questions = questions(&arguments, &docs)?;

    let first = installation.ingest(&docs)?;
    let bare = bare_loop(&docs).await?;
    row(
        "bulk ingest",
        format!("{:.1} articles/s, {:.0} chunks/s", first.articles / first.seconds, bare.chunks / first.seconds),
    );
    row(
        "  against the bare embedding loop",
        format!("{:.0} % of its {:.0} chunks/s", 100.0 * bare.seconds / first.seconds, bare.chunks / bare.seconds),
    );
    row("  tokens per CPU second", format!("{:.0}", bare.tokens / first.cpu_seconds));
    row("  anonymous memory, peak", format!("{:.0} MiB", first.anonymous_mib));
    let again = installation.ingest(&docs)?;
    row("unchanged folder again", format!("{:.3} s, {:.0} times faster", again.seconds, first.seconds / again.seconds));

    let began = Instant::now();
    let server = installation.serve()?;
    let client = server.first_answer(&questions[0]).await?;
    row("start to first answer", format!("{:.2} s", began.elapsed().as_secs_f64()));

    let mut asked = Asked { questions, times: 0 };
    let embedding = bare_question(&asked.next(arguments.requests)).await?;
    row("bare fp32 embedding of a question", format!("p50 {:.1} ms, CPU {:.1} ms", embedding.p50_ms, embedding.cpu_ms));
    let questions = asked.next(arguments.requests);
    let quiet = server.load(&client, &questions, 1).await?;
    row(
        "/chat/query, 1 client",
        format!("p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms", quiet.p50_ms, quiet.p95_ms, quiet.p99_ms),
    );
    row(
        "  against the bare embedding",
        format!(
            "p50 {:.2} ×, CPU {:.2} × ({:.1} ms)",
            quiet.p50_ms / embedding.p50_ms,
            quiet.cpu_ms / embedding.cpu_ms,
            quiet.cpu_ms
        ),
    );
    let again = server.load(&client, &questions, 1).await?;
    row("  the same questions again", format!("p50 {:.1} ms, CPU {:.1} ms", again.p50_ms, again.cpu_ms));
    let busy = server.load(&client, &asked.next(arguments.requests), CLIENTS).await?;
    row("/chat/query, 16 clients", format!("{:.0} requests/s, p50 {:.1} ms", busy.requests_a_second, busy.p50_ms));

    edit_all(&docs)?;
    let mut bulk = installation.start_ingest(&docs)?;
    // The bulk lane's sessions are made in its first moments; what is measured is the steady state.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let during = server.load(&client, &asked.next(arguments.requests), 1).await?;
    let still_running = bulk.try_wait()?.is_none();
    bulk.wait()?;
    let note = if still_running { "" } else { " (the ingest ended before: take a larger folder)" };
    row(
        "  during a bulk ingest",
        format!("p95 {:.1} ms, {:.1} × the quiet one{note}", during.p95_ms, during.p95_ms / quiet.p95_ms),
    );

    let edited = server.edited_article(&installation, &docs, &client).await?;
    row("one edited article searchable", format!("{edited:.2} s after `ingest` was started"));
    let (anonymous, file_mapped) = memory_mib(server.child.id())?;
    row("server memory", format!("{anonymous:.0} MiB anonymous, {file_mapped:.0} MiB file-mapped"));
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "every caller makes it on the spot")]
fn row(what: &str, figure: String) {
    println!("{what:40} {figure}");
}

/// A data folder with a workspace and a key.
struct Installation {
    programs: PathBuf,
    data: PathBuf,
    workspace: String,
    key: String,
}

/// What an ingest took.
struct Ingest {
    seconds: f64,
    articles: f64,
    cpu_seconds: f64,
    anonymous_mib: f64,
}

impl Installation {
    fn make(folder: &Path) -> Result<Self> {
        let programs = std::env::current_exe()?.parent().context("no folder")?.to_owned();
        let data = folder.join("data");
        let run = |arguments: &[&str]| -> Result<Value> {
            let output = Command::new(programs.join("candor")).arg("--data-dir").arg(&data).args(arguments).output()?;
            serde_json::from_slice(&output.stdout).with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let workspace = text(&run(&["workspace", "create", "bench", "--json"])?["id"]);
        let key = text(&run(&["key", "create", "--workspace", &workspace, "--kind", "secret", "--json"])?["key"]);
        Ok(Self { programs, data, workspace, key })
    }

    fn start_ingest(&self, docs: &Path) -> Result<Child> {
        let mut command = Command::new(self.programs.join("ingest"));
        command.arg(docs).args(["--workspace", &self.workspace, "--json"]).arg("--data-dir").arg(&self.data);
        Ok(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?)
    }

    /// Ingests and watches the process.
    fn ingest(&self, docs: &Path) -> Result<Ingest> {
        let began = Instant::now();
        let mut child = self.start_ingest(docs)?;
        let (mut cpu_seconds, mut anonymous_mib) = (0.0, 0.0_f64);
        while child.try_wait()?.is_none() {
            // The process may end between two looks.
            if let (Ok(cpu), Ok((anonymous, _))) = (cpu_seconds_of(child.id()), memory_mib(child.id())) {
                cpu_seconds = cpu;
                anonymous_mib = anonymous_mib.max(anonymous);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let seconds = began.elapsed().as_secs_f64();
        let output = child.wait_with_output()?;
        let summary: Value = serde_json::from_slice(&output.stdout).context("ingest printed no summary")?;
        let count = |name: &str| summary[name].as_array().map_or(0, Vec::len);
        Ok(Ingest { seconds, articles: (count("added") + count("changed")) as f64, cpu_seconds, anonymous_mib })
    }

    fn serve(&self) -> Result<Server> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new(self.programs.join("candor"))
            .arg("--data-dir")
            .arg(&self.data)
            .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
            .env("CANDOR_METRICS_LISTEN", "127.0.0.1:0")
            .env("CANDOR_LOG", "warn")
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Server { child, url: format!("http://127.0.0.1:{port}"), key: self.key.clone() })
    }
}

/// A server that ends with this value.
struct Server {
    child: Child,
    url: String,
    key: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Latencies and throughput of a load.
struct Load {
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    requests_a_second: f64,
    cpu_ms: f64,
}

impl Server {
    /// Asks until the server answers.
    async fn first_answer(&self, question: &str) -> Result<reqwest::Client> {
        let client = reqwest::Client::new();
        for _ in 0..6_000 {
            if self.ask(&client, question).await.is_ok() {
                return Ok(client);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("the server does not answer")
    }

    async fn ask(&self, client: &reqwest::Client, question: &str) -> Result<Value> {
        post(client, &self.url, &self.key, "/chat/query", &json!({ "sessionId": "bench", "message": question })).await
    }

    /// Asks each question in a session of its own, with so many clients at once.
    async fn load(&self, client: &reqwest::Client, questions: &[String], clients: usize) -> Result<Load> {
        let requests = questions.len();
        let cpu = cpu_seconds_of(self.child.id())?;
        let began = Instant::now();
        let mut running = JoinSet::new();
        for number in 0..clients {
            let (client, url, key) = (client.clone(), self.url.clone(), self.key.clone());
            let questions: Vec<String> = questions.iter().skip(number).step_by(clients).cloned().collect();
            running.spawn(async move {
                let mut times = Vec::with_capacity(questions.len());
                for question in &questions {
                    let began = Instant::now();
                    let session = format!("bench-{}", SESSIONS.fetch_add(1, Ordering::Relaxed));
                    post(&client, &url, &key, "/chat/query", &json!({ "sessionId": session, "message": question }))
                        .await?;
                    times.push(began.elapsed().as_secs_f64() * 1_000.0);
                }
                Ok::<_, anyhow::Error>(times)
            });
        }
        let mut times = Vec::with_capacity(requests);
        while let Some(done) = running.join_next().await {
            times.extend(done??);
        }
        let took = began.elapsed().as_secs_f64();
        let cpu_ms = (cpu_seconds_of(self.child.id())? - cpu) * 1_000.0 / requests as f64;
        times.sort_by(f64::total_cmp);
        let at = |share: f64| percentile(&times, share);
        Ok(Load {
            p50_ms: at(0.5),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            requests_a_second: requests as f64 / took,
            cpu_ms,
        })
    }

    /// Seconds from the start of `ingest` until an edited article is found by its new word.
    async fn edited_article(&self, installation: &Installation, docs: &Path, client: &reqwest::Client) -> Result<f64> {
        const WORD: &str = "Quillfeather";
        let file = articles(docs)?.into_iter().next().context("the folder has no article")?;
        let text = std::fs::read_to_string(&file)?;
        std::fs::write(&file, format!("{text}\n\nThe {WORD} is new.\n"))?;
        let began = Instant::now();
        let mut ingest = installation.start_ingest(docs)?;
        loop {
            let found = post(client, &self.url, &self.key, "/chat/search", &json!({ "query": WORD })).await?;
            if found["passages"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|passage| passage["text"].as_str().is_some_and(|text| text.contains(WORD)))
            {
                break;
            }
            if began.elapsed() > Duration::from_secs(60) {
                bail!("the edited article was not found within a minute");
            }
        }
        let seconds = began.elapsed().as_secs_f64();
        ingest.wait()?;
        Ok(seconds)
    }
}

async fn post(client: &reqwest::Client, url: &str, key: &str, path: &str, body: &Value) -> Result<Value> {
    let response = client.post(format!("{url}{path}")).header("X-API-Key", key).json(body).send().await?;
    Ok(response.error_for_status()?.json().await?)
}

/// The chunks of the folder embedded in a bare loop by the same sessions.
struct BareLoop {
    seconds: f64,
    chunks: f64,
    tokens: f64,
}

async fn bare_loop(docs: &Path) -> Result<BareLoop> {
    let embedder = Embedder::open(&Config::load(&[])?)?;
    let chunker = Chunker::new(embedder.tokenizer().clone(), Chunking::SHIPPED)?;
    let (mut texts, mut tokens) = (Vec::new(), 0);
    for (source, located) in &source::scan(&[docs.to_owned()])?.files {
        let file = located.read(source, usize::MAX)?;
        let Some(format) = Format::of_file_name(source) else { continue };
        let Ok(article) = parse(source, format, &file.bytes, &|_| None) else { continue };
        for chunk in chunker.chunk(&article) {
            let text = told(&article.title, &chunk.heading_path, &article.text[chunk.span]);
            tokens += chunker.tokens(&text);
            texts.push(Passage { text, sentences: Vec::new() });
        }
    }
    // The sessions are made before the clock starts.
    embedder.embed_passages(vec![Passage { text: ".".into(), sentences: Vec::new() }]).await?;
    let chunks = texts.len() as f64;
    let began = Instant::now();
    embedder.embed_passages(texts).await?;
    Ok(BareLoop { seconds: began.elapsed().as_secs_f64(), chunks, tokens: tokens as f64 })
}

/// Wall and processor time of embedding one question with fp32 weights and nothing else.
struct BareQuestion {
    p50_ms: f64,
    cpu_ms: f64,
}

async fn bare_question(questions: &[String]) -> Result<BareQuestion> {
    let requests = questions.len();
    let config = Config { embedding_precision: Precision::Fp32, embedding_sessions: 1, ..Config::load(&[])? };
    let embedder = Embedder::open(&config)?;
    embedder.embed_question("How does this work?").await?;
    let cpu = cpu_seconds_of(std::process::id())?;
    let mut times = Vec::with_capacity(requests);
    for question in questions {
        let began = Instant::now();
        embedder.embed_question(question).await?;
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    let cpu_ms = (cpu_seconds_of(std::process::id())? - cpu) * 1_000.0 / requests as f64;
    times.sort_by(f64::total_cmp);
    Ok(BareQuestion { p50_ms: percentile(&times, 0.5), cpu_ms })
}

/// Questions, none of which is asked twice: vectors of questions that were asked before are remembered.
struct Asked {
    questions: Vec<String>,
    times: usize,
}

impl Asked {
    fn next(&mut self, requests: usize) -> Vec<String> {
        let asked = self.times..self.times + requests;
        self.times = asked.end;
        asked.map(|number| format!("{} ({number})", self.questions[number % self.questions.len()])).collect()
    }
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank in a short list")]
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

fn questions(arguments: &Arguments, docs: &Path) -> Result<Vec<String>> {
    if let Some(file) = &arguments.questions {
        return Ok(std::fs::read_to_string(file)?.lines().map(str::to_owned).collect());
    }
    let mut titles = Vec::new();
    for (source, located) in &source::scan(&[docs.to_owned()])?.files {
        let Some(format) = Format::of_file_name(source) else { continue };
        if let Ok(article) = parse(source, format, &located.read(source, usize::MAX)?.bytes, &|_| None) {
            titles.push(format!("What should I know about {}?", article.title));
        }
    }
    if titles.is_empty() {
        bail!("there is no article in {}", docs.display());
    }
    Ok(titles)
}

fn articles(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> =
        source::scan(&[folder.to_owned()])?.files.keys().map(|source| folder.join(source)).collect();
    found.sort();
    Ok(found)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for source in source::scan(&[from.to_owned()])?.files.keys() {
        let target = to.join(source);
        std::fs::create_dir_all(target.parent().unwrap_or(to))?;
        std::fs::copy(from.join(source), target)?;
    }
    Ok(())
}

fn edit_all(docs: &Path) -> Result<()> {
    for file in articles(docs)? {
        let text = std::fs::read(&file)?;
        std::fs::write(&file, [text.as_slice(), b"\n\nThis page was looked over.\n"].concat())?;
    }
    Ok(())
}

fn cpu_seconds_of(process: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is the name in brackets, which may hold spaces; utime and stime are the 14th and 15th.
    let fields: Vec<&str> = stat.rsplit_once(')').context("not a stat file")?.1.split_whitespace().collect();
    let ticks: f64 = [11, 12].iter().filter_map(|field| fields.get(*field)?.parse::<f64>().ok()).sum();
    Ok(ticks / TICKS_A_SECOND)
}

/// Anonymous and file-mapped resident memory.
fn memory_mib(process: u32) -> Result<(f64, f64)> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).map_or(0.0, |kib| kib / 1_024.0)
    };
    Ok((field("RssAnon:"), field("RssFile:")))
}
