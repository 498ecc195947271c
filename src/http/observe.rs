//! What happened to each request: one log line and two metrics, without what anybody said.

use std::time::Instant;

use axum::extract::Request;
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, histogram};

use crate::http::{REQUEST_ID, route_of};
use crate::telemetry;

pub(super) async fn observe(request: Request, next: Next) -> Response {
    let (method, route) = (method_name(request.method()), route_of(&request));
    let request_id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let began = Instant::now();
    let response = next.run(request).await;
    let took = began.elapsed();
    let status = response.status().as_u16();
    counter!(telemetry::HTTP_REQUESTS, "method" => method, "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    histogram!(telemetry::HTTP_REQUEST_DURATION, "method" => method, "route" => route.clone())
        .record(took.as_secs_f64());
    tracing::info!(request_id, method, route, status, took_ms = took.as_secs_f64() * 1_000.0, "request");
    response
}

/// A method as a metric counts it: anybody can send any word as one, and labels must stay few.
fn method_name(method: &Method) -> &'static str {
    const KNOWN: [Method; 9] = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
        Method::CONNECT,
        Method::TRACE,
    ];
    const NAMES: [&str; 9] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE"];
    KNOWN.iter().position(|known| known == method).map_or("other", |at| NAMES[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invented_methods_share_one_label() {
        assert_eq!(method_name(&Method::PATCH), "PATCH");
        assert_eq!(method_name(&Method::from_bytes(b"A31415").unwrap()), "other");
    }
}
