//! An answer as a stream of events.

use serde_json::{Value, json};

use crate::deltas::deltas;
use crate::openai::completion::Completion;
use crate::openai::error::Refusal;
use crate::scenario::{Plain, Scenario};

/// Chunks of the real API are of a token or two.
const DELTA_CHARACTERS_MAX: usize = 9;
/// How many chunks of text come before a stream is stopped or fails.
const CHUNKS_BEFORE_THE_END: usize = 2;

const COMMENT: &str = ": OPENROUTER PROCESSING";

/// The events of an answer as they are written, the last of which is `[DONE]` unless the scenario says otherwise.
pub(crate) fn frames(scenario: Scenario, completion: &Completion, include_usage: bool) -> Vec<String> {
    let events = match scenario {
        Scenario::Plain(Plain::OpenRouter) => routed(completion),
        Scenario::Plain(Plain::MidStreamError) => failing(completion, include_usage),
        Scenario::Plain(Plain::NoDone) => {
            let mut events = begun(completion, usize::MAX, false);
            events.push(data(&completion.chunk(&json!({}), Some(completion.finish))));
            events
        }
        _ => usual(completion, include_usage),
    };
    let end = if scenario == Plain::Crlf.into() { "\r\n\r\n" } else { "\n\n" };
    events.into_iter().map(|event| event + end).collect()
}

fn usual(completion: &Completion, include_usage: bool) -> Vec<String> {
    let is_stopped = matches!(completion.flavour, Plain::BlockedOutput | Plain::Recitation);
    let deltas_max = if is_stopped { CHUNKS_BEFORE_THE_END } else { usize::MAX };
    let mut events = begun(completion, deltas_max, include_usage);
    events.push(counted(completion.chunk(&json!({}), Some(completion.finish)), include_usage));
    if include_usage {
        events.push(data(&completion.usage_chunk()));
    }
    events.push("data: [DONE]".to_owned());
    events
}

/// An error takes the place of the rest, and of the `[DONE]`.
fn failing(completion: &Completion, include_usage: bool) -> Vec<String> {
    let mut events = begun(completion, CHUNKS_BEFORE_THE_END, include_usage);
    events.push(data(&Refusal::provider_failed().body()));
    events
}

/// The role, and then what is said, in at most `deltas_max` chunks.
fn begun(completion: &Completion, deltas_max: usize, include_usage: bool) -> Vec<String> {
    let role = json!({ "role": "assistant", "content": "", "refusal": null });
    let thoughts = said(completion, completion.reasoning).map(|text| json!({ "reasoning_content": text }));
    let texts = said(completion, completion.content.as_deref()).map(|text| json!({ "content": text })).take(deltas_max);
    let deltas = std::iter::once(role).chain(thoughts).chain(texts);
    deltas.map(|delta| counted(completion.chunk(&delta, None), include_usage)).collect()
}

/// As OpenRouter has it: comments while there is nothing to say, the role on every chunk, the finish twice, and the usage
/// on the second of these, asked for or not.
fn routed(completion: &Completion) -> Vec<String> {
    let delta = |text: &str| json!({ "role": "assistant", "content": text });
    let mut events = vec![COMMENT.to_owned(), COMMENT.to_owned()];
    let texts = said(completion, completion.content.as_deref());
    events.extend(texts.map(|text| data(&completion.chunk(&delta(text), None))));
    events.insert(events.len().div_ceil(2), COMMENT.to_owned());
    let mut finish = completion.chunk(&delta(""), Some(completion.finish));
    events.push(data(&finish));
    finish["usage"] = completion.usage();
    events.push(data(&finish));
    events.push("data: [DONE]".to_owned());
    events
}

fn said<'a>(completion: &'a Completion, text: Option<&'a str>) -> impl Iterator<Item = &'a str> {
    deltas(text.unwrap_or_default(), &completion.digest, DELTA_CHARACTERS_MAX)
}

/// A chunk before the one that counts says that it does not, if that one is to come.
fn counted(mut chunk: Value, include_usage: bool) -> String {
    if include_usage {
        chunk["usage"] = Value::Null;
    }
    data(&chunk)
}

fn data(value: &Value) -> String {
    format!("data: {value}")
}
