//! Studies: sets that are asked once, to see what each part of the search and of the confidence is worth.

pub mod ablation;
pub mod chunking;
pub mod confidence;
mod directions;
mod ranked;
pub mod tokens;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use candor::config::Config;
use candor::knowledge::chunk::Chunking;
use candor::search::{PASSAGES_MAX, Passage, QuestionTerms, SearchQuery, search};
use candor::telemetry::Stages;

use crate::corpus::Corpus;
use crate::dataset::{Dataset, Question};
use crate::library::{self, Library};
use crate::{measure, progress};

/// Which sets a study asks.
#[derive(clap::Args)]
pub struct Sets {
    /// A folder with corpus.jsonl, queries.jsonl and qrels.tsv, or with dataset.json and the questions; or a SQuAD file.
    /// May be given several times.
    #[arg(long, required = true, value_name = "PATH")]
    dataset: Vec<PathBuf>,
    /// Asks only this many questions of each set, drawn with the seed; all articles are still searched.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Decides what --limit draws.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Adds the articles of a folder or of another set, which answer nothing that is asked; may be given several times.
    #[arg(long, value_name = "DIR")]
    distractors: Vec<PathBuf>,
    /// Searches only the articles that answer something and this many others, drawn with the seed: a large help centre is cut and
    /// embedded in a fraction of the time, and figures are better than among all of its articles.
    #[arg(long, value_name = "N")]
    articles: Option<usize>,
    /// Where data folders and embeddings are kept [default: the setting CANDOR_EVAL_DIR, .eval].
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// A set with the candidates of its answerable questions.
struct Asked {
    library: Library,
    name: String,
    /// Chunks in the index.
    chunks: usize,
    questions: Vec<Candidates>,
}

/// What was found for a question.
struct Candidates {
    question: Question,
    /// As BM25 saw it.
    terms: QuestionTerms,
    /// All of them, best first, each with the id of its article in the set.
    passages: Vec<(String, Passage)>,
}

impl Sets {
    /// Opens each set, with its articles cut as `chunking` says, and asks its answerable questions. Follow-ups are left out: how they
    /// are completed is not what a study is about.
    async fn asked(&self, config: &Config, root: &Path, chunking: Chunking) -> Result<Asked> {
        let mut set = Dataset::read(root).context("the data set cannot be used")?;
        set.questions
            .retain(|question| question.answerable && !question.gold.is_empty() && question.history.is_empty());
        if let Some(limit) = self.limit {
            set.questions = measure::drawn(set.questions, usize::try_from(limit).unwrap_or(usize::MAX), self.seed);
        }
        let corpus = Corpus::read(&set.source, &self.distractors)
            .with_context(|| format!("the articles of {} cannot be used", set.name))?;
        let corpus = match self.articles {
            Some(others) => {
                let gold = set.questions.iter().flat_map(|question| question.gold.iter().map(String::as_str)).collect();
                corpus.sampled(&gold, others, self.seed)
            }
            None => corpus,
        };
        let folder = self.folder.clone().unwrap_or_else(|| config.eval_dir.clone());
        let library = library::open(config, &folder, false, &set, &corpus, chunking).await?;
        let bar = progress::bar(&format!("{}: asking", set.name), set.questions.len());
        let mut questions = Vec::with_capacity(set.questions.len());
        for question in set.questions {
            let query = SearchQuery::new(&question.text, PASSAGES_MAX);
            let found = search(&library.engine, library.workspace, &query, &mut Stages::default()).await?;
            let passages = found
                .passages
                .into_iter()
                .map(|passage| (corpus.article_id(&passage.source).to_owned(), passage))
                .collect();
            questions.push(Candidates { question, terms: found.terms, passages });
            bar.inc(1);
        }
        bar.finish_and_clear();
        let chunks = library.engine.generation().index.total().await?;
        Ok(Asked { library, name: set.name, chunks, questions })
    }
}
