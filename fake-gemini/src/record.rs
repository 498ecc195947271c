//! Every request, kept for assertions.

use std::collections::VecDeque;

use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::Value;

use crate::scenario::Scenario;

/// Headers whose value is a secret.
const SECRETS: [&str; 2] = ["x-goog-api-key", "authorization"];
/// What stands in a secret's place.
const HIDDEN: &str = "(hidden)";

/// A request as it arrived, without secrets, and what was done with it.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    /// `GET` or `POST`.
    pub method: String,
    /// With the query, in which the value of `key` is hidden.
    pub path: String,
    /// Names in small letters. A key's presence shows, its value does not.
    pub headers: Vec<(String, String)>,
    /// The body; a text if it is not JSON, null if there is none.
    pub body: Value,
    /// What was done; none if the request was refused before that was decided.
    pub scenario: Option<Scenario>,
    /// What it was answered with; none while it is in work, when its connection was closed, or when the client left.
    pub status: Option<u16>,
}

impl RecordedRequest {
    pub(crate) fn new(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Self {
        let headers = headers.iter().map(|(name, value)| {
            let secret = SECRETS.contains(&name.as_str());
            let value = if secret { HIDDEN.into() } else { String::from_utf8_lossy(value.as_bytes()) };
            (name.as_str().to_owned(), value.into_owned())
        });
        let body = match body {
            [] => Value::Null,
            body => serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned().into()),
        };
        Self {
            method: method.to_string(),
            path: path(uri),
            headers: headers.collect(),
            body,
            scenario: None,
            status: None,
        }
    }

    /// The value of a header, by its name in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// Whether `text` stands in any text of the body, however it was escaped there: in a part or a message of a prompt,
    /// in the JSON inside of a prompt, in a name. Whichever API it was sent to.
    #[must_use]
    pub fn says(&self, text: &str) -> bool {
        says(&self.body, text)
    }
}

fn path(uri: &Uri) -> String {
    let Some(query) = uri.query() else { return uri.path().to_owned() };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some(("key", _)) => format!("key={HIDDEN}"),
        _ => pair.to_owned(),
    });
    format!("{}?{}", uri.path(), pairs.collect::<Vec<_>>().join("&"))
}

fn says(value: &Value, text: &str) -> bool {
    match value {
        Value::String(said) => {
            let nested = |line: &str| serde_json::from_str(line.trim()).is_ok_and(|value| holds(&value, text));
            said.contains(text) || said.lines().any(nested)
        }
        _ => holds(value, text),
    }
}

/// The same for what has members.
fn holds(value: &Value, text: &str) -> bool {
    match value {
        Value::Array(values) => values.iter().any(|value| says(value, text)),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains(text) || says(value, text)),
        _ => false,
    }
}

/// The last requests, oldest first.
pub(crate) struct Log {
    entries: VecDeque<RecordedRequest>,
    /// How many were dropped from the front.
    dropped: usize,
    entries_max: usize,
}

/// A request in the log, also after it was dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry(usize);

impl Log {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self { entries: VecDeque::new(), dropped: 0, entries_max }
    }

    pub(crate) fn add(&mut self, request: RecordedRequest) -> Entry {
        self.entries.push_back(request);
        let entry = Entry(self.dropped + self.entries.len() - 1);
        while self.entries.len() > self.entries_max {
            self.entries.pop_front();
            self.dropped += 1;
        }
        entry
    }

    pub(crate) fn decided(&mut self, entry: Entry, scenario: Scenario) {
        if let Some(request) = self.entry(entry) {
            request.scenario = Some(scenario);
        }
    }

    pub(crate) fn answered(&mut self, entry: Entry, status: StatusCode) {
        if let Some(request) = self.entry(entry) {
            request.status = Some(status.as_u16());
        }
    }

    pub(crate) fn all(&self) -> Vec<RecordedRequest> {
        self.entries.iter().cloned().collect()
    }

    fn entry(&mut self, Entry(at): Entry) -> Option<&mut RecordedRequest> {
        at.checked_sub(self.dropped).and_then(|at| self.entries.get_mut(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &'static str, body: &str) -> RecordedRequest {
        RecordedRequest::new(&Method::POST, &Uri::from_static(path), &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn only_the_last_requests_are_kept() {
        let mut log = Log::new(2);
        let entries: Vec<_> = ["/a", "/b", "/c"].map(|path| log.add(request(path, ""))).into();
        log.answered(entries[0], StatusCode::OK);
        log.answered(entries[2], StatusCode::OK);
        let kept: Vec<_> = log.all().into_iter().map(|request| (request.path, request.status)).collect();
        assert_eq!(kept, [("/b".to_owned(), None), ("/c".to_owned(), Some(200))]);
    }

    #[test]
    fn what_is_said_is_found_through_the_escapes_and_a_key_in_the_query_is_not() {
        let line = serde_json::json!({ "question": "a \"quoted\" ü" }).to_string();
        let text = format!("Data:\n{line}");
        for body in [
            serde_json::json!({ "contents": [{ "parts": [{ "text": text }] }] }),
            serde_json::json!({ "messages": [{ "role": "user", "content": text }] }),
        ] {
            let request = request("/v1beta/models?pageSize=2&key=secret", &body.to_string());
            assert!(request.says("a \"quoted\" ü") && request.says("Data:") && !request.says("secret"));
            assert_eq!(request.path, "/v1beta/models?pageSize=2&key=(hidden)");
        }
    }
}
