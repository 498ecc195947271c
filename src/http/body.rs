//! A JSON body, or a problem that says what is wrong with it.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use garde::Validate;
use serde::de::DeserializeOwned;

use crate::http::problem::{Code, Problem};

/// A body that was read as JSON, with every field known and within its limits.
pub(super) struct Body<T>(pub T);

impl<S, T> FromRequest<S> for Body<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Validate<Context = ()>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !declares_json(&request) {
            return Err(Problem::new(Code::BodyNotDeclared));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                Problem::new(Code::BodyTooLarge)
            } else {
                Problem::new(Code::BodyNotJson).because(rejection.body_text())
            }
        })?;
        let value: T = serde_json::from_slice(&bytes).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => Problem::new(Code::BodyInvalid)
                .because(error.to_string())
                .at_field(field_of(&error, &bytes), error.to_string()),
            _ => Problem::new(Code::BodyNotJson).because(error.to_string()),
        })?;
        value.validate().map_err(|report| {
            let problem = Problem::new(Code::BodyInvalid);
            report.iter().fold(problem, |problem, (path, error)| {
                problem.at_field(on_the_wire(&path.to_string()), error.message())
            })
        })?;
        Ok(Self(value))
    }
}

fn declares_json(request: &Request) -> bool {
    let content_type =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// The field that serde complains about. It stands in backticks, as in "unknown field `mesage`"; a value of the wrong type
/// stands there too, and then the field is the last name before the place of the error.
fn field_of(error: &serde_json::Error, body: &[u8]) -> String {
    let sentence = error.to_string();
    if sentence.contains("field `") {
        return sentence.split('`').nth(1).unwrap_or_default().to_owned();
    }
    let lines = body.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines.take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    let read = String::from_utf8_lossy(&body[..(before + error.column()).min(body.len())]).into_owned();
    let name = read.rsplit_once("\":").or_else(|| read.rsplit_once("\" :")).map(|(name, _)| name.rsplit('"').next());
    name.flatten().unwrap_or_default().to_owned()
}

/// A field's path in the form that the client sent: `user_meta` is `userMeta`.
fn on_the_wire(path: &str) -> String {
    let mut words = path.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut path, word| {
        let mut chars = word.chars();
        path.extend(chars.next().into_iter().flat_map(char::to_uppercase));
        path.push_str(chars.as_str());
        path
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_the_wrong_type_is_told_by_its_field() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct Asked {
            #[expect(dead_code, reason = "only read")]
            session_id: String,
            #[expect(dead_code, reason = "only read")]
            message: String,
        }
        for (body, field) in [
            (r#"{"sessionId": "a", "message": 5}"#, "message"),
            ("{\n \"sessionId\": true,\n \"message\": \"x\"}", "sessionId"),
            (r#"{"sessionId": "a", "mesage": "x"}"#, "mesage"),
            (r#"{"sessionId": "a"}"#, "message"),
        ] {
            let error = serde_json::from_str::<Asked>(body).unwrap_err();
            assert_eq!(field_of(&error, body.as_bytes()), field, "{body}");
        }
    }

    #[test]
    fn a_field_is_named_as_the_client_sent_it() {
        assert_eq!(on_the_wire("user_meta"), "userMeta");
        assert_eq!(on_the_wire("tags[3].name"), "tags[3].name");
    }
}
