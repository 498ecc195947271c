//! The arrows between the modules, read from their `use` lines.

use std::path::{Path, PathBuf};

/// The areas from the doors down; an area may use those of its own row and of the rows below.
const ROWS: [&[&str]; 5] = [
    &["http", "doctor"],
    &["answer", "search", "knowledge", "chat", "desk", "people", "insight", "backup", "engine"],
    &["index", "inference", "database", "vault", "redaction", "jobs", "mail"],
    &["config", "clock", "ids", "telemetry"],
    &[],
];

/// A crate that only some areas may name, with the sentence of the rule.
const OWNERS: [(&str, &[&str], &str); 6] = [
    ("axum", &["http", "main.rs", "serve.rs"], "only http/ knows axum, and serve.rs, which starts it"),
    ("qdrant_edge", &["index"], "only index/ knows the vector engine"),
    ("fastembed", &["inference"], "only inference/ knows the model library"),
    ("ort", &["inference"], "only inference/ knows ONNX Runtime"),
    ("figment", &["config.rs"], "only config.rs reads settings"),
    ("lettre", &["mail"], "only mail/ knows SMTP"),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "tests") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Each file below src/ with its area's name and its text without its tests.
fn files() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&root).into_iter().map(|path| {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        let area = name.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
        (name, area, text)
    });
    files.collect()
}

fn row(area: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&area))
}

/// Every area that a text names, in `use` lines, groups of them, and paths in the midst of code; not in comments.
fn named(text: &str) -> Vec<&str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let paths = code.flat_map(|line| line.split("crate::").skip(1));
    let names = paths.flat_map(|rest| match rest.strip_prefix('{') {
        Some(group) => group.split(',').collect(),
        None => vec![rest],
    });
    names.map(|name| name.trim().split(|char: char| !char.is_alphanumeric() && char != '_').next().unwrap()).collect()
}

#[test]
fn groups_and_paths_in_code_are_seen() {
    let text = "use crate::{answer, http::App};\n// crate::chat\nlet x = crate::desk::open();";
    assert_eq!(named(text), ["answer", "http", "desk"]);
}

#[test]
fn an_arrow_only_ever_points_down() {
    let mut broken = Vec::new();
    for (name, area, text) in files() {
        let Some(own) = row(&area) else { continue };
        for used in named(&text) {
            if row(used).is_some_and(|used| used < own) {
                broken.push(format!("{name}: `crate::{used}` points up: {area} must not know {used}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_library_is_known_in_one_area_only() {
    let mut broken = Vec::new();
    for (name, area, text) in files() {
        for (library, owners, sentence) in OWNERS {
            let is_owner = owners.contains(&area.as_str()) || owners.contains(&name.as_str());
            let mark = [format!("use {library}::"), format!(" {library}::"), format!("({library}::")];
            if !is_owner && mark.iter().any(|mark| text.contains(mark.as_str())) {
                broken.push(format!("{name}: {sentence}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn sql_stands_in_stores_only() {
    let mut broken = Vec::new();
    for (name, _, text) in files() {
        let may = name.ends_with("store.rs") || name.contains("/store/") || name == "database.rs";
        if !may && (text.contains("sqlx::query") || text.contains("QueryBuilder")) {
            broken.push(format!("{name}: SQL belongs into a store.rs"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_area_has_its_row() {
    let library = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let unplaced: Vec<&str> = library
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .filter(|area| row(area).is_none())
        .collect();
    assert!(unplaced.is_empty(), "these areas stand in no row of the architecture: {unplaced:?}");
}
