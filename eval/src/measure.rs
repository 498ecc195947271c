//! The way that all commands go: read a set, fill its data folder or find its server, ask its questions, judge the drafts.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use candor::config::Config;
use candor::knowledge::chunk::Chunking;
use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::about::{About, Data, Disjointness, Excluded};
use crate::ask::{self, Answers};
use crate::corpus::Corpus;
use crate::dataset::{Dataset, Question};
use crate::hardware::Hardware;
use crate::interval::RESAMPLES;
use crate::journal::Journal;
use crate::judge;
use crate::library;
use crate::outcome::Outcome;
use crate::server::Server;
use crate::target::Target;

/// What to ask, and how.
#[derive(clap::Args)]
pub struct Asking {
    /// A folder with corpus.jsonl, queries.jsonl and qrels.tsv, or with dataset.json and the questions; or a SQuAD file.
    /// May be given several times.
    #[arg(long, required = true, value_name = "PATH")]
    pub dataset: Vec<PathBuf>,
    /// Asks only this many questions of each set, drawn with the seed; all articles are still searched.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Decides what --limit draws, the folds of `calibrate`, and the resamples behind the intervals.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Adds the articles of a folder or of another set, which answer nothing that is asked; may be given several times.
    #[arg(long, value_name = "DIR")]
    distractors: Vec<PathBuf>,
    /// Asks a running server instead of the library, which must have the set's articles.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A secret key of the server's workspace with the scope admin:read.
    #[arg(long, env = "EVAL_KEY", hide_env_values = true, value_name = "KEY")]
    key: Option<SecretString>,
    /// Where data folders, embeddings and runs are kept [default: the setting CANDOR_EVAL_DIR, .eval].
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Ingests again what is kept already, and asks again what an unfinished run has asked: needed after a change to how
    /// articles are parsed.
    #[arg(long)]
    fresh: bool,
    /// Questions that are asked at a time; more than one is faster and spoils the times.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=32))]
    concurrency: u8,
}

/// A set with everything that was said about it.
pub struct Measured {
    pub about: About,
    pub outcomes: Vec<Outcome>,
    /// To be finished when what was measured is kept: until then a run that is cut off goes on where it was.
    pub journal: Journal,
}

/// Reads all sets and looks for all distractors, so that the last is known to be whole before the first is asked.
///
/// # Errors
/// A sentence that says what is wrong with a set.
pub fn check(asking: &Asking) -> Result<()> {
    for root in &asking.dataset {
        Dataset::read(root).context("the data set cannot be used")?;
    }
    match asking.distractors.iter().find(|path| !path.exists()) {
        Some(path) => bail!("the distractors {} are not there", path.display()),
        None => Ok(()),
    }
}

/// Asks the questions of the set at `root`, a folder or a file, and judges the drafts.
///
/// # Errors
/// A sentence that says what is wrong with the set, its folder, the model or the server. Then there is no result: a part of
/// the questions is not the set.
pub async fn set(config: &Config, root: &Path, asking: &Asking) -> Result<Measured> {
    let started = Timestamp::now();
    let mut set = Dataset::read(root).context("the data set cannot be used")?;
    let questions = set.questions.len();
    if let Some(limit) = asking.limit {
        set.questions = drawn(set.questions, usize::try_from(limit).unwrap_or(usize::MAX), asking.seed);
    }
    let corpus = Corpus::read(&set.source, &asking.distractors)
        .with_context(|| format!("the articles of {} cannot be used", set.name))?;
    let target = target(config, asking, &set, &corpus).await?;
    let made_with = target.made_with().await?;
    let articles_sha256 = target.as_library().is_some().then(|| corpus.digest());
    let drawn = asking.limit.map_or_else(String::new, |limit| format!("{limit} {}", asking.seed));
    let parts = [
        &program()[..],
        &target.identity(config),
        &made_with.candor,
        &made_with.config_hash,
        &set.questions_sha256,
        articles_sha256.as_deref().unwrap_or_default(),
        &drawn,
    ];
    let mut journal = Journal::open(&folder(config, asking).join("runs"), &parts)?;
    if asking.fresh {
        journal.forget()?;
    }
    let Answers { asked, resumed } =
        ask::all(&target, &set, &corpus, &mut journal, usize::from(asking.concurrency)).await?;
    if target.as_library().is_none() && !asked.iter().flat_map(|asked| &asked.ranked).any(|id| corpus.has_id(id)) {
        bail!(
            "nothing that {} found is an article of {}: ingest the set's articles there first (`eval dataset articles` writes those of a \
             retrieval set as files)",
            target.name(),
            set.name
        );
    }
    let judged = judge::all(&set, &corpus, &asked);
    let outcomes: Vec<Outcome> = set
        .questions
        .into_iter()
        .zip(asked.into_iter().zip(judged))
        .map(|(question, (asked, judged))| Outcome { question, asked, judged })
        .collect();
    let library = target.as_library();
    let about = About {
        id: run_id(&set.name, started, &parts),
        dataset: set.name,
        started_at: rfc3339(started),
        finished_at: rfc3339(Timestamp::now()),
        program: program(),
        target: target.name(),
        made_with,
        seed: asking.seed,
        resamples: RESAMPLES,
        limit: asking.limit,
        concurrency: asking.concurrency,
        data: Data {
            sha256: set.sha256,
            questions_sha256: set.questions_sha256,
            articles: library.is_some().then_some(corpus.files.len()),
            articles_sha256,
            questions,
            distractors: asking.distractors.iter().map(|folder| folder.display().to_string()).collect(),
        },
        excluded_articles: library.map(|library| library.excluded.clone()).unwrap_or_default(),
        refused_questions: refused(&outcomes),
        follow_ups: outcomes.iter().filter(|outcome| !outcome.question.history.is_empty()).count(),
        fallbacks: outcomes.iter().filter(|outcome| outcome.asked.response_type == "fallback").count(),
        resumed,
        embeddings_kept: outcomes
            .iter()
            .filter(|outcome| outcome.asked.was_taken() && outcome.asked.total_ms.is_none())
            .count(),
        calibration: Disjointness::by(target.calibration().await?.as_ref(), &outcomes),
        hardware: Hardware::here(),
    };
    Ok(Measured { about, outcomes, journal })
}

async fn target(config: &Config, asking: &Asking, set: &Dataset, corpus: &Corpus) -> Result<Target> {
    let Some(url) = &asking.url else {
        let library =
            library::open(config, &folder(config, asking), asking.fresh, set, corpus, Chunking::SHIPPED).await?;
        return Ok(Target::Library(library));
    };
    let Some(key) = asking.key.clone() else {
        bail!(
            "--url needs a key: make one with `candor key create --kind secret --scopes admin:read` and set EVAL_KEY"
        );
    };
    if !asking.distractors.is_empty() {
        bail!("--distractors are added to articles of one's own; the server at {url} has what it has");
    }
    Ok(Target::Server(Server::new(url, key)?))
}

/// Where sets and runs are kept.
#[must_use]
pub fn folder(config: &Config, asking: &Asking) -> PathBuf {
    asking.folder.clone().unwrap_or_else(|| config.eval_dir.clone())
}

fn refused(outcomes: &[Outcome]) -> Vec<Excluded> {
    let refused =
        |outcome: &Outcome| Some(Excluded { id: outcome.question.id.clone(), why: outcome.asked.refusal.clone()? });
    outcomes.iter().filter_map(refused).collect()
}

/// When, of what, and a part of a hash: names sort by time and no two runs share one.
fn run_id(set: &str, started: Timestamp, parts: &[&str]) -> String {
    let hash = hex::encode(Sha256::digest(format!("{parts:?} {}", started.as_nanosecond())));
    format!("{}-{set}-{}", started.strftime("%Y%m%dT%H%M%SZ"), &hash[..6])
}

fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The version of this program and the start of its file's SHA-256: two builds of one version can answer differently.
fn program() -> String {
    let hash = std::env::current_exe().and_then(std::fs::read).map(|bytes| hex::encode(Sha256::digest(bytes)));
    let hash = hash.unwrap_or_else(|_| "unknown".to_owned());
    format!("{} {}", env!("CARGO_PKG_VERSION"), hash.get(..12).unwrap_or(&hash))
}

/// `limit` of the questions, in their order; the same ones for the same seed.
pub fn drawn(questions: Vec<Question>, limit: usize, seed: u64) -> Vec<Question> {
    let mut places: Vec<usize> = (0..questions.len()).collect();
    places.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(seed));
    places.truncate(limit);
    let places: std::collections::HashSet<usize> = places.into_iter().collect();
    let kept = questions.into_iter().enumerate().filter(|(place, _)| places.contains(place));
    kept.map(|(_, question)| question).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn a_drawn_sample_keeps_the_order_and_follows_the_seed() {
        let ids = |limit, seed| -> Vec<String> {
            let questions = (0..50).map(|number| fixtures::question(&format!("{number:02}"), true)).collect();
            drawn(questions, limit, seed).into_iter().map(|question| question.id).collect()
        };
        assert_eq!(ids(10, 1).len(), 10);
        assert!(ids(10, 1).is_sorted());
        assert_eq!(ids(10, 1), ids(10, 1));
        assert_ne!(ids(10, 1), ids(10, 2));
        assert_eq!(ids(99, 1).len(), 50);
    }
}
