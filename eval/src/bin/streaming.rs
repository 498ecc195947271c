//! `make streaming`: how long a customer waits for the first sentence and for the whole answer, beside how long the language model's own
//! stream takes for the same, so that what is left is what Candor adds.
//!
//! It drives `candor`, `ingest` and the fake model of the tests, which lie beside it. The fake waits before its first chunk and between
//! chunks as it is told, and answers what is in its prompt; it is asked the same questions with the same passages both times.

#[path = "../programs.rs"]
mod programs;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use comfy_table::{ContentArrangement, Table};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::programs::{Fake, Installation, Server};

/// Prints how long the first sentence and the whole answer take, beside the model's own stream.
#[derive(Parser)]
#[command(after_help = "Examples:
  make streaming
  streaming --pace 500/20 --in-flight 1 --in-flight 10")]
struct Arguments {
    /// The folder of articles.
    #[arg(long, default_value = "datasets/tarnwheel/docs")]
    docs: PathBuf,
    /// Questions: lines of JSON with a `text`.
    #[arg(long, default_value = "datasets/tarnwheel/questions.jsonl")]
    questions: PathBuf,
    /// Milliseconds that the model waits before its first chunk, and between two.
    #[arg(long, value_name = "FIRST/NEXT", default_value = "400/20")]
    pace: String,
    /// Questions that are in flight at once; may be repeated.
    #[arg(long = "in-flight", default_values_t = [1, 50])]
    in_flight: Vec<usize>,
    /// Questions of each measurement.
    #[arg(long, default_value_t = 150)]
    requests: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    match measure(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("streaming: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn measure(arguments: Arguments) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut installation = Installation::new(folder.path().join("data"), Vec::new())?;
    installation.make_workspace()?;
    installation.ingest(&arguments.docs)?;
    let fake = Fake::start(&installation.programs, &format!("pace={}", arguments.pace))?;
    installation.settings = vec![
        ("CANDOR_GEMINI_URL", fake.url.clone()),
        ("GEMINI_API_KEY", "a-key-for-the-fake".to_owned()),
        // Each answer is the model's.
        ("CANDOR_ANSWER_CACHE_BYTES", "0".to_owned()),
    ];
    let server = Arc::new(installation.serve().await?);
    let asked = asked(&server, &arguments).await?;

    let mut table = Table::new();
    table.set_content_arrangement(ContentArrangement::Disabled).load_style(comfy_table::presets::ASCII_MARKDOWN);
    table.set_header(["in flight", "what", "the model's stream", "Candor's", "added at p50", "added at p95"]);
    for in_flight in &arguments.in_flight {
        let raw = all(&asked, *in_flight, &arguments, |asked, _| {
            let (client, url) = (server.client.clone(), fake.url.clone());
            async move { raw(&client, &url, &asked).await }
        })
        .await?;
        let ours = all(&asked, *in_flight, &arguments, |asked, number| {
            let (server, session) = (Arc::clone(&server), format!("{in_flight}-{number}"));
            async move { ours(&server, &session, &asked).await }
        })
        .await?;
        for (what, of) in [("first sentence", 0), ("whole answer", 1)] {
            let [raw, ours] = [&raw, &ours].map(|times| {
                let mut times: Vec<f64> = times.iter().map(|pair| pair[of]).collect();
                times.sort_by(f64::total_cmp);
                [percentile(&times, 0.5), percentile(&times, 0.95)]
            });
            let shown = |[p50, p95]: [f64; 2]| format!("p50 {p50:.0} ms, p95 {p95:.0} ms");
            table.add_row([
                in_flight.to_string(),
                what.to_owned(),
                shown(raw),
                shown(ours),
                format!("{:+.0} ms", ours[0] - raw[0]),
                format!("{:+.0} ms", ours[1] - raw[1]),
            ]);
        }
    }
    println!("{table}");
    Ok(())
}

/// A question with the passages that the model gets for it.
#[derive(Clone)]
struct Asked {
    question: String,
    passages: Vec<Value>,
}

/// Those of the questions that the model's answers are sent for, with what it is told.
async fn asked(server: &Server, arguments: &Arguments) -> Result<Vec<Asked>> {
    let mut asked = Vec::new();
    for question in questions(&arguments.questions)? {
        let tried = server.post("/ai/test", &json!({ "message": question, "passages": 1 })).await?;
        if tried["decision"] != "answered" || tried["responseType"] != "ai" {
            continue;
        }
        let passages = tried["trace"]["passages"].as_array().context("no passages")?.iter().enumerate();
        let told = |(rank, passage): (usize, &Value)| json!({ "number": rank + 1, "title": passage["title"], "heading": "", "text": passage["text"] });
        asked.push(Asked { question, passages: passages.map(told).collect() });
        if asked.len() == 40 {
            break;
        }
    }
    if asked.is_empty() {
        bail!("no question is answered by the model");
    }
    Ok(asked)
}

/// Milliseconds to the first sentence and to the end of each request.
async fn all<F: Future<Output = Result<[f64; 2]>> + Send + 'static>(
    asked: &[Asked],
    in_flight: usize,
    arguments: &Arguments,
    request: impl Fn(Asked, usize) -> F,
) -> Result<Vec<[f64; 2]>> {
    // One at a time takes long, and says as much with fewer.
    let requests = if in_flight == 1 { arguments.requests.min(40) } else { arguments.requests };
    let places = Arc::new(Semaphore::new(in_flight));
    let mut running = JoinSet::new();
    for number in 0..requests {
        let place = Arc::clone(&places).acquire_owned().await?;
        let request = request(asked[number % asked.len()].clone(), number);
        running.spawn(async move {
            let took = request.await;
            drop(place);
            took
        });
    }
    running.join_all().await.into_iter().collect()
}

/// The model alone.
async fn raw(client: &reqwest::Client, url: &str, asked: &Asked) -> Result<[f64; 2]> {
    let data = json!({ "question": asked.question, "passages": asked.passages });
    let body = json!({
        "contents": [{ "role": "user", "parts": [{ "text": data.to_string() }] }],
        "generationConfig": { "responseMimeType": "application/json" },
    });
    let url = format!("{url}/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse");
    let mut said = String::new();
    follow(client.post(url).header("x-goog-api-key", "a-key").json(&body), |_, data| {
        said.push_str(data["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap_or_default());
        said.split_once("\"sentences\":").is_some_and(|(_, sentences)| sentences.contains('}'))
    })
    .await
}

/// The same by Candor.
async fn ours(server: &Server, session: &str, asked: &Asked) -> Result<[f64; 2]> {
    let request = server.client.post(format!("{}/chat/query", server.url)).header("X-API-Key", &server.key);
    let body = json!({ "sessionId": session, "message": asked.question });
    let request = request.header("Accept", "text/event-stream").json(&body);
    follow(request, |event, data| {
        if event == "final" && data["responseType"] != "ai" {
            eprintln!("{}: {}", asked.question, data);
        }
        event == "token"
    })
    .await
}

/// Milliseconds until an event for which `is_first` says so, and to the end.
async fn follow(request: reqwest::RequestBuilder, mut is_first: impl FnMut(&str, &Value) -> bool) -> Result<[f64; 2]> {
    let began = Instant::now();
    let milliseconds = || Duration::as_secs_f64(&began.elapsed()) * 1_000.0;
    let mut response = request.send().await?.error_for_status()?;
    let (mut bytes, mut first) = (Vec::new(), None);
    while let Some(piece) = response.chunk().await? {
        bytes.extend_from_slice(&piece);
        while let Some(end) = bytes.windows(2).position(|pair| pair == b"\n\n" || pair == b"\n\r") {
            let frame: Vec<u8> = bytes.drain(..end + 2).collect();
            let frame = String::from_utf8_lossy(&frame).into_owned();
            let field = |name: &str| frame.lines().find_map(|line| line.trim().strip_prefix(name)).unwrap_or_default();
            let data: Value = serde_json::from_str(field("data: ")).unwrap_or_default();
            if first.is_none() && is_first(field("event: "), &data) {
                first = Some(milliseconds());
            }
        }
    }
    Ok([first.context("no first sentence came")?, milliseconds()])
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank in a short list")]
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

fn questions(file: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    // Follow-ups need what was said before them.
    let single = lines.filter(|question| question["history"].as_array().is_none_or(Vec::is_empty));
    Ok(single.filter_map(|question| Some(question["text"].as_str()?.to_owned())).collect())
}
