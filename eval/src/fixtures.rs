//! Reference values for the tests: what scikit-learn, scipy, numpy, `pytrec_eval` and the `SQuAD` script say about
//! seeded random data. Made by `fixtures/make.py`, which names the versions.

use serde_json::Value;

pub(crate) fn reference() -> Value {
    serde_json::from_str(include_str!("../fixtures/reference.json")).unwrap()
}

pub(crate) fn numbers(list: &Value) -> Vec<f64> {
    serde_json::from_value(list.clone()).unwrap()
}

/// Two lists, of scores and of labels, as pairs.
pub(crate) fn scored(scores: &Value, labels: &Value) -> Vec<(f64, bool)> {
    let labels: Vec<bool> = serde_json::from_value(labels.clone()).unwrap();
    numbers(scores).into_iter().zip(labels).collect()
}

/// Equal to eight digits (of 1, or of the number when it is larger).
#[track_caller]
pub(crate) fn assert_close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-8 * expected.abs().max(1.0),
        "{found} instead of {expected}"
    );
}

#[track_caller]
pub(crate) fn assert_all_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_close(*found, *expected);
    }
}
