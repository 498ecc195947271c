//! A running server is asked the same questions as the library, and gives the same figures.

use serde_json::Value;

use crate::room::{Ran, Room, Serving, report, repository, sample};

/// A workspace with the sample's articles, and a secret key to it.
fn stocked(room: &Room) -> String {
    let workspace = room.candor(&["workspace", "create", "Tarnwheel"]).succeeds().stdout.trim().to_owned();
    let docs = repository().join("datasets/tarnwheel/docs").display().to_string();
    let mut ingest = room.command("ingest", &[&docs, "--workspace", &workspace]);
    Ran::of(&mut ingest).succeeds();
    let key = ["key", "create", "--workspace", &workspace, "--kind", "secret", "--scopes", "admin:read", "--json"];
    let key: Value = serde_json::from_str(&room.candor(&key).succeeds().stdout).unwrap();
    key["key"].as_str().unwrap().to_owned()
}

/// A report's figures, without the times and without where they come from.
fn figures(report: &Value) -> Value {
    let mut figures = report.clone();
    for field in ["latency_ms", "run", "questions"] {
        figures.as_object_mut().unwrap().remove(field);
    }
    figures
}

#[track_caller]
fn assert_same(one: &Value, other: &Value, place: &str) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>(), "{place}");
            for (name, value) in one {
                assert_same(value, &other[name], &format!("{place}.{name}"));
            }
        }
        (Value::Array(one), Value::Array(other)) => {
            assert_eq!(one.len(), other.len(), "{place}");
            for (value, other) in one.iter().zip(other) {
                assert_same(value, other, place);
            }
        }
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            // Six digits: two indexes of the same vectors add them up in another order.
            assert!((one - other).abs() < 1e-6, "{place}: {one} and {other}");
        }
        _ => assert_eq!(one, other, "{place}"),
    }
}

#[test]
fn a_server_gives_the_figures_of_the_library_and_a_run_that_it_leaves_goes_on() {
    let room = Room::new();
    let key = stocked(&room);
    let own = room.path("own.json");
    let sample = sample();
    room.eval(&["run", "--dataset", &sample, "--out", own.to_str().unwrap()]).succeeds();

    // It dies after a while: a clear sentence, nothing written, and what was asked is not asked again.
    let serving = Serving::start(&room, "127.0.0.1:0");
    let url = serving.url.clone();
    let (listen, theirs) = (url.strip_prefix("http://").unwrap().to_owned(), room.path("theirs.json"));
    let arguments = ["run", "--dataset", &sample, "--url", &url, "--out", theirs.to_str().unwrap()];
    let mut asking = room.command("eval", &arguments);
    asking.env("EVAL_KEY", &key).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let asking = asking.spawn().unwrap();
    let runs = room.path(".eval/runs");
    let answered = || {
        let files = std::fs::read_dir(&runs).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut journals = files.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        let journal = journals.find(|path| path.file_name().unwrap().to_string_lossy().starts_with("unfinished-"));
        journal.map_or(0, |journal| std::fs::read_to_string(journal).unwrap_or_default().lines().count())
    };
    while answered() < 20 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    serving.crash();
    let cut = asking.wait_with_output().unwrap();
    let said = String::from_utf8(cut.stderr).unwrap();
    assert_eq!(cut.status.code(), Some(2), "{said}");
    assert!(said.contains("does not answer") && said.contains("goes on from there"), "{said}");
    assert!(!theirs.exists() && cut.stdout.is_empty());

    let _serving = Serving::start(&room, &listen);
    Ran::of(room.command("eval", &arguments).env("EVAL_KEY", &key)).succeeds();
    let (own, theirs) = (report(&own), report(&theirs));
    assert!(theirs["run"]["resumed"].as_u64().unwrap() >= 20, "{}", theirs["run"]);
    assert_eq!(theirs["run"]["target"], url);
    assert_same(&figures(&own), &figures(&theirs), "report");
    for (own, theirs) in own["questions"].as_array().unwrap().iter().zip(theirs["questions"].as_array().unwrap()) {
        for field in ["id", "draft", "decision", "ranked", "cited", "quotes", "judged"] {
            assert_same(&own[field], &theirs[field], &format!("{} {field}", own["id"]));
        }
    }
    // Both know which calibration it was.
    assert_same(&own["run"]["calibration"], &theirs["run"]["calibration"], "calibration");
}

#[test]
fn a_server_that_is_something_else_and_a_key_that_may_not_are_named() {
    let room = Room::new();
    let key = stocked(&room);
    let serving = Serving::start(&room, "127.0.0.1:0");
    let ask = |url: &str, key: &str, more: &[&str]| {
        let sample = sample();
        let arguments = [&["run", "--dataset", &sample, "--url", url][..], more].concat();
        Ran::of(room.command("eval", &arguments).env("EVAL_KEY", key)).ends_with(2).stderr
    };
    let refused = ask(&serving.url, "sk_nothing", &[]);
    assert!(refused.contains("refuses the key") && refused.contains("admin:read"), "{refused}");
    assert!(ask("localhost:80", &key, &[]).contains("http://"));
    let distractors = repository().join("datasets/tarnwheel/docs").display().to_string();
    assert!(ask(&serving.url, &key, &["--distractors", &distractors]).contains("--distractors"));
    let other = room.write("other/docs/a.md", "# Anything\n\nA text of no importance.\n");
    let other = other.parent().unwrap().parent().unwrap().display().to_string();
    room.write("other/dataset.json", "{\"docs\": \"docs\"}");
    room.write(
        "other/questions.jsonl",
        "{\"_id\": \"1\", \"text\": \"What?\", \"answerable\": true, \"gold\": [\"a.md\"], \"answers\": [\"a text\"]}\n",
    );
    let arguments = ["run", "--dataset", &other, "--url", &serving.url];
    let foreign = Ran::of(room.command("eval", &arguments).env("EVAL_KEY", &key)).ends_with(2).stderr;
    assert!(foreign.contains("ingest the set's articles there first"), "{foreign}");
}
