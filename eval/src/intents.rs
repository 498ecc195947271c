//! What is recognised without a search: requests for a person and small talk, measured on messages that say what they are.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use candor::answer::intent::{self, Intent, SmallTalk};
use comfy_table::{Cell, Table};
use serde::Deserialize;

/// Counts what is recognised in labelled messages.
///
/// The labels `human`, `greeting`, `thanks` and `conversation` are compared with what is recognised; any other, such as
/// `question`, counts as none of these.
#[derive(clap::Args)]
pub struct IntentsArguments {
    /// Files with one JSON object a line: text, intent.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Prints every message that is recognised as something else than it is labelled.
    #[arg(long)]
    wrong: bool,
}

#[derive(Deserialize)]
struct Labelled {
    text: String,
    intent: String,
}

/// How often a label was given, recognised, and both.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    labelled: usize,
    recognised: usize,
    both: usize,
}

/// Runs the command.
///
/// # Errors
/// A file that cannot be read.
pub fn run(arguments: &IntentsArguments) -> Result<ExitCode> {
    let mut output = std::io::stdout().lock();
    for path in &arguments.paths {
        let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let messages: Vec<Labelled> = text
            .lines()
            .enumerate()
            .map(|(line, json)| {
                serde_json::from_str(json).with_context(|| format!("{}:{} cannot be read", path.display(), line + 1))
            })
            .collect::<Result<_>>()?;
        match write(&mut output, path, &messages, arguments.wrong) {
            // A reader that has seen enough and closed the pipe, as `head` does, is no failure.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            written => written.context("the counts cannot be written to standard output")?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write(output: &mut impl Write, path: &Path, messages: &[Labelled], wrong: bool) -> std::io::Result<()> {
    writeln!(output, "{}: {} messages", path.display(), messages.len())?;
    writeln!(output, "{}", table(&count(messages)))?;
    for message in messages.iter().filter(|_| wrong) {
        let (recognised, labelled) = (name(intent::of(&message.text, None)), label(&message.intent));
        if recognised != labelled {
            let recognised = recognised.unwrap_or("question");
            writeln!(output, "{recognised} and not {}: {}", message.intent, message.text)?;
        }
    }
    Ok(())
}

/// The names of what is recognised, in the table's order.
const NAMES: [&str; 4] = ["human", "greeting", "thanks", "conversation"];

fn count(messages: &[Labelled]) -> BTreeMap<&'static str, Counts> {
    let mut counts: BTreeMap<&'static str, Counts> = NAMES.map(|name| (name, Counts::default())).into();
    for message in messages {
        let (labelled, recognised) = (label(&message.intent), name(intent::of(&message.text, None)));
        for (name, count) in &mut counts {
            count.labelled += usize::from(labelled == Some(name));
            count.recognised += usize::from(recognised == Some(name));
            count.both += usize::from(labelled == Some(name) && recognised == Some(name));
        }
    }
    counts
}

fn label(intent: &str) -> Option<&'static str> {
    NAMES.into_iter().find(|name| *name == intent)
}

fn name(intent: Intent) -> Option<&'static str> {
    match intent {
        Intent::Question => None,
        Intent::Person(_) => Some("human"),
        Intent::SmallTalk(SmallTalk::Greeting, _) => Some("greeting"),
        Intent::SmallTalk(SmallTalk::Thanks | SmallTalk::Farewell, _) => Some("thanks"),
        Intent::SmallTalk(SmallTalk::WhoAnswers | SmallTalk::RepeatAnswer | SmallTalk::RepeatQuestion, _) => {
            Some("conversation")
        }
    }
}

fn table(counts: &BTreeMap<&'static str, Counts>) -> Table {
    let share = |part: usize, whole: usize| {
        if whole == 0 { "–".to_owned() } else { format!("{:.3}", part as f64 / whole as f64) }
    };
    let mut table = Table::new();
    table.set_header(["intent", "labelled", "recognised", "precision", "recall"]);
    for name in NAMES {
        let Counts { labelled, recognised, both } = counts[name];
        table.add_row([
            Cell::new(name),
            Cell::new(labelled),
            Cell::new(recognised),
            Cell::new(share(both, recognised)),
            Cell::new(share(both, labelled)),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_is_none_of_ours_counts_as_a_question() {
        let message = |text: &str, intent: &str| Labelled { text: text.to_owned(), intent: intent.to_owned() };
        let counts = count(&[
            message("I want to talk to a human", "human"),
            message("my card was stolen, please call somebody", "human"),
            message("hello", "greeting"),
            message("hello", "card_arrival"),
        ]);
        assert_eq!(counts["human"], Counts { labelled: 2, recognised: 1, both: 1 });
        assert_eq!(counts["greeting"], Counts { labelled: 1, recognised: 2, both: 1 });
        assert_eq!(counts["thanks"], Counts::default());
    }

    /// Whoever reads the output, and stops.
    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_told_and_no_panic() {
        let messages = [Labelled { text: "hello".to_owned(), intent: "human".to_owned() }];
        let error = write(&mut Closed, Path::new("some.jsonl"), &messages, true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        let mut output = Vec::new();
        write(&mut output, Path::new("some.jsonl"), &messages, true).unwrap();
        let output = String::from_utf8(output).unwrap();
        assert!(output.starts_with("some.jsonl: 1 messages") && output.ends_with("greeting and not human: hello\n"));
    }
}
