//! What happened to each request: one log line and two metrics, without what anybody said.

use std::time::Instant;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, histogram};

use crate::http::{REQUEST_ID, route_of};
use crate::telemetry;

pub(super) async fn observe(request: Request, next: Next) -> Response {
    let (method, route) = (request.method().clone(), route_of(&request));
    let request_id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let began = Instant::now();
    let response = next.run(request).await;
    let took = began.elapsed();
    let status = response.status().as_u16();
    counter!(telemetry::HTTP_REQUESTS, "method" => method.to_string(), "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    histogram!(telemetry::HTTP_REQUEST_DURATION, "method" => method.to_string(), "route" => route.clone())
        .record(took.as_secs_f64());
    tracing::info!(request_id, %method, route, status, took_ms = took.as_secs_f64() * 1_000.0, "request");
    response
}
