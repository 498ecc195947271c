//! One address for each route: `/api/chat/query/` is `/chat/query`.

use axum::http::{Request, Uri};

/// Strips one leading `/api` and the slashes at the end of the path.
pub(super) fn normalise<B>(mut request: Request<B>) -> Request<B> {
    let original = request.uri().clone();
    let path = original.path();
    let stripped = path.strip_prefix("/api").filter(|rest| rest.is_empty() || rest.starts_with('/')).unwrap_or(path);
    let trimmed = stripped.trim_end_matches('/');
    // The documentation's pages refer to each other, so their folder keeps its slash.
    let trimmed = if trimmed == "/docs" || trimmed.is_empty() { stripped } else { trimmed };
    if trimmed != path {
        let path = if trimmed.is_empty() { "/" } else { trimmed };
        let path_and_query = original.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        let mut parts = original.clone().into_parts();
        parts.path_and_query = path_and_query.parse().ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_of(uri: &str) -> String {
        normalise(Request::builder().uri(uri).body(()).unwrap()).uri().to_string()
    }

    #[test]
    fn both_families_of_clients_find_a_route() {
        assert_eq!(path_of("/chat/query"), "/chat/query");
        assert_eq!(path_of("/api/chat/query/?limit=1"), "/chat/query?limit=1");
        assert_eq!(path_of("/api"), "/");
        assert_eq!(path_of("/api/"), "/");
        assert_eq!(path_of("/apiary"), "/apiary");
        assert_eq!(path_of("/api/api/x"), "/api/x");
        assert_eq!(path_of("/docs/"), "/docs/");
    }
}
