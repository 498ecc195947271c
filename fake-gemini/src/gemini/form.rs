//! In which of three forms an address answers, errors too.

use axum::http::{HeaderValue, Uri, header};
use axum::response::Response;

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One object.
    Object,
    /// Server-sent events. Errors are one object as well, and called a stream all the same: so does the real API.
    Events,
    /// One array of what would be events; errors stand in an array of one.
    Array,
}

impl Form {
    /// What the address asks for.
    pub(crate) fn of(uri: &Uri) -> Self {
        let events = |query: &str| query.split('&').any(|pair| pair == "alt=sse");
        match uri.query() {
            _ if !uri.path().ends_with(":streamGenerateContent") => Self::Object,
            Some(query) if events(query) => Self::Events,
            _ => Self::Array,
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Events => "text/event-stream",
            Self::Object | Self::Array => "application/json",
        }
    }

    /// Calls the answer what this form is called.
    pub(crate) fn labelled(self, mut response: Response) -> Response {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type()));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_stream_has_other_forms() {
        let cases = [
            ("/v1beta/models/m:generateContent?alt=sse", Form::Object),
            ("/v1beta/models/m:streamGenerateContent", Form::Array),
            ("/v1beta/models/m:streamGenerateContent?alt=json", Form::Array),
            ("/v1beta/models/m:streamGenerateContent?x=1&alt=sse", Form::Events),
        ];
        for (uri, form) in cases {
            assert_eq!(Form::of(&Uri::from_static(uri)), form, "{uri}");
        }
    }
}
