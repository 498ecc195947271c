//! `eval dataset make` as a person runs it: the real programs, the sample help centre, a temporary folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A folder with a database that holds the sample help centre.
struct Site {
    folder: TempDir,
    workspace: String,
}

impl Site {
    fn new() -> Self {
        let mut site = Self { folder: tempfile::tempdir().unwrap(), workspace: String::new() };
        let made = succeeds(&site.run("candor", &["workspace", "create", "Tarnwheel"]));
        made.trim().clone_into(&mut site.workspace);
        let docs = repository().join("datasets/tarnwheel/docs");
        succeeds(&site.run("ingest", &[docs.to_str().unwrap(), "--workspace", &site.workspace]));
        site
    }

    /// A program that lies beside `eval`, with no settings but those that a test must set.
    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let program = Path::new(env!("CARGO_BIN_EXE_eval")).with_file_name(program);
        assert!(program.is_file(), "{} is not there: build the whole workspace first", program.display());
        Command::new(program)
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("CANDOR_DATA_DIR", self.folder.path().join("data"))
            .env("CANDOR_MODELS_DIR", repository().join("models"))
            .env("CANDOR_RUNTIME_LIBRARY", repository().join(".runtime/libonnxruntime.so"))
            .env("CANDOR_EMBEDDING_SESSIONS", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn make(&self, name: &str, more: &[&str]) -> Output {
        let mut arguments = vec!["dataset", "make", name, "--from-workspace", &self.workspace];
        arguments.extend(more);
        self.run("eval", &arguments)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[track_caller]
fn succeeds(output: &Output) -> String {
    assert!(output.status.success(), "{output:#?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Every file below a folder with its bytes.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

#[test]
fn a_set_is_made_of_a_workspace_and_can_be_asked() {
    let site = Site::new();
    let printed = succeeds(&site.make("made", &["--take-out", "25%", "--limit", "60"]));
    assert!(printed.contains("33 articles, 11 taken out") && printed.contains("eval run --dataset made"), "{printed}");

    let docs = files(&repository().join("datasets/tarnwheel/docs"));
    let kept = files(&site.path("made/articles"));
    assert_eq!((docs.len(), kept.len()), (44, 33));
    assert!(kept.iter().all(|(path, bytes)| docs[path] == *bytes), "articles stay as they were");

    let lines = fs::read_to_string(site.path("made/questions.jsonl")).unwrap();
    let questions: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(questions.len(), 60);
    for question in &questions {
        let source = question["group"].as_str().unwrap();
        let is_kept = kept.contains_key(Path::new(source));
        assert!(docs.contains_key(Path::new(source)), "{question}");
        assert_eq!(question["answerable"], is_kept, "{question}");
        assert_eq!(question["gold"].as_array().unwrap().len(), usize::from(is_kept), "{question}");
        assert_eq!(question["answers"].as_array().unwrap().is_empty(), !is_kept, "{question}");
        assert_eq!(question["removed_answers"].is_array(), !is_kept, "{question}");
    }
    let answerable = questions.iter().filter(|question| question["answerable"] == true).count();
    assert!((30..=55).contains(&answerable), "{answerable}");

    succeeds(&site.make("again", &["--take-out", "25%", "--limit", "60"]));
    assert_eq!(files(&site.path("made")), files(&site.path("again")));
    succeeds(&site.make("other", &["--take-out", "25%", "--limit", "60", "--seed", "2"]));
    assert_ne!(files(&site.path("made")), files(&site.path("other")));

    let run = ["run", "--dataset", "made", "--out", "report.json"];
    succeeds(&site.run("eval", &run));
    let report: Value = serde_json::from_slice(&fs::read(site.path("report.json")).unwrap()).unwrap();
    assert!(report["retrieval"]["hit_at_1"]["value"].as_f64().unwrap() > 0.8, "{report:#}");
    // A set whose answers stood in no draft would be labelled wrongly.
    assert!(report["answers"]["accuracy"]["value"].as_f64().unwrap() > 0.6, "{report:#}");
}

#[test]
fn what_cannot_be_made_is_refused_in_a_sentence() {
    let site = Site { folder: tempfile::tempdir().unwrap(), workspace: "01a1fe1e-20d0-784d-bcb2-882945c7f97f".into() };
    let refused = |output: Output, part: &str| {
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && said.contains(part), "{said}");
    };
    refused(site.make("made", &[]), "there is no workspace");
    refused(site.make("made", &["--generator", "model"]), "--limit");
    refused(site.make("made", &["--generator", "model", "--limit", "5"]), "GEMINI_API_KEY");
    fs::create_dir(site.path("mine")).unwrap();
    fs::write(site.path("mine/file.txt"), "mine").unwrap();
    refused(site.make("mine", &[]), "is not empty");
    assert!(!site.path("made").exists());
    let left: Vec<_> = fs::read_dir(site.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "mine" || name == "data"), "{left:?}");
}
