//! `eval calibrate`: fits how likely a draft is right, shows what that is worth on drafts it has not seen, and writes the
//! artefact that ships with the program.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use candor::answer::confidence::{Calibration, FeatureWeight, FittedOn};
use candor::answer::features::Features;
use candor::config::Config;
use comfy_table::Cell;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::confidence::{CalibrationFigures, RankingFigures, Scored};
use crate::drafts::Drafts;
use crate::fit::{self, Sample};
use crate::interval::Figure;
use crate::logistic::Logistic;
use crate::measure::Asking;
use crate::recipe::{self, Recipe, Verdict};
use crate::{deciles, promise, table, written};

/// The share of right drafts that the default operating point sends. With nothing known of a workspace there is no risk
/// to promise, so the default is set by its cost instead: about one right draft in twelve goes to a person.
const RIGHT_DRAFTS_SENT: f64 = 0.92;

/// What may be claimed for the threshold of what ships.
const GUARANTEE: &str = "default operating point, fitted on open data: no guarantee for your questions";

/// Fits the confidence to the drafts of labelled sets and writes the artefact.
///
/// Sets without short gold answers cannot say which drafts are right: nothing is learned from them, and only the ranking
/// of answerable before unanswerable questions is measured on them.
#[derive(clap::Args)]
pub struct CalibrateArguments {
    #[command(flatten)]
    asking: Asking,
    /// Promises that at most this share of the answers that are sent is wrong, such as 10% or 0.1, for questions like those
    /// of the sets, which should be one workspace's own. Without it, nothing is promised.
    #[arg(long, value_name = "SHARE", value_parser = promise::risk)]
    risk: Option<f64>,
    /// Where the artefact goes; the program ships the one in src/answer/calibration.json.
    #[arg(long, value_name = "FILE.json", required_unless_present = "risk")]
    out: Option<PathBuf>,
    /// Writes the figures of the fit as JSON.
    #[arg(long, value_name = "FILE.json", conflicts_with = "risk")]
    report: Option<PathBuf>,
}

/// What a confidence is worth on one set.
#[derive(Serialize)]
struct SetFigures {
    dataset: String,
    queries: usize,
    /// What the models that scored these drafts were fitted on.
    fitted_on: FittedBy,
    abstention: RankingFigures,
    calibration: CalibrationFigures,
    /// Of all questions, those answered at the new threshold.
    coverage: f64,
    /// Wrong of answered, over the drafts that can be judged.
    risk: Option<f64>,
    /// Right drafts that are answered, of all right ones.
    right_answered: Option<f64>,
}

/// How a draft's score comes from models that have not seen it.
#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum FittedBy {
    /// Five folds by group of this set alone.
    OwnSet,
    /// Five folds by group of all sets together: what ships.
    AllSets,
    /// All other sets.
    OtherSets,
}

/// Runs the command. Ends with 1 when the risk that was asked for cannot be promised.
///
/// # Errors
/// A sentence that says what could not be done; then nothing is written.
pub async fn run(config: &Config, arguments: &CalibrateArguments) -> Result<ExitCode> {
    for path in arguments.out.iter().chain(&arguments.report) {
        written::check(path)?;
    }
    written::check_different(&arguments.out.iter().chain(&arguments.report).collect::<Vec<_>>())?;
    if arguments.risk.is_some() && arguments.asking.limit.is_some() {
        bail!(
            "--limit chooses among the questions, and a promise holds only for questions that nobody chose: leave it out"
        );
    }
    let drafts = Drafts::read(config, &arguments.asking).await?;
    match arguments.risk {
        None => default_operating_point(drafts, arguments).map(|()| ExitCode::SUCCESS),
        Some(risk_max) => promised(drafts, arguments, risk_max),
    }
}

fn default_operating_point(drafts: Drafts, arguments: &CalibrateArguments) -> Result<()> {
    let (samples, seed) = (&drafts.samples, arguments.asking.seed);
    let everything: Vec<usize> = (0..samples.len()).collect();
    let model = fit::fit(samples, &everything).context("the confidence cannot be fitted on these sets")?.rounded();
    let logits = fit::out_of_fold(samples, seed).context("the sets are too small for five folds")?;
    let Some(threshold) = fit::threshold(samples, &logits, RIGHT_DRAFTS_SENT) else {
        bail!("no draft of these sets is right, so there is no threshold to choose");
    };
    // Downwards, so that rounding holds no right draft back.
    let threshold = (threshold * 1_000.0).floor() / 1_000.0;

    let figures = all_figures(&drafts.names, samples, &logits, threshold, seed);
    println!("{}\n", table_of(&figures));
    println!("{}\n", weights_table(&model));
    println!("threshold {threshold:.3}, which answers {:.0} % of the right drafts", RIGHT_DRAFTS_SENT * 100.0);

    let deciles = deciles::of(samples, &logits);
    let calibration = drafts.calibration(&model, threshold, deciles, GUARANTEE.to_owned());
    let json = json_of(&calibration)?;
    if let Some(path) = &arguments.report {
        written::write(path, &(serde_json::to_string_pretty(&figures)? + "\n"))?;
    }
    write_artefact(arguments, &json)
}

fn promised(drafts: Drafts, arguments: &CalibrateArguments, risk_max: f64) -> Result<ExitCode> {
    let Recipe { splits, model, curve, tested, verdict } = recipe::follow(
        &drafts.samples,
        risk_max,
        drafts.split_seed(),
    )
    .with_context(|| {
        format!(
            "the confidence cannot be fitted on three splits; a promise takes at least {} groups of questions, with \
                 right and wrong drafts among them",
            recipe::GROUPS_MIN
        )
    })?;
    println!("{}\n", weights_table(&model));
    println!("{}", promise::divided(splits));
    println!("{}\n", promise::drawn(&curve));
    if !tested.is_empty() {
        println!("{}\n", promise::table_of(&tested));
    }
    let sentence = verdict.sentence(risk_max);
    println!("{sentence}");
    let Verdict::Promised { threshold, coverage, promise } = verdict else {
        return Ok(ExitCode::FAILURE);
    };
    println!("threshold {threshold}, which answers {:.1} % of the questions", coverage * 100.0);
    let logits: Vec<f64> = drafts.samples.iter().map(|sample| model.logit(&sample.features)).collect();
    let deciles = deciles::of(&drafts.samples, &logits);
    let calibration = Calibration {
        curve: Some(curve),
        promise: Some(promise),
        ..drafts.calibration(&model, threshold, deciles, sentence)
    };
    let json = json_of(&calibration)?;
    write_artefact(arguments, &json).map(|()| ExitCode::SUCCESS)
}

impl Drafts {
    /// Decides the three splits. From the data and not from a flag: who may try seeds until one holds is promised nothing.
    fn split_seed(&self) -> u64 {
        let mut digest = Sha256::new();
        let mut sets: Vec<&FittedOn> = self.data.iter().collect();
        sets.sort_by(|one, other| one.sha256.cmp(&other.sha256));
        for data in sets {
            digest.update(&data.sha256);
            digest.update(data.questions.to_le_bytes());
        }
        digest.finalize().iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
    }

    /// The artefact of a default operating point.
    fn calibration(self, model: &Logistic, threshold: f64, deciles: [f64; 9], guarantee: String) -> Calibration {
        Calibration {
            data: self.data,
            embedding: self.made_with.embedding,
            generator: self.made_with.generator,
            answering_hash: self.made_with.answering_hash,
            weights: weights(model),
            intercept: model.intercept,
            curve: None,
            threshold,
            logit_deciles: deciles,
            guarantee,
            promise: None,
        }
    }
}

fn json_of(calibration: &Calibration) -> Result<String> {
    let json = serde_json::to_string_pretty(calibration)? + "\n";
    Calibration::parse(&json).context("what was fitted cannot be used")?;
    Ok(json)
}

fn write_artefact(arguments: &CalibrateArguments, json: &str) -> Result<()> {
    if let Some(path) = &arguments.out {
        written::write(path, json)?;
        println!("{} is written", path.display());
    }
    Ok(())
}

fn all_figures(names: &[String], samples: &[Sample], pooled: &[f64], threshold: f64, seed: u64) -> Vec<SetFigures> {
    let left_out = fit::leave_one_set_out(samples).ok();
    let mut figures = Vec::new();
    for (set, name) in names.iter().enumerate() {
        let places: Vec<usize> = (0..samples.len()).filter(|place| samples[*place].set == set).collect();
        let own: Vec<Sample> = places.iter().map(|place| samples[*place].clone()).collect();
        let of_set = |logits: &[f64]| places.iter().map(|place| logits[*place]).collect::<Vec<f64>>();
        let is_judged = own.iter().any(|sample| sample.correct.is_some());
        let logits = [
            (FittedBy::OwnSet, if is_judged { fit::out_of_fold(&own, seed).ok() } else { None }),
            (FittedBy::AllSets, is_judged.then(|| of_set(pooled))),
            (FittedBy::OtherSets, left_out.as_deref().map(of_set)),
        ];
        for (fitted_on, logits) in logits {
            if let Some(logits) = logits {
                let scored = fit::scored(&own, &logits);
                figures.push(SetFigures::of(name, fitted_on, &scored, threshold, seed));
            }
        }
    }
    figures
}

impl SetFigures {
    fn of(name: &str, fitted_on: FittedBy, scored: &[Scored], threshold: f64, seed: u64) -> Self {
        let answered: Vec<&Scored> = scored.iter().filter(|scored| scored.confidence >= threshold).collect();
        let correct = |scored: &[&Scored]| scored.iter().filter(|scored| scored.correct == Some(true)).count();
        let judged = answered.iter().filter(|scored| scored.correct.is_some()).count();
        let right = correct(&scored.iter().collect::<Vec<_>>());
        let share = |part: usize, whole: usize| (whole > 0).then(|| part as f64 / whole as f64);
        Self {
            dataset: name.to_owned(),
            queries: scored.len(),
            fitted_on,
            abstention: RankingFigures::of(scored, seed),
            calibration: CalibrationFigures::of(scored, seed),
            coverage: share(answered.len(), scored.len()).unwrap_or(0.0),
            risk: share(judged - correct(&answered), judged),
            right_answered: share(correct(&answered), right),
        }
    }
}

impl FittedBy {
    fn name(self) -> &'static str {
        match self {
            Self::OwnSet => "own set",
            Self::AllSets => "all sets",
            Self::OtherSets => "other sets",
        }
    }
}

fn table_of(figures: &[SetFigures]) -> comfy_table::Table {
    let mut table = table::empty(&[
        "unseen drafts of",
        "fitted on",
        "AUROC answerable",
        "AUROC correct",
        "ECE",
        "Brier",
        "base rate's",
        "cov@10 %",
        "cov@20 %",
        "coverage",
        "risk",
        "right sent",
    ]);
    let figure = |figure: Option<Figure>| percent(figure.map(|figure| figure.value));
    for set in figures {
        let (ranking, calibration) = (&set.abstention, &set.calibration);
        table.add_row([
            Cell::new(&set.dataset),
            Cell::new(set.fitted_on.name()),
            table::cells(ranking.auroc_answerable)[0].clone(),
            table::cells(ranking.auroc_correct)[0].clone(),
            table::cells(calibration.ece_10_equal_mass)[0].clone(),
            table::cells(calibration.brier)[0].clone(),
            table::cells(calibration.brier_of_base_rate)[0].clone(),
            figure(ranking.coverage_at_risk_10),
            figure(ranking.coverage_at_risk_20),
            percent(Some(set.coverage)),
            percent(set.risk),
            percent(set.right_answered),
        ]);
    }
    table
}

fn percent(value: Option<f64>) -> Cell {
    table::number(value.map_or_else(|| "–".to_owned(), |value| format!("{:.1} %", value * 100.0)))
}

fn weights_table(model: &Logistic) -> comfy_table::Table {
    let mut table = table::empty(&["feature", "mean", "deviation", "weight"]);
    for weight in weights(model) {
        let numbers = [weight.mean, weight.deviation, weight.weight].map(|value| table::number(format!("{value:.3}")));
        table.add_row(std::iter::once(Cell::new(weight.feature)).chain(numbers));
    }
    table
}

fn weights(model: &Logistic) -> Vec<FeatureWeight> {
    Features::NAMES
        .iter()
        .take(model.weights.len())
        .enumerate()
        .map(|(place, feature)| FeatureWeight {
            feature: (*feature).to_owned(),
            mean: model.mean[place],
            deviation: model.sd[place],
            weight: model.weights[place],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use crate::fixtures::assert_close;

    #[test]
    fn what_is_written_can_be_read_by_the_engine() {
        let size = Features::NAMES.len();
        let model = Logistic { intercept: -0.5, weights: vec![0.1; size], mean: vec![0.5; size], sd: vec![1.0; size] };
        let drafts = Drafts {
            samples: Vec::new(),
            best_passages: Vec::new(),
            names: Vec::new(),
            data: Vec::new(),
            made_with: fixtures::about().made_with,
        };
        let calibration = drafts.calibration(&model, 0.4, [0.5; 9], GUARANTEE.into());
        assert_eq!(Calibration::parse(&json_of(&calibration).unwrap()).unwrap(), calibration);
        assert!(GUARANTEE.contains("no guarantee"));
    }

    #[test]
    fn figures_at_the_threshold_are_shares_of_what_they_name() {
        let scored = |confidence: f64, correct| Scored {
            group: confidence.to_string(),
            answerable: true,
            correct,
            logit: confidence,
            confidence,
        };
        let all = [scored(0.9, Some(true)), scored(0.8, Some(false)), scored(0.7, None), scored(0.1, Some(true))];
        let figures = SetFigures::of("set", FittedBy::OwnSet, &all, 0.5, 1);
        assert_close(figures.coverage, 0.75);
        assert_close(figures.risk.unwrap(), 0.5);
        assert_close(figures.right_answered.unwrap(), 0.5);
    }
}
