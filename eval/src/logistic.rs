//! Logistic regression of a few features, and Platt scaling, which is the same with one.
//!
//! Explainable on purpose: the logit is a sum of one share per feature.

use candor::answer::curve::{Curve, sigmoid};

use crate::digits::rounded;

/// Newton steps before giving up; on real features 5 to 10 are taken.
const STEPS_MAX: usize = 100;

/// The fit ends when a further step would lower the loss by less than this part of the examples' weight, which
/// leaves the weights right to some eight digits.
const DECREMENT_MIN: f64 = 1e-18;

/// What rounding may add to the loss, as a part of the examples' weight: a step is not refused for it.
const LOSS_SLACK: f64 = 1e-13;

/// Added to the diagonal of the curvature, so that it can be inverted where the data leave it flat.
///
/// Source: Lin, Lin and Weng, "A note on Platt's probabilistic outputs for support vector machines", Machine
/// Learning 2007.
const RIDGE: f64 = 1e-12;

/// A logistic regression over standardised features.
#[derive(Debug, Clone, PartialEq)]
pub struct Logistic {
    /// The logit of an example whose features are all at their mean.
    pub intercept: f64,
    /// The change of the logit by one standard deviation of each feature.
    pub weights: Vec<f64>,
    /// Of each feature, over the examples it was fitted on.
    pub mean: Vec<f64>,
    /// Standard deviation (divided by n) of each feature; 1 for one that never varied, whose weight is 0.
    pub sd: Vec<f64>,
}

/// One case to learn from.
#[derive(Debug, Clone, Copy)]
pub struct Example<'a> {
    /// In the same order for all examples.
    pub features: &'a [f64],
    pub label: bool,
    /// How much it counts, above 0: 1 usually, the inverse of the sampling probability for sampled cases.
    pub weight: f64,
}

/// Why a model cannot be fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    #[error("there is no example to learn from")]
    NoExample,
    #[error("all examples have the same label, so there is nothing to tell apart")]
    OneLabel,
    #[error("example {example} has {found} features, the first has {expected} (examples count from 0)")]
    FeatureCount { example: usize, expected: usize, found: usize },
    #[error("feature {feature} of example {example} is not a finite number (both count from 0)")]
    NotFinite { example: usize, feature: usize },
    #[error("the weight of example {example} is not a number above 0 (examples count from 0)")]
    InvalidWeight { example: usize },
    #[error("the penalty must be a number above 0")]
    InvalidPenalty,
    #[error("the fit did not settle; a larger penalty may help")]
    NotSettled,
}

impl Logistic {
    /// Fits by Newton's method (iteratively reweighted least squares).
    ///
    /// Minimises Σ weight · log loss + `penalty` / 2 · Σ (feature weight)², with the intercept free: the penalty is
    /// 1 / C of scikit-learn's `LogisticRegression`. Meant for some 30 features at most: a step takes
    /// examples × features² operations.
    ///
    /// # Errors
    /// `FitError`, which says what is wrong with the examples or the penalty.
    pub fn fit(examples: &[Example<'_>], penalty: f64) -> Result<Self, FitError> {
        if !(penalty.is_finite() && penalty > 0.0) {
            return Err(FitError::InvalidPenalty);
        }
        check(examples)?;
        let feature_count = examples[0].features.len();
        let (mean, sd): (Vec<f64>, Vec<f64>) = (0..feature_count)
            .map(|feature| mean_and_sd(examples.iter().map(|e| (e.features[feature], e.weight))))
            .unzip();
        let cases = examples
            .iter()
            .map(|example| Case {
                row: row((0..feature_count).map(|feature| (example.features[feature] - mean[feature]) / sd[feature])),
                target: if example.label { 1.0 } else { 0.0 },
                weight: example.weight,
            })
            .collect();
        let mut weights = Fit { cases, penalty }.solve()?;
        let intercept = weights.remove(0);
        Ok(Self { intercept, weights, mean, sd })
    }

    /// The model with the digits that are written: fitted on, tested and sent are then one.
    #[must_use]
    pub fn rounded(&self) -> Self {
        let all = |values: &[f64]| values.iter().map(|value| rounded(*value)).collect();
        Self {
            intercept: rounded(self.intercept),
            weights: all(&self.weights),
            mean: all(&self.mean),
            sd: all(&self.sd),
        }
    }

    /// The logit (log odds of the label) for the features, in the order of the fit.
    ///
    /// # Panics
    /// When there are more or fewer features than it was fitted on.
    #[must_use]
    pub fn logit(&self, features: &[f64]) -> f64 {
        self.intercept + self.shares(features).iter().sum::<f64>()
    }

    /// What each feature adds to the logit: the intercept and these make its sum.
    ///
    /// # Panics
    /// When there are more or fewer features than it was fitted on.
    #[must_use]
    pub fn shares(&self, features: &[f64]) -> Vec<f64> {
        assert_eq!(features.len(), self.weights.len(), "as many features as the model was fitted on");
        (0..features.len())
            .map(|feature| self.weights[feature] * (features[feature] - self.mean[feature]) / self.sd[feature])
            .collect()
    }
}

/// Fits the curve sigmoid(slope · logit + intercept) to logits and labels, without a penalty.
///
/// The targets are not 1 and 0 but (n₊ + 1) / (n₊ + 2) and 1 / (n₋ + 2), which keeps the curve finite on logits that
/// separate the labels, and on examples of one label. Equal to scikit-learn's sigmoid method where the curve rises. Where it
/// would fall, the logit says nothing: the best curve that does not is flat, at the mean of the targets.
///
/// Source: Platt, "Probabilistic outputs for support vector machines", 1999.
///
/// # Errors
/// `FitError` without an example, or with a logit that is not finite.
pub fn platt(labelled: &[(f64, bool)]) -> Result<Curve, FitError> {
    if labelled.is_empty() {
        return Err(FitError::NoExample);
    }
    if let Some(example) = labelled.iter().position(|(logit, _)| !logit.is_finite()) {
        return Err(FitError::NotFinite { example, feature: 0 });
    }
    let positives = labelled.iter().filter(|(_, label)| *label).count() as f64;
    let negatives = labelled.len() as f64 - positives;
    let (high, low) = ((positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0));
    let (mean, sd) = mean_and_sd(labelled.iter().map(|(logit, _)| (*logit, 1.0)));
    let cases = labelled
        .iter()
        .map(|(logit, label)| Case {
            row: row([(logit - mean) / sd]),
            target: if *label { high } else { low },
            weight: 1.0,
        })
        .collect();
    let weights = Fit { cases, penalty: 0.0 }.solve()?;
    let slope = weights[1] / sd;
    if slope < 0.0 {
        let target = (positives * high + negatives * low) / labelled.len() as f64;
        return Ok(Curve::Platt { slope: 0.0, intercept: (target / (1.0 - target)).ln() });
    }
    Ok(Curve::Platt { slope, intercept: weights[0] - slope * mean })
}

fn check(examples: &[Example<'_>]) -> Result<(), FitError> {
    let expected = examples.first().ok_or(FitError::NoExample)?.features.len();
    for (number, example) in examples.iter().enumerate() {
        let found = example.features.len();
        if found != expected {
            return Err(FitError::FeatureCount { example: number, expected, found });
        }
        if let Some(feature) = example.features.iter().position(|value| !value.is_finite()) {
            return Err(FitError::NotFinite { example: number, feature });
        }
        if !(example.weight.is_finite() && example.weight > 0.0) {
            return Err(FitError::InvalidWeight { example: number });
        }
    }
    let label = examples[0].label;
    if examples.iter().all(|example| example.label == label) {
        return Err(FitError::OneLabel);
    }
    Ok(())
}

/// Weighted mean and standard deviation (divided by the whole weight); 1 for values that do not vary.
fn mean_and_sd(values: impl Iterator<Item = (f64, f64)> + Clone) -> (f64, f64) {
    let whole: f64 = values.clone().map(|(_, weight)| weight).sum();
    let mean = values.clone().map(|(value, weight)| value * weight).sum::<f64>() / whole;
    let variance = values.map(|(value, weight)| weight * (value - mean).powi(2)).sum::<f64>() / whole;
    let sd = variance.sqrt();
    // what rounding leaves of equal values is no variation
    (mean, if sd > 1e-12 * mean.abs() { sd } else { 1.0 })
}

/// A case's features behind the constant 1 of the intercept.
fn row(features: impl IntoIterator<Item = f64>) -> Vec<f64> {
    std::iter::once(1.0).chain(features).collect()
}

/// A regression to solve.
struct Fit {
    cases: Vec<Case>,
    penalty: f64,
}

struct Case {
    /// 1, then the standardised features.
    row: Vec<f64>,
    /// 0 to 1.
    target: f64,
    weight: f64,
}

impl Fit {
    /// The weights of least loss, the intercept's first.
    fn solve(&self) -> Result<Vec<f64>, FitError> {
        let whole: f64 = self.cases.iter().map(|case| case.weight).sum();
        let mut weights = vec![0.0; self.cases[0].row.len()];
        let mut loss = self.loss(&weights);
        for _ in 0..STEPS_MAX {
            let (slope, curvature) = self.slope_and_curvature(&weights);
            let step = cholesky_solve(curvature, &slope).ok_or(FitError::NotSettled)?;
            let decrement = dot(&slope, &step);
            // full steps overshoot far from the goal: halve until the loss falls
            let mut part = 1.0;
            let next = loop {
                let next: Vec<f64> = weights.iter().zip(&step).map(|(weight, step)| weight - part * step).collect();
                let next_loss = self.loss(&next);
                if next_loss <= loss + LOSS_SLACK * whole {
                    loss = next_loss;
                    break next;
                }
                part /= 2.0;
                if part < 1e-9 {
                    return Err(FitError::NotSettled);
                }
            };
            weights = next;
            if decrement <= DECREMENT_MIN * whole {
                return Ok(weights);
            }
        }
        Err(FitError::NotSettled)
    }

    fn loss(&self, weights: &[f64]) -> f64 {
        let fit: f64 = self
            .cases
            .iter()
            .map(|case| {
                let logit = dot(&case.row, weights);
                // log(1 + e^logit) - target · logit, without overflow
                case.weight * (logit.max(0.0) + (-logit.abs()).exp().ln_1p() - case.target * logit)
            })
            .sum();
        fit + self.penalty / 2.0 * weights[1..].iter().map(|weight| weight * weight).sum::<f64>()
    }

    /// First and second derivatives of the loss; of the second, the lower triangle.
    fn slope_and_curvature(&self, weights: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
        let size = weights.len();
        let mut slope = vec![0.0; size];
        let mut curvature = vec![vec![0.0; size]; size];
        for case in &self.cases {
            let probability = sigmoid(dot(&case.row, weights));
            let residual = case.weight * (probability - case.target);
            let bend = case.weight * probability * (1.0 - probability);
            for one in 0..size {
                slope[one] += residual * case.row[one];
                for (entry, value) in curvature[one][..=one].iter_mut().zip(&case.row) {
                    *entry += bend * case.row[one] * value;
                }
            }
        }
        for feature in 0..size {
            let penalty = if feature == 0 { 0.0 } else { self.penalty };
            slope[feature] += penalty * weights[feature];
            curvature[feature][feature] += penalty + RIDGE;
        }
        (slope, curvature)
    }
}

/// Solves `matrix` · x = `right` for a symmetric positive definite matrix, given by its lower triangle. `None` when
/// it is not positive definite.
fn cholesky_solve(mut matrix: Vec<Vec<f64>>, right: &[f64]) -> Option<Vec<f64>> {
    let size = right.len();
    for row in 0..size {
        for column in 0..=row {
            let done = dot(&matrix[row][..column], &matrix[column][..column]);
            let left = matrix[row][column] - done;
            if row > column {
                matrix[row][column] = left / matrix[column][column];
            } else if left > 0.0 && left.is_finite() {
                matrix[row][row] = left.sqrt();
            } else {
                return None;
            }
        }
    }
    let mut solution = right.to_vec();
    for row in 0..size {
        let done = dot(&matrix[row][..row], &solution[..row]);
        solution[row] = (solution[row] - done) / matrix[row][row];
    }
    for row in (0..size).rev() {
        let done: f64 = (row + 1..size).map(|below| matrix[below][row] * solution[below]).sum();
        solution[row] = (solution[row] - done) / matrix[row][row];
    }
    Some(solution)
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{self, assert_close};
    use proptest::prelude::*;

    fn examples(rows: &[Vec<f64>], labels: &[bool]) -> Vec<Example<'static>> {
        rows.iter()
            .zip(labels)
            .map(|(row, label)| Example { features: row.clone().leak(), label: *label, weight: 1.0 })
            .collect()
    }

    #[test]
    fn equals_scikit_learn_with_and_without_weights() {
        for case in fixtures::reference()["logistic"].as_array().unwrap() {
            let rows: Vec<Vec<f64>> = serde_json::from_value(case["features"].clone()).unwrap();
            let labels: Vec<bool> = serde_json::from_value(case["label"].clone()).unwrap();
            let weights: Vec<f64> = serde_json::from_value(case["weight"].clone()).unwrap();
            let mut examples = examples(&rows, &labels);
            for (example, weight) in examples.iter_mut().zip(weights) {
                example.weight = weight;
            }
            let model = Logistic::fit(&examples, case["penalty"].as_f64().unwrap()).unwrap();
            let expected = |field: &str| fixtures::numbers(&case[field]);
            assert_close(model.intercept, case["intercept"].as_f64().unwrap());
            fixtures::assert_all_close(&model.weights, &expected("weights"));
            fixtures::assert_all_close(&model.mean, &expected("mean"));
            fixtures::assert_all_close(&model.sd, &expected("sd"));
            let logits: Vec<f64> = rows.iter().map(|row| model.logit(row)).collect();
            fixtures::assert_all_close(&logits, &expected("logit"));
        }
    }

    #[track_caller]
    fn slope_and_intercept(labelled: &[(f64, bool)]) -> (f64, f64) {
        match platt(labelled).unwrap() {
            Curve::Platt { slope, intercept } => (slope, intercept),
            Curve::Isotonic { .. } => panic!("not the sigmoid method"),
        }
    }

    #[test]
    fn platt_equals_scikit_learn() {
        for case in fixtures::reference()["platt"].as_array().unwrap() {
            let (slope, intercept) = slope_and_intercept(&fixtures::scored(&case["score"], &case["label"]));
            assert_close(slope, case["slope"].as_f64().unwrap());
            assert_close(intercept, case["intercept"].as_f64().unwrap());
        }
    }

    #[test]
    fn a_feature_that_never_varies_gets_no_weight() {
        let rows = [vec![0.1, 1.0], vec![0.1, 2.0], vec![0.1, 3.0]];
        let model = Logistic::fit(&examples(&rows, &[false, true, true]), 1.0).unwrap();
        assert_close(model.weights[0], 0.0);
        assert_close(model.sd[0], 1.0);
        assert!(model.weights[1] > 0.0);
    }

    #[test]
    fn learns_the_base_rate_without_a_feature() {
        let rows = vec![vec![]; 4];
        let model = Logistic::fit(&examples(&rows, &[true, true, true, false]), 1.0).unwrap();
        assert_close(model.intercept, 3.0_f64.ln());
        assert_close(sigmoid(model.logit(&[])), 0.75);
    }

    #[test]
    fn shares_and_intercept_make_the_logit() {
        let rows = [vec![1.0, 5.0], vec![2.0, 1.0], vec![3.0, 4.0], vec![5.0, 2.0]];
        let model = Logistic::fit(&examples(&rows, &[false, true, false, true]), 0.5).unwrap();
        let shares = model.shares(&rows[3]);
        assert_close(model.logit(&rows[3]), model.intercept + shares[0] + shares[1]);
        assert_close(model.shares(&model.mean)[1], 0.0);
    }

    #[test]
    fn settles_on_labels_that_one_feature_separates() {
        let rows: Vec<Vec<f64>> = (0..40).map(|item| vec![f64::from(item) * 1e6]).collect();
        let labels: Vec<bool> = (0..40).map(|item| item >= 20).collect();
        let model = Logistic::fit(&examples(&rows, &labels), 1e-6).unwrap();
        assert!(rows.iter().zip(&labels).all(|(row, label)| (model.logit(row) > 0.0) == *label));
    }

    #[test]
    fn says_what_is_wrong_with_the_examples() {
        let two = [vec![1.0], vec![2.0]];
        let fit = |rows: &[Vec<f64>], labels: &[bool]| Logistic::fit(&examples(rows, labels), 1.0).unwrap_err();
        assert_eq!(fit(&[], &[]), FitError::NoExample);
        assert_eq!(fit(&two, &[true, true]), FitError::OneLabel);
        assert_eq!(fit(&[vec![1.0], vec![f64::NAN]], &[true, false]), FitError::NotFinite { example: 1, feature: 0 });
        assert_eq!(
            fit(&[vec![1.0], vec![]], &[true, false]),
            FitError::FeatureCount { example: 1, expected: 1, found: 0 }
        );
        let mut weighted = examples(&two, &[true, false]);
        assert_eq!(Logistic::fit(&weighted, 0.0).unwrap_err(), FitError::InvalidPenalty);
        weighted[1].weight = 0.0;
        assert_eq!(Logistic::fit(&weighted, 1.0).unwrap_err(), FitError::InvalidWeight { example: 1 });
    }

    #[test]
    fn platt_stays_finite_where_scores_separate_or_say_nothing() {
        let (slope, _) = slope_and_intercept(&[(0.0, false), (1.0, false), (2.0, true), (3.0, true)]);
        assert!(slope > 0.0 && slope.is_finite());
        let constant = platt(&[(2.0, true), (2.0, false), (2.0, true)]).unwrap();
        // targets 3/4, 1/3, 3/4
        assert_close(constant.probability(2.0), (0.75 + 1.0 / 3.0 + 0.75) / 3.0);
        let one_label = platt(&[(1.0, true), (2.0, true)]).unwrap();
        assert_close(one_label.probability(1.5), 0.75);
        assert_eq!(platt(&[]), Err(FitError::NoExample));
        assert_eq!(platt(&[(1.0, true), (f64::INFINITY, true)]), Err(FitError::NotFinite { example: 1, feature: 0 }));
    }

    #[test]
    fn platt_is_flat_where_the_label_falls_with_the_logit() {
        let (slope, intercept) = slope_and_intercept(&[(0.0, true), (1.0, true), (2.0, false), (3.0, false)]);
        assert_close(slope, 0.0);
        assert_close(sigmoid(intercept), 0.5);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn logits_do_not_depend_on_the_scale_of_the_features(
            values in prop::collection::vec((-3.0_f64..3.0, -3.0_f64..3.0, any::<bool>()), 4..40),
            scale in 0.01_f64..100.0, shift in -5.0_f64..5.0,
        ) {
            let labels: Vec<bool> = values.iter().map(|value| value.2).collect();
            prop_assume!(labels.contains(&true) && labels.contains(&false));
            let plain: Vec<Vec<f64>> = values.iter().map(|value| vec![value.0, value.1]).collect();
            let moved: Vec<Vec<f64>> = values.iter().map(|value| vec![value.0 * scale + shift, value.1]).collect();
            let plain_model = Logistic::fit(&examples(&plain, &labels), 1.0).unwrap();
            let moved_model = Logistic::fit(&examples(&moved, &labels), 1.0).unwrap();
            for (plain, moved) in plain.iter().zip(&moved) {
                prop_assert!((plain_model.logit(plain) - moved_model.logit(moved)).abs() < 1e-6);
            }
        }

        #[test]
        fn mean_probability_is_the_base_rate(
            values in prop::collection::vec((-3.0_f64..3.0, any::<bool>()), 4..40), penalty in 0.01_f64..10.0,
        ) {
            // what the free intercept of a maximum likelihood fit must give
            let labels: Vec<bool> = values.iter().map(|value| value.1).collect();
            prop_assume!(labels.contains(&true) && labels.contains(&false));
            let rows: Vec<Vec<f64>> = values.iter().map(|value| vec![value.0]).collect();
            let model = Logistic::fit(&examples(&rows, &labels), penalty).unwrap();
            let said: f64 = rows.iter().map(|row| sigmoid(model.logit(row))).sum();
            let positives = labels.iter().filter(|label| **label).count() as f64;
            prop_assert!((said - positives).abs() < 1e-6);
        }
    }
}
