//! Scenarios that are errors, in OpenAI's shape.

use serde_json::{Value, json};

use crate::client::TestClient;
use crate::openai_client::{completion, streaming};

#[tokio::test]
async fn failures_have_openais_codes_also_for_a_stream() {
    let cases = [
        ("429_minute=1s", 429, Some("rate_limit_exceeded"), "requests"),
        ("429_day", 429, Some("insufficient_quota"), "insufficient_quota"),
        ("429_no_details", 429, None, "requests"),
        ("500", 500, None, "server_error"),
        ("503", 503, None, "server_error"),
        ("504", 504, None, "server_error"),
        ("bad_key", 401, Some("invalid_api_key"), "invalid_request_error"),
        ("404_model", 404, Some("model_not_found"), "invalid_request_error"),
        ("blocked_prompt", 400, Some("content_filter"), "invalid_request_error"),
    ];
    for (scenario, status, code, kind) in cases {
        let client = TestClient::scripted(scenario).await;
        for body in [completion(), streaming(&completion())] {
            let reply = client.complete(&body).await;
            assert_eq!(reply.openai_error(status, code)["type"], kind, "{scenario}");
            assert_eq!(reply.content_type, "application/json", "{scenario}");
        }
    }
}

#[tokio::test]
async fn a_quota_says_when_to_come_back_in_whole_seconds() {
    for (scenario, seconds) in [("429_minute=0.25s", Some("1")), ("429_day", Some("36")), ("429_no_details", None)] {
        let response = TestClient::scripted(scenario).await.post_completion(&completion()).send().await.unwrap();
        assert_eq!(response.headers().get("retry-after").map(|value| value.to_str().unwrap()), seconds, "{scenario}");
    }
}

#[tokio::test]
async fn other_doors_fail_in_other_forms() {
    let array = TestClient::scripted("array_error").await.complete(&completion()).await;
    assert_eq!((array.status, &array.json()[0]["error"]["type"]), (503, &json!("server_error")));
    let html = TestClient::scripted("html_502").await.complete(&completion()).await;
    assert_eq!((html.status, html.content_type.as_str()), (502, "text/html; charset=utf-8"));
    let client = TestClient::scripted("disconnect").await;
    assert!(client.post_completion(&completion()).send().await.is_err());
    let half = client.post_completion(&completion()).header("x-fake-scenario", "disconnect=body").send().await.unwrap();
    assert!(half.text().await.is_err());
}

#[tokio::test]
async fn openrouter_has_numeric_codes() {
    let client = TestClient::scripted("openrouter").await;
    let mut body = completion();
    body["top_k"] = 3.into();
    let reply = client.complete(&body).await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (400, &json!(400)));
    assert!(reply.json()["user_id"].is_string());
    assert_eq!(client.complete(&completion()).await.status, 200);
    let scripted = TestClient::scripted("openrouter,ok_json").await;
    let mut misfit = completion();
    misfit["response_format"]["json_schema"]["schema"]["properties"]["unanswered"] = json!({ "type": "integer" });
    for code in [json!(400), Value::Null] {
        assert_eq!(scripted.complete(&misfit).await.json()["error"]["code"], code, "of its own step");
    }
    let mut named = completion();
    named["model"] = "fake-openrouter".into();
    named["temperature"] = 9.into();
    assert_eq!(TestClient::start().await.complete(&named).await.json()["error"]["code"], 400);
}

#[tokio::test]
async fn no_json_schema_takes_other_formats() {
    let client = TestClient::scripted("no_json_schema").await;
    let error = client.complete(&completion()).await.openai_error(400, None);
    assert_eq!(error["param"], "response_format");
    let mut body = completion();
    body["messages"][0]["content"] = "Answer in JSON.".into();
    for format in [json!({ "type": "json_object" }), Value::Null] {
        body["response_format"] = format;
        assert_eq!(client.complete(&body).await.status, 200);
    }
}

#[tokio::test]
async fn max_tokens_rejected_wants_the_other_name() {
    let client = TestClient::scripted("max_tokens_rejected").await;
    let mut body = completion();
    body["max_tokens"] = 900.into();
    let error = client.complete(&body).await.openai_error(400, Some("unsupported_parameter"));
    let sentence = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' \
                    instead.";
    assert_eq!((&error["message"], &error["param"]), (&json!(sentence), &json!("max_tokens")));
    body.as_object_mut().unwrap().remove("max_tokens");
    body["max_completion_tokens"] = 900.into();
    assert_eq!(client.complete(&body).await.status, 200);
}
