//! The gate over the sample help centre: edits that make answers worse are caught, edits that do not are let through.

use std::path::{Path, PathBuf};

use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::room::{Ran, Room, repository};

/// Seeds of each kind of edit.
const SEEDS: u64 = 20;

/// The sample set with its articles in the room, where they can be edited.
struct Edited<'a> {
    room: &'a Room,
    /// The folder of the set: its name is the sample's, so that all edits share the kept embeddings.
    set: PathBuf,
    articles: Vec<PathBuf>,
}

impl<'a> Edited<'a> {
    fn new(room: &'a Room, seed: u64, kind: &str) -> Self {
        let from = repository().join("datasets/tarnwheel");
        let set = room.path(&format!("{kind}-{seed}/tarnwheel"));
        let mut articles = Vec::new();
        copy(&from.join("docs"), &set.join("docs"), &mut articles);
        for file in ["dataset.json", "questions.jsonl"] {
            std::fs::copy(from.join(file), set.join(file)).unwrap();
        }
        articles.sort();
        Self { room, set, articles }
    }

    fn gate(&self, seed: u64) -> Ran {
        let baseline = repository().join("datasets/tarnwheel/baseline.json");
        let (set, baseline, seed) = (self.set.display().to_string(), baseline.display().to_string(), seed.to_string());
        self.room.eval(&[
            "gate",
            "--dataset",
            &set,
            "--baseline",
            &baseline,
            "--seed",
            &seed,
            "--concurrency",
            "2",
            "--show",
            "0",
        ])
    }
}

fn copy(from: &Path, to: &Path, articles: &mut Vec<PathBuf>) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &copied, articles);
        } else {
            std::fs::copy(&path, &copied).unwrap();
            articles.push(copied);
        }
    }
}

/// Other spacing, and an article about something else: no reader would call it a change of an answer.
fn reword_nothing(set: &Edited<'_>, random: &mut Xoshiro256PlusPlus) {
    for article in set.articles.sample(random, 10) {
        let text = std::fs::read_to_string(article).unwrap();
        let spaced: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
        std::fs::write(article, spaced.join("\n") + "\n\n").unwrap();
    }
    let subjects = ["the cafeteria", "our choir", "the summer party", "parking for staff", "the office plants"];
    let subject = subjects.choose(random).unwrap();
    let number = random.random_range(2..9);
    let text = format!(
        "# About {subject}\n\nEverything about {subject} is decided by a vote. It meets {number} times a year.\n"
    );
    std::fs::write(set.set.join("docs/elsewhere.md"), text).unwrap();
}

/// A third of the articles lose all but their first sentence or two, as when somebody replaces them by teasers.
fn cut_short(set: &Edited<'_>, random: &mut Xoshiro256PlusPlus) {
    const CHARS_LEFT: usize = 120;
    for article in set.articles.sample(random, set.articles.len() / 3) {
        let text = std::fs::read_to_string(article).unwrap();
        let sections: Vec<&str> = text.split("\n## ").collect();
        std::fs::write(article, sections[0].chars().take(CHARS_LEFT).collect::<String>()).unwrap();
    }
}

#[test]
fn an_unedited_sample_is_what_its_baseline_says() {
    let room = Room::new();
    let ran = Edited::new(&room, 0, "same").gate(1).succeeds();
    assert!(ran.stdout.contains("Nothing was lost"), "{}", ran.stdout);
}

#[test]
fn an_edit_that_changes_no_answer_passes_and_one_that_cuts_articles_short_does_not() {
    let room = Room::new();
    let (mut alarms, mut missed) = (Vec::new(), Vec::new());
    for seed in 0..SEEDS {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let harmless = Edited::new(&room, seed, "harmless");
        reword_nothing(&harmless, &mut random);
        let ran = harmless.gate(seed);
        if ran.status.code() != Some(0) {
            alarms.push(format!("seed {seed}: {}{}", ran.stdout, ran.stderr));
        }
        let harmful = Edited::new(&room, seed, "harmful");
        cut_short(&harmful, &mut random);
        let ran = harmful.gate(seed);
        if ran.status.code() != Some(1) {
            missed.push(format!("seed {seed}: {}{}", ran.stdout, ran.stderr));
        }
    }
    println!(
        "{} of {SEEDS} harmless edits stopped, {} of {SEEDS} harmful ones let through",
        alarms.len(),
        missed.len()
    );
    assert!(alarms.is_empty(), "harmless edits were stopped: {}", alarms.join("\n"));
    assert!(missed.is_empty(), "harmful edits were let through: {}", missed.join("\n"));
}
