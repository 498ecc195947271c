//! `POST /v1/chat/completions`

use axum::response::Response;

use crate::limits::{End, first_half, tokens};
use crate::openai::check::check;
use crate::openai::completion::{Completion, Usage};
use crate::openai::error::Refusal;
use crate::openai::frames::frames;
use crate::openai::outage::{outage, unsupported};
use crate::openai::request::Request;
use crate::scenario::{Plain, Scenario};
use crate::speech::{Misfit, THOUGHT, THOUGHTS_WITHOUT_LIMIT};
use crate::wire;

/// Checks what the fields of a request hold. Its model is one that `is_known` or not.
pub(crate) fn accept(request: &Request, is_known: bool) -> Result<(), Refusal> {
    if !is_known {
        return Err(Refusal::model_not_found(&request.model));
    }
    check(request)
}

impl From<Misfit> for Refusal {
    fn from(misfit: Misfit) -> Self {
        Self::invalid(misfit.to_string()).at("response_format")
    }
}

/// Answers a request, which was read from `body`, as `scenario` says.
pub(crate) fn respond(scenario: Scenario, seed: u64, request: &Request, body: &[u8]) -> Result<Response, Refusal> {
    if let Some(outage) = outage(scenario, &request.model) {
        return Ok(outage);
    }
    if let Some(refusal) = unsupported(scenario, request) {
        return Err(refusal);
    }
    let completion = completion(scenario, seed, request, body)?;
    if request.streams() {
        let frames = frames(scenario, &completion, request.includes_usage());
        return Ok(wire::streamed(scenario, frames, "text/event-stream; charset=utf-8"));
    }
    Ok(wire::whole(scenario, &completion.whole()))
}

/// The completion that `scenario` makes of the request, in one piece or not.
fn completion(scenario: Scenario, seed: u64, request: &Request, body: &[u8]) -> Result<Completion, Refusal> {
    let Scenario::Plain(plain) = scenario else { return completion(Plain::OkJson.into(), seed, request, body) };
    let text = request.asks().answered(scenario)?;
    let limits = request.limits();
    let thinks = matches!(plain, Plain::Thinking | Plain::Reasoning);
    let thoughts = if thinks { tokens(THOUGHT) } else { 0 };
    let (cut, end) = limits.cut(&text, thoughts);
    let finish = match end {
        End::Stop => "stop",
        End::Length => "length",
    };
    let (content, finish, thoughts) = match plain {
        Plain::AllThoughtMaxTokens => {
            (Some(String::new()), "length", limits.tokens_max.unwrap_or(THOUGHTS_WITHOUT_LIMIT))
        }
        Plain::MaxTokens => (Some(first_half(&text).to_owned()), "length", 0),
        Plain::EmptyParts => (None, "stop", 0),
        // In one piece there is no content. A stream is stopped when it has begun.
        Plain::BlockedOutput | Plain::Recitation => (request.streams().then_some(cut), "content_filter", 0),
        Plain::UnknownEnum => (Some(cut), "superseded_by_later_thought", 0),
        _ => (Some(cut), finish, thoughts),
    };
    let prompt = request.messages.iter().map(|message| tokens(&message.content)).sum();
    let said = content.as_deref().map_or(0, tokens);
    Ok(Completion {
        flavour: plain,
        reasoning: (plain == Plain::Reasoning).then_some(THOUGHT),
        content,
        finish,
        usage: Usage { prompt, completion: said + thoughts, reasoning: thoughts },
        ..Completion::new(seed, &request.model, body)
    })
}
