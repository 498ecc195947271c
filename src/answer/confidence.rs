//! How likely a draft is to be right: a logistic regression over [`Features`], fitted by `eval calibrate` and stored as an
//! artefact that names what it was fitted on.

use crate::answer::curve::{Curve, sigmoid};
use crate::answer::features::Features;
use crate::answer::question_hashes::QuestionHashes;

/// What `eval calibrate` made on the open data sets; it ships with the program.
const SHIPPED: &str = include_str!("calibration.json");

/// A fitted confidence.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Calibration {
    /// The data that it was fitted on, with the hash of each set.
    pub data: Vec<FittedOn>,
    /// What the vectors were made with.
    pub embedding: String,
    /// What the drafts were made with.
    pub generator: String,
    /// SHA-256 over the names of all that drafts are made with, as in [`Hashes::answering_hash`](crate::answer::Hashes).
    pub answering_hash: String,
    /// One weight a feature.
    pub weights: Vec<FeatureWeight>,
    /// The logit of a draft whose features are all average.
    pub intercept: f64,
    /// From the logit to the confidence; without one it is the sigmoid of the logit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curve: Option<Curve>,
    /// Drafts whose confidence is below are not sent.
    pub threshold: f64,
    /// The logits that divide its drafts into ten equal parts, rising: by them it is seen when questions become other ones. An isotonic
    /// curve gives many drafts one confidence, so confidences would not divide them.
    pub logit_deciles: [f64; 9],
    /// What may be claimed for the threshold, in a sentence.
    pub guarantee: String,
    /// What the sentence rests on, where it promises something. A default operating point promises nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise: Option<Promise>,
}

/// A promise about the answers that are sent, and the count that it rests on.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Promise {
    /// At most this share of them is wrong, between 0 and 1.
    pub risk_max: f64,
    /// The chance that this is not so all the same, between 0 and 1.
    pub delta: f64,
    /// Of the questions that the threshold was tested on, those whose draft reaches it.
    pub answered: usize,
    /// Those of them whose draft is wrong.
    pub wrong: usize,
    /// How the labelled questions were divided.
    pub splits: SplitSizes,
}

/// How many labelled questions served for what. No two splits share a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SplitSizes {
    /// The weights were fitted to these.
    pub fit: usize,
    /// The curve was fitted to these, and the thresholds to test were chosen on them.
    pub curve: usize,
    /// The thresholds were tested on these, one a group.
    pub threshold: usize,
}

/// A data set that a calibration was fitted on.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FittedOn {
    /// Its name.
    pub dataset: String,
    /// SHA-256 of its files.
    pub sha256: String,
    /// Questions of it that were used.
    pub questions: usize,
    /// Which they were, so that a report can say whether it tests on what was learned from.
    #[serde(default)]
    pub question_hashes: QuestionHashes,
}

impl FittedOn {
    /// Whether this question is known to be among those that were used. `false` for all where they are not recorded.
    #[must_use]
    pub fn holds(&self, question: &str) -> bool {
        self.question_hashes.holds(question)
    }
}

/// How a feature counts: weight × (value − mean) / deviation.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FeatureWeight {
    /// The feature's name.
    pub feature: String,
    /// Its mean over the data.
    pub mean: f64,
    /// Its standard deviation over the data; above zero.
    pub deviation: f64,
    /// Its weight.
    pub weight: f64,
}

/// A feature's part of one draft's logit.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Share {
    /// The feature's name.
    pub feature: String,
    /// Its value.
    pub value: f64,
    /// What it adds to the logit, or takes from it.
    pub share: f64,
}

/// A draft's confidence and how it came about.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The logit, which ranks drafts without running into 0 or 1.
    pub logit: f64,
    /// The probability.
    pub confidence: f64,
    /// Each feature's part.
    pub shares: Vec<Share>,
}

/// A calibration that does not fit this program.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// Not the JSON that `eval calibrate` writes.
    #[error("the calibration cannot be read: {0}; make it again with `eval calibrate`")]
    Unreadable(#[from] serde_json::Error),
    /// Fitted over other features.
    #[error(
        "the calibration was fitted over other features than this program computes; make it again with `eval calibrate`"
    )]
    OtherFeatures,
    /// A number that is not one, a deviation of zero, a curve that falls, or a promise of what cannot be.
    #[error("the calibration holds a number that cannot be used; make it again with `eval calibrate`")]
    BadNumber,
}

impl Calibration {
    /// The calibration that ships with the program.
    ///
    /// # Errors
    /// [`CalibrationError`], should it not fit.
    pub fn shipped() -> Result<Self, CalibrationError> {
        Self::parse(SHIPPED)
    }

    /// Reads what `eval calibrate` wrote.
    ///
    /// # Errors
    /// [`CalibrationError`].
    pub fn parse(json: &str) -> Result<Self, CalibrationError> {
        let calibration: Self = serde_json::from_str(json)?;
        let fitted_over = |count: usize| {
            calibration.weights.iter().map(|weight| weight.feature.as_str()).eq(Features::NAMES.into_iter().take(count))
        };
        // Drafts of a language model have more.
        if !fitted_over(Features::EXTRACTIVE) && !fitted_over(Features::NAMES.len()) {
            return Err(CalibrationError::OtherFeatures);
        }
        let numbers = [calibration.intercept, calibration.threshold].into_iter();
        let numbers =
            numbers.chain(calibration.weights.iter().flat_map(|weight| [weight.mean, weight.deviation, weight.weight]));
        let usable = numbers.clone().all(f64::is_finite)
            && calibration.weights.iter().all(|weight| weight.deviation > 0.0)
            && calibration.logit_deciles.is_sorted()
            && calibration.logit_deciles.iter().all(|decile| decile.is_finite())
            && calibration.curve.as_ref().is_none_or(Curve::is_usable)
            && calibration.promise.as_ref().is_none_or(Promise::is_usable);
        if usable { Ok(calibration) } else { Err(CalibrationError::BadNumber) }
    }

    /// The confidence of a draft with these features. One that was fitted to drafts of quoted sentences has no weight for what only a
    /// language model says; such a feature has no share.
    #[must_use]
    pub fn judge(&self, features: &Features) -> Judged {
        let share = |(place, (name, value)): (usize, (&str, &f64))| Share {
            feature: name.to_owned(),
            value: *value,
            share: self
                .weights
                .get(place)
                .map_or(0.0, |weight| weight.weight * (value - weight.mean) / weight.deviation),
        };
        let shares: Vec<Share> = Features::NAMES.into_iter().zip(&features.0).enumerate().map(share).collect();
        let logit = self.intercept + shares.iter().map(|share| share.share).sum::<f64>();
        let confidence = self.curve.as_ref().map_or_else(|| sigmoid(logit), |curve| curve.probability(logit));
        Judged { logit, confidence, shares }
    }

    /// Which tenth of the drafts that it was fitted on a draft with this logit lies among, 0 to 9. As long as questions stay what they
    /// were, each tenth gets as many.
    #[must_use]
    pub fn decile(&self, logit: f64) -> usize {
        self.logit_deciles.partition_point(|decile| *decile <= logit)
    }

    /// The confidence below which a draft is not sent.
    #[must_use]
    pub fn threshold(&self) -> f64 {
        self.threshold
    }
}

impl Promise {
    fn is_usable(&self) -> bool {
        let is_share = |value: f64| value > 0.0 && value < 1.0;
        is_share(self.risk_max)
            && is_share(self.delta)
            && self.wrong <= self.answered
            && self.answered <= self.splits.threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_calibration_fits_the_program() {
        let calibration = Calibration::shipped().unwrap();
        assert!((0.0..1.0).contains(&calibration.threshold()));
        assert!(!calibration.data.is_empty() && calibration.guarantee.contains("no guarantee"));
    }

    #[test]
    fn the_shares_add_up_to_the_logit() {
        let calibration = Calibration::shipped().unwrap();
        let judged = calibration.judge(&Features(vec![0.5; Features::NAMES.len()]));
        let sum: f64 = judged.shares.iter().map(|share| share.share).sum();
        assert!((calibration.intercept + sum - judged.logit).abs() < 1e-12);
        assert!((0.0..=1.0).contains(&judged.confidence));
    }

    #[test]
    fn what_only_a_language_model_says_counts_where_it_was_fitted() {
        let mut calibration = Calibration::shipped().unwrap();
        let mut values = vec![0.5; Features::NAMES.len()];
        let shipped = calibration.judge(&Features(values.clone()));
        assert_eq!(shipped.shares.len(), Features::NAMES.len());
        assert!(shipped.shares[Features::EXTRACTIVE..].iter().all(|share| share.share.abs() < 1e-12));
        for feature in &Features::NAMES[Features::EXTRACTIVE..] {
            let feature = (*feature).to_owned();
            calibration.weights.push(FeatureWeight { feature, mean: 0.5, deviation: 0.5, weight: 1.0 });
        }
        let calibration = Calibration::parse(&serde_json::to_string(&calibration).unwrap()).unwrap();
        values[Features::EXTRACTIVE] = 1.0;
        assert!((calibration.judge(&Features(values)).logit - shipped.logit - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_calibration_over_other_features_is_refused() {
        let mut calibration = Calibration::shipped().unwrap();
        calibration.weights.pop();
        let json = serde_json::to_string(&calibration).unwrap();
        assert!(matches!(Calibration::parse(&json), Err(CalibrationError::OtherFeatures)));
    }

    fn parsed(change: impl FnOnce(&mut Calibration)) -> Result<Calibration, CalibrationError> {
        let mut calibration = Calibration::shipped().unwrap();
        change(&mut calibration);
        Calibration::parse(&serde_json::to_string(&calibration).unwrap())
    }

    #[test]
    fn each_tenth_of_the_drafts_has_a_number() {
        let mut calibration = Calibration::shipped().unwrap();
        calibration.logit_deciles = [-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0];
        let deciles = [-9.0, -4.5, -4.0, 0.5, 4.0, 9.0].map(|logit| calibration.decile(logit));
        assert_eq!(deciles, [0, 0, 1, 5, 9, 9]);
    }

    fn promise() -> Promise {
        let splits = SplitSizes { fit: 300, curve: 200, threshold: 480 };
        Promise { risk_max: 0.1, delta: 0.05, answered: 260, wrong: 7, splits }
    }

    #[test]
    fn a_curve_makes_the_confidence_and_leaves_the_logit() {
        let features = Features(vec![0.5; Features::NAMES.len()]);
        let plain = Calibration::shipped().unwrap().judge(&features);
        let curve = Curve::Platt { slope: 0.5, intercept: 1.0 };
        let judged = parsed(|calibration| calibration.curve = Some(curve)).unwrap().judge(&features);
        assert!((judged.logit - plain.logit).abs() < 1e-12 && (plain.confidence - sigmoid(plain.logit)).abs() < 1e-12);
        assert!((judged.confidence - sigmoid(0.5 * plain.logit + 1.0)).abs() < 1e-12);
    }

    #[test]
    fn a_promise_and_the_questions_survive_being_written_and_read() {
        let calibration = parsed(|calibration| {
            calibration.promise = Some(promise());
            calibration.data[0].question_hashes = QuestionHashes::of(["What?"]);
        })
        .unwrap();
        assert_eq!(calibration.promise, Some(promise()));
        assert!(calibration.data[0].holds(" what?") && !calibration.data[0].holds("Who?"));
        assert!(!calibration.data[1].holds("What?"));
    }

    #[test]
    fn a_curve_or_a_promise_that_cannot_be_is_refused() {
        let refused = |change: fn(&mut Calibration)| matches!(parsed(change), Err(CalibrationError::BadNumber));
        assert!(refused(|calibration| calibration.curve = Some(Curve::Isotonic { knots: Vec::new() })));
        assert!(refused(|calibration| calibration.curve = Some(Curve::Platt { slope: -1.0, intercept: 0.0 })));
        assert!(refused(|calibration| calibration.logit_deciles[0] = 99.0));
        assert!(refused(|calibration| calibration.promise = Some(Promise { risk_max: 1.0, ..promise() })));
        assert!(refused(|calibration| calibration.promise = Some(Promise { delta: 0.0, ..promise() })));
        assert!(refused(|calibration| calibration.promise = Some(Promise { wrong: 261, ..promise() })));
        assert!(refused(|calibration| calibration.promise = Some(Promise { answered: 481, ..promise() })));
    }
}
