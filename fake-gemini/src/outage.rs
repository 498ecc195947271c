//! Failures that are the same whatever was asked for.

use std::io;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use futures_util::{StreamExt, stream};

use crate::error::{ApiError, Per};
use crate::scenario::{Moment, Plain, Scenario};

/// The delay of a quota that a day's patience would be needed for: it is there, and it misleads.
const RETRY_OF_A_DAY: Duration = Duration::from_secs(36);

const HTML_502: &str = "<!DOCTYPE html>\n<html lang=en>\n<title>Error 502 (Server Error)</title>\n<p><b>502.</b> The \
                        server could not complete the request. Try again in 30 seconds.\n";

/// Marks an answer instead of which the connection is closed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HangUp;

/// The failure that `scenario` is, if it is one.
pub(crate) fn outage(scenario: Scenario, model: &str) -> Option<Response> {
    let plain = match scenario {
        Scenario::QuotaPerMinute(retry) => return Some(ApiError::quota(model, Per::Minute, retry).into_response()),
        Scenario::Disconnect(Moment::BeforeHead) => {
            let mut response = Response::default();
            response.extensions_mut().insert(HangUp);
            return Some(response);
        }
        Scenario::SlowTtft(_) | Scenario::Disconnect(Moment::MidBody) => return None,
        Scenario::Plain(plain) => plain,
    };
    let error = match plain {
        Plain::QuotaPerDay => ApiError::quota(model, Per::Day, RETRY_OF_A_DAY),
        Plain::QuotaBare => ApiError::quota_bare(),
        Plain::Internal => ApiError::internal(),
        Plain::Overloaded => ApiError::overloaded(),
        Plain::DeadlineExceeded => ApiError::deadline_exceeded(),
        Plain::BadKey => ApiError::key_invalid(),
        Plain::NoSuchModel => ApiError::model_not_found(model, "generateContent"),
        Plain::ArrayError => return Some(ApiError::overloaded().in_array()),
        Plain::Html502 => return Some((StatusCode::BAD_GATEWAY, Html(HTML_502)).into_response()),
        _ => return None,
    };
    Some(error.into_response())
}

/// The same answer, which ends after half of its body by the connection's end.
pub(crate) async fn cut_short(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else { return Response::default() };
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let half = stream::iter([Ok(bytes.slice(..bytes.len() / 2))]);
    let end = stream::once(async {
        // Lets the connection write what it has; otherwise it may be closed before the first byte.
        tokio::task::yield_now().await;
        Err(io::Error::from(io::ErrorKind::ConnectionAborted))
    });
    Response::from_parts(parts, Body::from_stream(half.chain(end)))
}
