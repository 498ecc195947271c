//! `make story`: the whole of Candor's main job, once on embedded parts and once on servers, side by side: ingest the sample, ask
//! ten questions, open a ticket, kill the server, start it again, ask again.
//!
//! It drives `candor` and `ingest`, which lie beside it. The servers are those that `TEST_POSTGRES_URL` and `QDRANT_TEST_URL`
//! name (`.with-servers.sh` starts both); with them the questions are asked a third time, of a language model: Gemini where
//! `GEMINI_API_KEY` is set, and else the fake that the tests use.

#[path = "../programs.rs"]
mod programs;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use comfy_table::{ContentArrangement, Table};
use serde_json::{Value, json};

use crate::programs::{Fake, Installation, Server};

/// Runs the main job on embedded parts and on servers, and prints both side by side.
#[derive(Parser)]
#[command(after_help = "Examples:
  make story
  story --docs path/to/articles --questions path/to/questions.jsonl")]
struct Arguments {
    /// The folder of articles.
    #[arg(long, default_value = "datasets/tarnwheel/docs")]
    docs: PathBuf,
    /// Questions: lines of JSON with a `text`.
    #[arg(long, default_value = "datasets/tarnwheel/questions.jsonl")]
    questions: PathBuf,
    /// How many of them are asked.
    #[arg(long, default_value_t = 10)]
    limit: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    match story(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("story: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether everything came out as it should.
async fn story(arguments: Arguments) -> Result<bool> {
    let questions = questions(&arguments.questions, arguments.limit)?;
    let folder = tempfile::tempdir()?;
    let mut installation = Installation::new(folder.path().join("embedded"), Vec::new())?;
    let embedded = tell("embedded", &mut installation, &arguments, &questions).await.context("on embedded parts")?;
    let mut told = vec![embedded];
    match (variable("TEST_POSTGRES_URL"), variable("QDRANT_TEST_URL")) {
        (Some(database), Some(qdrant)) => {
            let settings = vec![("DATABASE_URL", database), ("QDRANT_URL", qdrant)];
            let mut installation = Installation::new(folder.path().join("servers"), settings)?;
            told.push(tell("servers", &mut installation, &arguments, &questions).await.context("on servers")?);
            told.push(ask_model(&model_name(), installation, &questions).await.context("with a language model")?);
        }
        _ => eprintln!(
            "the servers are left out: run `make story`, which starts them, or name them in TEST_POSTGRES_URL and QDRANT_TEST_URL"
        ),
    }
    print(&told, &questions);
    Ok(told.iter().all(Told::is_well) && alike(&told))
}

/// What happened on one stack.
struct Told {
    stack: String,
    /// What happened, with how it came out, in the order of the story.
    steps: Vec<(&'static str, String)>,
    /// The replies, by question.
    replies: Vec<Value>,
    /// What did not come out as it should.
    faults: Vec<String>,
}

impl Told {
    fn is_well(&self) -> bool {
        self.faults.is_empty()
    }
}

async fn tell(
    stack: &str,
    installation: &mut Installation,
    arguments: &Arguments,
    questions: &[String],
) -> Result<Told> {
    let (mut steps, mut faults) = (Vec::new(), Vec::new());
    installation.make_workspace()?;
    let (summary, took) = installation.ingest(&arguments.docs)?;
    let count = |what: &str| summary[what].as_array().map_or(0, Vec::len);
    steps.push(("ingest", format!("{} articles, {} chunks in {took:.1} s", count("added"), summary["chunks"])));
    let (summary, took) = installation.ingest(&arguments.docs)?;
    steps.push(("ingest again", format!("{} unchanged in {took:.2} s", summary["unchanged"])));

    let began = Instant::now();
    let server = installation.serve().await?;
    steps.push(("start", format!("ready in {:.2} s", began.elapsed().as_secs_f64())));
    let (replies, took) = ask_all(&server, "first", questions).await?;
    steps.push(("questions", counted(&replies, took)));
    let opened =
        server.post("/tickets", &json!({ "title": "Lost bike", "description": "It was by the river." })).await?;
    let ticket = opened["id"].as_str().or(opened["ticketId"].as_str()).context("no ticket was opened")?.to_owned();
    steps.push(("ticket", "opened".to_owned()));

    drop(server);
    steps.push(("kill -9", "done".to_owned()));
    let began = Instant::now();
    let server = installation.serve().await?;
    steps.push(("start again", format!("ready in {:.2} s", began.elapsed().as_secs_f64())));
    let shown = get(&server, &format!("/tickets/{ticket}")).await?;
    let is_there = shown.to_string().contains("It was by the river.");
    steps.push(("ticket", if is_there { "still there" } else { "LOST" }.to_owned()));
    if !is_there {
        faults.push("the ticket is lost".to_owned());
    }
    let history = get(&server, "/chat/sessions/first-0/messages").await?;
    steps.push(("first conversation", format!("{} messages", history["total"])));
    if history["total"] != 2 {
        faults.push("the first conversation is not whole".to_owned());
    }
    let (again, took) = ask_all(&server, "again", questions).await?;
    let same = replies.iter().zip(&again).filter(|(one, other)| said(one) == said(other)).count();
    steps.push(("questions again", format!("{}; {same} of {} as before", counted(&again, took), questions.len())));
    if same != questions.len() {
        faults.push("after the kill the answers differ".to_owned());
    }
    Ok(Told { stack: stack.to_owned(), steps, replies, faults })
}

/// Asks the questions once more, of a language model.
async fn ask_model(name: &str, mut installation: Installation, questions: &[String]) -> Result<Told> {
    // What is given again asks no model.
    installation.settings.push(("CANDOR_ANSWER_CACHE_BYTES", "0".to_owned()));
    let mut fake = None;
    if variable("GEMINI_API_KEY").is_none() {
        let started = Fake::start(&installation.programs, "ok_json")?;
        installation.settings.push(("CANDOR_GEMINI_URL", started.url.clone()));
        installation.settings.push(("GEMINI_API_KEY", "a-key-for-the-fake".to_owned()));
        fake = Some(started);
    }
    let server = installation.serve().await?;
    let (replies, took) = ask_all(&server, "model", questions).await?;
    let by_model = replies.iter().filter(|reply| reply["responseType"] == "ai").count();
    let mut faults = Vec::new();
    let mut steps = vec![("questions", counted(&replies, took)), ("drafts by the model", by_model.to_string())];
    if let Some(fake) = fake {
        drop(fake);
        // The model is gone: every question still ends in an answer or a ticket.
        let (replies, took) = ask_all(&server, "without", &questions[..3.min(questions.len())]).await?;
        let fallbacks = replies.iter().filter(|reply| reply["responseType"] == "fallback").count();
        steps.push(("model killed", format!("{}; {fallbacks} by fallback", counted(&replies, took))));
        if fallbacks < replies.len() {
            faults.push("a draft was made by a model that is not there".to_owned());
        }
    }
    if by_model == 0 {
        faults.push("the model drafted nothing".to_owned());
    }
    Ok(Told { stack: name.to_owned(), steps, replies, faults })
}

async fn ask_all(server: &Server, session: &str, questions: &[String]) -> Result<(Vec<Value>, Duration)> {
    let began = Instant::now();
    let mut replies = Vec::new();
    for (number, question) in questions.iter().enumerate() {
        let body = json!({ "sessionId": format!("{session}-{number}"), "message": question });
        replies.push(server.post("/chat/query", &body).await?);
    }
    Ok((replies, began.elapsed()))
}

async fn get(server: &Server, path: &str) -> Result<Value> {
    let request = server.client.get(format!("{}{path}", server.url)).header("X-API-Key", &server.key);
    Ok(request.send().await?.error_for_status()?.json().await?)
}

fn model_name() -> String {
    if variable("GEMINI_API_KEY").is_some() { "servers, Gemini".into() } else { "servers, fake Gemini".into() }
}

fn counted(replies: &[Value], took: Duration) -> String {
    let answered = replies.iter().filter(|reply| reply["decision"] == "answered").count();
    format!(
        "{answered} answered, {} tickets, {:.0} ms each",
        replies.len() - answered,
        took.as_secs_f64() * 1_000.0 / replies.len().max(1) as f64
    )
}

/// What a customer sees, without what is new in each reply.
fn said(reply: &Value) -> (String, String) {
    let ticket = reply["ticketId"].as_str().unwrap_or("\u{0}");
    let answer = reply["answer"].as_str().unwrap_or_default().replace(ticket, "…");
    (reply["decision"].to_string(), answer)
}

/// Whether the embedded stack and the servers say the same.
fn alike(told: &[Told]) -> bool {
    match told {
        [embedded, servers, ..] => {
            embedded.replies.iter().zip(&servers.replies).all(|(one, other)| said(one) == said(other))
        }
        _ => true,
    }
}

fn print(told: &[Told], questions: &[String]) {
    let mut steps = Table::new();
    steps.set_content_arrangement(ContentArrangement::Disabled).load_style(comfy_table::presets::ASCII_MARKDOWN);
    steps.set_header(std::iter::once("step".to_owned()).chain(told.iter().map(|told| told.stack.clone())));
    // The first stack has every step, in order.
    for (place, (name, came_out)) in told[0].steps.iter().enumerate() {
        let others = told[1..].iter().map(|told| match told.steps.get(place) {
            Some((same, came_out)) if same == name => came_out.clone(),
            _ => String::new(),
        });
        steps.add_row([(*name).to_owned(), came_out.clone()].into_iter().chain(others));
    }
    if let Some(model) = told.get(2) {
        for (name, came_out) in &model.steps {
            steps.add_row([format!("{name} (model)"), String::new(), String::new(), came_out.clone()]);
        }
    }
    println!("{steps}\n");
    let mut asked = Table::new();
    asked.set_content_arrangement(ContentArrangement::Disabled).load_style(comfy_table::presets::ASCII_MARKDOWN);
    asked.set_header(std::iter::once("question".to_owned()).chain(told.iter().map(|told| told.stack.clone())));
    for (number, question) in questions.iter().enumerate() {
        let first = said(&told[0].replies[number]);
        let cells = told.iter().enumerate().map(|(stack, told)| {
            let reply = &told.replies[number];
            let shown = if stack == 1 && said(reply) == first { "the same".to_owned() } else { said(reply).1 };
            let confidence = reply["confidence"].as_f64().unwrap_or_default();
            format!("{} {confidence:.2}: {}", reply["decision"].as_str().unwrap_or_default(), cut(&shown, 160))
        });
        asked.add_row(std::iter::once(cut(question, 90)).chain(cells));
    }
    println!("{asked}");
    for told in told {
        for fault in &told.faults {
            println!("\n{}: {fault}", told.stack);
        }
    }
    if !alike(told) {
        println!("\nthe embedded stack and the servers do not say the same");
    }
}

fn cut(text: &str, chars: usize) -> String {
    let line = text.replace('\n', " ");
    if line.chars().count() <= chars { line } else { line.chars().take(chars).collect::<String>() + "…" }
}

fn questions(file: &Path, limit: usize) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    // Follow-ups need what was said before them.
    let single = lines.filter(|question| question["history"].as_array().is_none_or(Vec::is_empty));
    let questions: Vec<String> =
        single.filter_map(|question| Some(question["text"].as_str()?.to_owned())).take(limit).collect();
    if questions.is_empty() {
        bail!("there is no question in {}", file.display());
    }
    Ok(questions)
}

#[expect(clippy::disallowed_methods, reason = "these are no settings of the product")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
