//! An answer as a stream: its chunks, and how they are written.
//!
//! As a recorded stream of a Gemini 3 model shows it: thoughts first, text as what is new in each chunk, the tokens so
//! far on every chunk, and at the end a chunk with an empty text that is signed and says why it ends. There is no
//! `[DONE]`.

use serde_json::{Value, json};

use crate::deltas::deltas;
use crate::gemini::error::ApiError;
use crate::gemini::form::Form;
use crate::gemini::reply::Exchange;
use crate::limits::tokens;
use crate::scenario::{Plain, Scenario};

/// The real API's chunks are of a few to some 30 tokens; these are short, so that a short answer has several.
const DELTA_CHARACTERS_MAX: usize = 24;
/// How many chunks of text come before a stream is stopped or fails.
const CHUNKS_BEFORE_THE_END: usize = 2;
/// How the names of the models begin whose last text says why it ends, without an empty one behind it.
const ENDS_ON_TEXT: &str = "gemini-2.5";

impl Exchange<'_> {
    /// The chunks that together say what `reply` says in one piece. What has no parts is one chunk.
    pub(crate) fn chunks(&self, mut reply: Value) -> Vec<Value> {
        let Some(mut chunks) = self.begun(&reply) else { return vec![reply] };
        let end = match chunks.pop_if(|_| self.model.starts_with(ENDS_ON_TEXT)) {
            Some(chunk) => chunk["candidates"][0]["content"]["parts"].clone(),
            None => self.signed(),
        };
        reply["candidates"][0]["content"]["parts"] = end;
        chunks.push(reply);
        chunks
    }

    /// The beginning of `text`, and then what `stopped` says of why there is no more.
    pub(crate) fn begun_and_stopped(&self, text: &str, stopped: &Value) -> Vec<Value> {
        let begun: String = self.deltas(text).take(CHUNKS_BEFORE_THE_END).collect();
        let mut end = self.cut(&begun);
        let mut chunks = self.begun(&end).unwrap_or_default();
        end["candidates"] = stopped["candidates"].clone();
        chunks.push(end);
        chunks
    }

    /// The chunks before the one that says why the answer ends; none at all if `reply` has no parts.
    fn begun(&self, reply: &Value) -> Option<Vec<Value>> {
        let parts = reply.pointer("/candidates/0/content/parts")?.as_array()?;
        let pieces: Vec<_> = parts.iter().flat_map(|part| self.pieces(part)).collect();
        let thought_characters = pieces.iter().map(Piece::thought_characters).sum();
        let mut blank = reply.clone();
        blank["candidates"] = Value::Null;
        let mut so_far = Counts::default();
        let chunks = pieces.into_iter().map(|Piece { text, is_thought }| {
            so_far.add(&text, is_thought);
            let mut part = json!({ "text": text });
            if is_thought {
                part["thought"] = true.into();
            }
            let mut chunk = blank.clone();
            chunk["candidates"] = json!([{ "content": { "parts": [part], "role": "model" }, "index": 0 }]);
            chunk["usageMetadata"] = so_far.usage(&reply["usageMetadata"], thought_characters);
            chunk
        });
        Some(chunks.collect())
    }

    /// The parts that say nothing more and sign what was said.
    fn signed(&self) -> Value {
        json!([{ "text": "", "thoughtSignature": self.signature() }])
    }

    /// The text with an end in its middle, as when a model goes on after it has run code.
    pub(crate) fn two_terminals(&self, text: &str) -> Vec<Value> {
        let mut chunks = self.chunks(self.text(text));
        let middle = chunks.len() / 2;
        if let (Some(before), Some(end)) = (middle.checked_sub(1).and_then(|at| chunks.get(at)), chunks.last()) {
            let mut early = end.clone();
            early["usageMetadata"] = before["usageMetadata"].clone();
            early["candidates"][0]["content"]["parts"] = self.signed();
            chunks.insert(middle, early);
        }
        chunks
    }

    fn pieces(&self, part: &Value) -> Vec<Piece> {
        let is_thought = part["thought"] == true;
        let texts = self.deltas(part["text"].as_str().unwrap_or_default());
        texts.map(|text| Piece { text: text.to_owned(), is_thought }).collect()
    }

    fn deltas<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a str> {
        deltas(text, self.digest(), DELTA_CHARACTERS_MAX)
    }
}

/// What one chunk brings.
struct Piece {
    text: String,
    is_thought: bool,
}

impl Piece {
    fn thought_characters(&self) -> u64 {
        if self.is_thought { self.text.chars().count() as u64 } else { 0 }
    }
}

/// What was said before a chunk and with it.
#[derive(Default)]
struct Counts {
    text: String,
    thought_characters: u64,
}

impl Counts {
    fn add(&mut self, text: &str, is_thought: bool) {
        if is_thought {
            self.thought_characters += text.chars().count() as u64;
        } else {
            self.text.push_str(text);
        }
    }

    /// The usage so far, of which `all` is the end. Counts of nothing are left out.
    fn usage(&self, all: &Value, thought_characters: u64) -> Value {
        let thoughts_in_all = all["thoughtsTokenCount"].as_u64().unwrap_or_default();
        // Thoughts may count more tokens than their summary has words, so their part of it decides.
        let thoughts = (thoughts_in_all * self.thought_characters).checked_div(thought_characters).unwrap_or_default();
        let candidates = tokens(&self.text);
        let mut usage = all.clone();
        usage["totalTokenCount"] =
            (all["promptTokenCount"].as_u64().unwrap_or_default() + candidates + thoughts).into();
        if let Some(usage) = usage.as_object_mut() {
            for (name, count) in [("candidatesTokenCount", candidates), ("thoughtsTokenCount", thoughts)] {
                match count {
                    0 => drop(usage.remove(name)),
                    count => drop(usage.insert(name.to_owned(), count.into())),
                }
            }
        }
        usage
    }
}

/// The chunks as they are written, and the error in the middle of them if the scenario is one.
pub(crate) fn frames(scenario: Scenario, form: Form, chunks: &[Value]) -> Vec<String> {
    let fails = scenario == Plain::MidStreamError.into();
    let kept = if fails { CHUNKS_BEFORE_THE_END.min(chunks.len()) } else { chunks.len() };
    let chunks = chunks[..kept].iter();
    // A bare object of several lines, also among events.
    let failure = fails.then(|| ApiError::overloaded().pretty());
    if form == Form::Events {
        let end = if scenario == Plain::Lf.into() { "\n\n" } else { "\r\n\r\n" };
        return chunks.map(|chunk| format!("data: {chunk}{end}")).chain(failure).collect();
    }
    let elements = chunks.map(Value::to_string).chain(failure).enumerate();
    let mut frames: Vec<String> = elements
        .map(|(at, element)| if at == 0 { format!("[{element}") } else { format!("\n,\r\n{element}") })
        .collect();
    frames.push("\n]".to_owned());
    frames
}
