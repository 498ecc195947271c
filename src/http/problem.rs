//! Errors on the wire: RFC 9457, each with a code that clients can rely on.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use utoipa::ToSchema;

use crate::answer::QuestionError;
use crate::answer::settings::ChangeError;
use crate::chat::SessionError;
use crate::chat::turn::TurnError;
use crate::database::DatabaseError;
use crate::http::REQUEST_ID;
use crate::index::IndexError;
use crate::inference::InferenceError;
use crate::knowledge::KnowledgeError;
use crate::search::SearchError;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $status:ident, $title:literal;)*) => {
        /// Every code that an error can have; they never change their meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name on the wire.
            #[must_use]
            pub fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }

            /// The HTTP status that goes with it.
            #[must_use]
            pub fn status(self) -> StatusCode { match self { $(Self::$variant => StatusCode::$status,)* } }

            /// What it means, for a person.
            #[must_use]
            pub fn title(self) -> &'static str { match self { $(Self::$variant => $title,)* } }
        }
    };
}

codes! {
    /// No route at this path.
    NoSuchRoute = "no_such_route", NOT_FOUND, "There is nothing at this address";
    /// The route exists, the method does not.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "This address does not take this method";
    /// The body is not JSON, or not UTF-8.
    BodyNotJson = "body_not_json", BAD_REQUEST, "The body is not JSON";
    /// The body's content type is not JSON's.
    BodyNotDeclared = "body_not_declared", UNSUPPORTED_MEDIA_TYPE, "The body needs the content type application/json";
    /// The body is larger than allowed.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    /// The body is JSON, but not what the route takes.
    BodyInvalid = "body_invalid", UNPROCESSABLE_ENTITY, "The body is not what this address takes";
    /// A message without a word.
    MessageEmpty = "message_empty", UNPROCESSABLE_ENTITY, "The message is empty";
    /// A message over the limit.
    MessageTooLong = "message_too_long", UNPROCESSABLE_ENTITY, "The message is too long";
    /// A session id outside of its alphabet.
    SessionIdInvalid = "session_id_invalid", UNPROCESSABLE_ENTITY, "The session id is not one";
    /// A parameter in the path or the query.
    ParameterInvalid = "parameter_invalid", UNPROCESSABLE_ENTITY, "A parameter is not what this address takes";
    /// No key.
    KeyMissing = "key_missing", UNAUTHORIZED, "An API key is needed";
    /// A key that is wrong, revoked or expired.
    KeyInvalid = "key_invalid", UNAUTHORIZED, "The API key is not valid";
    /// A valid key without the scope.
    ScopeMissing = "scope_missing", FORBIDDEN, "The API key may not do this";
    /// A secret key that a browser sent.
    SecretKeyInBrowser = "secret_key_in_browser", FORBIDDEN, "A secret key must not be used in a browser";
    /// A session that exists and whose token was not shown.
    SessionTokenNeeded = "session_token_needed", UNAUTHORIZED, "This session needs its session token";
    /// No such session in the caller's workspace.
    SessionNotFound = "session_not_found", NOT_FOUND, "There is no such session";
    /// No such workspace, or not the caller's.
    WorkspaceNotFound = "workspace_not_found", NOT_FOUND, "There is no such workspace";
    /// No such article in the caller's workspace.
    ArticleNotFound = "article_not_found", NOT_FOUND, "There is no such article";
    /// No such version of an article.
    VersionNotFound = "version_not_found", NOT_FOUND, "The article has no such version";
    /// An article that comes from a file, which it is changed in.
    ArticleOfFile = "article_of_file", CONFLICT, "The article comes from a file";
    /// No such ticket in the caller's workspace.
    TicketNotFound = "ticket_not_found", NOT_FOUND, "There is no such ticket";
    /// A stream that nobody gives any more, or that is not the caller's.
    StreamGone = "stream_gone", GONE, "This stream is not there any more";
    /// `If-Match` names another version than there is.
    Stale = "stale", PRECONDITION_FAILED, "It has been changed since";
    /// Something that the server has no key or address for.
    ProviderNotSetUp = "provider_not_set_up", UNPROCESSABLE_ENTITY, "The server is not set up for this provider";
    /// More questions wait than allowed.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Too many questions at once";
    /// Something that the server needs is not there.
    DependencyUnavailable = "dependency_unavailable", SERVICE_UNAVAILABLE, "The service is not available";
    /// The disk is full.
    StorageFull = "storage_full", INSUFFICIENT_STORAGE, "The server's disk is full";
    /// It took too long.
    Timeout = "timeout", SERVICE_UNAVAILABLE, "The request took too long";
    /// A defect.
    Internal = "internal", INTERNAL_SERVER_ERROR, "Something went wrong";
}

/// How soon a client may try again after a 503.
const RETRY_AFTER_SECONDS: &str = "1";

/// An error as a client sees it. What a 5xx says about its cause is in the log, under the same request id.
#[derive(Clone, Debug)]
pub struct Problem {
    code: Code,
    detail: Option<String>,
    errors: Vec<FieldError>,
}

/// The body of an error.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A path that names the kind of error.
    #[serde(rename = "type")]
    #[schema(example = "/problems/message_empty")]
    kind: String,
    /// What it means, for a person.
    title: String,
    /// The HTTP status.
    status: u16,
    /// The stable name to program against.
    #[schema(example = "message_empty")]
    code: String,
    /// What exactly is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// The id to quote when asking about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// For 422: what is wrong with which field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

/// What is wrong with a field.
#[derive(Clone, Debug, serde::Serialize, ToSchema)]
pub struct FieldError {
    /// The field, as a path with dots.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

impl Problem {
    /// An error with nothing more to say than its code.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self { code, detail: None, errors: Vec::new() }
    }

    /// Says what exactly is wrong.
    #[must_use]
    pub fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Says which field is wrong.
    #[must_use]
    pub fn at_field(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.errors.push(FieldError { field: field.into(), message: message.into() });
        self
    }

    /// Its body, for the request with this path and id.
    pub(super) fn body(&self, instance: &str, request_id: Option<&str>) -> ProblemBody {
        ProblemBody {
            kind: format!("/problems/{}", self.code.name()),
            title: self.code.title().to_owned(),
            status: self.code.status().as_u16(),
            code: self.code.name().to_owned(),
            detail: self.detail.clone(),
            instance: Some(instance.to_owned()),
            request_id: request_id.map(str::to_owned),
            errors: self.errors.clone(),
        }
    }

    /// A text in `field` that cannot be asked.
    pub(super) fn of_question(error: QuestionError, field: &str) -> Self {
        let code = match error {
            QuestionError::Empty => Code::MessageEmpty,
            QuestionError::TooLong { .. } => Code::MessageTooLong,
        };
        Self::new(code).because(error.to_string()).at_field(field, error.to_string())
    }

    /// A failure whose cause goes to the log and not to the client.
    fn hidden(code: Code, cause: &dyn std::error::Error) -> Self {
        let causes = std::iter::successors(cause.source(), |cause| (*cause).source()).map(ToString::to_string);
        let causes: Vec<String> = std::iter::once(cause.to_string()).chain(causes).collect();
        tracing::error!(code = code.name(), causes = causes.join(": "), "a request failed");
        Self::new(code)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let mut response = status.into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        // The body is written when the request's id and path are known.
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the body of every error, with the request's id and path; also of those that a layer made without one.
pub(super) async fn name_the_request(request: Request, next: Next) -> Response {
    let request_id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
    let instance = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let problem = response.extensions_mut().remove::<Problem>().or_else(|| bare(&response));
    let Some(problem) = problem else { return response };
    let status = problem.code.status();
    let body = problem.body(&instance, request_id.as_deref());
    let (mut parts, _) = response.into_parts();
    parts.status = status;
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, serde_json::to_vec(&body).unwrap_or_default().into())
}

/// Marks a response whose own body says more than a problem would.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeepBody;

/// The problem of a response that was made without one: the time limit's, the outer body limit's, a path
/// parameter's, the documentation's pages'.
fn bare(response: &Response) -> Option<Problem> {
    if response.extensions().get::<KeepBody>().is_some() {
        return None;
    }
    match response.status() {
        StatusCode::SERVICE_UNAVAILABLE => Some(Problem::new(Code::Timeout)),
        StatusCode::PAYLOAD_TOO_LARGE => Some(Problem::new(Code::BodyTooLarge)),
        StatusCode::NOT_FOUND => Some(Problem::new(Code::NoSuchRoute)),
        // A path whose percent-encoding is no UTF-8.
        StatusCode::BAD_REQUEST => Some(Problem::new(Code::ParameterInvalid)),
        _ => None,
    }
}

impl From<&DatabaseError> for Problem {
    fn from(error: &DatabaseError) -> Self {
        match error {
            DatabaseError::Unavailable(_) => Self::hidden(Code::DependencyUnavailable, error),
            DatabaseError::DiskFull(_) => Self::hidden(Code::StorageFull, error),
            DatabaseError::Conflict(_) | DatabaseError::UnknownUrl | DatabaseError::Internal(_) => {
                Self::hidden(Code::Internal, error)
            }
        }
    }
}

impl From<&SearchError> for Problem {
    fn from(error: &SearchError) -> Self {
        match error {
            SearchError::Database(error) => error.into(),
            SearchError::Inference(InferenceError::Overloaded) => Self::new(Code::Overloaded),
            SearchError::Inference(error) => Self::hidden(Code::DependencyUnavailable, error),
            SearchError::Index(IndexError::DiskFull) => Self::new(Code::StorageFull),
            SearchError::Index(error) => Self::hidden(Code::DependencyUnavailable, error),
            SearchError::Generation(error) => Self::hidden(Code::DependencyUnavailable, error),
            SearchError::NotReady(why) => Self::new(Code::DependencyUnavailable).because(why.to_string()),
            SearchError::NoWorkspace(_) => Self::hidden(Code::Internal, error),
        }
    }
}

impl Problem {
    /// What articles stand on does not work.
    pub(super) fn of_knowledge(error: &KnowledgeError) -> Self {
        match error {
            KnowledgeError::Database(error) => error.into(),
            KnowledgeError::Index(IndexError::DiskFull) => Self::new(Code::StorageFull),
            KnowledgeError::Index(error) => Self::hidden(Code::DependencyUnavailable, error),
            KnowledgeError::Inference(InferenceError::Overloaded) => Self::new(Code::Overloaded),
            KnowledgeError::Inference(error) => Self::hidden(Code::DependencyUnavailable, error),
            KnowledgeError::Generation(error) => Self::hidden(Code::DependencyUnavailable, error),
            KnowledgeError::NoWorkspace(_) => Self::new(Code::WorkspaceNotFound),
            KnowledgeError::Parse(_)
            | KnowledgeError::BadSource(_)
            | KnowledgeError::UnknownFormat(_)
            | KnowledgeError::Defect => Self::hidden(Code::Internal, error),
        }
    }
}

impl From<&SessionError> for Problem {
    fn from(error: &SessionError) -> Self {
        match error {
            SessionError::TokenNeeded => Self::new(Code::SessionTokenNeeded).because(
                "this session exists; send the token that its first answer returned in the header X-Session-Token",
            ),
            SessionError::NotFound => Self::new(Code::SessionNotFound),
            SessionError::Database(error) => error.into(),
        }
    }
}

impl From<&TurnError> for Problem {
    fn from(error: &TurnError) -> Self {
        match error {
            TurnError::Search(error) => error.into(),
            TurnError::Session(error) => error.into(),
            TurnError::Timeout => Self::new(Code::Timeout),
            TurnError::Lost => Self::hidden(Code::Internal, error),
        }
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        (&error).into()
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        (&error).into()
    }
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        (&error).into()
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Stale { .. } => {
                Self::new(Code::Stale).because(format!("{error}: read them again, and send the change with their ETag"))
            }
            ChangeError::Database(error) => error.into(),
        }
    }
}

impl From<QuestionError> for Problem {
    fn from(error: QuestionError) -> Self {
        Self::of_question(error, "message")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_words() {
        let mut names: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
    }
}
