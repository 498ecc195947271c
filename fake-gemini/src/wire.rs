//! How an answer's bytes are written: in which pieces, with which waits, and where the connection breaks.

use std::io;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde_json::Value;

use crate::scenario::{Moment, Plain, Scenario};

/// How long the pieces of a body that is written byte by byte are, in turn.
const SLIVER_BYTES: [usize; 7] = [3, 1, 7, 2, 5, 4, 6];

/// Marks an answer instead of which the connection is closed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HangUp;

/// Instead of an answer: the connection's end.
pub(crate) fn hang_up() -> Response {
    let mut response = Response::default();
    response.extensions_mut().insert(HangUp);
    response
}

/// What `answer` gives, unless `scenario` says that something happens before or instead.
pub(crate) async fn staged<E>(scenario: Scenario, answer: impl FnOnce() -> Result<Response, E>) -> Result<Response, E> {
    if scenario == Scenario::Disconnect(Moment::BeforeHead) {
        return Ok(hang_up());
    }
    let wait = scenario.first_wait();
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    answer()
}

/// One of the pieces of a body: what is waited for first, and then what is written. Nothing: the connection breaks.
type Piece = (Duration, Option<Bytes>);

/// An answer in one piece of JSON.
pub(crate) fn whole(scenario: Scenario, value: &Value) -> Response {
    let bytes = Bytes::from(value.to_string());
    let length = HeaderValue::from(bytes.len());
    let (pieces, promised) = match scenario {
        Scenario::Disconnect(Moment::MidBody) => (half(&bytes), true),
        Scenario::Plain(Plain::SplitUtf8) => (slivers(&bytes), false),
        _ => return Json(value).into_response(),
    };
    let mut response = written(pieces, "application/json");
    if promised {
        response.headers_mut().insert(header::CONTENT_LENGTH, length);
    }
    response
}

/// A stream of `frames`, each of which is flushed by itself.
pub(crate) fn streamed(scenario: Scenario, frames: Vec<String>, content_type: &'static str) -> Response {
    let between = scenario.wait_between();
    let paced = |(at, frame): (usize, String)| {
        let wait = if at == 0 { Duration::ZERO } else { between };
        (wait, Some(Bytes::from(frame)))
    };
    let pieces = match scenario {
        Scenario::Disconnect(Moment::MidBody) => half(&Bytes::from(frames.concat())),
        Scenario::Plain(Plain::SplitUtf8) => slivers(&Bytes::from(frames.concat())),
        Scenario::Disconnect(Moment::AfterChunks(chunks)) => {
            let kept = frames.into_iter().take(chunks).enumerate().map(paced);
            kept.chain([(Duration::ZERO, None)]).collect()
        }
        _ => frames.into_iter().enumerate().map(paced).collect(),
    };
    written(pieces, content_type)
}

/// The first half of a body, after which the connection breaks.
fn half(bytes: &Bytes) -> Vec<Piece> {
    vec![(Duration::ZERO, Some(bytes.slice(..bytes.len() / 2))), (Duration::ZERO, None)]
}

/// The body in pieces of 1 to 7 bytes, whatever stands there.
fn slivers(bytes: &Bytes) -> Vec<Piece> {
    let mut left = bytes.clone();
    let mut pieces = Vec::new();
    for size in SLIVER_BYTES.into_iter().cycle() {
        if left.is_empty() {
            break;
        }
        pieces.push((Duration::ZERO, Some(left.split_to(size.min(left.len())))));
    }
    pieces
}

fn written(pieces: Vec<Piece>, content_type: &'static str) -> Response {
    let body = stream::iter(pieces).then(|(wait, piece)| async move {
        if wait.is_zero() {
            // Lets the connection write what it has. Otherwise pieces would be written together, and a connection that
            // breaks would break before its first byte.
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(wait).await;
        }
        piece.ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionAborted))
    });
    ([(header::CONTENT_TYPE, content_type)], Body::from_stream(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slivers_add_up() {
        let bytes = Bytes::from_static("data: {\"text\":\"Größe 北京\"}\r\n\r\n".as_bytes());
        let pieces: Vec<Bytes> = slivers(&bytes).into_iter().filter_map(|(_, piece)| piece).collect();
        assert_eq!(pieces.concat(), bytes);
        assert!(pieces.iter().all(|piece| (1..=7).contains(&piece.len())));
        assert!(pieces.iter().any(|piece| str::from_utf8(piece).is_err()), "no character is cut");
    }
}
