//! How likely a draft is to be right: a logistic regression over [`Features`], fitted by `eval calibrate` and stored as an
//! artefact that names what it was fitted on.

use crate::answer::features::Features;

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
    /// One weight a feature.
    pub weights: Vec<FeatureWeight>,
    /// The logit of a draft whose features are all average.
    pub intercept: f64,
    /// Drafts whose confidence is below are not sent.
    pub threshold: f64,
    /// What may be claimed for the threshold, in a sentence.
    pub guarantee: String,
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
    /// A number that is not one, or a deviation of zero.
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
        if !calibration.weights.iter().map(|weight| weight.feature.as_str()).eq(Features::NAMES) {
            return Err(CalibrationError::OtherFeatures);
        }
        let numbers = [calibration.intercept, calibration.threshold].into_iter();
        let numbers =
            numbers.chain(calibration.weights.iter().flat_map(|weight| [weight.mean, weight.deviation, weight.weight]));
        let usable =
            numbers.clone().all(f64::is_finite) && calibration.weights.iter().all(|weight| weight.deviation > 0.0);
        if usable { Ok(calibration) } else { Err(CalibrationError::BadNumber) }
    }

    /// The confidence of a draft with these features.
    #[must_use]
    pub fn judge(&self, features: &Features) -> Judged {
        let shares: Vec<Share> = self
            .weights
            .iter()
            .zip(&features.0)
            .map(|(weight, value)| Share {
                feature: weight.feature.clone(),
                value: *value,
                share: weight.weight * (value - weight.mean) / weight.deviation,
            })
            .collect();
        let logit = self.intercept + shares.iter().map(|share| share.share).sum::<f64>();
        Judged { logit, confidence: 1.0 / (1.0 + (-logit).exp()), shares }
    }

    /// The confidence below which a draft is not sent.
    #[must_use]
    pub fn threshold(&self) -> f64 {
        self.threshold
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
    fn a_calibration_over_other_features_is_refused() {
        let mut calibration = Calibration::shipped().unwrap();
        calibration.weights.pop();
        let json = serde_json::to_string(&calibration).unwrap();
        assert!(matches!(Calibration::parse(&json), Err(CalibrationError::OtherFeatures)));
    }
}
