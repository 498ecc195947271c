//! The HTTP door: every route on one page, and the layers around them.

mod ai;
mod ai_config;
mod body;
mod caller;
mod change;
mod chat;
mod documentation;
mod etag;
mod health;
mod knowledge;
pub mod local;
mod observe;
mod page;
mod paths;
mod problem;
mod tickets;

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::IntoResponse;
use metrics::counter;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{Any, CorsLayer};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::sensitive_headers::SetSensitiveRequestHeadersLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::ResponseType;
use crate::answer::decide::{Decision, Reason};
use crate::engine::Engine;
pub use crate::http::health::count_dependencies;
pub use crate::http::problem::{Code, Problem};
use crate::telemetry;

/// The header that a request's id travels in.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The public API with its documentation.
///
/// The address that it answers at may have one `/api` before each path and a slash after it.
pub fn router(engine: Engine) -> Router {
    let config = engine.config().clone();
    let (router, api) = api().with_state(engine).split_for_parts();
    let router = router
        .merge(documentation::pages(api))
        .fallback(|| async { Problem::new(Code::NoSuchRoute).into_response() })
        .method_not_allowed_fallback(|| async { Problem::new(Code::MethodNotAllowed).into_response() });
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(SetSensitiveRequestHeadersLayer::new([
            header::AUTHORIZATION,
            header::COOKIE,
            caller::API_KEY,
            caller::SESSION_TOKEN,
            chat::LAST_EVENT_ID,
        ]))
        .layer(axum::middleware::from_fn(problem::name_the_request))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(axum::middleware::from_fn(observe::observe))
        .layer(cors())
        .layer(header_if_missing(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header_if_missing(header::REFERRER_POLICY, "no-referrer"))
        .layer(header_if_missing(header::CONTENT_SECURITY_POLICY, documentation::CONTENT_SECURITY_POLICY))
        // Inside of the request id, so that a failure keeps its id.
        .layer(CatchPanicLayer::custom(|_| Problem::new(Code::Internal).into_response()))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            Duration::from_secs(config.request_seconds_max),
        ))
        // The outer wall; a body that is only too large for the handlers gets a problem that says so.
        .layer(RequestBodyLimitLayer::new(config.body_bytes_max.saturating_mul(2)))
        .layer(DefaultBodyLimit::max(config.body_bytes_max));
    let routed = router.layer(layers);
    Router::new()
        .fallback_service(ServiceBuilder::new().map_request(paths::normalise::<axum::body::Body>).service(routed))
}

/// Every route on one page.
fn api() -> OpenApiRouter<Engine> {
    OpenApiRouter::with_openapi(documentation::Api::openapi())
        // Routes of a widget.
        .routes(routes!(chat::query::query))
        .routes(routes!(chat::search::search))
        .routes(routes!(chat::messages::messages))
        .routes(routes!(tickets::create))
        // Routes of an integration.
        .routes(routes!(tickets::show))
        // Routes of whoever writes articles.
        .routes(routes!(knowledge::create, knowledge::list))
        .routes(routes!(knowledge::show, knowledge::change, knowledge::remove))
        .routes(routes!(knowledge::versions))
        .routes(routes!(knowledge::restore))
        // Routes of whoever tunes the answers.
        .routes(routes!(ai::test))
        .routes(routes!(ai_config::show, ai_config::change))
        // Routes of an operator.
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(documentation::index))
}

/// The widget runs on the company's own site, so any origin may call; keys, not cookies, say who is calling.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::CONTENT_TYPE,
            header::ACCEPT,
            caller::API_KEY,
            caller::SESSION_TOKEN,
            chat::LAST_EVENT_ID,
        ])
        .expose_headers([REQUEST_ID, header::RETRY_AFTER])
        .max_age(Duration::from_secs(7_200))
}

fn header_if_missing(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// The OpenAPI document, for the tests and for whoever makes a client.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    api().split_for_parts().1
}

/// The path that a request's metrics are counted under: the route, never the path, so that labels stay bounded.
pub(crate) fn route_of(request: &Request) -> String {
    request
        .extensions()
        .get::<axum::extract::MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned())
}

/// Starts the counters whose labels are known at 0, so that a dashboard shows a zero and not a gap.
pub fn start_label_pairs() {
    for decision in Decision::ALL {
        let reason = match decision {
            Decision::Answered | Decision::Clarify | Decision::SmallTalk | Decision::WithAgent => "none",
            Decision::Escalated(reason) => reason.name(),
        };
        for response_type in ResponseType::ALL {
            counter!(
                telemetry::ANSWERS,
                "decision" => decision.name(), "reason" => reason, "response_type" => response_type.name()
            )
            .absolute(0);
        }
    }
    // The first failure of all would not be a rise otherwise.
    for status in ["200", "500", "503"] {
        counter!(telemetry::HTTP_REQUESTS, "method" => "POST", "route" => "/chat/query", "status" => status)
            .absolute(0);
    }
    for reason in Reason::ALL {
        counter!(telemetry::TICKETS, "reason" => reason.name()).absolute(0);
    }
}
