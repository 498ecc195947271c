//! The API's own documentation: OpenAPI, a page to try it that needs no internet, and what is at `/`.

use axum::response::Html;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::SwaggerUi;

/// Nothing from elsewhere; the documentation's page styles itself inline.
pub(super) const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'";

/// What every operation has in common.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Candor",
        description = "Answers a company's customers from the company's own articles, and says so when it can't.\n\n\
            Errors are `application/problem+json` (RFC 9457) with a stable `code`. Times are RFC 3339 in UTC."
    ),
    servers((url = "/", description = "The API"), (url = "/api", description = "The same, for clients that expect a prefix")),
    tags(
        (name = "chat", description = "What a widget needs"),
        (name = "tickets", description = "Questions that a person takes"),
        (name = "knowledge", description = "The articles that answers stand on"),
        (name = "operations", description = "What an operator needs")
    ),
    modifiers(&Keys)
)]
pub(super) struct Api;

struct Keys;

impl Modify for Keys {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let key = ApiKeyValue::with_description(
            "X-API-Key",
            "A key of the workspace: `pk_…` may stand in a web page, `sk_…` must stay on a server. Make one with `candor key create`.",
        );
        openapi
            .components
            .get_or_insert_default()
            .add_security_scheme("apiKey", SecurityScheme::ApiKey(ApiKey::Header(key)));
    }
}

/// `/openapi.json` and `/docs`.
pub(super) fn pages<S: Clone + Send + Sync + 'static>(api: utoipa::openapi::OpenApi) -> axum::Router<S> {
    axum::Router::from(SwaggerUi::new("/docs").url("/openapi.json", api)).with_state(())
}

/// What is here.
#[utoipa::path(get, path = "/", operation_id = "index", tag = "operations", responses((status = 200, description = "A page of links", content_type = "text/html", body = String)))]
pub(super) async fn index() -> Html<&'static str> {
    Html(include_str!("index.html"))
}
