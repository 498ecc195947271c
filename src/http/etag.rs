//! Versions on the wire: `ETag` with what is read, `If-Match` with a change, so that nobody undoes what they have not seen.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// The `ETag` of something at this version.
pub(super) fn etag(version: i64) -> [(HeaderName, HeaderValue); 1] {
    // Digits in quotes are always a header's value.
    let value = HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"\""));
    [(header::ETAG, value)]
}

/// The versions that a change may be made to, as `If-Match` names them; without it, any.
pub(super) struct IfMatch(Option<String>);

impl IfMatch {
    fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(header::IF_MATCH).iter().peekable();
        if values.peek().is_none() {
            return Self(None);
        }
        // What is no text is no version either.
        let told: Vec<&str> = values.map(|value| value.to_str().unwrap_or_default()).collect();
        Self(Some(told.join(",")))
    }

    /// Whether a change may be made to what is at `version`.
    pub fn allows(&self, version: i64) -> bool {
        let Some(told) = &self.0 else { return true };
        let own = format!("\"{version}\"");
        told.split(',').map(str::trim).any(|told| told == "*" || told == own)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_made_to_a_version_that_was_named_and_to_no_other() {
        for (told, allowed) in [
            ("\"3\"", true),
            ("\"2\"", false),
            ("\"1\", \"3\"", true),
            ("*", true),
            ("3", false),
            ("W/\"3\"", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, HeaderValue::from_static(told));
            assert_eq!(IfMatch::of(&headers).allows(3), allowed, "{told}");
        }
        assert!(IfMatch::of(&HeaderMap::new()).allows(3));
        assert_eq!(etag(3)[0].1, "\"3\"");
    }
}
