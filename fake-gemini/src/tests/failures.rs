//! Scenarios that are errors or no answer at all: one test each.

use serde_json::{Value, json};

use crate::client::{TestClient, question, send};

/// The detail of a kind, such as `RetryInfo`.
fn detail<'a>(error: &'a Value, kind: &str) -> &'a Value {
    let kind = format!("type.googleapis.com/google.rpc.{kind}");
    let details = error["details"].as_array().unwrap();
    details.iter().find(|detail| detail["@type"] == *kind).unwrap_or_else(|| panic!("no {kind}: {error}"))
}

fn quota_id(error: &Value) -> &str {
    detail(error, "QuotaFailure")["violations"][0]["quotaId"].as_str().unwrap()
}

#[tokio::test]
async fn quota_of_a_minute_says_when_to_come_back() {
    let error = TestClient::scripted("429_minute=0.25s").await.answer().await.error(429, "RESOURCE_EXHAUSTED");
    assert_eq!(quota_id(&error), "GenerateRequestsPerMinutePerProjectPerModel-FreeTier");
    assert_eq!(detail(&error, "RetryInfo")["retryDelay"], "0.25s");
    assert!(error["message"].as_str().unwrap().ends_with("Please retry in 0.25s."), "{error}");
}

#[tokio::test]
async fn quota_of_a_day_is_known_by_its_name_alone() {
    let error = TestClient::scripted("429_day").await.answer().await.error(429, "RESOURCE_EXHAUSTED");
    assert_eq!(quota_id(&error), "GenerateRequestsPerDayPerProjectPerModel-FreeTier");
    assert_eq!(detail(&error, "RetryInfo")["retryDelay"], "36s", "the trap is there");
}

#[tokio::test]
async fn quota_without_details() {
    let error = TestClient::scripted("429_no_details").await.answer().await.error(429, "RESOURCE_EXHAUSTED");
    assert_eq!(error["details"], Value::Null);
}

#[tokio::test]
async fn internal_error() {
    TestClient::scripted("500").await.answer().await.error(500, "INTERNAL");
}

#[tokio::test]
async fn overloaded() {
    let error = TestClient::scripted("503").await.answer().await.error(503, "UNAVAILABLE");
    assert_eq!(error["message"], "The model is overloaded. Please try again later.");
}

#[tokio::test]
async fn deadline_exceeded() {
    TestClient::scripted("504").await.answer().await.error(504, "DEADLINE_EXCEEDED");
}

#[tokio::test]
async fn bad_key_is_400_with_a_reason() {
    let error = TestClient::scripted("bad_key").await.answer().await.error(400, "INVALID_ARGUMENT");
    let info = detail(&error, "ErrorInfo");
    assert_eq!((&info["reason"], &info["domain"]), (&json!("API_KEY_INVALID"), &json!("googleapis.com")));
}

#[tokio::test]
async fn no_such_model() {
    let error = TestClient::scripted("404_model").await.answer().await.error(404, "NOT_FOUND");
    let sentence = "models/gemini-3.8-flash is not found for API version v1beta, or is not supported for \
                    generateContent. Call ModelService.ListModels to see the list of available models and their \
                    supported methods.";
    assert_eq!(error["message"], sentence);
}

#[tokio::test]
async fn thinking_level_rejected_refuses_who_asks_for_a_level() {
    let mut thinking = question();
    thinking["generationConfig"]["thinkingConfig"] = json!({ "thinkingLevel": "LOW" });
    let reply = TestClient::scripted("thinking_level_rejected").await.ask(&thinking).await;
    assert_eq!(reply.refusal(), "Thinking level is not supported for this model.");
}

#[tokio::test]
async fn array_error_is_an_error_in_an_array() {
    let reply = TestClient::scripted("array_error").await.answer().await;
    assert_eq!((reply.status, &reply.json()[0]["error"]["code"]), (503, &json!(503)));
}

#[tokio::test]
async fn html_502_is_no_json() {
    let reply = TestClient::scripted("html_502").await.answer().await;
    assert_eq!((reply.status, reply.content_type.as_str()), (502, "text/html; charset=utf-8"));
    assert!(reply.body.starts_with("<!DOCTYPE html>"), "{}", reply.body);
}

#[tokio::test]
async fn disconnect_sends_nothing() {
    let client = TestClient::scripted("disconnect").await;
    let error = client.post("gemini-3.8-flash", &question()).send().await.unwrap_err();
    assert!(error.is_request() && !error.is_timeout() && !error.is_connect(), "{error:?}");
    assert_eq!(client.gemini.requests()[0].status, None);
}

#[tokio::test]
async fn disconnect_in_the_body_sends_half_of_it() {
    let client = TestClient::scripted("disconnect=body").await;
    let mut response = client.post("gemini-3.8-flash", &question()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let promised = response.content_length().unwrap();
    let mut got = Vec::new();
    let error = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => got.extend(chunk),
            Ok(None) => panic!("the body ended in order: {}", String::from_utf8_lossy(&got)),
            Err(error) => break error,
        }
    };
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    assert_eq!(got.len() as u64, promised / 2);
}

#[tokio::test]
async fn flaky_fails_as_often_as_it_says() {
    let client = TestClient::start().await;
    for expected in [503, 503, 200, 200] {
        assert_eq!(send(client.post("fake-flaky=2/503", &question())).await.status, expected);
    }
}
