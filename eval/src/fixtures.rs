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
    assert!((found - expected).abs() <= 1e-8 * expected.abs().max(1.0), "{found} instead of {expected}");
}

#[track_caller]
pub(crate) fn assert_all_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_close(*found, *expected);
    }
}

/// A question of its own group about nothing in particular.
pub(crate) fn question(id: &str, answerable: bool) -> crate::dataset::Question {
    crate::dataset::Question {
        id: id.to_owned(),
        text: "What?".to_owned(),
        answerable,
        gold: Vec::new(),
        answers: Vec::new(),
        support: Vec::new(),
        kind: None,
        subset: None,
        intent: None,
        history: Vec::new(),
        group: id.to_owned(),
    }
}

/// A draft that cites the article `cited`, or nothing when it is empty.
pub(crate) fn asked(draft: &str, cited: &str) -> crate::ask::Asked {
    let cited: Vec<String> = (!cited.is_empty()).then(|| cited.to_owned()).into_iter().collect();
    crate::ask::Asked {
        ranked: cited.clone(),
        draft: draft.to_owned(),
        cited,
        quotes: Vec::new(),
        decision: "answered",
        response_type: "extractive",
        confidence: 0.5,
        logit: 0.0,
        features: Vec::new(),
        stages_ms: Vec::new(),
        total_ms: 1.0,
    }
}
