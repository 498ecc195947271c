//! Routes of the widget: ask, search, read one's own session.

pub(super) mod messages;
pub(super) mod query;
pub(super) mod search;
mod stream;

use serde::Serialize;
pub(super) use stream::LAST_EVENT_ID;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer;
use crate::chat::{self, SessionName};
use crate::http::problem::{Code, Problem};

/// A place in an article.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Citation {
    /// The article.
    article_id: Uuid,
    /// The version of it that `start` and `end` count in.
    article_version_id: Uuid,
    /// The article's title.
    title: String,
    /// The headings above the quote.
    heading: String,
    /// Where a customer can read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// The article's own words.
    quote: String,
    /// The quote's first code point in the version's plain text.
    start: usize,
    /// One after its last.
    end: usize,
}

impl From<answer::Citation> for Citation {
    fn from(citation: answer::Citation) -> Self {
        Self {
            article_id: citation.article.as_uuid(),
            article_version_id: citation.version.as_uuid(),
            title: citation.title,
            heading: citation.heading_path.join(" > "),
            url: citation.url,
            quote: citation.quote,
            start: citation.start_char,
            end: citation.end_char,
        }
    }
}

pub(super) fn session_name(name: &str) -> Result<SessionName, Problem> {
    name.parse().map_err(|error: chat::BadSessionName| {
        Problem::new(Code::SessionIdInvalid).because(error.to_string()).at_field("sessionId", error.to_string())
    })
}
