//! How the figures came about: everything that a reader needs to trust them, or to make them again.

use jiff::Timestamp;
use serde::Serialize;

use crate::about::{About, Excluded};

/// What is left out is named up to here; a folder of broken files should not bury the page. The JSON names all.
const EXCLUDED_SHOWN: usize = 50;

/// Facts of one subject.
#[derive(Serialize)]
pub struct Subject {
    title: &'static str,
    facts: Vec<Fact>,
}

/// One thing and what there is to say about it, in one or more lines.
#[derive(Serialize)]
pub struct Fact {
    label: &'static str,
    lines: Vec<String>,
    /// Whether it is for a machine: a hash, a version, a list of names.
    is_code: bool,
}

/// All of it.
pub fn of(about: &About) -> Vec<Subject> {
    vec![
        run(about),
        made_with(about),
        data(about),
        left_out(about),
        calibration(about),
        statistics(about),
        machine(about),
    ]
}

/// How long the run took, in seconds.
pub fn seconds(about: &About) -> Option<f64> {
    let [started, finished] = [&about.started_at, &about.finished_at].map(|told| told.parse::<Timestamp>());
    Some(finished.ok()?.duration_since(started.ok()?).as_secs_f64())
}

fn say(label: &'static str, line: impl Into<String>) -> Fact {
    Fact { label, lines: vec![line.into()], is_code: false }
}

fn code(label: &'static str, line: impl Into<String>) -> Fact {
    Fact { label, lines: vec![line.into()], is_code: true }
}

fn run(about: &About) -> Subject {
    let took = seconds(about).map_or_else(String::new, |seconds| format!(", {seconds:.0} s"));
    Subject {
        title: "Run",
        facts: vec![
            code("id", &about.id),
            say("time", format!("{} to {}{took}", about.started_at, about.finished_at)),
            code("program", format!("eval {}", about.program)),
            say("target", &about.target),
            say("at a time", super::summary::counted(usize::from(about.concurrency), "question", "questions")),
        ],
    }
}

fn made_with(about: &About) -> Subject {
    let made_with = &about.made_with;
    Subject {
        title: "Product",
        facts: vec![
            code("version", format!("candor {}", made_with.candor)),
            code("configuration", &made_with.config_hash),
            code("embedding", &made_with.embedding),
            code("generator", &made_with.generator),
            say("threshold", made_with.threshold.to_string()),
            say("guarantee", &made_with.guarantee),
        ],
    }
}

fn data(about: &About) -> Subject {
    let data = &about.data;
    let unseen = || "not seen: they are the server's".to_owned();
    let drawn = about.limit.map_or_else(
        || format!("all {}", data.questions),
        |limit| format!("{limit} drawn of {} with the seed {}", data.questions, about.seed),
    );
    let mut facts = vec![
        say("set", &about.dataset),
        say("questions", drawn),
        code("SHA-256 of the set's files", &data.sha256),
        code("SHA-256 of the questions", &data.questions_sha256),
        say("articles", data.articles.map_or_else(unseen, |count| count.to_string())),
        code("SHA-256 of the articles", data.articles_sha256.clone().unwrap_or_else(unseen)),
    ];
    let distractors = &data.distractors;
    facts.push(if distractors.is_empty() {
        say("distractors", "none")
    } else {
        Fact { label: "distractors", lines: distractors.clone(), is_code: true }
    });
    Subject { title: "Data", facts }
}

fn left_out(about: &About) -> Subject {
    Subject {
        title: "Left out and made up for",
        facts: vec![
            excluded("articles not ingested", &about.excluded_articles),
            excluded("messages not taken", &about.refused_questions),
            say("drafts without the language model", about.fallbacks.to_string()),
            say("answers of an unfinished run", about.resumed.to_string()),
            say(
                "embeddings kept from before",
                match about.embeddings_kept {
                    0 => "0".to_owned(),
                    kept => format!("{kept}; the times of these questions are left out"),
                },
            ),
        ],
    }
}

fn excluded(label: &'static str, excluded: &[Excluded]) -> Fact {
    let mut lines: Vec<String> =
        excluded.iter().take(EXCLUDED_SHOWN).map(|one| format!("{}: {}", one.id, one.why)).collect();
    if excluded.len() > EXCLUDED_SHOWN {
        lines.push(format!("and {} more, which the JSON names", excluded.len() - EXCLUDED_SHOWN));
    }
    if lines.is_empty() {
        lines.push("none".to_owned());
    }
    Fact { label, lines, is_code: false }
}

fn calibration(about: &About) -> Subject {
    let seen = &about.calibration;
    let disjoint = match seen.is_disjoint {
        Some(true) => "yes: the confidence was fitted on none of them",
        Some(false) => "no: the figures of the confidence flatter",
        None => "not known",
    };
    let fitted_on = seen.fitted_on.as_ref().map_or_else(|| "not known".to_owned(), |sets| sets.join(", "));
    let questions_seen = seen.questions_seen.map_or_else(|| "not known".to_owned(), |count| count.to_string());
    Subject {
        title: "Confidence",
        facts: vec![
            say("these questions are new to it", disjoint),
            say("questions that it learned from", questions_seen),
            say("fitted on", fitted_on),
            code("SHA-256 of the calibration", &about.made_with.calibration_hash),
        ],
    }
}

fn statistics(about: &About) -> Subject {
    Subject {
        title: "Statistics",
        facts: vec![
            say("seed", about.seed.to_string()),
            say(
                "intervals",
                format!("95 %, percentile bootstrap over groups of questions, {} resamples", about.resamples),
            ),
            say("interval of the risk", "Clopper–Pearson, exact for questions that are independent"),
            say(
                "differences",
                format!(
                    "intervals as above, both runs resampled together; a loss or a gain is called by a paired randomisation test over \
                     groups, {} permutations, with at most 5 % false alarms over all figures together (Holm)",
                    crate::interval::PERMUTATIONS
                ),
            ),
        ],
    }
}

fn machine(about: &About) -> Subject {
    let hardware = &about.hardware;
    let memory = hardware.memory_mib.map_or_else(|| "not known".to_owned(), |mib| format!("{mib} MiB"));
    let instructions = match hardware.instructions.join(", ") {
        none if none.is_empty() => "none that matter".to_owned(),
        some => some,
    };
    Subject {
        title: "Machine",
        facts: vec![
            say(
                "processor",
                format!("{}, {}", hardware.processor, super::summary::counted(hardware.cores, "core", "cores")),
            ),
            say("instructions", instructions),
            say("memory", memory),
            say("system", &hardware.system),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn every_hash_and_every_exclusion_is_named() {
        let mut about = fixtures::about();
        about.excluded_articles =
            (0..60).map(|number| Excluded { id: format!("a{number}.md"), why: "it is empty".into() }).collect();
        about.calibration.is_disjoint = Some(false);
        let told = serde_json::to_string(&of(&about)).unwrap();
        for expected in [
            "aaaa",
            "bbbb",
            "cccc",
            "dddd",
            "eeee",
            "a49.md: it is empty",
            "and 10 more",
            "flatter",
            "model",
            &about.id,
        ] {
            assert!(told.contains(expected), "{expected} is not in {told}");
        }
        assert_eq!(seconds(&about), Some(1.0));
    }
}
