//! `:streamGenerateContent`: its form, and the scenarios that are about streams.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{KEY, MODEL, RETURN, TestClient, about, http, question};
use crate::reading::{Streamed, read};

/// What frames of this API end by.
const END: &str = "\r\n\r\n";

impl TestClient {
    pub(crate) fn post_stream(&self, query: &str, body: &Value) -> reqwest::RequestBuilder {
        let url = format!("{}/v1beta/models/{MODEL}:streamGenerateContent{query}", self.gemini.url());
        http().post(url).header("x-goog-api-key", KEY).json(body)
    }

    pub(crate) async fn stream(&self, body: &Value) -> Streamed {
        read(self.post_stream("?alt=sse", body)).await
    }
}

/// The stream of the usual question as `scenario` has it.
async fn streamed(scenario: &str) -> Streamed {
    TestClient::scripted(scenario).await.stream(&question()).await
}

fn text(event: &Value, is_thought: bool) -> String {
    let parts = event["candidates"][0]["content"]["parts"].as_array();
    let parts = parts.into_iter().flatten().filter(|part| (part["thought"] == true) == is_thought);
    parts.filter_map(|part| part["text"].as_str()).collect()
}

/// What is said in all of them, without thoughts.
pub(crate) fn said(events: &[Value]) -> String {
    events.iter().map(|event| text(event, false)).collect()
}

fn finishes(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["candidates"][0]["finishReason"].as_str()).collect()
}

#[tokio::test]
async fn a_stream_brings_deltas_counts_so_far_and_a_signed_end() {
    let streamed = streamed("ok_json").await;
    let events = streamed.events(END);
    assert!(events.len() > 4, "{}", events.len());
    let answer: Value = serde_json::from_str(&said(&events)).unwrap();
    assert_eq!(answer["sentences"][0]["text"], RETURN);
    assert!(serde_json::from_str::<Value>(&text(&events[0], false)).is_err(), "cut anywhere");
    let (last, before) = events.split_last().unwrap();
    assert_eq!((finishes(&events), finishes(before).len()), (vec!["STOP"], 0));
    let part = &last["candidates"][0]["content"]["parts"][0];
    assert!(part["text"] == "" && part["thoughtSignature"].is_string(), "{last}");
    let mut counted = 0;
    for event in &events {
        assert_eq!(event["responseId"], events[0]["responseId"]);
        let usage = &event["usageMetadata"];
        let candidates = usage["candidatesTokenCount"].as_u64().unwrap_or_default();
        assert!(candidates >= counted, "{usage}");
        assert_eq!(usage["totalTokenCount"], usage["promptTokenCount"].as_u64().unwrap() + candidates);
        counted = candidates;
    }
    let whole = TestClient::start().await.answer().await.ok();
    assert_eq!(last["usageMetadata"], whole["usageMetadata"]);
}

#[tokio::test]
async fn every_chunk_is_sent_by_itself() {
    let streamed = streamed("ok_json").await;
    assert_eq!(streamed.reads.len(), streamed.frames(END).len());
}

#[tokio::test]
async fn the_same_request_is_cut_in_the_same_way() {
    let client = TestClient::start().await;
    assert_eq!(client.stream(&question()).await.body(), client.stream(&question()).await.body());
}

#[tokio::test]
async fn without_events_the_stream_is_one_array() {
    let client = TestClient::start().await;
    let streamed = read(client.post_stream("", &question())).await;
    assert_eq!((streamed.status, streamed.content_type.as_str()), (200, "application/json"));
    assert!(streamed.reads.len() > 4);
    let array: Vec<Value> = serde_json::from_str(&streamed.body()).unwrap();
    assert_eq!(array, client.stream(&question()).await.events(END));
    client.gemini.set_scenario(fake_gemini::Plain::Overloaded);
    let error = read(client.post_stream("", &question())).await;
    let body: Value = serde_json::from_str(&error.body()).unwrap();
    assert_eq!((error.status, &body[0]["error"]["status"]), (503, &json!("UNAVAILABLE")));
}

#[tokio::test]
async fn an_error_is_json_that_is_called_a_stream() {
    let client = TestClient::start().await;
    for (scenario, status) in [("429_minute=1s", 429), ("503", 503), ("bad_key", 400), ("404_model", 404)] {
        let streamed = read(client.post_stream("?alt=sse", &question()).header("x-fake-scenario", scenario)).await;
        assert_eq!((streamed.status, streamed.content_type.as_str()), (status, "text/event-stream"), "{scenario}");
        let body: Value = serde_json::from_str(&streamed.body()).unwrap();
        assert_eq!(body["error"]["code"], status);
    }
    let array = read(client.post_stream("?alt=sse", &question()).header("x-fake-scenario", "array_error")).await;
    let body: Value = serde_json::from_str(&array.body()).unwrap();
    assert_eq!((array.content_type.as_str(), &body[0]["error"]["code"]), ("text/event-stream", &json!(503)));
    let mut wrong = question();
    wrong["stream"] = true.into();
    let refused = client.stream(&wrong).await;
    assert_eq!((refused.status, refused.content_type.as_str()), (400, "text/event-stream"));
    let url = format!("{}/v1beta/models/{MODEL}:streamGenerateContent?alt=sse", client.gemini.url());
    let keyless = read(http().post(url).json(&question())).await;
    assert_eq!((keyless.status, keyless.content_type.as_str()), (403, "text/event-stream"));
    let html = read(client.post_stream("?alt=sse", &question()).header("x-fake-scenario", "html_502")).await;
    assert_eq!((html.status, html.content_type.as_str()), (502, "text/html; charset=utf-8"));
}

#[tokio::test]
async fn thoughts_come_first_and_are_counted_before_the_text() {
    let events = streamed("thinking").await.events(END);
    let first = events.iter().position(|event| !text(event, false).is_empty()).unwrap();
    assert!(first > 1 && events[..first].iter().all(|event| !text(event, true).is_empty()));
    assert!(events[first..].iter().all(|event| text(event, true).is_empty()));
    let thoughts = |event: &Value| event["usageMetadata"]["thoughtsTokenCount"].as_u64().unwrap_or_default();
    assert!(thoughts(&events[0]) < thoughts(&events[first]));
    assert_eq!(thoughts(&events[first]), thoughts(events.last().unwrap()));
}

#[tokio::test]
async fn all_thought_max_tokens_has_no_text_and_counts_none() {
    let events = streamed("all_thought_max_tokens").await.events(END);
    assert_eq!((said(&events).as_str(), finishes(&events)), ("", vec!["MAX_TOKENS"]));
    assert_eq!(events.last().unwrap()["usageMetadata"]["candidatesTokenCount"], Value::Null);
}

#[tokio::test]
async fn a_prompt_that_is_blocked_is_one_chunk() {
    let events = streamed("blocked_prompt").await.events(END);
    assert_eq!((events.len(), &events[0]["candidates"]), (1, &Value::Null));
    assert_eq!(events[0]["promptFeedback"]["blockReason"], "SAFETY");
    let empty = streamed("empty_parts").await.events(END);
    assert_eq!((empty.len(), finishes(&empty)), (1, vec!["STOP"]));
}

#[tokio::test]
async fn an_answer_is_stopped_after_two_chunks() {
    let whole = said(&streamed("ok_json").await.events(END));
    for (scenario, reason) in [("blocked_output", "SAFETY"), ("recitation", "RECITATION")] {
        let events = streamed(scenario).await.events(END);
        assert_eq!((events.len(), finishes(&events)), (3, vec![reason]));
        assert_eq!(events[2]["candidates"][0]["content"], Value::Null);
        assert!(whole.starts_with(&said(&events)) && !said(&events).is_empty());
    }
}

#[tokio::test]
async fn two_terminals_goes_on_after_the_first() {
    let events = streamed("two_terminals").await.events(END);
    assert_eq!(finishes(&events), ["STOP", "STOP"]);
    let first = events.iter().position(|event| event["candidates"][0]["finishReason"] == "STOP").unwrap();
    let (before, after) = (said(&events[..=first]), said(&events[first..]));
    assert!(!before.is_empty() && !after.is_empty());
    assert_eq!(said(&events), said(&streamed("ok_json").await.events(END)));
}

#[tokio::test]
async fn an_older_model_ends_on_its_last_text() {
    let model = "gemini-2.5-flash";
    let client = TestClient::with(|settings| settings.models.push(model.to_owned())).await;
    let url = format!("{}/v1beta/models/{model}:streamGenerateContent?alt=sse", client.gemini.url());
    let events = read(http().post(url).header("x-goog-api-key", KEY).json(&question())).await.events(END);
    assert_eq!(finishes(&events), ["STOP"]);
    assert!(!text(events.last().unwrap(), false).is_empty());
}

#[tokio::test]
async fn split_utf8_cuts_characters_and_frames() {
    let client = TestClient::scripted("split_utf8").await;
    let request = about("Wie groß sind Fahrräder für größere Kinder?", &["Fahrräder für größere Kinder sind größer."]);
    let streamed = client.stream(&request).await;
    assert!(streamed.reads.iter().all(|read| (1..=7).contains(&read.len())));
    assert!(streamed.reads.iter().any(|read| str::from_utf8(read).is_err()));
    assert!(said(&streamed.events(END)).contains("größere Kinder"));
    let whole = read(client.post(MODEL, &request)).await;
    assert!(whole.reads.iter().all(|read| read.len() <= 7) && whole.body().contains("größere Kinder"));
}

#[tokio::test]
async fn lf_ends_frames_by_it() {
    let streamed = streamed("lf").await;
    assert!(!streamed.body().contains('\r') && streamed.events("\n\n").len() > 4);
    assert!(TestClient::scripted("crlf").await.stream(&question()).await.events(END).len() > 4);
}

#[tokio::test]
async fn mid_stream_error_is_a_bare_object_of_several_lines() {
    let streamed = streamed("mid_stream_error").await;
    assert_eq!((streamed.status, streamed.is_broken), (200, false));
    let body = streamed.body();
    let parts: Vec<&str> = body.split(END).collect();
    assert!(parts.len() == 3 && parts[..2].iter().all(|part| part.starts_with("data: ")), "{body}");
    assert!(parts[2].lines().count() > 3 && parts[2].starts_with("{\n"), "{body}");
    assert_eq!(serde_json::from_str::<Value>(parts[2]).unwrap()["error"]["code"], 503);
    let client = TestClient::scripted("mid_stream_error").await;
    let array: Value = serde_json::from_str(&read(client.post_stream("", &question())).await.body()).unwrap();
    assert_eq!((array.as_array().unwrap().len(), &array[2]["error"]["code"]), (3, &json!(503)));
}

#[tokio::test]
async fn disconnect_after_breaks_after_so_many_chunks() {
    for chunks in [0, 3] {
        let streamed = streamed(&format!("disconnect_after={chunks}")).await;
        assert_eq!((streamed.status, streamed.is_broken), (200, true));
        assert_eq!(streamed.body().matches(END).count(), chunks);
    }
    let in_the_middle = streamed("disconnect=body").await;
    assert!(in_the_middle.is_broken && !in_the_middle.reads.is_empty());
    let client = TestClient::scripted("disconnect").await;
    assert!(client.post_stream("?alt=sse", &question()).send().await.is_err());
}

#[tokio::test]
async fn waits_are_kept_before_and_between() {
    for (scenario, first, between) in [("itl=15", 0, 15), ("pace=60/5", 60, 5), ("slow_ttft=60", 60, 0)] {
        let begin = Instant::now();
        let chunks = u32::try_from(streamed(scenario).await.events(END).len()).unwrap();
        let least = Duration::from_millis(first) + Duration::from_millis(between) * (chunks - 1);
        assert!(begin.elapsed() >= least, "{scenario}: {:?} of {least:?}", begin.elapsed());
    }
}
