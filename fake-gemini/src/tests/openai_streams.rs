//! Completions as streams, and the ways in which endpoints differ there.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{RETURN, TestClient};
use crate::openai_client::{END, assert_adds_up, completion, content_of, done, finishes, streaming};
use crate::reading::{Streamed, read};

/// The stream of the usual question as `scenario` has it.
async fn streamed(scenario: &str) -> Streamed {
    TestClient::scripted(scenario).await.stream_completion(&completion()).await
}

#[tokio::test]
async fn a_stream_brings_the_role_deltas_a_finish_and_the_usage() {
    let events = done(&streamed("ok_json").await, END);
    assert_eq!(events[0]["choices"][0]["delta"], json!({ "role": "assistant", "content": "", "refusal": null }));
    let answer: Value = serde_json::from_str(&content_of(&events)).unwrap();
    assert_eq!(answer["sentences"][0]["text"], RETURN);
    let [.., finish, usage] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&finish["choices"][0]["delta"], finishes(&events)), (&json!({}), vec!["stop"]));
    assert_eq!(usage["choices"], json!([]));
    assert_adds_up(&usage["usage"]);
    for event in &events {
        assert_eq!((&event["id"], &event["object"]), (&usage["id"], &json!("chat.completion.chunk")));
    }
    assert!(events[..events.len() - 1].iter().all(|event| event.get("usage") == Some(&Value::Null)));
    assert!(events.len() > 6, "{}", events.len());
}

#[tokio::test]
async fn usage_comes_only_when_it_was_asked_for() {
    let client = TestClient::start().await;
    let mut body = completion();
    body["stream"] = true.into();
    for options in [Value::Null, json!({ "include_usage": false })] {
        body["stream_options"] = options;
        let events = done(&read(client.post_completion(&body)).await, END);
        assert!(events.iter().all(|event| event.get("usage").is_none() && event["choices"][0].is_object()));
    }
}

#[tokio::test]
async fn an_answer_is_stopped_after_two_chunks() {
    let whole = content_of(&done(&streamed("ok_json").await, END));
    for scenario in ["blocked_output", "recitation"] {
        let events = done(&streamed(scenario).await, END);
        assert_eq!((events.len(), finishes(&events)), (5, vec!["content_filter"]), "{scenario}");
        assert!(whole.starts_with(&content_of(&events)) && !content_of(&events).is_empty());
    }
}

#[tokio::test]
async fn reasoning_comes_before_the_content() {
    let events = done(&streamed("reasoning").await, END);
    let is_thought = |event: &Value| event["choices"][0]["delta"]["reasoning_content"].is_string();
    let thoughts = events.iter().filter(|event| is_thought(event)).count();
    assert!(thoughts > 2 && events[1..=thoughts].iter().all(is_thought));
    let hidden = done(&streamed("thinking").await, END);
    assert!(!hidden.iter().any(is_thought));
    for events in [events, hidden] {
        let usage = &events.last().unwrap()["usage"];
        assert!(usage["completion_tokens_details"]["reasoning_tokens"].as_u64() > Some(0), "{usage}");
    }
}

#[tokio::test]
async fn openrouter_comments_repeats_the_finish_and_counts_beside_choices() {
    let streamed = streamed("openrouter").await;
    assert_eq!(streamed.body().matches(": OPENROUTER PROCESSING\n\n").count(), 3);
    assert!(streamed.body().starts_with(": "));
    let events = done(&streamed, END);
    assert_eq!(finishes(&events), ["stop", "stop"]);
    let last = events.last().unwrap();
    assert!(last["choices"][0].is_object() && last["provider"].is_string(), "{last}");
    assert_eq!(last["choices"][0]["native_finish_reason"], "STOP");
    assert_adds_up(&last["usage"]);
    assert_eq!(serde_json::from_str::<Value>(&content_of(&events)).unwrap()["sentences"][0]["text"], RETURN);
}

#[tokio::test]
async fn no_done_ends_after_the_finish() {
    let events = streamed("no_done").await.events(END);
    assert_eq!(finishes(&events), ["stop"]);
    assert!(events.iter().all(|event| event.get("usage").is_none()));
    assert_eq!(events.last().unwrap()["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn mid_stream_error_is_an_event_of_a_stream_that_began_well() {
    let events = streamed("mid_stream_error").await.events(END);
    let (error, before) = events.split_last().unwrap();
    assert_eq!((error["error"]["code"].as_u64(), before.len()), (Some(502), 3));
    assert!(!content_of(before).is_empty() && finishes(&events).is_empty());
}

#[tokio::test]
async fn crlf_ends_frames_by_it() {
    let streamed = streamed("crlf").await;
    assert!(!streamed.body().replace("\r\n", "").contains('\n'));
    assert!(done(&streamed, "\r\n\r\n").len() > 4);
    assert!(done(&TestClient::scripted("lf").await.stream_completion(&completion()).await, END).len() > 4);
}

#[tokio::test]
async fn split_utf8_cuts_frames() {
    let streamed = streamed("split_utf8").await;
    assert!(streamed.reads.iter().all(|read| (1..=7).contains(&read.len())));
    assert!(done(&streamed, END).len() > 4);
}

#[tokio::test]
async fn disconnect_after_breaks_after_so_many_chunks() {
    let streamed = streamed("disconnect_after=4").await;
    assert_eq!((streamed.is_broken, streamed.body().matches(END).count()), (true, 4));
}

#[tokio::test]
async fn waits_are_kept_before_and_between() {
    let begin = Instant::now();
    let chunks = u32::try_from(streamed("pace=60/5").await.frames(END).len()).unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(60) + Duration::from_millis(5) * (chunks - 1));
}

#[tokio::test]
async fn an_empty_answer_has_no_deltas() {
    for (scenario, finish) in [("empty_parts", "stop"), ("all_thought_max_tokens", "length")] {
        let events = done(&streamed(scenario).await, END);
        assert_eq!((content_of(&events).as_str(), finishes(&events)), ("", vec![finish]), "{scenario}");
        assert_eq!(events.len(), 3);
    }
    assert_eq!(streaming(&completion())["stream"], true);
}
