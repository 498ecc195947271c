//! Articles as people work on them: written here, changed, published, archived, taken away, with all their versions.
//!
//! What comes from a file is the file's: it is changed there and ingested again.

use crate::database::DatabaseError;
use crate::engine::Engine;
use crate::ids::{ArticleId, ChunkId, VersionId, WorkspaceId};
use crate::knowledge::parse::{self, ParseError, ParsedArticle};
use crate::knowledge::store::articles::{self as store_of_articles, Article, Version};
use crate::knowledge::store::{self, NewVersion};
use crate::knowledge::sync::{KnowledgeError, PreparedChunk, blocking, digest, embed, placed, rows};

/// How often a change is tried while others change the same article, or the index is switched.
const TRIES_MAX: usize = 5;

/// Where an article comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A file that was ingested.
    File,
    /// Somebody has written it here.
    Manual,
}

/// Whether a question can find an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not yet.
    Draft,
    /// It can.
    Published,
    /// Not any more.
    Archived,
}

/// Which articles are wanted; nothing is not asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// With this status.
    pub status: Option<Status>,
    /// Of this kind.
    pub source_kind: Option<SourceKind>,
    /// With this tag.
    pub tag: Option<String>,
    /// With this text in the title or in what it says, in any case.
    pub text: Option<String>,
}

/// What somebody writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The title.
    pub title: String,
    /// What it says, in Markdown.
    pub body: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// The language that it is written in, as in `en`; `None`: as it is told from the text.
    pub language: Option<String>,
}

/// What is to become of an article; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// What it says from now on, made of what it says now.
    pub written: Option<Written>,
    /// Whether a question can find it.
    pub status: Option<Status>,
}

/// Why an article was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ArticleError {
    /// There is no such article in the workspace.
    #[error("there is no such article")]
    NotFound,
    /// There is no such version of it.
    #[error("the article has no version {0}")]
    NoSuchVersion(i64),
    /// Somebody else has changed it since.
    #[error("the article is at revision {revision} by now")]
    Stale {
        /// Where it is.
        revision: i64,
    },
    /// It comes from a file.
    #[error("the article comes from the file {0}: change the file and ingest it again")]
    FromFile(String),
    /// What was written cannot be an article.
    #[error("the article cannot be read: {0}")]
    Unreadable(#[from] ParseError),
    /// What articles stand on.
    #[error(transparent)]
    Knowledge(#[from] KnowledgeError),
}

impl From<DatabaseError> for ArticleError {
    fn from(error: DatabaseError) -> Self {
        Self::Knowledge(error.into())
    }
}

impl SourceKind {
    /// Its name on the wire and in SQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Manual => "manual",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::File, Self::Manual].into_iter().find(|kind| kind.name() == name)
    }
}

impl Status {
    /// Its name on the wire and in SQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Archived => "archived",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Draft, Self::Published, Self::Archived].into_iter().find(|status| status.name() == name)
    }
}

impl Version {
    /// What was written.
    #[must_use]
    pub fn written(&self) -> Written {
        Written {
            title: self.title.clone(),
            body: self.body.clone(),
            tags: self.tags.clone(),
            language: self.language.clone(),
        }
    }
}

/// Keeps a new article, and has questions find it where its `status` is so.
///
/// # Errors
/// [`ArticleError::Unreadable`], or what articles stand on.
pub async fn create(
    engine: &Engine,
    workspace: WorkspaceId,
    written: Written,
    status: Status,
) -> Result<Article, ArticleError> {
    let id = ArticleId::new(engine.ids(), engine.clock().now_ms());
    let edit = Edit { workspace, id, before: None, written: Some(Prepared::of(engine, written).await?), status };
    for _ in 0..TRIES_MAX {
        if edit.make(engine).await? {
            return read(engine, workspace, id).await;
        }
    }
    Err(KnowledgeError::from(DatabaseError::internal("the index generation was switched again and again")).into())
}

/// The article `id` as it is now.
///
/// # Errors
/// [`ArticleError::NotFound`].
pub async fn read(engine: &Engine, workspace: WorkspaceId, id: ArticleId) -> Result<Article, ArticleError> {
    store_of_articles::article(engine.database(), workspace, id).await?.ok_or(ArticleError::NotFound)
}

/// Changes an article that was written here, where `is_expected` agrees with its revision, and gives what it is then. What changes
/// nothing leaves it as it is.
///
/// # Errors
/// [`ArticleError::Stale`] where `is_expected` does not agree.
pub async fn change(
    engine: &Engine,
    workspace: WorkspaceId,
    id: ArticleId,
    is_expected: impl Fn(i64) -> bool,
    change: impl Fn(&Article) -> Change,
) -> Result<Article, ArticleError> {
    let mut revision = 0;
    for _ in 0..TRIES_MAX {
        let before = editable(engine, workspace, id, &is_expected).await?;
        revision = before.revision;
        let Change { written, status } = change(&before);
        let written = written.filter(|written| *written != before.version.written());
        let status = status.unwrap_or(before.status);
        if written.is_none() && status == before.status {
            return Ok(before);
        }
        let written = match written {
            Some(written) => Some(Prepared::of(engine, written).await?),
            None if status == Status::Published => Some(Prepared::of(engine, before.version.written()).await?),
            None => None,
        };
        if (Edit { workspace, id, before: Some(before), written, status }).make(engine).await? {
            return read(engine, workspace, id).await;
        }
    }
    Err(ArticleError::Stale { revision })
}

/// Writes what an earlier version said as a new one.
///
/// # Errors
/// [`ArticleError::NoSuchVersion`], and as [`change`].
pub async fn restore(
    engine: &Engine,
    workspace: WorkspaceId,
    id: ArticleId,
    number: i64,
    is_expected: impl Fn(i64) -> bool,
) -> Result<Article, ArticleError> {
    editable(engine, workspace, id, &is_expected).await?;
    let found = store_of_articles::versions(engine.database(), workspace, id, number, 1).await?;
    let version =
        found.into_iter().find(|version| version.number == number).ok_or(ArticleError::NoSuchVersion(number))?;
    let written = version.written();
    change(engine, workspace, id, is_expected, |_| Change { written: Some(written.clone()), status: None }).await
}

/// Takes an article that was written here away: from now on nobody finds it. Its versions stay, for the answers that cite them.
///
/// # Errors
/// As [`change`].
pub async fn remove(
    engine: &Engine,
    workspace: WorkspaceId,
    id: ArticleId,
    is_expected: impl Fn(i64) -> bool,
) -> Result<(), ArticleError> {
    let mut revision = 0;
    for _ in 0..TRIES_MAX {
        let before = editable(engine, workspace, id, &is_expected).await?;
        revision = before.revision;
        let at_ms = engine.clock().now_ms();
        let mut transaction = engine.database().begin().await?;
        if store_of_articles::set_status(&mut transaction, workspace, id, revision, None, None, at_ms).await? {
            let replaced = store::take_chunks(&mut transaction, workspace, id, at_ms).await?;
            transaction.commit().await?;
            sweep(engine, workspace, &replaced).await;
            return Ok(());
        }
    }
    Err(ArticleError::Stale { revision })
}

async fn editable(
    engine: &Engine,
    workspace: WorkspaceId,
    id: ArticleId,
    is_expected: &impl Fn(i64) -> bool,
) -> Result<Article, ArticleError> {
    let article = read(engine, workspace, id).await?;
    if article.source_kind == SourceKind::File {
        return Err(ArticleError::FromFile(article.source));
    }
    if !is_expected(article.revision) {
        return Err(ArticleError::Stale { revision: article.revision });
    }
    Ok(article)
}

/// What was written, read and cut.
struct Prepared {
    written: Written,
    article: ParsedArticle,
    chunks: Vec<PreparedChunk>,
    digest: String,
}

impl Prepared {
    async fn of(engine: &Engine, written: Written) -> Result<Self, ArticleError> {
        let bytes_max = engine.config().article_bytes_max;
        if written.body.len() > bytes_max {
            return Err(ParseError::TooLarge { bytes: written.body.len(), bytes_max }.into());
        }
        let worker = engine.clone();
        let prepared = blocking(move || {
            let Written { title, body, tags, language } = &written;
            let article = parse::written(title, tags, language.as_deref(), body)?;
            let chunks = placed(&article.text, worker.chunker().chunk(&article));
            Ok::<_, ParseError>(Self { digest: digest(body.as_bytes()), article, chunks, written })
        });
        Ok(prepared.await??)
    }
}

/// A change that is about to be made.
struct Edit {
    workspace: WorkspaceId,
    id: ArticleId,
    /// `None` for a new article.
    before: Option<Article>,
    /// What it says from now on, or what is to be found again; `None` where neither is touched.
    written: Option<Prepared>,
    status: Status,
}

impl Edit {
    /// Makes it; `false`, and nothing has changed, where somebody else has changed the article in the meantime, or the index was
    /// switched.
    async fn make(&self, engine: &Engine) -> Result<bool, ArticleError> {
        let at_ms = engine.clock().now_ms();
        let is_new_text = |prepared: &&Prepared| {
            self.before.as_ref().is_none_or(|before| before.version.written() != prepared.written)
        };
        let new = self.written.as_ref().filter(is_new_text);
        let version = match (&self.before, new) {
            (Some(before), None) => before.version.id,
            _ => VersionId::new(engine.ids(), at_ms),
        };
        // Had before the first point is written and kept until the commit, as where files are published.
        let generation = engine.active_generation().await.map_err(KnowledgeError::from)?;
        let right = engine.database().may_publish().await?;
        let mut chunks = Vec::new();
        if let Some(Prepared { article, chunks: prepared, .. }) = &self.written
            && self.status == Status::Published
        {
            let points = embed(engine, version, &generation, &article.title, &article.tags, prepared).await?;
            chunks = rows(version, &generation.row.id, prepared, &points);
            generation.index.upsert(self.workspace, points).await.map_err(KnowledgeError::from)?;
        }
        let (mut transaction, _right) = right.begin().await?;
        if !store::generations::is_active(&mut transaction, &generation.row.id).await? {
            return Ok(false);
        }
        let revision = self.before.as_ref().map_or(0, |before| before.revision);
        if self.before.is_none() {
            let source = format!("{}.md", self.id);
            store_of_articles::insert_article(&mut transaction, self.workspace, self.id, &source, at_ms).await?;
        }
        let current = (self.status == Status::Published).then_some(version);
        let (workspace, id, status) = (self.workspace, self.id, Some(self.status));
        if !store_of_articles::set_status(&mut transaction, workspace, id, revision, status, current, at_ms).await? {
            return Ok(false);
        }
        let was_found = self.before.as_ref().is_some_and(|before| before.status == Status::Published);
        let mut replaced = Vec::new();
        if was_found || self.status == Status::Published {
            replaced = store::take_chunks(&mut transaction, workspace, id, at_ms).await?;
        }
        if let Some(Prepared { written, article, digest, .. }) = new {
            let new_version = NewVersion {
                id: version,
                source: "",
                title: &article.title,
                tags: &article.tags,
                language: article.language.as_deref(),
                url: None,
                body: &written.body,
                fragments: &[],
                plain_text: &article.text,
                digest,
                at_ms,
            };
            store::insert_version(&mut transaction, workspace, &id.to_string(), &new_version).await?;
        }
        store::insert_chunks(&mut transaction, workspace, &id.to_string(), version, &generation.row.id, &chunks)
            .await?;
        transaction.commit().await?;
        // What is found again has the same points as before.
        replaced.retain(|chunk| chunks.iter().all(|kept| kept.id != *chunk));
        sweep(engine, workspace, &replaced).await;
        Ok(true)
    }
}

/// Takes points out of the index that nobody sees any more; if that fails the next start does.
async fn sweep(engine: &Engine, workspace: WorkspaceId, replaced: &[ChunkId]) {
    let swept = match engine.active_generation().await {
        Ok(generation) => generation.index.delete(workspace, replaced).await.map_err(KnowledgeError::from),
        Err(error) => Err(error.into()),
    };
    if let Err(error) = swept {
        tracing::warn!(%error, "points of an article that was changed stay in the index until the next start");
    }
}
