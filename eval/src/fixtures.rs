//! Reference values for the tests: what scikit-learn, scipy, numpy, `pytrec_eval` and the `SQuAD` script say about
//! seeded random data. Made by `fixtures/make.py`, which names the versions.

use serde_json::Value;

use crate::about::{About, Data, Disjointness, MadeWith};
use crate::dataset::{Articles, Dataset, Question};
use crate::hardware::Hardware;
use crate::interval::RESAMPLES;
use crate::outcome::{Asked, DraftScores, Judged, Outcome};
use crate::ranking::Ranking;

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
pub(crate) fn question(id: &str, answerable: bool) -> Question {
    Question {
        id: id.to_owned(),
        text: "What?".to_owned(),
        answerable,
        gold: Vec::new(),
        answers: Vec::new(),
        support: Vec::new(),
        kind: None,
        subset: None,
        intent: None,
        tags: Vec::new(),
        language: None,
        history: Vec::new(),
        group: id.to_owned(),
    }
}

/// A draft that cites the article `cited`, or nothing when it is empty.
pub(crate) fn asked(draft: &str, cited: &str) -> Asked {
    let cited: Vec<String> = (!cited.is_empty()).then(|| cited.to_owned()).into_iter().collect();
    Asked {
        ranked: cited.clone(),
        draft: draft.to_owned(),
        cited,
        quotes: Vec::new(),
        decision: "answered".to_owned(),
        reason: None,
        refusal: None,
        response_type: "extractive".to_owned(),
        confidence: 0.5,
        logit: Some(0.0),
        features: Vec::new(),
        best_passage: None,
        stages_ms: Vec::new(),
        total_ms: Some(1.0),
    }
}

/// An answered question of its own group; the draft of an answerable one is right.
pub(crate) fn outcome(id: &str, answerable: bool) -> Outcome {
    let scores = DraftScores {
        words: 5,
        token_f1: Some(0.5),
        support_recall: Some(1.0),
        sentence_support: Some(1.0),
        citation_precision: 1.0,
        citation_recall: 1.0,
    };
    Outcome {
        question: question(id, answerable),
        asked: asked("A draft.", "a"),
        judged: Judged {
            correct: Some(answerable),
            draft: answerable.then_some(scores),
            ranking: answerable.then(|| Ranking::of(&["a"], &["a"]).unwrap()),
        },
    }
}

/// A set of these questions.
pub(crate) fn dataset(source: Articles, questions: Vec<Question>) -> Dataset {
    Dataset { name: "set".into(), source, questions, sha256: String::new(), questions_sha256: String::new() }
}

/// A run of no particular set, in which nothing went wrong.
pub(crate) fn about() -> About {
    About {
        id: "20261121T120000Z-set-000000".into(),
        dataset: "set".into(),
        started_at: "2026-11-21T12:00:00Z".into(),
        finished_at: "2026-11-21T12:00:01Z".into(),
        program: "0.1.0 000000000000".into(),
        target: "library".into(),
        made_with: MadeWith {
            candor: "0.1.0".into(),
            config_hash: "c".repeat(64),
            calibration_hash: "d".repeat(64),
            answering_hash: "e".repeat(64),
            embedding: "model".into(),
            generator: "extractive".into(),
            threshold: 0.25,
            guarantee: "none".into(),
        },
        seed: 1,
        resamples: RESAMPLES,
        limit: None,
        concurrency: 1,
        data: Data {
            sha256: "a".repeat(64),
            questions_sha256: "b".repeat(64),
            articles_sha256: Some("e".repeat(64)),
            articles: Some(3),
            questions: 8,
            distractors: Vec::new(),
        },
        excluded_articles: Vec::new(),
        refused_questions: Vec::new(),
        follow_ups: 0,
        fallbacks: 0,
        resumed: 0,
        embeddings_kept: 0,
        calibration: Disjointness {
            fitted_on: Some(vec!["other".into()]),
            questions_seen: Some(0),
            is_disjoint: Some(true),
        },
        hardware: Hardware::here(),
    }
}

/// A folder with these files, by their path in it and their text.
pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

/// All problems, one a line.
pub(crate) fn told(problems: &crate::dataset::Problems) -> String {
    problems.kept().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
