//! SQL of articles as people see them: each with its latest version, whether a question can find it or not.

use sqlx::QueryBuilder;

use crate::database::{Database, DatabaseError, Transaction};
use crate::ids::{ArticleId, VersionId, WorkspaceId};
use crate::knowledge::article::{Filter, SourceKind, Status};
use crate::{execute, read};

/// An article with its latest version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Article {
    pub id: ArticleId,
    pub source_kind: SourceKind,
    pub source: String,
    pub status: Status,
    pub revision: i64,
    pub version: Version,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
}

/// A version of an article.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub id: VersionId,
    /// From 1.
    pub number: i64,
    pub title: String,
    pub tags: Vec<String>,
    pub language: Option<String>,
    pub url: Option<String>,
    /// Empty in lists.
    pub body: String,
    pub created_at_ms: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    source_kind: String,
    source: String,
    status: String,
    revision: i64,
    created_at_ms: i64,
    updated_at_ms: i64,
    version_id: String,
    version: i64,
    title: String,
    tags: String,
    language: Option<String>,
    url: Option<String>,
    body: String,
    version_created_at_ms: i64,
}

impl Row {
    fn read(self) -> Result<Article, DatabaseError> {
        let unknown = |what: &str| DatabaseError::internal(format!("an article's {what} is not known"));
        Ok(Article {
            id: self.id.parse().map_err(DatabaseError::internal)?,
            source_kind: SourceKind::of_name(&self.source_kind).ok_or_else(|| unknown("source_kind"))?,
            source: self.source,
            status: Status::of_name(&self.status).ok_or_else(|| unknown("status"))?,
            revision: self.revision,
            created_at_ms: self.created_at_ms,
            updated_at_ms: self.updated_at_ms,
            version: Version {
                id: self.version_id.parse().map_err(DatabaseError::internal)?,
                number: self.version,
                title: self.title,
                tags: serde_json::from_str(&self.tags).map_err(DatabaseError::internal)?,
                language: self.language,
                url: self.url,
                body: self.body,
                created_at_ms: self.version_created_at_ms,
            },
        })
    }
}

/// What there is of an article and of its latest version; `body` is told apart, because lists do without.
const COLUMNS: &str = "
    a.id, a.source_kind, a.source, a.status, coalesce(a.revision, 0) as revision, a.created_at_ms, a.updated_at_ms,
    v.id as version_id, v.version, v.title, v.tags, v.language, v.url, v.created_at_ms as version_created_at_ms";
/// Articles that are there, with their latest versions.
const THERE: &str = "
    from articles a
    join article_versions v on v.article_id = a.id
        and v.version = (select max(latest.version) from article_versions latest where latest.article_id = a.id)
    where a.status <> 'removed' and a.workspace_id = ";

/// The article `id` of `workspace`; `None` where there is none, also where it was removed.
pub async fn article(
    database: &Database,
    workspace: WorkspaceId,
    id: ArticleId,
) -> Result<Option<Article>, DatabaseError> {
    let row: Option<Row> = read!(database, |pool: D| {
        let mut query = QueryBuilder::<D>::new(format!("select {COLUMNS}, v.body {THERE}"));
        query.push_bind(workspace.to_string()).push(" and a.id = ").push_bind(id.to_string());
        async move { query.build_query_as::<Row>().fetch_optional(pool).await }
    })?;
    row.map(Row::read).transpose()
}

/// Some of the articles of `workspace`, changed last first, without what they say: at most `limit`, after `skipped`.
pub async fn articles(
    database: &Database,
    workspace: WorkspaceId,
    filter: &Filter,
    skipped: i64,
    limit: i64,
) -> Result<Vec<Article>, DatabaseError> {
    let rows: Vec<Row> = read!(database, |pool: D| {
        let mut query = QueryBuilder::<D>::new(format!("select {COLUMNS}, '' as body {THERE}"));
        query.push_bind(workspace.to_string());
        narrow(&mut query, filter);
        query.push(" order by a.updated_at_ms desc, a.id desc limit ").push_bind(limit);
        query.push(" offset ").push_bind(skipped);
        async move { query.build_query_as::<Row>().fetch_all(pool).await }
    })?;
    rows.into_iter().map(Row::read).collect()
}

/// How many of them there are, counted to `counted_max`.
pub async fn count_articles(
    database: &Database,
    workspace: WorkspaceId,
    filter: &Filter,
    counted_max: i64,
) -> Result<i64, DatabaseError> {
    read!(database, |pool: D| {
        let mut query = QueryBuilder::<D>::new(format!("select count(*) from (select a.id {THERE}"));
        query.push_bind(workspace.to_string());
        narrow(&mut query, filter);
        query.push(" limit ").push_bind(counted_max).push(") as counted");
        async move { query.build_query_scalar::<i64>().fetch_one(pool).await }
    })
}

/// Leaves only what `filter` asks for.
fn narrow<D>(query: &mut QueryBuilder<D>, filter: &Filter)
where
    D: sqlx::Database,
    for<'q> String: sqlx::Encode<'q, D> + sqlx::Type<D>,
{
    // A list of tags is stored as JSON, so a tag stands in it as JSON writes it.
    let like = |text: &str| format!("%{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
    if let Some(status) = filter.status {
        query.push(" and a.status = ").push_bind(status.name().to_owned());
    }
    if let Some(kind) = filter.source_kind {
        query.push(" and a.source_kind = ").push_bind(kind.name().to_owned());
    }
    if let Some(tag) = &filter.tag {
        let tag = serde_json::Value::from(tag.as_str()).to_string();
        query.push(" and v.tags like ").push_bind(like(&tag)).push(" escape '\\'");
    }
    if let Some(text) = &filter.text {
        let text = like(&text.to_lowercase());
        query.push(" and (lower(v.title) like ").push_bind(text.clone()).push(" escape '\\' or lower(v.body) like ");
        query.push_bind(text).push(" escape '\\')");
    }
}

/// The versions of an article, newest first: at most `limit`, from `number` on downwards.
pub async fn versions(
    database: &Database,
    workspace: WorkspaceId,
    article: ArticleId,
    number: i64,
    limit: i64,
) -> Result<Vec<Version>, DatabaseError> {
    const SQL: &str = "
        select id, version, title, tags, language, url, body, created_at_ms
        from article_versions
        where workspace_id = $1 and article_id = $2 and version <= $3
        order by version desc
        limit $4";
    type Row = (String, i64, String, String, Option<String>, Option<String>, String, i64);
    let rows: Vec<Row> = read!(database, |pool: D| sqlx::query_as(SQL)
        .bind(workspace.to_string())
        .bind(article.to_string())
        .bind(number)
        .bind(limit)
        .fetch_all(pool))?;
    rows.into_iter()
        .map(|(id, number, title, tags, language, url, body, created_at_ms)| {
            let id = id.parse().map_err(DatabaseError::internal)?;
            let tags = serde_json::from_str(&tags).map_err(DatabaseError::internal)?;
            Ok(Version { id, number, title, tags, language, url, body, created_at_ms })
        })
        .collect()
}

/// Records an article that is written here and has no version yet.
pub async fn insert_article(
    transaction: &mut Transaction,
    workspace: WorkspaceId,
    id: ArticleId,
    source: &str,
    at_ms: i64,
) -> Result<(), DatabaseError> {
    const SQL: &str = "
        insert into articles
            (id, workspace_id, source_kind, source, status, current_version_id, revision, created_at_ms, updated_at_ms)
        values ($1, $2, 'manual', $3, 'draft', null, 0, $4, $4)";
    execute!(transaction, sqlx::query(SQL).bind(id.to_string()).bind(workspace.to_string()).bind(source).bind(at_ms))
        .map(drop)
}

/// Gives an article at `revision` another status, and the version that a question can find; `false` where it is at another revision
/// by now.
pub async fn set_status(
    transaction: &mut Transaction,
    workspace: WorkspaceId,
    id: ArticleId,
    revision: i64,
    status: Option<Status>,
    current: Option<VersionId>,
    at_ms: i64,
) -> Result<bool, DatabaseError> {
    const SQL: &str = "
        update articles
        set status = $4, current_version_id = $5, revision = $3 + 1, updated_at_ms = $6
        where workspace_id = $1 and id = $2 and coalesce(revision, 0) = $3 and status <> 'removed'";
    let changed = execute!(
        transaction,
        sqlx::query(SQL)
            .bind(workspace.to_string())
            .bind(id.to_string())
            .bind(revision)
            .bind(status.map_or("removed", Status::name))
            .bind(current.map(|version| version.to_string()))
            .bind(at_ms)
    )?;
    Ok(changed == 1)
}
