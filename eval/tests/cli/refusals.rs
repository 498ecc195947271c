//! What cannot be done: a clear sentence, exit code 2, and nothing overwritten.

use crate::room::{Room, report, sample};

const OLD: &str = "what was there";

/// A support set with these questions in the room.
fn set(room: &Room, name: &str, questions: &str) -> String {
    room.write(&format!("{name}/docs/a.md"), "# Returns\n\nYou have 30 days to return a bike.\n");
    room.write(&format!("{name}/dataset.json"), "{\"docs\": \"docs\"}\n");
    room.write(&format!("{name}/questions.jsonl"), questions);
    room.path(name).display().to_string()
}

const QUESTION: &str = "{\"_id\": \"1\", \"text\": \"How long do I have?\", \"answerable\": true, \"gold\": [\"a.md\"], \"answers\": [\"30 days\"]}\n";

#[test]
fn a_set_that_cannot_be_read_overwrites_nothing() {
    let room = Room::new();
    let out = room.write("report.json", OLD);
    let run = |set: &str| room.eval(&["run", "--dataset", set, "--out", out.to_str().unwrap()]).ends_with(2).stderr;
    for (set, expected) in [
        (set(&room, "twice", &QUESTION.repeat(2)), "questions.jsonl, line 2"),
        (set(&room, "empty", "\n"), "no question"),
        (set(&room, "gone", &QUESTION.replace("a.md", "b.md")), "b.md"),
        (set(&room, "broken", "{\"_id\": \"1\"}\n"), "line 1"),
        (room.path("nowhere").display().to_string(), "nowhere"),
    ] {
        let said = run(&set);
        assert!(said.starts_with("eval: ") && said.contains(expected), "{said}");
        assert_eq!(std::fs::read_to_string(&out).unwrap(), OLD);
    }
}

#[test]
fn a_place_that_cannot_be_written_is_found_before_anything_is_asked() {
    let room = Room::new();
    let set = set(&room, "one", QUESTION);
    let said = room.eval(&["run", "--dataset", &set, "--out", "no/such/folder/report.json"]).ends_with(2).stderr;
    assert!(said.contains("no/such/folder/report.json"), "{said}");
    assert!(!room.path(".eval").exists());
}

#[test]
fn a_baseline_of_other_questions_is_refused_and_so_is_a_file_that_is_none() {
    let room = Room::new();
    let set = set(&room, "one", QUESTION);
    let baseline = room.path("baseline.json");
    room.eval(&["run", "--dataset", &set, "--out", baseline.to_str().unwrap()]).succeeds();
    let out = room.write("report.json", OLD);
    let gate = |baseline: &str| {
        room.eval(&["gate", "--dataset", &sample(), "--baseline", baseline, "--out", out.to_str().unwrap()])
    };
    let said = gate(baseline.to_str().unwrap()).ends_with(2).stderr;
    assert!(said.contains("other questions"), "{said}");
    let said = gate(out.to_str().unwrap()).ends_with(2).stderr;
    assert!(said.contains("is named twice"), "{said}");
    let letter = room.write("letter.json", "{\"dataset\": \"x\"}");
    let said = gate(letter.to_str().unwrap()).ends_with(2).stderr;
    assert!(said.contains("is not a report"), "{said}");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), OLD);

    // Against itself nothing is lost, and the history has both runs.
    room.eval(&["gate", "--dataset", &set, "--baseline", baseline.to_str().unwrap()]).succeeds();
    let listed = room.eval(&["history"]).succeeds().stdout;
    assert_eq!(listed.matches("-one-").count(), 2, "{listed}");
    let id = report(&baseline)["run"]["id"].as_str().unwrap().to_owned();
    room.eval(&["compare", &id, baseline.to_str().unwrap()]).succeeds();
    let said = room.eval(&["compare", &id, "elsewhere"]).ends_with(2).stderr;
    assert!(said.contains("eval history"), "{said}");
}

#[test]
fn a_page_is_made_of_a_run_and_not_of_two_that_cannot_be_compared() {
    let room = Room::new();
    let one = set(&room, "one", QUESTION);
    let other = set(&room, "other", &QUESTION.replace("How long", "How many days"));
    let (before, after) = (room.path("before.json"), room.path("after.json"));
    for (set, out) in [(&one, &before), (&other, &after)] {
        room.eval(&["run", "--dataset", set, "--out", out.to_str().unwrap()]).succeeds();
    }
    let (before, after) = (before.to_str().unwrap(), after.to_str().unwrap());
    let page = room.write("page.html", OLD);
    let html = page.to_str().unwrap();
    let said = room.eval(&["report", after, "--baseline", before, "--html", html]).ends_with(2).stderr;
    assert!(said.contains("not over the same questions"), "{said}");
    assert_eq!(std::fs::read_to_string(&page).unwrap(), OLD);
    room.eval(&["report", after]).ends_with(2);
    let said = room.eval(&["report", after, "--html", after]).ends_with(2).stderr;
    assert!(said.contains("is named twice"), "{said}");
    let (markdown, junit) = (room.path("comment.md"), room.path("junit.xml"));
    let more = ["--markdown", markdown.to_str().unwrap(), "--junit", junit.to_str().unwrap()];
    room.eval(&[&["report", after, "--baseline", after, "--html", html][..], &more].concat()).succeeds();
    for file in [&page, &markdown, &junit] {
        assert!(std::fs::read_to_string(file).unwrap().contains("hit@1") || file == &junit);
    }
    let page = std::fs::read_to_string(&page).unwrap();
    assert!(!page.contains("<script"), "the page has a script");
    assert!(std::fs::read_to_string(&junit).unwrap().contains("retrieval.hit_at_1"));
}

#[test]
fn a_second_run_embeds_nothing_again_and_says_so() {
    let room = Room::new();
    let set = set(&room, "one", QUESTION);
    let out = room.path("report.json");
    let run = |more: &[&str]| {
        let arguments = [&["run", "--dataset", &set, "--out", out.to_str().unwrap()][..], more].concat();
        room.eval(&arguments).succeeds();
        report(&out)
    };
    let first = run(&[]);
    assert_eq!(first["run"]["embeddings_kept"], 0);
    assert!(first["latency_ms"]["embed"]["p50"].as_f64().unwrap() > 0.0);
    let second = run(&["--fresh"]);
    assert_eq!(second["run"]["embeddings_kept"], 1);
    assert!(second["latency_ms"]["embed"].is_null() && second["latency_ms"]["search"]["p50"].is_number());
    assert_eq!(first["questions"][0]["confidence"], second["questions"][0]["confidence"]);
}
