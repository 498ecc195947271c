//! `eval dataset check`: all that is wrong with a set, and what is in it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::{Result, ensure};
use candor::answer::Question as AskedQuestion;
use candor::config::Config;
use comfy_table::{Table, presets};
use rayon::prelude::*;

use super::problem::{counted, quoted};
use super::{Articles, Examined, Layout, Question, examine};
use crate::corpus::Corpus;
use crate::{judge, matching};

/// Kinds, tags and languages that the summary counts one by one.
const VALUES_SHOWN: usize = 12;

/// Says what is wrong with data sets, line by line, and what is in them.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  eval dataset check datasets/tarnwheel
  eval dataset check dev-v2.0.json
  eval dataset check sets/*

Errors keep a set from being used; notes are worth a look. Nothing is written and
no model is loaded. It ends with 0 when no set has an error, and with 2 when one
has.")]
pub struct CheckArguments {
    /// A folder with corpus.jsonl, queries.jsonl and qrels.tsv, or with dataset.json and the questions; or a SQuAD file.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// A sentence that says how many sets cannot be used, when there is one.
pub fn run(config: &Config, arguments: &CheckArguments) -> Result<()> {
    let mut refused = 0;
    let mut out = io::stdout().lock();
    for path in &arguments.paths {
        match examine(path) {
            Ok(mut examined) => {
                let articles = read_articles(config, &mut examined);
                let problems = &examined.problems;
                for problem in problems.kept() {
                    writeln!(out, "{problem}")?;
                }
                let unlisted = problems.errors() + problems.notes() - problems.kept().len();
                if unlisted > 0 {
                    writeln!(out, "{}: … and {unlisted} more", path.display())?;
                }
                writeln!(out, "{}\n", summary(&examined, articles))?;
                refused += usize::from(problems.errors() > 0);
            }
            Err(error) => {
                writeln!(out, "error: {error}\n")?;
                refused += 1;
            }
        }
    }
    ensure!(refused == 0, "{} cannot be used: the errors are above", counted(refused, "data set"));
    Ok(())
}

/// Looks at the articles as `eval run` would, and at the questions against them; returns how many articles there are.
fn read_articles(config: &Config, examined: &mut Examined) -> Option<usize> {
    let Examined { set, layout, questions_file: file, lines, problems } = examined;
    let place = match (&set.source, layout) {
        // The reader has told why there is none.
        (Articles::Entries(entries), _) if entries.is_empty() => return None,
        (Articles::Entries(_), Layout::Squad) => file.clone(),
        (Articles::Entries(_), _) => file.with_file_name("corpus.jsonl"),
        (Articles::Folder(folder), _) => folder.clone(),
    };
    let corpus = match Corpus::read(&set.source, &[]) {
        Ok(corpus) => corpus,
        Err(error) => {
            problems.error(&place, None, error.to_string());
            return None;
        }
    };
    for (id, error) in corpus.left_out() {
        problems.note(&place, None, format!("article {} is left out: {error}", quoted(id)));
    }
    let texts = judge::gold_texts(set, &corpus);
    let found: Vec<Vec<String>> = set
        .questions
        .par_iter()
        .map(|question| {
            let mut found = Vec::new();
            if let Err(error) = AskedQuestion::parse(&question.text, config.message_chars_max) {
                found.push(format!("question {} counts as not answered: {error}", quoted(&question.id)));
            }
            let texts: Vec<&str> =
                question.gold.iter().filter_map(|id| texts.get(id.as_str())).flatten().map(String::as_str).collect();
            // Without an article there is nothing to miss in it.
            if !texts.is_empty() {
                found.extend(matching::absent_short_answers(&question.answers, &texts).iter().map(|answer| {
                    format!(
                        "question {}: {} stands in no gold article word for word",
                        quoted(&question.id),
                        quoted(answer)
                    )
                }));
            }
            found
        })
        .collect();
    for (line, found) in lines.iter().zip(found) {
        for what in found {
            problems.note(file, *line, what);
        }
    }
    Some(corpus.files.len())
}

/// What is in the set, as a table.
fn summary(examined: &Examined, articles: Option<usize>) -> Table {
    let Examined { set, layout, problems, .. } = examined;
    let questions = &set.questions;
    let answerable = questions.iter().filter(|question| question.answerable).count();
    let with_history = questions.iter().filter(|question| !question.history.is_empty()).count();
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    row("set", set.name.clone());
    row("layout", layout_of(*layout).to_owned());
    row("articles", articles.map_or_else(|| "–".to_owned(), |articles| articles.to_string()));
    row("questions", questions.len().to_string());
    row("answerable", answerable.to_string());
    row("with history", with_history.to_string());
    row("groups", set.group_count().to_string());
    row("kinds", tally(questions, |question| question.kind.iter()));
    row("tags", tally(questions, |question| question.tags.iter()));
    row("languages", tally(questions, |question| question.language.iter()));
    row("sha256", set.sha256.clone());
    row("sha256 of the questions", set.questions_sha256.clone());
    row("problems", format!("{}, {}", counted(problems.errors(), "error"), counted(problems.notes(), "note")));
    table
}

/// Each value with how many questions have it, the most frequent first.
fn tally<'a, V: Iterator<Item = &'a String>>(questions: &'a [Question], values: fn(&'a Question) -> V) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for value in questions.iter().flat_map(values) {
        *counts.entry(value).or_default() += 1;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let mut told: Vec<String> =
        counts.iter().take(VALUES_SHOWN).map(|(value, count)| format!("{value} {count}")).collect();
    match counts.len() {
        0 => told.push("–".to_owned()),
        all if all > VALUES_SHOWN => told.push(format!("and {} others", all - VALUES_SHOWN)),
        _ => (),
    }
    told.join(", ")
}

fn layout_of(layout: Layout) -> &'static str {
    match layout {
        Layout::Retrieval => "retrieval set",
        Layout::Support => "support set",
        Layout::Squad => "SQuAD",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn checked(path: &std::path::Path) -> (String, String) {
        let mut examined = examine(path).unwrap();
        let articles = read_articles(&Config::default(), &mut examined);
        (fixtures::told(&examined.problems), summary(&examined, articles).to_string())
    }

    fn support_set(questions: &str, article: &str) -> tempfile::TempDir {
        fixtures::folder(&[
            ("dataset.json", "{\"docs\": \"docs\"}"),
            ("docs/a.md", article),
            ("docs/b.md", "More text."),
            ("questions.jsonl", questions),
        ])
    }

    #[test]
    fn questions_are_held_against_the_articles() {
        let line = r#"{"_id": "q", "text": "How much?", "gold": ["a.md"], "answers": ["$5", "$6"], "kind": "fact"}"#;
        let (told, summary) = checked(support_set(line, "It costs $5.").path());
        assert!(
            told.ends_with("questions.jsonl:1: note: question \"q\": \"$6\" stands in no gold article word for word"),
            "{told}"
        );
        assert_eq!(told.lines().count(), 1, "{told}");
        for row in
            [["layout", "support set"], ["articles", "2"], ["questions", "1"], ["kinds", "fact 1"], ["tags", "–"]]
        {
            let has = |line: &str| line.split_whitespace().next() == Some(row[0]) && line.trim_end().ends_with(row[1]);
            assert!(summary.lines().any(has), "{row:?} is not in {summary}");
        }
    }

    #[test]
    fn what_a_run_would_leave_out_is_told() {
        let line = r#"{"_id": "q", "text": "?!"}"#;
        let (told, _) = checked(support_set(line, "").path());
        assert!(told.contains("docs: note: article \"a.md\" is left out: The file has no text"), "{told}");
        assert!(
            told.contains("questions.jsonl:1: note: question \"q\" counts as not answered: it has no letter"),
            "{told}"
        );
        let folder = fixtures::folder(&[("dataset.json", "{\"docs\": \".\"}"), ("questions.jsonl", line)]);
        assert!(checked(folder.path()).0.contains(": error: the set has no article"));
    }

    #[test]
    fn many_values_are_not_all_shown() {
        let question = |tag: usize| Question { tags: vec![format!("{tag:02}")], ..fixtures::question("q", true) };
        let questions: Vec<Question> = (0..20).chain([7]).map(question).collect();
        let told = tally(&questions, |question| question.tags.iter());
        assert!(told.starts_with("07 2, 00 1, 01 1, ") && told.ends_with(", and 8 others"), "{told}");
    }
}
