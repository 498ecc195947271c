//! `eval dataset check` as a person runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use tempfile::TempDir;

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../datasets/tarnwheel")
}

/// A copy of the sample's questions over the sample's articles.
fn copy() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(sample().join("questions.jsonl"), folder.path().join("questions.jsonl")).unwrap();
    let docs = fs::canonicalize(sample().join("docs")).unwrap();
    fs::write(folder.path().join("dataset.json"), serde_json::json!({ "docs": docs }).to_string()).unwrap();
    folder
}

fn eval(folder: &Path, arguments: &[&str]) -> Output {
    // From a folder of its own: settings that happen to lie about must not matter.
    Command::new(env!("CARGO_BIN_EXE_eval")).args(arguments).current_dir(folder).env_clear().output().unwrap()
}

fn told(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_sample_has_no_error() {
    let elsewhere = tempfile::tempdir().unwrap();
    let output = eval(elsewhere.path(), &["dataset", "check", sample().to_str().unwrap()]);
    let out = told(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{out}{}", told(&output.stderr));
    assert!(!out.contains(": error: "), "{out}");
    // Figures that were published name the set by this digest.
    assert!(out.contains("5b647b2c3ce51e4d3485548ab0e88b7248be18bd15f3912cf4f7029688c1370c"), "{out}");
}

#[test]
fn a_broken_copy_is_refused_by_line_and_stays_as_it_is() {
    let folder = copy();
    let path = folder.path().join("questions.jsonl");
    let mut lines: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    lines[2].truncate(20);
    lines[9] = lines[8].clone();
    lines[11] = lines[11].replace(".md\"", ".txt\"");
    let broken = lines.join("\n");
    fs::write(&path, &broken).unwrap();

    let output = eval(folder.path(), &["dataset", "check", "."]);
    let out = told(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{out}");
    for line in
        ["3: error: EOF while parsing", "10: error: the id \"q009\" stands in line 9", "12: error: question \"q012\""]
    {
        assert!(out.contains(&format!("./questions.jsonl:{line}")), "{line} is not in {out}");
    }
    assert_eq!(told(&output.stderr), "eval: 1 data set cannot be used: the errors are above\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), broken);

    // What was measured before stays, and the sentence says where to look.
    fs::write(folder.path().join("report.json"), "kept").unwrap();
    let output = eval(folder.path(), &["run", "--dataset", ".", "--out", "report.json"]);
    assert_eq!(output.status.code(), Some(2));
    let sentence = told(&output.stderr);
    assert!(sentence.starts_with("eval: the data set cannot be used: ./questions.jsonl, line 3: EOF"), "{sentence}");
    assert!(sentence.contains("; `eval dataset check .` lists "), "{sentence}");
    assert_eq!(fs::read_to_string(folder.path().join("report.json")).unwrap(), "kept");
}

#[test]
fn answers_are_made_of_the_sample_and_the_check_tells_them_better_than_words_do() {
    let folder = tempfile::tempdir().unwrap();
    let make = |out: &str, seed: &str| {
        let set = sample();
        let output = eval(folder.path(), &["dataset", "answers", set.to_str().unwrap(), "--out", out, "--seed", seed]);
        assert_eq!(output.status.code(), Some(0), "{}", told(&output.stderr));
        fs::read(folder.path().join(out)).unwrap()
    };
    let answers = make("answers.jsonl", "1");
    assert_eq!(answers, make("again.jsonl", "1"));
    assert_ne!(answers, make("other.jsonl", "2"));

    let output = eval(folder.path(), &["grounding", "answers.jsonl", "--out", "grounding.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output.stderr));
    let written = fs::read(folder.path().join("grounding.json")).unwrap();
    let figures: serde_json::Value = serde_json::from_slice(&written).unwrap();
    let auroc = |name: &str| figures[name]["value"].as_f64().unwrap();
    assert!(auroc("auroc") > 0.9 && auroc("auroc") > auroc("auroc_of_baseline") + 0.15, "{figures:#}");
    for kind in figures["supported_kinds"].as_array().unwrap() {
        assert!(kind["false_alarms"].as_f64().unwrap() < 0.06, "{kind}");
    }
}
