//! The way that all commands go: read a set, fill its data folder, ask its questions, judge the drafts.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use candor::config::Config;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom;

use crate::ask::{self, Asked};
use crate::corpus::Corpus;
use crate::dataset::{Dataset, Question};
use crate::judge::{self, Judged};
use crate::library::{self, Library};

/// What to ask, and how.
#[derive(clap::Args)]
pub struct Asking {
    /// A folder with corpus.jsonl, queries.jsonl and qrels.tsv, or with questions.jsonl and dataset.json; may be given
    /// several times.
    #[arg(long, required = true, value_name = "DIR")]
    pub dataset: Vec<PathBuf>,
    /// Asks only this many questions of each set, drawn with the seed; all articles are still searched.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Decides what --limit draws, the splits of a calibration, and the resamples behind the intervals.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Where each set's database and index are kept, so that a second run only asks.
    #[arg(long, value_name = "FOLDER", default_value = ".eval")]
    folder: PathBuf,
    /// Ingests again what is kept already: needed after a change to how articles are parsed.
    #[arg(long)]
    fresh: bool,
    /// Questions that are asked at a time; more than one is faster and spoils the times.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=32))]
    concurrency: u8,
}

/// A set with everything that was said about it.
pub struct Measured {
    pub set: Dataset,
    pub library: Library,
    pub asked: Vec<Asked>,
    pub judged: Vec<Judged>,
}

/// Asks the questions of the set in the folder `root`.
///
/// # Errors
/// A sentence that says what is wrong with the set, its folder or the model.
pub async fn set(config: &Config, root: &Path, asking: &Asking) -> Result<Measured> {
    let mut set = Dataset::read(root).context("the data set cannot be used")?;
    if let Some(limit) = asking.limit {
        set.questions = drawn(set.questions, usize::try_from(limit).unwrap_or(usize::MAX), asking.seed);
    }
    let corpus = Corpus::read(&set.source).with_context(|| format!("the articles of {} cannot be used", set.name))?;
    let library = library::open(config, &asking.folder, asking.fresh, &set, &corpus).await?;
    let asked = ask::all(&library, &set, &corpus, usize::from(asking.concurrency)).await?;
    let judged = judge::all(&set, &corpus, &asked);
    Ok(Measured { set, library, asked, judged })
}

/// `limit` of the questions, in their order; the same ones for the same seed.
fn drawn(questions: Vec<Question>, limit: usize, seed: u64) -> Vec<Question> {
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
