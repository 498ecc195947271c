//! A data folder of its own for each set of articles, filled once: a second run only asks.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use candor::clock::Clock;
use candor::config::Config;
use candor::engine::{DataFolderLock, Engine, OpenError, Unfit};
use candor::ids::{Ids, WorkspaceId};
use candor::index::Bm25;
use candor::inference::{Embedder, KeptEmbeddings};
use candor::knowledge::chunk::Chunking;
use candor::knowledge::generation;
use candor::knowledge::store;
use candor::knowledge::sync::{self, ArticleFile, Manifest};
use candor::people;
use indicatif::ProgressBar;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use crate::about::Excluded;
use crate::corpus::Corpus;
use crate::dataset::Dataset;
use crate::progress;

/// Articles that are on their way at a time: while one is written, others are parsed and embedded.
const ARTICLES_IN_FLIGHT: usize = 8;

/// An engine that knows the articles of one set; cheap to clone.
#[derive(Clone)]
pub struct Library {
    pub engine: Engine,
    pub workspace: WorkspaceId,
    /// Articles that could not be ingested, with why.
    pub excluded: Vec<Excluded>,
}

/// Opens the data folder of the set below `folder` and publishes what it does not have yet.
///
/// # Errors
/// A sentence that names the set and says what to do.
pub async fn open(
    config: &Config,
    folder: &Path,
    fresh: bool,
    set: &Dataset,
    corpus: &Corpus,
    chunking: Chunking,
) -> Result<Library> {
    let config = config_for(config, folder, set, corpus, chunking).await?;
    if fresh && config.data_dir.exists() {
        // Not under another process that asks the same set.
        drop(DataFolderLock::take(&config.data_dir).map_err(in_use)?);
        std::fs::remove_dir_all(&config.data_dir)
            .with_context(|| format!("the data folder {} cannot be removed", config.data_dir.display()))?;
    }
    let engine =
        Engine::open_cutting(config, Clock::System, Ids::Random, Unfit::Rebuild, chunking).await.map_err(in_use)?;
    // Beside the data folder, because a new way to cut articles leaves the questions as they are.
    let kept = folder.join(format!("{}-embeddings.redb", set.name));
    engine.embedder().keep(KeptEmbeddings::open(&kept, engine.embedder().identity())?);
    let workspace = workspace(&engine, &set.name).await?;
    let excluded = fill(&engine, workspace, set, corpus).await?;
    // What an interrupted run left half written.
    generation::mend(&engine, |_| ()).await.context("the index cannot be mended; run again with --fresh")?;
    Ok(Library { engine, workspace, excluded })
}

fn in_use(error: OpenError) -> anyhow::Error {
    match error {
        OpenError::InUse { folder } => anyhow::anyhow!(
            "the data folder {} is in use by another `eval`; wait for it, or give another --folder",
            folder.display()
        ),
        error => error.into(),
    }
}

/// The settings with a data folder that is named by everything that the index depends on.
async fn config_for(
    config: &Config,
    folder: &Path,
    set: &Dataset,
    corpus: &Corpus,
    chunking: Chunking,
) -> Result<Config> {
    let loading = config.clone();
    let embedding =
        tokio::task::spawn_blocking(move || Embedder::open(&loading).map(|embedder| embedder.identity().name.clone()))
            .await??;
    let contents = [&set.sha256, &corpus.digest(), &embedding, &chunking.name(), Bm25::NAME];
    Ok(Config {
        data_dir: folder.join(folder_name(&set.name, &contents)),
        database_url: None,
        qdrant_url: None,
        ..config.clone()
    })
}

fn folder_name(set: &str, contents: &[&str]) -> PathBuf {
    let mut digest = Sha256::new();
    for part in contents {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    format!("{set}-{}", &hex::encode(digest.finalize())[..12]).into()
}

async fn workspace(engine: &Engine, name: &str) -> Result<WorkspaceId> {
    if let Some(workspace) = people::store::workspace_ids(engine.database()).await?.first() {
        return Ok(*workspace);
    }
    let at_ms = engine.clock().now_ms();
    let workspace = people::store::Workspace { id: WorkspaceId::new(engine.ids(), at_ms), name: name.to_owned() };
    let mut transaction = engine.database().begin().await?;
    people::store::insert_workspace(&mut transaction, &workspace, at_ms).await?;
    transaction.commit().await?;
    Ok(workspace.id)
}

/// Publishes what the workspace does not have; returns the articles that cannot be.
async fn fill(engine: &Engine, workspace: WorkspaceId, set: &Dataset, corpus: &Corpus) -> Result<Vec<Excluded>> {
    let manifest: Vec<Manifest> =
        corpus.files.iter().map(|file| Manifest { source: file.source.clone(), digest: file.digest() }).collect();
    let plan = sync::plan(&manifest, &store::known_files(engine.database(), workspace).await?);
    let wanted: std::collections::HashSet<&str> = plan.added.iter().chain(&plan.changed).map(String::as_str).collect();
    let files: Vec<&ArticleFile> = corpus.files.iter().filter(|file| wanted.contains(file.source.as_str())).collect();
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let began = Instant::now();
    let bar = progress::bar(&format!("{}: ingesting", set.name), files.len());
    let excluded = publish(engine, workspace, &files, &bar).await?;
    bar.finish_and_clear();
    for Excluded { id, why } in &excluded {
        eprintln!("{}: {id} is left out: {why}", set.name);
    }
    let ingested = files.len() - excluded.len();
    // What cannot be an article is tried again each time.
    if ingested > 0 {
        eprintln!("{}: ingested {ingested} articles in {:.1} s", set.name, began.elapsed().as_secs_f64());
    }
    Ok(excluded)
}

/// Publishes `files`; returns those that cannot be articles, with why.
async fn publish(
    engine: &Engine,
    workspace: WorkspaceId,
    files: &[&ArticleFile],
    bar: &ProgressBar,
) -> Result<Vec<Excluded>> {
    let mut excluded = Vec::new();
    let mut waiting = files.iter();
    let mut flying = JoinSet::new();
    loop {
        while flying.len() < ARTICLES_IN_FLIGHT
            && let Some(file) = waiting.next()
        {
            let (engine, file) = (engine.clone(), (*file).clone());
            flying.spawn(async move {
                let source = file.source.clone();
                (source, sync::publish(&engine, workspace, file).await)
            });
        }
        let Some(done) = flying.join_next().await else { return Ok(excluded) };
        match done? {
            (_, Ok(_)) => (),
            (source, Err(error)) if error.is_about_file() => {
                excluded.push(Excluded { id: source, why: error.to_string() });
            }
            (source, Err(error)) => {
                return Err(error)
                    .with_context(|| format!("{source} cannot be ingested; run again to go on from here"));
            }
        }
        bar.inc(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_s_name_depends_on_every_part_and_on_where_it_ends() {
        let name = |contents: &[&str]| folder_name("squad", contents);
        assert_eq!(name(&["ab", "c"]), name(&["ab", "c"]));
        assert_ne!(name(&["ab", "c"]), name(&["a", "bc"]));
        assert_ne!(name(&["ab", "c"]), name(&["ab", "d"]));
        let name = name(&["ab"]).to_string_lossy().into_owned();
        assert_eq!((name.len(), &name[..6]), (18, "squad-"));
    }
}
