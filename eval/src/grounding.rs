//! `eval grounding`: how well the check of answers tells supported ones from others.

mod opinions;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use candor::answer::grounded;
use candor::answer::opinions::Opinion;
use candor::answer::support::SCORE_MIN;
use candor::config::Config;
use candor::index::{Bm25, TermId};
use candor::inference::{Embedder, Entailment};
use comfy_table::Cell;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::abstention::Ranked;
use crate::grounding::opinions::Models;
use crate::interval::{Bootstrap, Figure};
use crate::table;
use crate::written;

/// The checker that is measured.
const CHECKER: &str =
    "words, numbers, names, negations and relations against the best place, the least of an answer's sentences";

/// What it is measured against.
const BASELINE: &str = "the share of an answer's words that stand in the context";

/// Measures the check of answers over labelled ones.
#[derive(clap::Args)]
#[command(
    after_help = "Each line of the file: {\"context\": \"…\", \"question\": \"…\", \"answer\": \"…\", \"supported\": true}, and if there is \
one, \"kind\", which figures are also given by, and \"group\", whose lines are not independent (else the context). Where the settings name a \
model that checks too (CANDOR_CHECKER_MODEL), it is asked, as in the product.

Example:
  eval grounding answers.jsonl --by-meaning --out grounding.json"
)]
pub struct GroundingArguments {
    /// Labelled answers.
    #[arg(value_name = "FILE.jsonl")]
    file: PathBuf,
    /// Writes the figures as JSON.
    #[arg(long, value_name = "FILE.json")]
    out: Option<PathBuf>,
    /// Lets the context carry words by their meaning, as the vectors of the embedding model tell it.
    #[arg(long)]
    by_meaning: bool,
    /// Decides the resamples behind the intervals.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// A labelled answer.
#[derive(Deserialize)]
struct Labelled {
    context: String,
    #[serde(default)]
    question: String,
    answer: String,
    supported: bool,
    kind: Option<String>,
    group: Option<String>,
}

/// What the check is worth.
#[derive(Debug, Serialize)]
struct Figures {
    checker: String,
    answers: usize,
    supported: usize,
    /// A supported answer scores above one that is not.
    auroc: Option<Figure>,
    baseline: &'static str,
    /// The same of plain word overlap.
    auroc_of_baseline: Option<Figure>,
    /// The best F1 of finding answers that are not supported, and the score below which one is taken for such.
    best_f1: Option<Operating>,
    /// What each threshold finds: of rising ones, those that change something.
    thresholds: Vec<Operating>,
    /// The AUROC of each kind's unsupported answers against all supported ones.
    kinds: Vec<OfKind>,
    /// Below this score of its own the check holds a sentence back; a model that checks too has its own.
    threshold: f64,
    /// What of the supported answers would be held back, by kind.
    supported_kinds: Vec<OfSupported>,
}

/// Taking every answer that scores below a threshold for unsupported.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Operating {
    /// Scores below it count as unsupported.
    threshold: f64,
    /// Unsupported answers of those that were taken for it.
    precision: f64,
    /// Taken for it, of the unsupported answers.
    recall: f64,
    f1: f64,
    /// Supported answers that were taken for unsupported, of the supported ones.
    false_alarms: f64,
}

#[derive(Debug, Serialize)]
struct OfKind {
    kind: String,
    answers: usize,
    auroc: Option<Figure>,
    auroc_of_baseline: Option<Figure>,
    /// The share that the product would not say.
    caught: f64,
}

#[derive(Debug, Serialize)]
struct OfSupported {
    kind: String,
    answers: usize,
    /// The share that the product would not say.
    false_alarms: f64,
}

/// What an answer is found to be.
#[derive(Clone, Copy, Debug)]
struct Scores {
    checker: f64,
    /// Whether the product would say all of its sentences.
    is_said: bool,
    baseline: f64,
}

/// Rows of the thresholds' table.
const THRESHOLDS_SHOWN: usize = 10;

/// Runs the command.
///
/// # Errors
/// A sentence that names the file and the line.
pub async fn run(config: &Config, arguments: &GroundingArguments) -> Result<ExitCode> {
    if let Some(path) = &arguments.out {
        written::check(path)?;
    }
    let labelled = read(&arguments.file)?;
    let bm25 = Bm25::new().context("the words cannot be read")?;
    let models = Models {
        embedder: if arguments.by_meaning { Some(Embedder::open(config)?) } else { None },
        checker: Entailment::open(config)?,
    };
    if models.embedder.as_ref().is_some_and(|embedder| !embedder.tells_near_words()) {
        bail!(
            "--by-meaning needs an embedding model that token vectors were fitted to, and {} is none",
            config.embedding_model
        );
    }
    let statements: Vec<Vec<&str>> = labelled.iter().map(|line| grounded::statements(&line.answer)).collect();
    let opinions = opinions::of_answers(&models, &labelled, &statements).await?;
    let score = |((line, statements), opinions): ((&Labelled, Vec<&str>), Vec<Opinion>)| {
        let statements: Vec<(&str, Opinion)> = statements.into_iter().zip(opinions).collect();
        let judged = grounded::support(&line.context, &line.question, &statements);
        let baseline = word_overlap(&bm25, &line.context, &line.answer);
        Scores { checker: judged.score, is_said: judged.fault.is_none(), baseline }
    };
    let scores: Vec<Scores> = labelled.par_iter().zip(statements).zip(opinions).map(score).collect();
    let figures = Figures::of(&labelled, &scores, checker(&models), arguments.seed);
    print(&figures);
    if let Some(path) = &arguments.out {
        written::write(path, &(serde_json::to_string_pretty(&figures)? + "\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What answers are checked by, in words.
fn checker(models: &Models) -> String {
    let mut checker = CHECKER.to_owned();
    if models.embedder.is_some() {
        checker.push_str(", words also by their meaning");
    }
    if let Some(model) = &models.checker {
        checker = format!("{checker}, and by {}", model.name());
    }
    checker
}

fn read(path: &Path) -> Result<Vec<Labelled>> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut labelled = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let place = || format!("{}, line {}", path.display(), number + 1);
        let line = line.with_context(place)?;
        if !line.trim().is_empty() {
            labelled.push(serde_json::from_str(&line).with_context(place)?);
        }
    }
    let supported = labelled.iter().filter(|line: &&Labelled| line.supported).count();
    if supported == 0 || supported == labelled.len() {
        bail!(
            "{} holds {} answers of which {supported} are supported; answers of both kinds are needed to tell them apart",
            path.display(),
            labelled.len()
        );
    }
    Ok(labelled)
}

/// The share of the words of `answer` that stand in `context`; 1 for an answer without any.
fn word_overlap(bm25: &Bm25, context: &str, answer: &str) -> f64 {
    let context: HashSet<TermId> = bm25.document(context).ids.into_iter().collect();
    let said = bm25.document(answer).ids;
    let shared = said.iter().filter(|term| context.contains(term)).count();
    if said.is_empty() { 1.0 } else { shared as f64 / said.len() as f64 }
}

impl Figures {
    fn of(labelled: &[Labelled], scores: &[Scores], checker: String, seed: u64) -> Self {
        let auroc = |places: &[usize], of: fn(&Scores) -> f64| {
            let ranked = Ranked::new(places.iter().map(|place| (of(&scores[*place]), labelled[*place].supported)));
            let group = |place: &usize| labelled[*place].group.as_deref().unwrap_or(&labelled[*place].context);
            let groups: Vec<&str> = places.iter().map(group).collect();
            Bootstrap::over(&groups, seed).figure(|weights| ranked.auroc(weights))
        };
        let everything: Vec<usize> = (0..labelled.len()).collect();
        let supported: Vec<usize> = everything.iter().copied().filter(|place| labelled[*place].supported).collect();
        let mut kinds: HashMap<&str, Vec<usize>> = HashMap::new();
        for (place, line) in labelled.iter().enumerate().filter(|(_, line)| !line.supported) {
            if let Some(kind) = &line.kind {
                kinds.entry(kind).or_default().push(place);
            }
        }
        let mut kinds: Vec<OfKind> = kinds
            .into_iter()
            .map(|(kind, places)| OfKind {
                kind: kind.to_owned(),
                answers: places.len(),
                auroc: auroc(&[&supported[..], &places].concat(), |scores| scores.checker),
                auroc_of_baseline: auroc(&[&supported[..], &places].concat(), |scores| scores.baseline),
                caught: held_back(&places, scores),
            })
            .collect();
        kinds.sort_by(|one, other| one.kind.cmp(&other.kind));
        let mut supported_kinds: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for place in &supported {
            supported_kinds.entry(labelled[*place].kind.as_deref().unwrap_or("supported")).or_default().push(*place);
        }
        let of_supported = |(kind, places): (&str, Vec<usize>)| OfSupported {
            kind: kind.to_owned(),
            answers: places.len(),
            false_alarms: held_back(&places, scores),
        };
        let checked: Vec<f64> = scores.iter().map(|scores| scores.checker).collect();
        let thresholds = thresholds(labelled, &checked);
        let best_f1 = thresholds.iter().copied().max_by(|one, other| one.f1.total_cmp(&other.f1));
        Self {
            checker,
            answers: labelled.len(),
            supported: supported.len(),
            auroc: auroc(&everything, |scores| scores.checker),
            baseline: BASELINE,
            auroc_of_baseline: auroc(&everything, |scores| scores.baseline),
            best_f1,
            thresholds,
            kinds,
            threshold: SCORE_MIN,
            supported_kinds: supported_kinds.into_iter().map(of_supported).collect(),
        }
    }
}

/// The share of the answers at `places` that the product would not say.
fn held_back(places: &[usize], scores: &[Scores]) -> f64 {
    let held_back = places.iter().filter(|place| !scores[**place].is_said).count();
    held_back as f64 / places.len().max(1) as f64
}

/// What each threshold between two scores finds, rising.
fn thresholds(labelled: &[Labelled], scores: &[f64]) -> Vec<Operating> {
    let mut sorted: Vec<(f64, bool)> =
        scores.iter().zip(labelled).map(|(score, line)| (*score, line.supported)).collect();
    sorted.sort_by(|one, other| one.0.total_cmp(&other.0));
    let supported = sorted.iter().filter(|(_, supported)| *supported).count() as f64;
    let unsupported = sorted.len() as f64 - supported;
    let (mut found, mut alarms) = (0.0, 0.0);
    let mut thresholds = Vec::new();
    for (place, (score, is_supported)) in sorted.iter().enumerate() {
        if *is_supported {
            alarms += 1.0;
        } else {
            found += 1.0;
        }
        let next = sorted.get(place + 1).map_or(f64::INFINITY, |(next, _)| *next);
        if next.total_cmp(score).is_gt() {
            let precision = found / (found + alarms);
            let recall = found / unsupported;
            thresholds.push(Operating {
                threshold: if next.is_finite() { f64::midpoint(*score, next) } else { score + 1.0 },
                precision,
                recall,
                f1: if found > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 },
                false_alarms: alarms / supported,
            });
        }
    }
    thresholds
}

fn print(figures: &Figures) {
    println!("{} answers, {} of them supported, checked by {}", figures.answers, figures.supported, figures.checker);
    println!(
        "Word overlap is {}; caught is what would not be said: the check asks for {}",
        figures.baseline, figures.threshold
    );
    let mut table = table::empty(&["", "answers", "AUROC", "95 % interval", "word overlap", "95 % interval", "caught"]);
    let mut row = |name: &str, answers: usize, aurocs: [Option<Figure>; 2], caught: Option<f64>| {
        let [[value, interval], [baseline, of_baseline]] = aurocs.map(table::cells);
        let caught = table::number(caught.map_or_else(String::new, |caught| format!("{caught:.3}")));
        table.add_row([
            Cell::new(name),
            table::number(answers.to_string()),
            value,
            interval,
            baseline,
            of_baseline,
            caught,
        ]);
    };
    row("all", figures.answers, [figures.auroc, figures.auroc_of_baseline], None);
    for kind in &figures.kinds {
        row(&kind.kind, kind.answers, [kind.auroc, kind.auroc_of_baseline], Some(kind.caught));
    }
    println!("{table}\n");
    let mut table = table::empty(&["supported", "answers", "false alarms"]);
    for kind in &figures.supported_kinds {
        let cells = [kind.answers.to_string(), format!("{:.3}", kind.false_alarms)].map(table::number);
        table.add_row(std::iter::once(Cell::new(&kind.kind)).chain(cells));
    }
    println!("{table}\n");
    let mut table = table::empty(&["unsupported below", "precision", "recall", "F1", "false alarms"]);
    let step = figures.thresholds.len().div_ceil(THRESHOLDS_SHOWN).max(1);
    let shown = figures.thresholds.iter().step_by(step).chain(&figures.best_f1);
    let mut shown: Vec<&Operating> = shown.collect();
    shown.sort_by(|one, other| one.threshold.total_cmp(&other.threshold));
    shown.dedup();
    for operating in shown {
        let mark = if Some(*operating) == figures.best_f1 { " (best F1)" } else { "" };
        let numbers = [operating.precision, operating.recall, operating.f1, operating.false_alarms];
        let numbers = numbers.map(|value| table::number(format!("{value:.3}")));
        table.add_row(std::iter::once(Cell::new(format!("{:.3}{mark}", operating.threshold))).chain(numbers));
    }
    println!("{table}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::assert_close;

    fn line(supported: bool, kind: Option<&str>) -> Labelled {
        Labelled {
            context: format!("{supported} {kind:?}"),
            question: String::new(),
            answer: String::new(),
            supported,
            kind: kind.map(str::to_owned),
            group: None,
        }
    }

    #[test]
    fn the_best_threshold_parts_the_two_kinds() {
        let labelled = [line(true, None), line(true, None), line(false, Some("number")), line(false, Some("name"))];
        let scores = [(0.9, 0.5), (0.8, 0.5), (0.2, 0.5), (0.85, 0.6)];
        let scores = scores.map(|(checker, baseline)| Scores { checker, is_said: checker >= SCORE_MIN, baseline });
        let figures = Figures::of(&labelled, &scores, CHECKER.to_owned(), 1);
        assert_close(figures.auroc.unwrap().value, 0.75);
        assert_close(figures.auroc_of_baseline.unwrap().value, 0.25);
        let best = figures.best_f1.unwrap();
        // Both found, with one false alarm: precision 2/3, recall 1.
        assert_close(best.f1, 0.8);
        assert_close(best.threshold, 0.875);
        assert_eq!(figures.kinds[1].kind, "number");
        assert_close(figures.kinds[1].auroc.unwrap().value, 1.0);
        assert_close(figures.kinds[0].auroc.unwrap().value, 0.5);
        assert_close(figures.kinds[1].caught, 1.0);
        assert_close(figures.supported_kinds[0].false_alarms, 0.0);
    }

    #[test]
    fn answers_of_one_kind_and_broken_lines_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.jsonl");
        let one = r#"{"context": "c", "question": "q", "answer": "a", "supported": true}"#;
        std::fs::write(&path, format!("{one}\n\n{one}\n")).unwrap();
        assert!(read(&path).err().unwrap().to_string().contains("of which 2 are supported"));
        std::fs::write(&path, format!("{one}\n{{\"context\": \"c\"}}\n")).unwrap();
        assert!(read(&path).err().unwrap().to_string().ends_with("line 2"));
    }
}
