//! SQL of index generations: what there is of them, and which versions are still to be chunked for one.

use crate::database::{Database, DatabaseError, Transaction};
use crate::ids::{ArticleId, VersionId, WorkspaceId};
use crate::index::Dimensions;
use crate::inference::token_projection;
use crate::knowledge::parse::Fragment;
use crate::{execute, read, run};

/// An index generation.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow, serde::Serialize, serde::Deserialize)]
pub struct GenerationRow {
    pub id: String,
    pub embedding: String,
    pub tokenizer: String,
    pub chunker: String,
    pub dimension: i64,
}

impl GenerationRow {
    /// How many floats its vectors have.
    #[must_use]
    pub fn dimensions(&self) -> Dimensions {
        Dimensions {
            dense: usize::try_from(self.dimension).unwrap_or_default(),
            tokens: token_projection::dimension_of(&self.embedding).unwrap_or(token_projection::DIMENSION),
        }
    }
}

/// A version that a question can find, with what is needed to chunk it again.
#[derive(Clone, Debug)]
pub struct CurrentVersion {
    pub workspace: WorkspaceId,
    pub article: ArticleId,
    pub version: VersionId,
    pub source: String,
    pub title: String,
    pub tags: Vec<String>,
    pub body: String,
    pub fragments: Vec<Fragment>,
    pub plain_text: String,
}

/// Some current versions that have no chunks in `generation` yet, at most `limit`.
pub async fn unchunked(
    database: &Database,
    generation: &str,
    limit: i64,
) -> Result<Vec<CurrentVersion>, DatabaseError> {
    const SQL: &str = "
        select v.workspace_id, v.article_id, v.id, a.source, v.title, v.tags, v.body, v.fragments, v.plain_text
        from articles a
        join article_versions v on v.id = a.current_version_id
        where a.status = 'published'
            and not exists (select 1 from chunks c where c.version_id = v.id and c.generation_id = $1)
        order by v.id
        limit $2";
    type Row = (String, String, String, String, String, String, String, String, String);
    let rows: Vec<Row> = read!(database, |pool: D| sqlx::query_as(SQL).bind(generation).bind(limit).fetch_all(pool))?;
    rows.into_iter()
        .map(|(workspace, article, version, source, title, tags, body, fragments, plain_text)| {
            Ok(CurrentVersion {
                workspace: workspace.parse().map_err(DatabaseError::internal)?,
                article: article.parse().map_err(DatabaseError::internal)?,
                version: version.parse().map_err(DatabaseError::internal)?,
                source,
                title,
                tags: serde_json::from_str(&tags).map_err(DatabaseError::internal)?,
                body,
                fragments: serde_json::from_str(&fragments).map_err(DatabaseError::internal)?,
                plain_text,
            })
        })
        .collect()
}

/// The generation that questions are answered from.
pub async fn active(database: &Database) -> Result<Option<GenerationRow>, DatabaseError> {
    const SQL: &str = "
        select id, embedding, tokenizer, chunker, dimension
        from index_generations
        where state = 'active'";
    read!(database, |pool: D| sqlx::query_as(SQL).fetch_optional(pool))
}

/// Whether questions are answered from `generation`.
pub async fn is_active(transaction: &mut Transaction, generation: &str) -> Result<bool, DatabaseError> {
    const SQL: &str = "select id from index_generations where state = 'active'";
    let active: Option<String> = run!(transaction, |connection: D| sqlx::query_scalar(SQL).fetch_optional(connection))?;
    Ok(active.as_deref() == Some(generation))
}

/// The generations that no question is answered from any more.
pub async fn retired(database: &Database) -> Result<Vec<String>, DatabaseError> {
    const SQL: &str = "select id from index_generations where state = 'retired'";
    read!(database, |pool: D| sqlx::query_scalar(SQL).fetch_all(pool))
}

/// How many generations there have been, for the next one's number.
pub async fn count(database: &Database) -> Result<i64, DatabaseError> {
    const SQL: &str = "select count(*) from index_generations";
    read!(database, |pool: D| sqlx::query_scalar(SQL).fetch_one(pool))
}

/// Records a generation that is being built.
pub async fn insert(
    transaction: &mut Transaction,
    generation: &GenerationRow,
    at_ms: i64,
) -> Result<(), DatabaseError> {
    const SQL: &str = "
        insert into index_generations (id, embedding, tokenizer, chunker, dimension, state, created_at_ms)
        values ($1, $2, $3, $4, $5, 'building', $6)";
    execute!(
        transaction,
        sqlx::query(SQL)
            .bind(&generation.id)
            .bind(&generation.embedding)
            .bind(&generation.tokenizer)
            .bind(&generation.chunker)
            .bind(generation.dimension)
            .bind(at_ms)
    )
    .map(drop)
}

/// Makes `generation` the active one and retires all others. Returns `false`, and changes nothing, when a current version
/// still has no chunks in it.
pub async fn activate(transaction: &mut Transaction, generation: &str, at_ms: i64) -> Result<bool, DatabaseError> {
    const INCOMPLETE: &str = "
        select count(*)
        from articles a
        where a.status = 'published'
            and not exists (select 1 from chunks c where c.version_id = a.current_version_id and c.generation_id = $1)";
    // An article may have been published or withdrawn while its former version was being chunked.
    const REPLACED: &str = "
        delete from chunks
        where generation_id = $1
            and version_id not in (select current_version_id from articles where current_version_id is not null)";
    const RETIRE: &str = "update index_generations set state = 'retired' where state <> 'retired' and id <> $1";
    const ACTIVATE: &str = "update index_generations set state = 'active', activated_at_ms = $2 where id = $1";
    let incomplete: i64 =
        run!(transaction, |connection: D| sqlx::query_scalar(INCOMPLETE).bind(generation).fetch_one(connection))?;
    if incomplete > 0 {
        return Ok(false);
    }
    execute!(transaction, sqlx::query(REPLACED).bind(generation))?;
    execute!(transaction, sqlx::query(RETIRE).bind(generation))?;
    execute!(transaction, sqlx::query(ACTIVATE).bind(generation).bind(at_ms))?;
    Ok(true)
}

/// Retires the generations that were begun and never finished; only with the right to rebuild, or a living rebuild's would go.
pub async fn retire_unfinished(transaction: &mut Transaction) -> Result<(), DatabaseError> {
    const SQL: &str = "update index_generations set state = 'retired' where state = 'building'";
    execute!(transaction, sqlx::query(SQL)).map(drop)
}

/// Forgets the chunks of retired generations; only when no question is sent to one of them any more.
pub async fn forget_retired(transaction: &mut Transaction) -> Result<(), DatabaseError> {
    const SQL: &str = "
        delete from chunks
        where generation_id in (select id from index_generations where state = 'retired')";
    execute!(transaction, sqlx::query(SQL)).map(drop)
}
