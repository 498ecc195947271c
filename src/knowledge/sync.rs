//! A folder of articles against a workspace: what is to be done, and doing it file by file.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use crate::database::DatabaseError;
use crate::engine::{Engine, Generation, OpenError};
use crate::ids::{ArticleId, ChunkId, VersionId, WorkspaceId};
use crate::index::{IndexError, Point};
use crate::inference::InferenceError;
use crate::knowledge::chunk::Chunk;
use crate::knowledge::parse::{Format, Fragment, ParseError, ParsedArticle, parse};
use crate::knowledge::points::{self, Told};
use crate::knowledge::store::{self, Known, NewChunk, NewVersion};

/// One article file as it was read.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct ArticleFile {
    /// Its path below the ingested folder, with `/` between the parts: the article's name in the workspace.
    pub source: String,
    /// What is in it.
    #[serde(with = "as_base64")]
    pub bytes: Vec<u8>,
    /// The fragments that it includes.
    #[serde(default)]
    pub fragments: Vec<Fragment>,
}

/// A file's name and digest, enough to see whether there is anything to do.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Manifest {
    /// As [`ArticleFile::source`].
    pub source: String,
    /// As [`ArticleFile::digest`] gives it.
    pub digest: String,
}

/// What a folder asks of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Plan {
    /// Files that the workspace does not have.
    pub added: Vec<String>,
    /// Files that differ from what the workspace has.
    pub changed: Vec<String>,
    /// How many are the same.
    pub unchanged: usize,
    /// Articles of the workspace whose file is not in the folder any more.
    pub missing: Vec<String>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Published {
    /// How many chunks a question can now find.
    pub chunks: usize,
}

/// Why a file could not be published.
#[derive(Debug, thiserror::Error)]
pub enum KnowledgeError {
    /// There is no such workspace.
    #[error("there is no workspace {0}")]
    NoWorkspace(WorkspaceId),
    /// The file itself; the workspace keeps what it had.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// Its name cannot be a source: empty, absolute, with `..`, or too long.
    #[error("{0:?} is not a path below the folder")]
    BadSource(String),
    /// Nothing that can be read as an article.
    #[error("{0:?} is neither Markdown (.md, .markdown, .mdx) nor plain text (.txt)")]
    UnknownFormat(String),
    /// The program's own fault, met in this file.
    #[error("Candor has a defect that this file brings out; please report it with the file")]
    Defect,
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The embedding model.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// The active index generation, which this process cannot open.
    #[error(transparent)]
    Generation(#[from] OpenError),
}

impl KnowledgeError {
    /// Whether it is the file that is at fault, so that others can go on.
    #[must_use]
    pub fn is_about_file(&self) -> bool {
        matches!(self, Self::Parse(_) | Self::BadSource(_) | Self::UnknownFormat(_) | Self::Defect)
    }
}

/// The longest source, in bytes.
pub const SOURCE_BYTES_MAX: usize = 1_024;

impl ArticleFile {
    /// The digest by which a changed file is known: SHA-256, in hexadecimal, of its bytes and of what it includes.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        digest.update(&self.bytes);
        for fragment in &self.fragments {
            for part in [&fragment.path, &fragment.text] {
                digest.update((part.len() as u64).to_le_bytes());
                digest.update(part);
            }
        }
        hex::encode(digest.finalize())
    }
}

/// Compares the files of a folder with what the workspace has of it.
#[must_use]
pub fn plan(files: &[Manifest], known: &[Known]) -> Plan {
    let mut known: HashMap<&str, &str> =
        known.iter().map(|known| (known.source.as_str(), known.digest.as_str())).collect();
    let mut plan = Plan::default();
    for file in files {
        match known.remove(file.source.as_str()) {
            None => plan.added.push(file.source.clone()),
            Some(digest) if digest == file.digest => plan.unchanged += 1,
            Some(_) => plan.changed.push(file.source.clone()),
        }
    }
    plan.missing = known.into_keys().map(str::to_owned).collect();
    plan.missing.sort_unstable();
    plan
}

/// Where in the workspace the files of a folder lie, when the folder is a part of one that was ingested before: a prefix such as
/// `orders/`, or nothing.
///
/// `path` are the parts of the folder's own path. At least half of the files must be known under the prefix; where as many are known
/// without one, the prefix is what the folder's name says. What comes second is whether there is no doubt: nothing is to be removed
/// on a guess.
#[must_use]
pub fn folder_in_workspace(files: &[Manifest], path: &[String], known: &[Known]) -> (String, bool) {
    let known: HashSet<&str> = known.iter().map(|known| known.source.as_str()).collect();
    let count =
        |prefix: &str| files.iter().filter(|file| known.contains(format!("{prefix}{}", file.source).as_str())).count();
    let mut best = (count(""), String::new());
    let mut elsewhere = 0;
    for start in (0..path.len()).rev() {
        let prefix = format!("{}/", path[start..].join("/"));
        let found = count(&prefix);
        elsewhere = elsewhere.max(found);
        let is_better = found > best.0 || (found == best.0 && best.1.is_empty());
        if found > 0 && is_better && 2 * found >= files.len() {
            best = (found, prefix);
        }
    }
    let is_certain = !best.1.is_empty() || elsewhere == 0 || 2 * best.0 > files.len();
    (best.1, is_certain)
}

/// Makes the file's content the current version of its article.
///
/// # Errors
/// [`KnowledgeError`]; then the workspace answers from what it had before.
pub async fn publish(engine: &Engine, workspace: WorkspaceId, file: ArticleFile) -> Result<Published, KnowledgeError> {
    let source = checked_source(&file.source)?.to_owned();
    if store::standing(engine.database(), workspace).await?.is_none() {
        return Err(KnowledgeError::NoWorkspace(workspace));
    }
    let article_bytes_max = engine.config().article_bytes_max;
    let chunker = engine.clone();
    let fragments = file.fragments.clone();
    let prepared = blocking(move || prepare(&chunker, &file, article_bytes_max)).await??;
    // Once more when another process switches generations just before the right to publish is had.
    for _ in 0..SWITCHES_MAX {
        if let Some(published) = publish_prepared(engine, workspace, &source, &prepared, &fragments).await? {
            return Ok(published);
        }
    }
    Err(DatabaseError::internal("the index generation was switched again and again").into())
}

/// Switches of the generation that one article is published through.
const SWITCHES_MAX: usize = 3;

/// Writes the points and commits the version; `None`, and nothing is visible, when the generation has been switched.
async fn publish_prepared(
    engine: &Engine,
    workspace: WorkspaceId,
    source: &str,
    prepared: &Prepared,
    fragments: &[Fragment],
) -> Result<Option<Published>, KnowledgeError> {
    let generation = engine.active_generation().await?;
    // Had before the first point is written and kept until the commit: nobody takes the points for orphans, nor switches to a
    // generation that does not have them.
    let right = engine.database().may_publish().await?;
    let at_ms = engine.clock().now_ms();
    let version = VersionId::new(engine.ids(), at_ms);
    let points =
        embed(engine, version, &generation, &prepared.article.title, &prepared.article.tags, &prepared.chunks).await?;
    let chunks = rows(version, &generation.row.id, &prepared.chunks, &points);
    generation.index.upsert(workspace, points).await?;

    let (mut transaction, _right) = right.begin().await?;
    if !store::generations::is_active(&mut transaction, &generation.row.id).await? {
        return Ok(None);
    }
    let new_version = NewVersion {
        id: version,
        source,
        title: &prepared.article.title,
        tags: &prepared.article.tags,
        language: prepared.article.language.as_deref(),
        url: None,
        body: &prepared.body,
        fragments,
        plain_text: &prepared.article.text,
        digest: &prepared.digest,
        at_ms,
    };
    let new_article = ArticleId::new(engine.ids(), at_ms);
    let replaced =
        store::publish(&mut transaction, workspace, new_article, &new_version, &generation.row.id, &chunks).await?;
    transaction.commit().await?;
    // From here on nobody sees the old points; if this fails the next start sweeps them.
    if let Err(error) = generation.index.delete(workspace, &replaced).await {
        tracing::warn!(%error, "replaced points stay in the index until the next start");
    }
    Ok(Some(Published { chunks: chunks.len() }))
}

/// Takes the articles at `sources` out of what a question can find. Returns how many there were.
///
/// # Errors
/// [`KnowledgeError::Database`]; then those that come later in `sources` are still there.
pub async fn withdraw(engine: &Engine, workspace: WorkspaceId, sources: &[String]) -> Result<usize, KnowledgeError> {
    let mut withdrawn = 0;
    for source in sources {
        let mut transaction = engine.database().begin().await?;
        let chunks = store::withdraw(&mut transaction, workspace, source, engine.clock().now_ms()).await?;
        transaction.commit().await?;
        if let Some(chunks) = chunks {
            withdrawn += 1;
            let deleted = match engine.active_generation().await {
                Ok(generation) => generation.index.delete(workspace, &chunks).await.map_err(KnowledgeError::from),
                Err(error) => Err(error.into()),
            };
            if let Err(error) = deleted {
                tracing::warn!(%error, "withdrawn points stay in the index until the next start");
            }
        }
    }
    Ok(withdrawn)
}

/// A file that is parsed and chunked.
struct Prepared {
    article: ParsedArticle,
    chunks: Vec<PreparedChunk>,
    body: String,
    digest: String,
}

/// A chunk with its place in code points and its text.
pub(super) struct PreparedChunk {
    pub heading_path: Vec<String>,
    pub start_char: usize,
    pub end_char: usize,
    pub text: String,
}

/// Reads the file as an article.
///
/// # Errors
/// [`KnowledgeError`], always about the file.
pub fn check(file: &ArticleFile, article_bytes_max: usize) -> Result<ParsedArticle, KnowledgeError> {
    checked_source(&file.source)?;
    if file.bytes.len() > article_bytes_max {
        return Err(ParseError::TooLarge { bytes: file.bytes.len(), bytes_max: article_bytes_max }.into());
    }
    let format =
        Format::of_file_name(&file.source).ok_or_else(|| KnowledgeError::UnknownFormat(file.source.clone()))?;
    Ok(parse(&file.source, format, &file.bytes, &|path| fragment(&file.fragments, path))?)
}

fn prepare(engine: &Engine, file: &ArticleFile, article_bytes_max: usize) -> Result<Prepared, KnowledgeError> {
    let article = check(file, article_bytes_max)?;
    let chunks = placed(&article.text, engine.chunker().chunk(&article));
    let body = String::from_utf8_lossy(&file.bytes).replace('\0', "");
    Ok(Prepared { digest: file.digest(), body, chunks, article })
}

/// The text of the fragment at `path`.
pub(super) fn fragment(fragments: &[Fragment], path: &str) -> Option<String> {
    fragments.iter().find(|fragment| fragment.path == path).map(|fragment| fragment.text.clone())
}

/// The chunks with places in code points, as citations and SQL count.
pub(super) fn placed(text: &str, chunks: Vec<Chunk>) -> Vec<PreparedChunk> {
    // Chunks may overlap, so each place is counted on from the nearest earlier start.
    let (mut byte, mut char) = (0, 0);
    chunks
        .into_iter()
        .map(|chunk| {
            if chunk.span.start < byte {
                (byte, char) = (0, 0);
            }
            char += text[byte..chunk.span.start].chars().count();
            byte = chunk.span.start;
            let text = &text[chunk.span.clone()];
            PreparedChunk {
                heading_path: chunk.heading_path,
                start_char: char,
                end_char: char + text.chars().count(),
                text: text.to_owned(),
            }
        })
        .collect()
}

/// SHA-256, in hexadecimal.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The points of an article's chunks.
pub(super) async fn embed(
    engine: &Engine,
    version: VersionId,
    generation: &Generation,
    title: &str,
    tags: &[String],
    chunks: &[PreparedChunk],
) -> Result<Vec<Point>, KnowledgeError> {
    let chunks: Vec<Told<'_>> = chunks
        .iter()
        .enumerate()
        .map(|(ordinal, chunk)| Told {
            chunk: ChunkId::of(version, &generation.row.id, ordinal),
            title,
            heading_path: &chunk.heading_path,
            text: &chunk.text,
            tags,
        })
        .collect();
    points::points(engine, &chunks).await
}

pub(super) fn rows(version: VersionId, generation: &str, chunks: &[PreparedChunk], points: &[Point]) -> Vec<NewChunk> {
    let count = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
    chunks
        .iter()
        .zip(points)
        .enumerate()
        .map(|(ordinal, (chunk, point))| NewChunk {
            id: ChunkId::of(version, generation, ordinal),
            ordinal: count(ordinal),
            heading_path: chunk.heading_path.clone(),
            start_char: count(chunk.start_char),
            end_char: count(chunk.end_char),
            terms: point.terms.to_bytes(),
        })
        .collect()
}

fn checked_source(source: &str) -> Result<&str, KnowledgeError> {
    let is_path = !source.is_empty()
        && source.len() <= SOURCE_BYTES_MAX
        && !source.chars().any(char::is_control)
        && source.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    if is_path { Ok(source) } else { Err(KnowledgeError::BadSource(source.to_owned())) }
}

/// Runs work that takes a core on as many threads as there are cores; the runtime's pool for waiting has hundreds.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, KnowledgeError> {
    let (done, outcome) = tokio::sync::oneshot::channel();
    rayon::spawn(move || {
        // A panic here would end the process; dropped, `done` tells whoever waits.
        if let Ok(outcome) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
            // Whoever waited may have gone.
            let _ = done.send(outcome);
        }
    });
    outcome.await.map_err(|_| KnowledgeError::Defect)
}

/// Bytes as base64, so that a file of any content travels in JSON.
mod as_base64 {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        BASE64_STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(source: &str, digest: &str) -> Manifest {
        Manifest { source: source.into(), digest: digest.into() }
    }

    fn known(source: &str, digest: &str) -> Known {
        Known { source: source.into(), digest: digest.into() }
    }

    #[test]
    fn a_plan_tells_new_changed_same_and_missing_apart() {
        let plan = plan(
            &[manifest("new.md", "1"), manifest("same.md", "2"), manifest("edited.md", "3")],
            &[known("same.md", "2"), known("edited.md", "0"), known("gone.md", "4")],
        );
        let expected = Plan {
            added: vec!["new.md".into()],
            changed: vec!["edited.md".into()],
            unchanged: 1,
            missing: vec!["gone.md".into()],
        };
        assert_eq!(plan, expected);
    }

    #[test]
    fn a_part_of_an_ingested_folder_is_known_for_what_it_is() {
        let known = [known("orders/a.md", "1"), known("orders/b.md", "2"), known("a.md", "3")];
        let path = ["home", "docs", "orders"].map(str::to_owned);
        let files = [manifest("a.md", "1"), manifest("b.md", "2")];
        let place = |files: &[Manifest]| folder_in_workspace(files, &path, &known);
        assert_eq!(place(&files), ("orders/".to_owned(), true));
        assert_eq!(place(&files[1..]), ("orders/".to_owned(), true));
        assert_eq!(
            place(&files[..1]),
            ("orders/".to_owned(), true),
            "both have a file of that name; the folder's decides"
        );
        let others = [manifest("b.md", "2"), manifest("x.md", "4"), manifest("y.md", "5")];
        assert_eq!(place(&others), (String::new(), false), "most of it is not known there, and some of it is");
        assert_eq!(place(&others[1..]), (String::new(), true), "nothing of it is known anywhere");
        let whole = [manifest("orders/a.md", "1"), manifest("orders/b.md", "2"), manifest("a.md", "3")];
        assert_eq!(place(&whole), (String::new(), true));
    }

    #[test]
    fn sources_that_lead_out_of_the_folder_are_refused() {
        for source in ["", "/etc/passwd", "../x.md", "a/../../x.md", "a//b.md", "a\nb.md"] {
            assert!(checked_source(source).is_err(), "{source:?}");
        }
        assert!(checked_source("guides/été.md").is_ok());
    }

    #[test]
    fn places_are_counted_in_code_points() {
        let text = "né\n日本\nend";
        let chunk = |span| Chunk { ordinal: 0, heading_path: Vec::new(), span };
        let placed = placed(text, vec![chunk(0..3), chunk(4..10), chunk(0..10)]);
        let places: Vec<_> =
            placed.iter().map(|chunk| (chunk.start_char, chunk.end_char, chunk.text.as_str())).collect();
        assert_eq!(places, [(0, 2, "né"), (3, 5, "日本"), (0, 5, "né\n日本")]);
    }
}
