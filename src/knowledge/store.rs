//! SQL of what a question can find: articles, versions and chunks; of index generations in [`generations`], and of articles as people
//! work on them in [`articles`].

pub mod articles;
pub mod generations;

use sqlx::QueryBuilder;

use crate::database::{Database, DatabaseError, Transaction};
use crate::ids::{ArticleId, ChunkId, VersionId, WorkspaceId};
use crate::index::TermFrequencies;
use crate::knowledge::parse::Fragment;
use crate::{execute, read, run};

/// Chunks whose terms are in memory at a time, about 10 MB.
const CHUNKS_A_PAGE: i64 = 10_000;

/// An article's state where one was ingested from a file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Known {
    /// The file's path below the ingested folder.
    pub source: String,
    /// Digest of the current version.
    pub digest: String,
}

/// A version that is about to become an article's current one.
#[derive(Clone, Debug)]
pub struct NewVersion<'a> {
    pub id: VersionId,
    pub source: &'a str,
    pub title: &'a str,
    pub tags: &'a [String],
    pub language: Option<&'a str>,
    pub url: Option<&'a str>,
    pub body: &'a str,
    pub fragments: &'a [Fragment],
    pub plain_text: &'a str,
    pub digest: &'a str,
    pub at_ms: i64,
}

/// A chunk as SQL holds it.
#[derive(Clone, Debug)]
pub struct NewChunk {
    pub id: ChunkId,
    pub ordinal: i64,
    pub heading_path: Vec<String>,
    pub start_char: i64,
    pub end_char: i64,
    pub terms: Vec<u8>,
}

/// A published article as its file was ingested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedFile {
    pub article: ArticleId,
    pub source: String,
    /// The file as text: what is not UTF-8 in it is replaced, and U+0000 left out.
    pub body: String,
    pub fragments: Vec<Fragment>,
    /// Digest of the file itself, so that a body that has lost something can be told.
    pub digest: String,
}

/// A chunk that a question can find, with what a citation needs.
#[derive(Clone, Debug)]
pub struct VisibleChunk {
    pub id: ChunkId,
    pub article: ArticleId,
    pub version: VersionId,
    pub source: String,
    pub title: String,
    pub url: Option<String>,
    pub language: Option<String>,
    pub tags: Vec<String>,
    pub heading_path: Vec<String>,
    pub start_char: i64,
    pub end_char: i64,
    pub text: String,
}

/// The published articles of a workspace that came from files.
pub async fn known_files(database: &Database, workspace: WorkspaceId) -> Result<Vec<Known>, DatabaseError> {
    const SQL: &str = "
        select a.source, v.digest
        from articles a
        join article_versions v on v.id = a.current_version_id
        where a.workspace_id = $1 and a.source_kind = 'file' and a.status = 'published'
        order by a.source";
    let rows: Vec<(String, String)> =
        read!(database, |pool: D| sqlx::query_as(SQL).bind(workspace.to_string()).fetch_all(pool))?;
    Ok(rows.into_iter().map(|(source, digest)| Known { source, digest }).collect())
}

/// A page of the published articles of a workspace that came from files: at most `limit`, by rising id, after `after`.
pub async fn published_files(
    database: &Database,
    workspace: WorkspaceId,
    after: Option<ArticleId>,
    limit: i64,
) -> Result<Vec<PublishedFile>, DatabaseError> {
    const SQL: &str = "
        select a.id, a.source, v.body, v.fragments, v.digest
        from articles a
        join article_versions v on v.id = a.current_version_id
        where a.workspace_id = $1 and a.source_kind = 'file' and a.status = 'published' and a.id > $2
        order by a.id
        limit $3";
    // Every id comes after the empty text.
    let after = after.map(|article| article.to_string()).unwrap_or_default();
    let rows: Vec<(String, String, String, String, String)> = read!(database, |pool: D| sqlx::query_as(SQL)
        .bind(workspace.to_string())
        .bind(&after)
        .bind(limit)
        .fetch_all(pool))?;
    rows.into_iter()
        .map(|(article, source, body, fragments, digest)| {
            Ok(PublishedFile {
                article: article.parse().map_err(DatabaseError::internal)?,
                source,
                body,
                fragments: serde_json::from_str(&fragments).map_err(DatabaseError::internal)?,
                digest,
            })
        })
        .collect()
}

/// Makes `version` the current one of the article at its source, with its chunks in `generation`, and returns the
/// chunks that it replaces.
pub async fn publish(
    transaction: &mut Transaction,
    workspace: WorkspaceId,
    new_article: ArticleId,
    version: &NewVersion<'_>,
    generation: &str,
    chunks: &[NewChunk],
) -> Result<Vec<ChunkId>, DatabaseError> {
    // The upsert also takes the article's row, so that two writers of one article come one after the other.
    const ARTICLE: &str = "
        insert into articles
            (id, workspace_id, source_kind, source, status, current_version_id, revision, created_at_ms, updated_at_ms)
        values ($1, $2, 'file', $3, 'published', $4, 1, $5, $5)
        on conflict (workspace_id, source_kind, source) do update
        set status = 'published', current_version_id = excluded.current_version_id,
            revision = coalesce(articles.revision, 0) + 1, updated_at_ms = excluded.updated_at_ms
        returning id";
    let article: String = run!(transaction, |connection: D| sqlx::query_scalar(ARTICLE)
        .bind(new_article.to_string())
        .bind(workspace.to_string())
        .bind(version.source)
        .bind(version.id.to_string())
        .bind(version.at_ms)
        .fetch_one(connection))?;
    let replaced = remove_chunks(transaction, &article).await?;
    insert_version(transaction, workspace, &article, version).await?;
    insert_chunks(transaction, workspace, &article, version.id, generation, chunks).await?;
    bump_knowledge_version(transaction, workspace, version.at_ms).await?;
    Ok(replaced)
}

/// Records a version of an article, with the next number.
pub async fn insert_version(
    transaction: &mut Transaction,
    workspace: WorkspaceId,
    article: &str,
    version: &NewVersion<'_>,
) -> Result<(), DatabaseError> {
    const SQL: &str = "
        insert into article_versions
            (id, workspace_id, article_id, version, title, tags, language, url, body, fragments, plain_text, digest, created_at_ms)
        select $1, $2, $3, coalesce(max(version), 0) + 1, $4, $5, $6, $7, $8, $9, $10, $11, $12
        from article_versions
        where article_id = $3";
    let tags = serde_json::to_string(version.tags).map_err(DatabaseError::internal)?;
    let fragments = serde_json::to_string(version.fragments).map_err(DatabaseError::internal)?;
    execute!(
        transaction,
        sqlx::query(SQL)
            .bind(version.id.to_string())
            .bind(workspace.to_string())
            .bind(article)
            .bind(version.title)
            .bind(&tags)
            .bind(version.language)
            .bind(version.url)
            .bind(version.body)
            .bind(&fragments)
            .bind(version.plain_text)
            .bind(version.digest)
            .bind(version.at_ms)
    )?;
    Ok(())
}

/// Writes the chunks of a version in a generation.
pub async fn insert_chunks(
    transaction: &mut Transaction,
    workspace: WorkspaceId,
    article: &str,
    version: VersionId,
    generation: &str,
    chunks: &[NewChunk],
) -> Result<(), DatabaseError> {
    /// Ten values a row: well below the 32,766 that SQLite binds in one statement.
    const ROWS_MAX: usize = 1_000;
    for batch in chunks.chunks(ROWS_MAX) {
        let mut rows = Vec::with_capacity(batch.len());
        for chunk in batch {
            rows.push((chunk, serde_json::to_string(&chunk.heading_path).map_err(DatabaseError::internal)?));
        }
        run!(transaction, |connection: D| {
            let mut query = QueryBuilder::<D>::new(
                "insert into chunks (id, workspace_id, article_id, version_id, generation_id, ordinal, heading_path, \
                 start_char, end_char, terms) ",
            );
            query.push_values(&rows, |mut row, (chunk, heading_path)| {
                row.push_bind(chunk.id.to_string())
                    .push_bind(workspace.to_string())
                    .push_bind(article.to_owned())
                    .push_bind(version.to_string())
                    .push_bind(generation.to_owned())
                    .push_bind(chunk.ordinal)
                    .push_bind(heading_path.clone())
                    .push_bind(chunk.start_char)
                    .push_bind(chunk.end_char)
                    .push_bind(chunk.terms.clone());
            });
            async move { query.build().execute(connection).await.map(drop) }
        })?;
    }
    Ok(())
}

async fn remove_chunks(transaction: &mut Transaction, article: &str) -> Result<Vec<ChunkId>, DatabaseError> {
    const SQL: &str = "delete from chunks where article_id = $1 returning id";
    let removed: Vec<String> =
        run!(transaction, |connection: D| sqlx::query_scalar(SQL).bind(article).fetch_all(connection))?;
    parsed(&removed)
}

/// Takes the chunks of an article away, because what a question can find of it changes, and returns them.
pub async fn take_chunks(
    transaction: &mut Transaction,
    workspace: WorkspaceId,
    article: ArticleId,
    at_ms: i64,
) -> Result<Vec<ChunkId>, DatabaseError> {
    let removed = remove_chunks(transaction, &article.to_string()).await?;
    bump_knowledge_version(transaction, workspace, at_ms).await?;
    Ok(removed)
}

async fn bump_knowledge_version(
    transaction: &mut Transaction,
    workspace: WorkspaceId,
    at_ms: i64,
) -> Result<(), DatabaseError> {
    const SQL: &str = "
        update workspaces
        set knowledge_version = knowledge_version + 1, updated_at_ms = $2
        where id = $1";
    execute!(transaction, sqlx::query(SQL).bind(workspace.to_string()).bind(at_ms)).map(drop)
}

/// Takes the article at `source` out of what a question can find; its versions stay. Returns its chunks, or `None` when there
/// was no such published article.
pub async fn withdraw(
    transaction: &mut Transaction,
    workspace: WorkspaceId,
    source: &str,
    at_ms: i64,
) -> Result<Option<Vec<ChunkId>>, DatabaseError> {
    const SQL: &str = "
        update articles
        set status = 'removed', current_version_id = null, revision = coalesce(revision, 0) + 1, updated_at_ms = $3
        where workspace_id = $1 and source_kind = 'file' and source = $2 and status = 'published'
        returning id";
    let article: Option<String> = run!(transaction, |connection: D| sqlx::query_scalar(SQL)
        .bind(workspace.to_string())
        .bind(source)
        .bind(at_ms)
        .fetch_optional(connection))?;
    let Some(article) = article else { return Ok(None) };
    let chunks = remove_chunks(transaction, &article).await?;
    bump_knowledge_version(transaction, workspace, at_ms).await?;
    Ok(Some(chunks))
}

/// Those of `chunks` that a question of `workspace` may see now, in one look: an article is found in one version or not at all.
pub async fn visible_chunks(
    database: &Database,
    workspace: WorkspaceId,
    generation: &str,
    chunks: &[ChunkId],
) -> Result<Vec<VisibleChunk>, DatabaseError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        id: String,
        article_id: String,
        version_id: String,
        source: String,
        title: String,
        url: Option<String>,
        language: Option<String>,
        tags: String,
        heading_path: String,
        start_char: i64,
        end_char: i64,
        text: String,
    }
    if chunks.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> = read!(database, |pool: D| {
        let mut query = QueryBuilder::<D>::new(
            "select c.id, c.article_id, c.version_id, a.source, v.title, v.url, v.language, v.tags, c.heading_path, \
             c.start_char, c.end_char, \
             substr(v.plain_text, cast(c.start_char + 1 as integer), cast(c.end_char - c.start_char as integer)) as text \
             from chunks c \
             join articles a on a.id = c.article_id and a.current_version_id = c.version_id and a.status = 'published' \
             join article_versions v on v.id = c.version_id \
             where c.workspace_id = ",
        );
        query
            .push_bind(workspace.to_string())
            .push(" and c.generation_id = ")
            .push_bind(generation.to_owned())
            .push(" and c.id in (");
        let mut ids = query.separated(", ");
        for chunk in chunks {
            ids.push_bind(chunk.to_string());
        }
        query.push(")");
        async move { query.build_query_as::<Row>().fetch_all(pool).await }
    })?;
    rows.into_iter()
        .map(|row| {
            Ok(VisibleChunk {
                id: row.id.parse().map_err(DatabaseError::internal)?,
                article: row.article_id.parse().map_err(DatabaseError::internal)?,
                version: row.version_id.parse().map_err(DatabaseError::internal)?,
                source: row.source,
                title: row.title,
                url: row.url,
                language: row.language,
                tags: serde_json::from_str(&row.tags).map_err(DatabaseError::internal)?,
                heading_path: serde_json::from_str(&row.heading_path).map_err(DatabaseError::internal)?,
                start_char: row.start_char,
                end_char: row.end_char,
                text: row.text,
            })
        })
        .collect()
}

/// The ids of all chunks of a workspace in a generation.
pub async fn chunk_ids(
    database: &Database,
    workspace: WorkspaceId,
    generation: &str,
) -> Result<Vec<ChunkId>, DatabaseError> {
    const SQL: &str = "select id from chunks where workspace_id = $1 and generation_id = $2";
    let ids: Vec<String> = read!(database, |pool: D| sqlx::query_scalar(SQL)
        .bind(workspace.to_string())
        .bind(generation)
        .fetch_all(pool))?;
    parsed(&ids)
}

/// How many chunks a generation has, in all workspaces.
pub async fn count_chunks(database: &Database, generation: &str) -> Result<i64, DatabaseError> {
    const SQL: &str = "select count(*) from chunks where generation_id = $1";
    read!(database, |pool: D| sqlx::query_scalar(SQL).bind(generation).fetch_one(pool))
}

/// The document frequencies of a workspace's chunks in a generation.
pub async fn term_frequencies(
    database: &Database,
    workspace: WorkspaceId,
    generation: &str,
) -> Result<TermFrequencies, DatabaseError> {
    const SQL: &str = "
        select id, terms
        from chunks
        where workspace_id = $1 and generation_id = $2 and id > $3
        order by id
        limit $4";
    let (mut frequencies, mut after) = (TermFrequencies::default(), String::new());
    loop {
        let rows: Vec<(String, Vec<u8>)> = read!(database, |pool: D| sqlx::query_as(SQL)
            .bind(workspace.to_string())
            .bind(generation)
            .bind(&after)
            .bind(CHUNKS_A_PAGE)
            .fetch_all(pool))?;
        let Some((last, _)) = rows.last() else { return Ok(frequencies) };
        after.clone_from(last);
        // Millions of terms: not on a thread that serves questions.
        let count = move || {
            for (_, terms) in &rows {
                frequencies.add(terms);
            }
            frequencies
        };
        frequencies = tokio::task::spawn_blocking(count).await.map_err(DatabaseError::internal)?;
    }
}

/// Where a workspace's knowledge stands.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Standing {
    /// A number that goes up with each change of what a question can find.
    pub knowledge_version: i64,
    /// The generation that questions are answered from, in every process on this database.
    pub generation: String,
}

/// Where the knowledge of `workspace` stands; `None` for an unknown workspace.
pub async fn standing(database: &Database, workspace: WorkspaceId) -> Result<Option<Standing>, DatabaseError> {
    const SQL: &str = "
        select knowledge_version,
            coalesce((select id from index_generations where state = 'active'), '') as generation
        from workspaces
        where id = $1";
    read!(database, |pool: D| sqlx::query_as(SQL).bind(workspace.to_string()).fetch_optional(pool))
}

/// How many published articles there are in all workspaces.
pub async fn count_published(database: &Database) -> Result<i64, DatabaseError> {
    const SQL: &str = "select count(*) from articles where status = 'published'";
    read!(database, |pool: D| sqlx::query_scalar(SQL).fetch_one(pool))
}

fn parsed<T: std::str::FromStr<Err = uuid::Error>>(ids: &[String]) -> Result<Vec<T>, DatabaseError> {
    ids.iter().map(|id| id.parse().map_err(DatabaseError::internal)).collect()
}
