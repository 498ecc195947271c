//! `eval dataset make`: a set of questions from a workspace's own articles, some of which are taken out.
//!
//! What the titles, headings and tables of an article make are its questions. Of an article that stays they can be answered; of
//! one that is taken out they are near misses: what is asked for stood there, and what is like it still does.

mod article;
mod candidates;
mod interview;
mod key_fact;
mod removal;
#[cfg(test)]
mod samples;
mod set_folder;
mod survey;
mod table_rows;
mod wording;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use candor::config::Config;
use candor::database::Database;
use candor::engine::open_database;
use candor::ids::WorkspaceId;
use candor::inference::{Generator, Generators};
use candor::knowledge::store;
use candor::people;

use crate::manufacture::article::{Article, LeftOut};
use crate::manufacture::candidates::{Candidate, Dropped, Reason, Subset};
use crate::manufacture::interview::Passage;
use crate::manufacture::removal::drawn;
use crate::manufacture::set_folder::SetFolder;
use crate::manufacture::survey::Survey;
use crate::matching::normalised_words;
use crate::{progress, table};

/// Articles that are read from the database at a time.
const PAGE: i64 = 64;

/// Makes a set of questions from the articles of a workspace, about a third of which are taken out of it.
///
/// The questions of the articles that stay can be answered, those of the others cannot. The workspace is only read.
#[derive(clap::Args)]
pub struct MakeArguments {
    /// The set's folder: it must not exist yet, or be empty.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The workspace whose articles are taken, in the database of CANDOR_DATA_DIR or DATABASE_URL.
    #[arg(long, value_name = "ID")]
    from_workspace: WorkspaceId,
    /// The share of articles that are taken out, 1% to 90%.
    #[arg(long, value_name = "PERCENT", default_value = "33%", value_parser = percent)]
    take_out: u8,
    /// Makes at most this many questions, drawn with the seed.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Decides which articles are taken out, which questions are drawn and how they are worded.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Who words the questions. `model` needs a language model in the settings, and --limit: it is asked up to twice for each question.
    #[arg(long, value_enum, default_value = "extractive")]
    generator: Wording,
}

/// Who words the questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Wording {
    /// Patterns around the articles' own words.
    Extractive,
    /// The language model of the settings.
    Model,
}

/// A set before it is written, and what was met on the way.
struct Made {
    questions: Vec<Candidate>,
    dropped: Dropped,
    /// Calls of the model and their cost in US dollars.
    calls: Option<(usize, f64)>,
}

/// Runs the command.
///
/// # Errors
/// A sentence that says what could not be done; then there is no set.
pub async fn run(config: &Config, arguments: &MakeArguments) -> Result<()> {
    let generators = Generators::of(config)?;
    let model = match arguments.generator {
        // A model that happens to be set up must not cost anything.
        Wording::Extractive => None,
        Wording::Model if arguments.limit.is_none() => {
            bail!("--generator model asks a model for each question: say with --limit how many there shall be")
        }
        Wording::Model => Some(
            generators
                .first()
                .context("--generator model needs a language model: set GEMINI_API_KEY, or another provider's")?,
        ),
    };
    let folder = SetFolder::begin(&arguments.folder)?;
    let database = open_database(config).await?;
    let made = make(&database, folder, model, arguments).await;
    database.close().await;
    made
}

async fn make(
    database: &Database,
    folder: SetFolder,
    model: Option<&Generator>,
    arguments: &MakeArguments,
) -> Result<()> {
    let workspace = arguments.from_workspace;
    if !people::store::workspace_ids(database).await?.contains(&workspace) {
        bail!("there is no workspace {workspace}; `candor workspace list` shows those that there are");
    }
    let survey = survey(database, workspace).await?;
    let taken_out = removal::taken_out(&survey, arguments.take_out, arguments.seed);
    if taken_out.is_empty() || taken_out.len() == survey.digests.len() {
        bail!(
            "the workspace has too few articles for some to stay and some to be taken out; ingest more, or change --take-out"
        );
    }

    let mut candidates = Vec::new();
    let mut dropped = Dropped::default();
    let mut passages: Vec<Passage> = Vec::new();
    let mut unseen: BTreeSet<&str> = survey.digests.keys().map(String::as_str).collect();
    let changed = || anyhow::anyhow!("the workspace's articles changed while they were read; run it again");
    each_article(database, workspace, "making questions", |article| {
        let Ok(article) = article else { return Ok(()) };
        if survey.digests.get(article.source()) != Some(&article.file.digest()) {
            return Err(changed());
        }
        unseen.remove(article.source());
        if !taken_out.contains(article.source()) {
            folder.keep(&article)?;
        }
        if model.is_some() {
            passages.extend(interview::passages(&article, &survey, arguments.seed));
        } else {
            candidates.extend(candidates::of_article(&article, &survey, arguments.seed, &mut dropped));
        }
        Ok(())
    })
    .await?;
    if !unseen.is_empty() {
        return Err(changed());
    }

    let limit = arguments.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut calls = None;
    if let Some(model) = model {
        let interviewed = interview::all(model, passages, limit, &survey, arguments.seed).await?;
        (candidates, dropped) = (interviewed.candidates, interviewed.dropped);
        calls = Some((interviewed.calls, interviewed.cost_usd));
    }
    let questions = chosen(candidates, limit, arguments.seed, &mut dropped);
    if questions.is_empty() {
        bail!("the articles make no question that can be checked; they may be too short, or too much alike");
    }
    let kept: BTreeMap<&str, &str> = survey
        .digests
        .iter()
        .filter(|(source, _)| !taken_out.contains(*source))
        .map(|(source, digest)| (source.as_str(), digest.as_str()))
        .collect();
    folder.finish(&questions, &kept, &taken_out)?;
    print(arguments, &survey, &taken_out, &Made { questions, dropped, calls });
    Ok(())
}

async fn survey(database: &Database, workspace: WorkspaceId) -> Result<Survey> {
    let mut survey = Survey::default();
    each_article(database, workspace, "reading articles", |article| {
        match article {
            Ok(article) => survey.add(&article),
            Err(why) => survey.leave_out(why),
        }
        Ok(())
    })
    .await?;
    Ok(survey)
}

/// Hands every published article to `take`, a page in memory at a time.
async fn each_article(
    database: &Database,
    workspace: WorkspaceId,
    what: &str,
    mut take: impl FnMut(Result<Article, LeftOut>) -> Result<()>,
) -> Result<()> {
    let bar = progress::bar(what, store::known_files(database, workspace).await?.len());
    let mut after = None;
    loop {
        let page = store::published_files(database, workspace, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.article);
        for stored in page {
            take(Article::read(stored))?;
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// The questions that no other one repeats, at most `limit` of them, by source and then as the article has them.
fn chosen(mut candidates: Vec<Candidate>, limit: usize, seed: u64, dropped: &mut Dropped) -> Vec<Candidate> {
    let mut counts: HashMap<Vec<String>, usize> = HashMap::new();
    for candidate in &candidates {
        *counts.entry(normalised_words(&candidate.wording.text)).or_default() += 1;
    }
    let before = candidates.len();
    candidates.retain(|candidate| counts[&normalised_words(&candidate.wording.text)] == 1);
    dropped.count(Reason::Repeated, before - candidates.len());
    dropped.count(Reason::NotDrawn, candidates.len().saturating_sub(limit));
    candidates
        .sort_by_cached_key(|candidate| drawn(seed, &format!("{}\n{}", candidate.source, candidate.wording.text)));
    candidates.truncate(limit);
    candidates.sort_by(|one, other| {
        let key = |candidate: &Candidate| (candidate.source.clone(), candidate.subset, candidate.wording.text.clone());
        key(one).cmp(&key(other))
    });
    candidates
}

fn print(arguments: &MakeArguments, survey: &Survey, taken_out: &BTreeSet<String>, made: &Made) {
    let folder = arguments.folder.display();
    println!("{folder}: {} articles, {} taken out of them", survey.digests.len() - taken_out.len(), taken_out.len());
    for (why, count) in &survey.left_out {
        println!("{count} articles {} are left out.", why.why());
    }
    let mut questions = table::empty(&["questions", "answerable", "not answerable"]);
    let count = |subset: Option<Subset>, is_taken_out: bool| {
        let of = made.questions.iter().filter(|question| subset.is_none_or(|subset| question.subset == subset));
        table::number(of.filter(|question| taken_out.contains(&question.source) == is_taken_out).count().to_string())
    };
    for subset in Subset::ALL.map(Some).into_iter().chain([None]) {
        let name = subset.map_or("all", Subset::name);
        questions.add_row([comfy_table::Cell::new(name), count(subset, false), count(subset, true)]);
    }
    println!("\n{questions}\n");
    let mut dropped = table::empty(&["dropped", ""]);
    for (reason, count) in &made.dropped.0 {
        dropped.add_row([comfy_table::Cell::new(reason.why()), table::number(count.to_string())]);
    }
    if !made.dropped.0.is_empty() {
        println!("{dropped}\n");
    }
    if let Some((calls, cost_usd)) = made.calls {
        println!("The model was asked {calls} times, for about ${cost_usd:.2}.");
    }
    println!("Read some of {folder}/questions.jsonl, then:");
    println!("  eval run --dataset {folder}");
    println!("  eval calibrate --dataset {folder} --risk 10%");
}

/// A share such as `33%` or `33`.
fn percent(text: &str) -> Result<u8, String> {
    let share: Option<u8> = text.strip_suffix('%').unwrap_or(text).trim().parse().ok();
    share.filter(|share| (1..=90).contains(share)).ok_or_else(|| "it is a share from 1% to 90%".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manufacture::wording::Wording;

    fn candidate(source: &str, text: &str) -> Candidate {
        Candidate {
            source: source.into(),
            subset: Subset::Title,
            wording: Wording { text: text.into(), kind: "fact" },
            answers: vec!["x".into()],
            support: vec!["x".into()],
        }
    }

    #[test]
    fn a_question_of_two_articles_is_nobody_s() {
        let mut dropped = Dropped::default();
        let candidates = vec![candidate("b", "Why so?"), candidate("a", "How?"), candidate("c", "why  SO")];
        let chosen = chosen(candidates, usize::MAX, 1, &mut dropped);
        assert_eq!(chosen, [candidate("a", "How?")]);
        assert_eq!(dropped.0, BTreeMap::from([(Reason::Repeated, 2)]));
    }

    #[test]
    fn a_limit_draws_by_the_seed_and_keeps_the_order() {
        let drawn = |seed: u64| {
            let candidates = (0..40).map(|number| candidate(&format!("{number:02}"), &format!("Number {number}?")));
            let chosen = chosen(candidates.collect(), 10, seed, &mut Dropped::default());
            chosen.into_iter().map(|candidate| candidate.source).collect::<Vec<_>>()
        };
        assert!(drawn(1).len() == 10 && drawn(1).is_sorted());
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
    }

    #[test]
    fn a_share_is_written_with_or_without_its_sign() {
        assert_eq!((percent("33%"), percent("5")), (Ok(33), Ok(5)));
        for share in ["0", "91%", "0.3", "", "%", "-5"] {
            assert!(percent(share).is_err(), "{share}");
        }
    }
}
