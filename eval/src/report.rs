//! The report of one run over one set: the JSON that scripts rely on, and that every other command reads back.
//!
//! A quality figure has a value and a 95 % interval. `null` stands for a figure that the set cannot give (correctness
//! without short gold answers, support without supporting sentences), for `latency_ms.verify` until the engine has such
//! a stage, for `latency_ms.rerank` without a cross-encoder, and for times that could not be taken because every embedding was kept from an earlier run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use candor::telemetry::Stage;
use serde::{Deserialize, Serialize};

use crate::about::About;
use crate::abstention;
use crate::calibration_error::Bin;
use crate::figures::{self, DEFINITIONS};
use crate::interval::{Bootstrap, Figure};
use crate::latency::Percentiles;
use crate::outcome::Outcome;

/// The figures of one section, by name.
pub type Section = BTreeMap<String, Option<Figure>>;

/// Figures that are given for each slice; the others say little over few questions.
pub const SLICED: [&str; 7] = [
    "retrieval.hit_at_1",
    "retrieval.recall_at_5",
    "retrieval.ndcg_at_10",
    "answers.accuracy",
    "answers.sentence_support",
    "abstention.coverage",
    "abstention.risk",
];

/// Everything that was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    pub dataset: String,
    /// Questions that were asked.
    pub queries: usize,
    /// Groups that they fall into.
    pub groups: usize,
    /// SHA-256 over all that changes an answer beside the articles, so that two reports can be told to be of one
    /// configuration.
    pub config_hash: String,
    pub embedding: String,
    pub generator: String,
    /// How articles are ranked, over the questions that name a gold article.
    pub retrieval: Section,
    /// How good drafts are, over the answerable questions.
    pub answers: Section,
    pub abstention: Abstention,
    pub calibration: Calibration,
    /// Whether messages that are no questions are taken for what they are.
    pub intents: Section,
    pub latency_ms: Latency,
    /// By what they are sorted by, then by its value.
    pub slices: BTreeMap<String, BTreeMap<String, Slice>>,
    /// How the figures came about.
    pub run: About,
    /// Every question with its answer, in the set's order.
    pub questions: Vec<Outcome>,
}

/// What was sent and what was held back, at the threshold in force.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Abstention {
    #[serde(flatten)]
    pub figures: Section,
    pub threshold: f64,
    pub answered: usize,
    pub clarified: usize,
    pub escalated: usize,
    /// Sent drafts that are not right; `None` where the set does not tell.
    pub wrong: Option<usize>,
}

/// Whether the confidence is the share of right drafts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Calibration {
    #[serde(flatten)]
    pub figures: Section,
    pub bins: Vec<Bin>,
}

/// Times of the stages of an answer, without the door in front of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Latency {
    pub embed: Option<Percentiles>,
    pub search: Option<Percentiles>,
    pub rerank: Option<Percentiles>,
    pub generate: Option<Percentiles>,
    pub verify: Option<Percentiles>,
    pub total: Option<Percentiles>,
}

/// Questions that have something in common.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Slice {
    pub queries: usize,
    pub groups: usize,
    /// [`SLICED`], by their whole names.
    pub figures: Section,
}

impl Report {
    /// Scores the outcomes of a run.
    #[must_use]
    pub fn of(run: About, outcomes: Vec<Outcome>) -> Self {
        let all: Vec<&Outcome> = outcomes.iter().collect();
        let figures = every_figure(&all, run.seed);
        let section = |name: &str| -> Section {
            let prefix = format!("{name}.");
            let of_section = figures.iter().filter_map(|(name, figure)| Some((name.strip_prefix(&prefix)?, figure)));
            of_section.map(|(name, figure)| (name.to_owned(), *figure)).collect()
        };
        let decided = |decision: &str| all.iter().filter(|outcome| outcome.asked.decision == decision).count();
        Self {
            dataset: run.dataset.clone(),
            queries: all.len(),
            groups: group_count(&all),
            config_hash: run.made_with.config_hash.clone(),
            embedding: run.made_with.embedding.clone(),
            generator: run.made_with.generator.clone(),
            retrieval: section("retrieval"),
            answers: section("answers"),
            abstention: Abstention {
                figures: section("abstention"),
                threshold: run.made_with.threshold,
                answered: decided("answered"),
                clarified: decided("clarify"),
                escalated: decided("escalated"),
                wrong: sent(&all).map(|(wrong, _)| wrong),
            },
            calibration: Calibration { figures: section("calibration"), bins: figures::bins(&all) },
            intents: section("intents"),
            latency_ms: Latency::of(&all),
            slices: slices(&all, run.seed),
            run,
            questions: outcomes,
        }
    }

    /// The figure of this whole name, as in `retrieval.hit_at_1`; `None` where the set does not give it.
    #[must_use]
    pub fn figure(&self, name: &str) -> Option<Figure> {
        let (section, field) = name.split_once('.')?;
        let section = match section {
            "retrieval" => &self.retrieval,
            "answers" => &self.answers,
            "abstention" => &self.abstention.figures,
            "calibration" => &self.calibration.figures,
            "intents" => &self.intents,
            _ => return None,
        };
        section.get(field).copied().flatten()
    }

    /// The values of all figures that the set gives, by their whole names.
    #[must_use]
    pub fn values(&self) -> BTreeMap<String, f64> {
        let value = |name: &'static str| Some((name.to_owned(), self.figure(name)?.value));
        DEFINITIONS.iter().filter_map(|definition| value(definition.name)).collect()
    }

    /// Reads the reports in a file that `eval run --out` wrote: one object, or a list of several.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub fn read_all(path: &Path) -> Result<Vec<Self>> {
        let bytes = fs::read(path).with_context(|| format!("the report {} cannot be read", path.display()))?;
        // Told apart by hand, because serde's error over both says nothing.
        let is_list = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
        let read = if is_list {
            serde_json::from_slice(&bytes)
        } else {
            serde_json::from_slice(&bytes).map(|report| vec![report])
        };
        read.with_context(|| format!("{} is not a report of this version of `eval run`", path.display()))
    }

    /// Reads a file with the report of one set.
    ///
    /// # Errors
    /// As [`Report::read_all`], and when there are several.
    pub fn read(path: &Path) -> Result<Self> {
        let mut reports = Self::read_all(path)?;
        if reports.len() == 1
            && let Some(report) = reports.pop()
        {
            return Ok(report);
        }
        let runs: Vec<&str> = reports.iter().map(|report| report.run.id.as_str()).collect();
        bail!(
            "{} holds the reports of {} sets and one is needed: name its run instead ({})",
            path.display(),
            reports.len(),
            runs.join(", ")
        )
    }
}

/// Every figure with its interval, from one bootstrap over the groups of all outcomes.
fn every_figure(outcomes: &[&Outcome], seed: u64) -> Vec<(&'static str, Option<Figure>)> {
    let bootstrap = bootstrap(outcomes, seed);
    figures::statistics(outcomes)
        .iter()
        .map(|(definition, statistic)| (definition.name, figure(definition.name, statistic, outcomes, &bootstrap)))
        .collect()
}

fn figure(name: &str, statistic: &figures::Statistic, outcomes: &[&Outcome], bootstrap: &Bootstrap) -> Option<Figure> {
    // The risk is what a promise is made of: its interval is exact, and not resampled.
    if name == "abstention.risk" {
        return sent(outcomes).and_then(|(wrong, answered)| abstention::risk(wrong as u64, answered as u64));
    }
    bootstrap.figure(statistic)
}

/// Wrong ones of the sent drafts that the set can judge, and how many these are; `None` where it can judge none.
fn sent(outcomes: &[&Outcome]) -> Option<(usize, usize)> {
    if outcomes.iter().all(|outcome| outcome.judged.correct.is_none()) {
        return None;
    }
    let sent: Vec<bool> =
        outcomes.iter().filter(|outcome| outcome.was_answered()).filter_map(|outcome| outcome.judged.correct).collect();
    Some((sent.iter().filter(|correct| !**correct).count(), sent.len()))
}

fn slices(outcomes: &[&Outcome], seed: u64) -> BTreeMap<String, BTreeMap<String, Slice>> {
    let mut sorted: BTreeMap<String, BTreeMap<String, Vec<&Outcome>>> = BTreeMap::new();
    for outcome in outcomes {
        for (by, value) in outcome.slices() {
            sorted.entry(by.to_owned()).or_default().entry(value).or_default().push(outcome);
        }
    }
    // What all questions share is no slice.
    sorted.retain(|_, values| values.len() > 1);
    let slice = |outcomes: Vec<&Outcome>| {
        let bootstrap = bootstrap(&outcomes, seed);
        let figure = |name: &str| figure(name, &figures::statistic(name, &outcomes), &outcomes, &bootstrap);
        Slice {
            queries: outcomes.len(),
            groups: group_count(&outcomes),
            figures: SLICED.iter().map(|name| ((*name).to_owned(), figure(name))).collect(),
        }
    };
    sorted
        .into_iter()
        .map(|(by, values)| (by, values.into_iter().map(|(value, of_value)| (value, slice(of_value))).collect()))
        .collect()
}

/// The slices of one thing that questions are sorted by, in reading order: by the number that a value begins with, as lengths
/// do, and without one as they stand.
#[must_use]
pub fn in_order(slices: &BTreeMap<String, Slice>) -> Vec<(&String, &Slice)> {
    let mut sorted: Vec<(&String, &Slice)> = slices.iter().collect();
    sorted.sort_by_key(|(value, _)| {
        let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(u32::MAX)
    });
    sorted
}

/// The bootstrap over the groups of these outcomes.
#[must_use]
pub fn bootstrap(outcomes: &[&Outcome], seed: u64) -> Bootstrap {
    let groups: Vec<&str> = outcomes.iter().map(|outcome| outcome.question.group.as_str()).collect();
    Bootstrap::over(&groups, seed)
}

fn group_count(outcomes: &[&Outcome]) -> usize {
    let groups: std::collections::HashSet<&str> =
        outcomes.iter().map(|outcome| outcome.question.group.as_str()).collect();
    groups.len()
}

impl Latency {
    /// The stages that have times, by name and in their order, with the whole answer as the last.
    #[must_use]
    pub fn stages(&self) -> Vec<(&'static str, Percentiles)> {
        let stages = [
            ("embed", self.embed),
            ("search", self.search),
            ("rerank", self.rerank),
            ("generate", self.generate),
            ("verify", self.verify),
            ("total", self.total),
        ];
        stages.into_iter().filter_map(|(name, times)| Some((name, times?))).collect()
    }

    fn of(outcomes: &[&Outcome]) -> Self {
        let stage = |wanted: Stage, timed: &dyn Fn(&Outcome) -> bool| {
            let times: Vec<f64> = outcomes
                .iter()
                .filter(|outcome| timed(outcome))
                .filter_map(|outcome| {
                    let times = outcome.asked.stages_ms.iter().filter(|(stage, _)| *stage == wanted);
                    // A stage that an answer went through twice counts with both times.
                    times.map(|(_, ms)| *ms).reduce(|one, other| one + other)
                })
                .collect();
            Percentiles::of(&times)
        };
        let is_whole = |outcome: &Outcome| outcome.asked.total_ms.is_some();
        let totals: Vec<f64> = outcomes.iter().filter_map(|outcome| outcome.asked.total_ms).collect();
        Self {
            embed: stage(Stage::Embed, &is_whole),
            search: stage(Stage::Search, &|_| true),
            rerank: stage(Stage::Rerank, &|_| true),
            generate: stage(Stage::Generate, &|_| true),
            verify: stage(Stage::Verify, &|_| true),
            total: Percentiles::of(&totals),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{self, assert_close};

    fn outcomes() -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> =
            (0..8).map(|number| fixtures::outcome(&format!("q{number}"), number % 4 != 3)).collect();
        for (number, outcome) in outcomes.iter_mut().enumerate() {
            outcome.question.kind = Some(if number < 4 { "fact" } else { "howto" }.to_owned());
            outcome.judged.correct = Some(number % 2 == 0);
        }
        outcomes[7].asked.decision = "escalated".to_owned();
        outcomes
    }

    #[test]
    fn counts_and_figures_stand_where_scripts_look_for_them() {
        let json = serde_json::to_value(Report::of(fixtures::about(), outcomes())).unwrap();
        assert_eq!(json["abstention"]["answered"], 7);
        assert_eq!(json["abstention"]["wrong"], 3);
        assert_close(json["abstention"]["risk"]["value"].as_f64().unwrap(), 3.0 / 7.0);
        assert_eq!(json["abstention"]["coverage"]["ci95"].as_array().unwrap().len(), 2);
        assert!(json["answers"]["accuracy"]["value"].is_number());
        assert!(json["intents"]["human_recall"].is_null() && json["latency_ms"]["rerank"].is_null());
        assert_eq!(json["slices"]["kind"]["howto"]["queries"], 4);
        assert_eq!(json["questions"][7]["id"], "q7");
        for field in ["dataset", "queries", "groups", "config_hash", "embedding", "generator", "run"] {
            assert!(!json[field].is_null(), "{field}");
        }
    }

    #[test]
    fn a_report_reads_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        let report = Report::of(fixtures::about(), outcomes());
        fs::write(&path, serde_json::to_string(&report).unwrap()).unwrap();
        let read = Report::read(&path).unwrap();
        assert_eq!((&read.questions, &read.run), (&report.questions, &report.run));
        for ((name, value), (read_name, read_value)) in report.values().into_iter().zip(read.values()) {
            assert_eq!(name, read_name);
            assert_close(value, read_value);
        }
        fs::write(&path, serde_json::to_string(&[&report, &report]).unwrap()).unwrap();
        assert_eq!(Report::read_all(&path).unwrap().len(), 2);
        assert!(Report::read(&path).unwrap_err().to_string().contains("2 sets"));
        fs::write(&path, "{\"dataset\": \"x\"}").unwrap();
        assert!(Report::read(&path).unwrap_err().to_string().contains("is not a report"));
    }

    #[test]
    fn times_of_kept_embeddings_are_left_out_and_the_others_kept() {
        let mut kept = fixtures::outcome("q1", true);
        kept.asked.total_ms = None;
        kept.asked.stages_ms = vec![(Stage::Embed, 0.1), (Stage::Search, 2.0), (Stage::Search, 3.0)];
        let latency = Latency::of(&[&kept]);
        assert!(latency.embed.is_none() && latency.total.is_none() && latency.rerank.is_none());
        assert_close(latency.search.unwrap().p50, 5.0);
    }
}
