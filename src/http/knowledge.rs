//! Articles of a workspace: read, written, published and taken away.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::http::body::Body;
use crate::http::caller::{Keyed, ReadKnowledge, WriteKnowledge};
use crate::http::change::Change;
use crate::http::chat::query::language_tag;
use crate::http::etag::{IfMatch, etag};
use crate::http::page::{COUNTED_MAX, Page};
use crate::http::problem::{Code, Problem, ProblemBody};
use crate::ids::{ArticleId, WorkspaceId};
use crate::knowledge::article::{self, ArticleError, Filter, SourceKind, Status, Written};
use crate::knowledge::store::articles::{self as store, Article as Stored, Version};
use crate::people::Caller;

/// Characters of a title.
const TITLE_CHARS_MAX: usize = 300;
/// Tags of an article.
const TAGS_MAX: usize = 50;
/// Characters of each.
const TAG_CHARS_MAX: usize = 100;
/// Versions of a page at most: each brings what it changed.
const VERSIONS_MAX: i64 = 50;

/// An article to keep.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewArticle {
    /// Its title, in a line.
    #[garde(custom(a_line), length(chars, min = 1, max = TITLE_CHARS_MAX))]
    #[schema(example = "Returning a bicycle")]
    title: String,
    /// What it says, in Markdown.
    #[garde(custom(text))]
    #[schema(example = "You can return a bicycle within 30 days.")]
    body: String,
    /// Words to find it by, and to narrow a search to.
    #[garde(length(max = TAGS_MAX), inner(custom(a_line), length(chars, min = 1, max = TAG_CHARS_MAX)))]
    #[serde(default)]
    tags: Vec<String>,
    /// The language that it is written in, as in `en` or `de-AT`; else it is told from the text.
    #[garde(length(min = 2, max = 35), inner(custom(language_tag)))]
    language: Option<String>,
    /// `draft`, which is the default, or `published`: a question can find it at once.
    #[garde(inner(custom(first_status)))]
    status: Option<String>,
}

/// What is to change. What is not sent stays.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ArticleChange {
    /// Its title, in a line.
    #[garde(inner(custom(a_line), length(chars, min = 1, max = TITLE_CHARS_MAX)))]
    title: Option<String>,
    /// What it says, in Markdown.
    #[garde(inner(custom(text)))]
    body: Option<String>,
    /// All of its tags.
    #[garde(inner(length(max = TAGS_MAX), inner(custom(a_line), length(chars, min = 1, max = TAG_CHARS_MAX))))]
    tags: Option<Vec<String>>,
    /// The language that it is written in; null: as it is told from the text.
    #[garde(inner(length(min = 2, max = 35), custom(language_tag)))]
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    language: Change<String>,
    /// `published`, `draft` or `archived`.
    #[garde(inner(custom(known_status)))]
    status: Option<String>,
}

/// Which version to write again.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Restoration {
    /// Its number.
    #[garde(range(min = 1))]
    version: i64,
}

/// An article with its latest version.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Article {
    /// Its id.
    id: Uuid,
    /// Its title.
    title: String,
    /// What it says, in Markdown; missing in lists. Of a file: the file, with its front matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// Its tags.
    tags: Vec<String>,
    /// The language that it is written in.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    /// Where a customer can read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// `draft`, `published` or `archived`: a question finds what is published.
    status: &'static str,
    /// Where it comes from.
    source: Source,
    /// The number of its latest version.
    version: i64,
    /// That version's id, as citations name it.
    version_id: Uuid,
    /// Goes up with each change; also the `ETag`.
    revision: i64,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
}

/// Where an article comes from.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Source {
    /// `manual`: written here; `file`: ingested, and changed by ingesting it again.
    kind: &'static str,
    /// The file's path below the ingested folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

/// A page of articles, changed last first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ArticlesReply {
    /// The articles, without what they say.
    items: Vec<Article>,
    /// Which page it is.
    page: i64,
    /// How many a page has at most.
    limit: i64,
    /// How many there are in all, counted to 10,000.
    total: i64,
    /// There when there are more than were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_is_at_least: Option<bool>,
}

/// A version of an article.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ArticleVersion {
    /// Its id.
    id: Uuid,
    /// Its number, from 1.
    version: i64,
    /// The title that it had.
    title: String,
    /// The tags that it had.
    tags: Vec<String>,
    /// The language that it was written in.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    /// What it said.
    body: String,
    /// How its text differs from that of the version before, as a unified diff; missing with the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
    /// RFC 3339.
    created_at: String,
}

/// Versions, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionsReply {
    /// The versions.
    items: Vec<ArticleVersion>,
    /// Send it as `before` for older ones; missing with the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_before: Option<i64>,
}

/// Which articles.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// `draft`, `published` or `archived`.
    status: Option<String>,
    /// `manual` or `file`.
    source: Option<String>,
    /// Articles with this tag.
    tag: Option<String>,
    /// Articles with this text in the title or in what they say.
    q: Option<String>,
    /// Which page, from 1.
    #[param(default = 1)]
    page: Option<i64>,
    /// How many at most, 1–100.
    #[param(default = 50)]
    limit: Option<i64>,
}

/// Which versions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedVersions {
    /// Only versions before this one.
    before: Option<i64>,
    /// How many at most, 1–50.
    #[param(default = 20)]
    limit: Option<i64>,
}

type Revised = ([(HeaderName, HeaderValue); 1], Json<Article>);

/// Keeps a new article.
#[utoipa::path(
    post, path = "/knowledge/{workspace_id}", operation_id = "createArticle", tag = "knowledge", request_body = NewArticle,
    security(("apiKey" = [])),
    params(("workspace_id" = Uuid, Path, description = "The workspace of the key")),
    responses(
        (status = 201, description = "The article", body = Article, headers(("ETag" = String, description = "Its revision"))),
        (status = 400, description = "body_not_json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "key_missing, key_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "scope_missing, secret_key_in_browser", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "workspace_not_found", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "body_too_large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "body_not_declared", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "body_invalid, parameter_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "overloaded, dependency_unavailable, timeout", body = ProblemBody, content_type = "application/problem+json"),
        (status = 507, description = "storage_full", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(engine): State<Engine>,
    Keyed { caller, .. }: Keyed<WriteKnowledge>,
    Path(workspace): Path<String>,
    Body(new): Body<NewArticle>,
) -> Result<(StatusCode, Revised), Problem> {
    let workspace = own(&caller, &workspace)?;
    let status = new.status.as_deref().and_then(Status::of_name).unwrap_or(Status::Draft);
    let written = Written { title: new.title, body: new.body, tags: new.tags, language: new.language };
    let created = article::create(&engine, workspace, written, status).await?;
    Ok((StatusCode::CREATED, revised(created)))
}

/// The articles of a workspace, changed last first.
#[utoipa::path(
    get, path = "/knowledge/{workspace_id}", operation_id = "listArticles", tag = "knowledge",
    security(("apiKey" = [])),
    params(("workspace_id" = Uuid, Path, description = "The workspace of the key"), Wanted),
    responses(
        (status = 200, description = "The articles", body = ArticlesReply),
        (status = 401, description = "key_missing, key_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "scope_missing, secret_key_in_browser", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "workspace_not_found", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "parameter_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "dependency_unavailable, timeout", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(engine): State<Engine>,
    Keyed { caller, .. }: Keyed<ReadKnowledge>,
    Path(workspace): Path<String>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<ArticlesReply>, Problem> {
    let workspace = own(&caller, &workspace)?;
    let Query(wanted) = wanted.map_err(refused)?;
    let page = Page::of(wanted.page, wanted.limit)?;
    let unknown =
        |field: &str, of: &str| Problem::new(Code::ParameterInvalid).at_field(field, format!("is one of {of}"));
    let status =
        wanted.status.map(|name| Status::of_name(&name).ok_or_else(|| unknown("status", "draft, published, archived")));
    let source_kind =
        wanted.source.map(|name| SourceKind::of_name(&name).ok_or_else(|| unknown("source", "manual, file")));
    let without_nul = |field: &str, text: &Option<String>| match text {
        Some(text) if text.contains('\0') => {
            Err(Problem::new(Code::ParameterInvalid).at_field(field, "has the character U+0000"))
        }
        _ => Ok(()),
    };
    without_nul("tag", &wanted.tag)?;
    without_nul("q", &wanted.q)?;
    let filter =
        Filter { status: status.transpose()?, source_kind: source_kind.transpose()?, tag: wanted.tag, text: wanted.q };
    let found = store::articles(engine.database(), workspace, &filter, page.skipped(), page.limit).await?;
    let counted = store::count_articles(engine.database(), workspace, &filter, COUNTED_MAX + 1).await?;
    let listed = |stored: Stored| Article { body: None, ..Article::from(stored) };
    Ok(Json(ArticlesReply {
        items: found.into_iter().map(listed).collect(),
        page: page.number,
        limit: page.limit,
        total: counted.min(COUNTED_MAX),
        total_is_at_least: (counted > COUNTED_MAX).then_some(true),
    }))
}

/// An article.
#[utoipa::path(
    get, path = "/knowledge/{workspace_id}/{id}", operation_id = "getArticle", tag = "knowledge",
    security(("apiKey" = [])),
    params(
        ("workspace_id" = Uuid, Path, description = "The workspace of the key"),
        ("id" = Uuid, Path, description = "The article"),
    ),
    responses(
        (status = 200, description = "The article", body = Article, headers(("ETag" = String, description = "Its revision"))),
        (status = 401, description = "key_missing, key_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "scope_missing, secret_key_in_browser", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "workspace_not_found, article_not_found", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "dependency_unavailable, timeout", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(engine): State<Engine>,
    Keyed { caller, .. }: Keyed<ReadKnowledge>,
    Path((workspace, id)): Path<(String, String)>,
) -> Result<Revised, Problem> {
    let workspace = own(&caller, &workspace)?;
    Ok(revised(article::read(&engine, workspace, article_id(&id)?).await?))
}

/// Changes an article that was written here. With `If-Match` only if it is at that revision.
#[utoipa::path(
    patch, path = "/knowledge/{workspace_id}/{id}", operation_id = "changeArticle", tag = "knowledge", request_body = ArticleChange,
    security(("apiKey" = [])),
    params(
        ("workspace_id" = Uuid, Path, description = "The workspace of the key"),
        ("id" = Uuid, Path, description = "The article"),
        ("If-Match" = Option<String>, Header, description = "The ETag of what is to change"),
    ),
    responses(
        (status = 200, description = "The article as it is now", body = Article, headers(("ETag" = String, description = "Its revision"))),
        (status = 400, description = "body_not_json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "key_missing, key_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "scope_missing, secret_key_in_browser", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "workspace_not_found, article_not_found", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "article_of_file", body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, description = "stale", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "body_too_large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "body_not_declared", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "body_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "overloaded, dependency_unavailable, timeout", body = ProblemBody, content_type = "application/problem+json"),
        (status = 507, description = "storage_full", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn change(
    State(engine): State<Engine>,
    Keyed { caller, .. }: Keyed<WriteKnowledge>,
    Path((workspace, id)): Path<(String, String)>,
    if_match: IfMatch,
    Body(change): Body<ArticleChange>,
) -> Result<Revised, Problem> {
    let workspace = own(&caller, &workspace)?;
    let status = change.status.as_deref().and_then(Status::of_name);
    let changed = |before: &Stored| {
        let Written { title, body, tags, mut language } = before.version.written();
        change.language.clone().apply(&mut language, Some);
        let written = Written {
            title: change.title.clone().unwrap_or(title),
            body: change.body.clone().unwrap_or(body),
            tags: change.tags.clone().unwrap_or(tags),
            language,
        };
        article::Change { written: Some(written), status }
    };
    let is_expected = |revision| if_match.allows(revision);
    Ok(revised(article::change(&engine, workspace, article_id(&id)?, is_expected, changed).await?))
}

/// Takes an article away that was written here: no question finds it any more.
#[utoipa::path(
    delete, path = "/knowledge/{workspace_id}/{id}", operation_id = "deleteArticle", tag = "knowledge",
    security(("apiKey" = [])),
    params(
        ("workspace_id" = Uuid, Path, description = "The workspace of the key"),
        ("id" = Uuid, Path, description = "The article"),
        ("If-Match" = Option<String>, Header, description = "The ETag of what is to go"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 401, description = "key_missing, key_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "scope_missing, secret_key_in_browser", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "workspace_not_found, article_not_found", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "article_of_file", body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, description = "stale", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "dependency_unavailable, timeout", body = ProblemBody, content_type = "application/problem+json"),
        (status = 507, description = "storage_full", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn remove(
    State(engine): State<Engine>,
    Keyed { caller, .. }: Keyed<WriteKnowledge>,
    Path((workspace, id)): Path<(String, String)>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let workspace = own(&caller, &workspace)?;
    article::remove(&engine, workspace, article_id(&id)?, |revision| if_match.allows(revision)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The versions of an article, newest first, each with what it changed.
#[utoipa::path(
    get, path = "/knowledge/{workspace_id}/{id}/versions", operation_id = "listArticleVersions", tag = "knowledge",
    security(("apiKey" = [])),
    params(
        ("workspace_id" = Uuid, Path, description = "The workspace of the key"),
        ("id" = Uuid, Path, description = "The article"),
        WantedVersions,
    ),
    responses(
        (status = 200, description = "The versions", body = VersionsReply),
        (status = 401, description = "key_missing, key_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "scope_missing, secret_key_in_browser", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "workspace_not_found, article_not_found", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "parameter_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "dependency_unavailable, timeout", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn versions(
    State(engine): State<Engine>,
    Keyed { caller, .. }: Keyed<ReadKnowledge>,
    Path((workspace, id)): Path<(String, String)>,
    wanted: Result<Query<WantedVersions>, QueryRejection>,
) -> Result<Json<VersionsReply>, Problem> {
    let workspace = own(&caller, &workspace)?;
    let Query(wanted) = wanted.map_err(refused)?;
    let limit = wanted.limit.unwrap_or(20);
    if !(1..=VERSIONS_MAX).contains(&limit) {
        let problem = Problem::new(Code::ParameterInvalid);
        return Err(problem.at_field("limit", format!("must be between 1 and {VERSIONS_MAX}")));
    }
    let article = article::read(&engine, workspace, article_id(&id)?).await?;
    let newest = wanted.before.map_or(i64::MAX, |before| before.saturating_sub(1));
    // One more, for what the last of the page changed.
    let found = store::versions(engine.database(), workspace, article.id, newest, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or_default().min(found.len());
    let next_before = found.get(shown).map(|older| older.number + 1);
    let items = (0..shown).map(|place| ArticleVersion::of(&found[place], found.get(place + 1))).collect();
    Ok(Json(VersionsReply { items, next_before }))
}

/// Writes what an earlier version said as a new one.
#[utoipa::path(
    post, path = "/knowledge/{workspace_id}/{id}/restore", operation_id = "restoreArticle", tag = "knowledge", request_body = Restoration,
    security(("apiKey" = [])),
    params(
        ("workspace_id" = Uuid, Path, description = "The workspace of the key"),
        ("id" = Uuid, Path, description = "The article"),
        ("If-Match" = Option<String>, Header, description = "The ETag of what is to change"),
    ),
    responses(
        (status = 200, description = "The article as it is now", body = Article, headers(("ETag" = String, description = "Its revision"))),
        (status = 400, description = "body_not_json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "key_missing, key_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "scope_missing, secret_key_in_browser", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "workspace_not_found, article_not_found, version_not_found", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "article_of_file", body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, description = "stale", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "body_too_large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "body_not_declared", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "body_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "overloaded, dependency_unavailable, timeout", body = ProblemBody, content_type = "application/problem+json"),
        (status = 507, description = "storage_full", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn restore(
    State(engine): State<Engine>,
    Keyed { caller, .. }: Keyed<WriteKnowledge>,
    Path((workspace, id)): Path<(String, String)>,
    if_match: IfMatch,
    Body(restoration): Body<Restoration>,
) -> Result<Revised, Problem> {
    let workspace = own(&caller, &workspace)?;
    let is_expected = |revision| if_match.allows(revision);
    let restored = article::restore(&engine, workspace, article_id(&id)?, restoration.version, is_expected).await?;
    Ok(revised(restored))
}

/// The workspace of the path, where it is the key's.
fn own(caller: &Caller, workspace: &str) -> Result<WorkspaceId, Problem> {
    let named = workspace.parse::<WorkspaceId>().ok().filter(|named| *named == caller.workspace);
    named.ok_or_else(|| Problem::new(Code::WorkspaceNotFound))
}

fn article_id(id: &str) -> Result<ArticleId, Problem> {
    id.parse().map_err(|_| Problem::new(Code::ArticleNotFound))
}

#[expect(clippy::needless_pass_by_value, reason = "map_err gives it away")]
fn refused(rejection: QueryRejection) -> Problem {
    Problem::new(Code::ParameterInvalid).because(rejection.body_text())
}

fn revised(stored: Stored) -> Revised {
    (etag(stored.revision), Json(stored.into()))
}

impl From<Stored> for Article {
    fn from(stored: Stored) -> Self {
        let Stored { id, source_kind, source, status, revision, version, created_at_ms, updated_at_ms } = stored;
        Self {
            id: id.as_uuid(),
            title: version.title,
            body: Some(version.body),
            tags: version.tags,
            language: version.language,
            url: version.url,
            status: status.name(),
            source: Source { kind: source_kind.name(), path: (source_kind == SourceKind::File).then_some(source) },
            version: version.number,
            version_id: version.id.as_uuid(),
            revision,
            created_at: rfc3339(created_at_ms),
            updated_at: rfc3339(updated_at_ms),
        }
    }
}

impl ArticleVersion {
    fn of(version: &Version, before: Option<&Version>) -> Self {
        let Version { id, number, title, tags, language, body, created_at_ms, .. } = version.clone();
        let diff = before.map(|before| {
            let named = [before.number, number].map(|number| format!("version {number}"));
            let changes = similar::TextDiff::from_lines(&before.body, &body);
            changes.unified_diff().header(&named[0], &named[1]).to_string()
        });
        Self {
            id: id.as_uuid(),
            version: number,
            title,
            tags,
            language,
            body,
            diff,
            created_at: rfc3339(created_at_ms),
        }
    }
}

impl From<ArticleError> for Problem {
    fn from(error: ArticleError) -> Self {
        match error {
            ArticleError::NotFound => Self::new(Code::ArticleNotFound),
            ArticleError::NoSuchVersion(_) => Self::new(Code::VersionNotFound).because(error.to_string()),
            ArticleError::Stale { .. } => {
                Self::new(Code::Stale).because(format!("{error}: read it again, and send the change with its ETag"))
            }
            ArticleError::FromFile(_) => Self::new(Code::ArticleOfFile).because(error.to_string()),
            ArticleError::Unreadable(why) => Self::new(Code::BodyInvalid).at_field("body", why.to_string()),
            ArticleError::Knowledge(error) => Self::of_knowledge(&error),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes its context by reference")]
fn a_line(line: &str, _context: &()) -> garde::Result {
    if line.trim().is_empty() {
        Err(garde::Error::new("is blank"))
    } else if line.chars().any(char::is_control) {
        Err(garde::Error::new("has a line break or another control character"))
    } else {
        Ok(())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes its context by reference")]
fn text(text: &str, _context: &()) -> garde::Result {
    if text.contains('\0') { Err(garde::Error::new("has the character U+0000")) } else { Ok(()) }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes its context by reference")]
fn first_status(status: &str, _context: &()) -> garde::Result {
    match Status::of_name(status) {
        Some(Status::Draft | Status::Published) => Ok(()),
        _ => Err(garde::Error::new("is one of draft, published")),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes its context by reference")]
fn known_status(status: &str, _context: &()) -> garde::Result {
    match Status::of_name(status) {
        Some(_) => Ok(()),
        None => Err(garde::Error::new("is one of draft, published, archived")),
    }
}
