//! The fake as a program, for running Candor without a key.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser};
use fake_gemini::{FakeGemini, Scenario, Script, Settings};

/// A fake of Google's Gemini REST API and of OpenAI-compatible endpoints, for tests. It is not a model and calls none.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
    listen: SocketAddr,
    /// What is done with requests that name no scenario; several with commas between them come in turn.
    #[arg(long, value_name = "SCENARIO", default_value = "ok_json")]
    scenario: Script,
    /// A key that is valid; may be repeated. Without it every key is, and for OpenAI's API none is needed.
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
    /// A model that exists, instead of the default ones; may be repeated.
    #[arg(long = "model", value_name = "NAME")]
    models: Vec<String>,
    /// Identifiers in answers depend on it.
    #[arg(long, default_value_t)]
    seed: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let matches = Arguments::command().after_help(catalogue()).get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fake-gemini: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut settings = Settings {
        listen: arguments.listen,
        keys: arguments.keys,
        script: arguments.scenario,
        seed: arguments.seed,
        ..Settings::default()
    };
    if !arguments.models.is_empty() {
        settings.models = arguments.models;
    }
    let fake = FakeGemini::start(settings)
        .await
        .map_err(|error| anyhow::Error::new(error).context(format!("cannot listen on {}", arguments.listen)))?;
    eprintln!("fake-gemini: a fake for tests, not a model. Its answers are quotes from the prompt. Ctrl-C stops it.");
    // The address comes last: whoever reads it knows that everything else was said.
    println!("{}", fake.url());
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// The scenarios for the end of `--help`.
fn catalogue() -> String {
    let mut text = "Scenarios, also by the header x-fake-scenario or as a model's name (fake-503):".to_owned();
    for (name, meaning) in Scenario::catalogue() {
        // Writing to a text cannot fail.
        let _ = write!(text, "\n  {name:<24} {meaning}");
    }
    text
}
