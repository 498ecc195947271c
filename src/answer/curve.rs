//! From a logit to a confidence: the curve that `eval calibrate` fits to labelled drafts.

/// A curve that never falls, from a logit to the probability that a draft is right.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Curve {
    /// sigmoid(`slope` · logit + `intercept`).
    ///
    /// Source: Platt, "Probabilistic outputs for support vector machines", 1999.
    Platt {
        /// 0 or more.
        slope: f64,
        /// On the scale of the logit.
        intercept: f64,
    },
    /// Straight lines between knots; beyond the first and the last, theirs.
    ///
    /// Source: Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability estimates", KDD
    /// 2002.
    Isotonic {
        /// By rising logit; at least one. Two at one logit make a step.
        knots: Vec<Knot>,
    },
}

/// A point of an isotonic curve.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Knot {
    /// Where it stands.
    pub logit: f64,
    /// The confidence there, 0 to 1.
    pub probability: f64,
}

impl Curve {
    /// The confidence, 0 to 1, of a draft with this logit.
    ///
    /// An isotonic curve can say 0 or 1 exactly. It takes NaN for the lowest logit.
    #[must_use]
    pub fn probability(&self, logit: f64) -> f64 {
        match self {
            Self::Platt { slope, intercept } => sigmoid(slope * logit + intercept),
            Self::Isotonic { knots } => between(knots, logit),
        }
    }

    /// Whether it is a curve: finite numbers that never fall, with probabilities of 0 to 1.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        match self {
            Self::Platt { slope, intercept } => slope.is_finite() && *slope >= 0.0 && intercept.is_finite(),
            Self::Isotonic { knots } => {
                !knots.is_empty()
                    && knots.iter().all(|knot| knot.logit.is_finite() && (0.0..=1.0).contains(&knot.probability))
                    && knots.is_sorted_by(|one, next| one.logit <= next.logit && one.probability <= next.probability)
            }
        }
    }
}

/// 1 / (1 + e^-logit): the confidence without a curve. Without overflow.
#[must_use]
pub fn sigmoid(logit: f64) -> f64 {
    if logit >= 0.0 {
        1.0 / (1.0 + (-logit).exp())
    } else {
        let odds = logit.exp();
        odds / (1.0 + odds)
    }
}

fn between(knots: &[Knot], logit: f64) -> f64 {
    let next = knots.partition_point(|knot| knot.logit < logit);
    match (next.checked_sub(1).map(|before| knots[before]), knots.get(next)) {
        (Some(before), Some(after)) => {
            let part = (logit - before.logit) / (after.logit - before.logit);
            // Rounding must not lead out of the two, or the curve would fall by a hair.
            (before.probability + part * (after.probability - before.probability))
                .clamp(before.probability, after.probability)
        }
        (Some(end), None) => end.probability,
        (None, Some(end)) => end.probability,
        (None, None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn isotonic(knots: &[(f64, f64)]) -> Curve {
        Curve::Isotonic {
            knots: knots.iter().map(|(logit, probability)| Knot { logit: *logit, probability: *probability }).collect(),
        }
    }

    #[track_caller]
    fn assert_says(curve: &Curve, logit: f64, expected: f64) {
        let said = curve.probability(logit);
        assert!((said - expected).abs() < 1e-12, "{said} instead of {expected} at {logit}");
    }

    #[test]
    fn between_knots_it_rises_in_proportion_and_beyond_them_it_stays() {
        let curve = isotonic(&[(0.0, 0.2), (2.0, 0.6), (2.0, 0.8), (4.0, 0.8)]);
        for (logit, expected) in [(-9.0, 0.2), (0.0, 0.2), (0.5, 0.3), (2.0, 0.6), (3.0, 0.8), (9.0, 0.8)] {
            assert_says(&curve, logit, expected);
        }
        assert_says(&curve, f64::NAN, 0.2);
    }

    #[test]
    fn a_slope_of_one_is_the_plain_sigmoid() {
        let curve = Curve::Platt { slope: 1.0, intercept: 0.0 };
        for logit in [-1e4, -1.5, 0.0, 1.5, 1e4] {
            assert_says(&curve, logit, sigmoid(logit));
        }
        assert_says(&curve, 0.0, 0.5);
        assert!(sigmoid(-1e4) >= 0.0 && (sigmoid(1e4) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_curve_is_told() {
        assert!(isotonic(&[(0.0, 0.0)]).is_usable() && isotonic(&[(0.0, 0.1), (0.0, 1.0)]).is_usable());
        let unusable: [&[(f64, f64)]; 6] = [
            &[],
            &[(0.0, 1.1)],
            &[(0.0, f64::NAN)],
            &[(f64::INFINITY, 0.5)],
            &[(1.0, 0.1), (0.0, 0.2)],
            &[(0.0, 0.2), (1.0, 0.1)],
        ];
        for knots in unusable {
            assert!(!isotonic(knots).is_usable(), "{knots:?}");
        }
        for (slope, intercept) in [(-0.1, 0.0), (f64::NAN, 0.0), (1.0, f64::INFINITY)] {
            assert!(!Curve::Platt { slope, intercept }.is_usable());
        }
    }

    #[test]
    fn it_is_written_with_its_kind() {
        let json = serde_json::to_value(isotonic(&[(1.5, 0.25)])).unwrap();
        assert_eq!(json, serde_json::json!({"kind": "isotonic", "knots": [{"logit": 1.5, "probability": 0.25}]}));
        let json = serde_json::to_value(Curve::Platt { slope: 2.0, intercept: -0.5 }).unwrap();
        assert_eq!(json, serde_json::json!({"kind": "platt", "slope": 2.0, "intercept": -0.5}));
    }

    proptest! {
        #[test]
        fn a_usable_curve_never_falls(
            steps in prop::collection::vec((0.0_f64..2.0, 0.0_f64..0.2), 1..6), slope in 0.0_f64..5.0, intercept in -5.0_f64..5.0,
        ) {
            let mut knot = (-3.0, 0.0);
            let knots: Vec<(f64, f64)> = steps.iter().map(|step| { knot = (knot.0 + step.0, (knot.1 + step.1).min(1.0)); knot }).collect();
            for curve in [isotonic(&knots), Curve::Platt { slope, intercept }] {
                prop_assert!(curve.is_usable());
                let said: Vec<f64> = (-200..200_i32).map(|step| curve.probability(f64::from(step) / 20.0)).collect();
                prop_assert!(said.is_sorted() && said.iter().all(|probability| (0.0..=1.0).contains(probability)));
            }
        }
    }
}
