//! An answer as server-sent events, while it is made.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use serde_json::json;

use crate::chat::live::{BadEventId, Event, EventId, Following, TooMany};
use crate::http::REQUEST_ID;
use crate::http::chat::Citation;
use crate::http::chat::query::ChatReply;
use crate::http::problem::{Code, Problem};

/// The header in which a client that comes back says what it has heard.
pub(in crate::http) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// How often something is sent where nothing happens, so that no proxy takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// A citation with its number.
#[derive(Serialize)]
struct NumberedCitation {
    index: usize,
    #[serde(flatten)]
    citation: Citation,
}

/// Whether the caller asks for a stream.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|kind| kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream")))
}

/// The event that the caller has heard last, where they come back.
pub(super) fn last_event(headers: &HeaderMap) -> Option<Result<EventId, Problem>> {
    let id = headers.get(LAST_EVENT_ID)?;
    Some(id.to_str().map_err(|_| BadEventId).and_then(str::parse).map_err(|_| gone()))
}

/// There is no such stream.
pub(super) fn gone() -> Problem {
    Problem::new(Code::StreamGone)
        .because("read the session's messages to see whether it was answered, or ask again without Last-Event-ID")
}

/// All events from here on, for the request with these headers.
pub(super) fn response(following: Following, headers: &HeaderMap) -> Response {
    let request_id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
    let events = stream::unfold((following, request_id), async |(mut following, request_id)| {
        let (id, event) = following.next().await?;
        Some((Ok::<_, Infallible>(told(&id, &event, request_id.as_deref())), (following, request_id)))
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    // nginx keeps what it passes on until it has a page of it, unless it is told not to.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

fn told(id: &EventId, event: &Event, request_id: Option<&str>) -> sse::Event {
    let stage = |stage: &str| ("thinking", json!({ "stage": stage }).to_string());
    let (name, data) = match event {
        Event::Reading => stage("reading"),
        Event::Searching => stage("searching"),
        Event::Writing => stage("writing"),
        Event::Citation { index, citation } => {
            ("citation", written(&NumberedCitation { index: *index, citation: citation.clone().into() }))
        }
        Event::Words(text) => ("token", json!({ "text": text }).to_string()),
        Event::Given(given) => ("final", written(&ChatReply::from(&**given))),
        Event::Failed(error) => ("error", written(&Problem::from(error).body("/chat/query", request_id))),
    };
    sse::Event::default().id(id.to_string()).event(name).data(data)
}

/// JSON on one line; what is written here are plain fields, which are always JSON.
fn written(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl From<TooMany> for Problem {
    fn from(_: TooMany) -> Self {
        Self::new(Code::Overloaded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_for_who_asks_for_one() {
        for (accept, expected) in [
            ("text/event-stream", true),
            ("application/json, Text/Event-Stream;q=0.9", true),
            ("*/*", false),
            ("application/json", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(is_wanted(&headers), expected, "{accept}");
        }
        assert!(!is_wanted(&HeaderMap::new()));
    }
}
