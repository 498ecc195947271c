//! Answers that were given before, to the very same question in the same circumstances, for as long as the articles still say so.
//!
//! Questions are told apart by their words, never by likeness: a "not" flips an answer. An answer stands as long as the versions that it
//! cites are current and nothing that is new speaks for another one. Whether that is so is asked of the database each time: no process
//! answers from what another has changed.

use std::sync::{Arc, Mutex, PoisonError};

use metrics::counter;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use serde_json::json;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use crate::answer::conversation::Conversation;
use crate::answer::decide::Decision;
use crate::answer::intent::{self, Intent};
use crate::answer::{Answer, AnswerSettings, EVIDENCE_PASSAGES_MAX, Hashes, Question, ResponseType};
use crate::answer::{contradiction, evidence};
use crate::engine::Engine;
use crate::ids::WorkspaceId;
use crate::index::Bm25;
use crate::knowledge::store::{self, Standing};
use crate::search::{Found, Passage, SearchError};
use crate::telemetry::{self, Stages};

/// What an answer takes beside its texts, in bytes: rather too much than too little.
const ANSWER_BYTES: usize = 8_192;
/// What a passage of its trace takes beside its text.
const PASSAGE_BYTES: usize = 512;

type Key = [u8; 32];

/// The answers of all workspaces.
pub struct AnswerCache(Option<Cache<Key, Arc<Kept>, Bytes>>);

#[derive(Clone)]
struct Bytes;

/// An answer with where the knowledge stood when it was last seen to hold.
struct Kept {
    answer: Answer,
    held_at: Mutex<Standing>,
    at_ms: i64,
    bytes: u64,
}

impl Weighter<Key, Arc<Kept>> for Bytes {
    fn weight(&self, _key: &Key, kept: &Arc<Kept>) -> u64 {
        kept.bytes
    }
}

/// What became of a question that was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lookup {
    /// Nothing has changed since it was answered.
    Hit,
    /// Something has, and the answer still holds.
    HeldAnew,
    /// Something has that it stands on, or that comes before that now.
    Outdated,
    /// It was not asked before, or is forgotten.
    Miss,
}

/// When an answer was made that is given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CachedTrace {
    /// Milliseconds since 1970.
    pub made_at_ms: i64,
    /// Whether articles have changed since, and what was found was compared.
    pub searched_again: bool,
}

/// Where the answer to a question is kept, while the knowledge stands as it does.
pub(super) struct Slot<'a> {
    engine: &'a Engine,
    cache: &'a Cache<Key, Arc<Kept>, Bytes>,
    workspace: WorkspaceId,
    key: Key,
    standing: Standing,
}

impl AnswerCache {
    /// One that keeps about so many bytes; none keeps nothing.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let entries = usize::try_from(bytes).unwrap_or(usize::MAX) / (2 * ANSWER_BYTES);
        Self((bytes > 0).then(|| Cache::with_weighter(entries.max(1), bytes, Bytes)))
    }
}

impl<'a> Slot<'a> {
    /// Where the answer to `question` is kept; `None` where none is.
    ///
    /// # Errors
    /// As the database.
    pub async fn of(
        engine: &'a Engine,
        workspace: WorkspaceId,
        settings: &AnswerSettings,
        question: &Question,
        conversation: &Conversation,
    ) -> Result<Option<Self>, SearchError> {
        let is_question = || matches!(intent::of(question.as_str(), conversation.language()), Intent::Question);
        let cache = engine.answers().0.as_ref().filter(|_| settings.enabled && is_question());
        let Some(cache) = cache else { return Ok(None) };
        let Some(standing) = store::standing(engine.database(), workspace).await? else { return Ok(None) };
        let hashes = Hashes::with(engine, settings, &settings.generator(engine));
        let key = key(workspace, &hashes.config_hash, question, conversation);
        Ok(Some(Self { engine, cache, workspace, key, standing }))
    }

    /// The answer that is kept, where it still holds.
    ///
    /// # Errors
    /// As the search.
    pub async fn answer(&self) -> Result<Option<Answer>, SearchError> {
        let mut stages = Stages::default();
        let kept = self.cache.get(&self.key);
        let lookup = match &kept {
            None => Lookup::Miss,
            Some(kept) if *kept.held_at() == self.standing => Lookup::Hit,
            Some(kept) => self.look_again(kept, &mut stages).await?,
        };
        counter!(telemetry::ANSWER_CACHE, "result" => lookup.name()).increment(1);
        let searched_again = match lookup {
            Lookup::Hit => false,
            Lookup::HeldAnew => true,
            Lookup::Outdated => {
                self.cache.remove(&self.key);
                return Ok(None);
            }
            Lookup::Miss => return Ok(None),
        };
        Ok(kept.map(|kept| {
            let mut answer = kept.answer.clone();
            answer.response_type = ResponseType::Cached;
            answer.trace.stages_ms = stages.milliseconds();
            answer.trace.cached = Some(CachedTrace { made_at_ms: kept.at_ms, searched_again });
            answer
        }))
    }

    /// Searches again, and says whether the answer holds where the knowledge stands now.
    async fn look_again(&self, kept: &Kept, stages: &mut Stages) -> Result<Lookup, SearchError> {
        let questions = kept.answer.trace.all_questions();
        let founds = evidence::search(self.engine, self.workspace, &questions, stages).await?;
        let found = founds.into_iter().reduce(|one, other| Found::joined(one, other, EVIDENCE_PASSAGES_MAX));
        let passages = found.map(|found| found.passages).unwrap_or_default();
        if !still_holds(self.engine.bm25(), &kept.answer, &passages) {
            return Ok(Lookup::Outdated);
        }
        // As it stood before the search: what has changed since is looked at the next time.
        kept.held_at().clone_from(&self.standing);
        Ok(Lookup::HeldAnew)
    }

    /// Keeps an answer, where it is one that would be given again.
    pub fn keep(self, answer: &Answer) {
        if answer.decision != Decision::Answered || !is_usual(self.engine, answer) {
            return;
        }
        let kept = Kept {
            answer: Answer { heard: None, ..answer.clone() },
            held_at: Mutex::new(self.standing),
            at_ms: self.engine.clock().now_ms(),
            bytes: bytes(answer),
        };
        self.cache.insert(self.key, Arc::new(kept));
    }
}

impl Kept {
    fn held_at(&self) -> std::sync::MutexGuard<'_, Standing> {
        self.held_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lookup {
    fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::HeldAnew => "held_anew",
            Self::Outdated => "outdated",
            Self::Miss => "miss",
        }
    }
}

/// What tells a question from all others: whose it is, how it is answered, its words and what was said before it.
fn key(workspace: WorkspaceId, config_hash: &str, question: &Question, conversation: &Conversation) -> Key {
    let composed: String = question.as_str().nfc().collect();
    let words: Vec<&str> = composed.split_whitespace().collect();
    let said = |line: &crate::answer::conversation::Said| {
        let offered = line.offered.as_ref().map(|offered| (&offered.question, &offered.options));
        json!([line.sender, line.text, line.is_answer, offered])
    };
    let before: Vec<serde_json::Value> = conversation.lines().iter().map(said).collect();
    let language = conversation.language().map(crate::answer::language::Language::code);
    Sha256::digest(json!([workspace, config_hash, words, before, language]).to_string()).into()
}

/// Whether an answer was made as it should be, by all that has a part in it: what took the place of something else once is not to stay.
fn is_usual(engine: &Engine, answer: &Answer) -> bool {
    let trace = &answer.trace;
    let is_by_whom_it_should = match answer.response_type {
        ResponseType::Ai | ResponseType::Extractive => trace.failed_models.is_empty(),
        ResponseType::Fallback | ResponseType::Cached => false,
    };
    let checker = trace.model.as_ref().and_then(|model| model.checker.as_ref());
    let is_reranked = || trace.passages.first().is_some_and(|passage| passage.signals.cross_encoder.is_some());
    is_by_whom_it_should
        && trace.rewrite.as_ref().is_none_or(|rewrite| rewrite.result == "ok")
        && checker.is_none_or(|checker| checker.result == "ok")
        && (engine.reranker().is_none() || is_reranked())
}

/// Whether an answer holds where this is found now, best first. All that it cites must still be there, and of what was not there when it was
/// made nothing may come before that, be an article that nobody had seen then, or be about the same by its title: that may say the
/// opposite.
fn still_holds(bm25: &Bm25, answer: &Answer, found: &[Passage]) -> bool {
    let then = &answer.trace.passages;
    let mut last = 0;
    let mut titles = Vec::new();
    for citation in &answer.draft.citations {
        let is_cited = |passage: &Passage| {
            let place = passage.start_char..passage.end_char;
            passage.version == citation.version && place.contains(&citation.start_char)
        };
        let Some(rank) = found.iter().position(is_cited) else { return false };
        last = last.max(rank);
        titles.push(bm25.terms_of(&citation.title));
    }
    found.iter().take(EVIDENCE_PASSAGES_MAX).enumerate().all(|(rank, passage)| {
        let was_there = then.iter().any(|then| then.version == passage.version);
        let was_known = then.iter().any(|then| then.article == passage.article);
        let title = bm25.terms_of(&passage.title);
        was_there || (rank > last && was_known && !titles.iter().any(|cited| contradiction::are_alike(cited, &title)))
    })
}

fn bytes(answer: &Answer) -> u64 {
    let passages: usize = answer.trace.passages.iter().map(|passage| passage.text.len() + PASSAGE_BYTES).sum();
    let citations: usize = answer.draft.citations.iter().map(|citation| citation.quote.len() + PASSAGE_BYTES).sum();
    let model = answer.trace.model.iter().flat_map(|model| &model.sentences).map(|sentence| sentence.text.len());
    let bytes = ANSWER_BYTES + answer.draft.text.len() + passages + citations + model.sum::<usize>();
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::conversation::Said;
    use crate::answer::language::Language;
    use crate::chat::Sender;
    use crate::ids::Ids;

    #[test]
    fn a_question_is_told_by_its_words_and_by_all_that_its_answer_depends_on() {
        let ids = Ids::counted();
        let (one, other) = (WorkspaceId::new(&ids, 1), WorkspaceId::new(&ids, 1));
        let asked = |text: &str| Question::parse(text, 100).unwrap();
        let said = |text: &str, is_answer| {
            let line = Said { sender: Sender::Bot, text: text.to_owned(), is_answer, offered: None };
            Conversation::of(vec![line], None)
        };
        let new = Conversation::default();
        let of =
            |workspace, config: &str, text: &str, before: &Conversation| key(workspace, config, &asked(text), before);
        let first = of(one, "a", "Is it waterproof?", &new);
        assert_eq!(first, of(one, "a", "  Is it\n waterproof? ", &new));
        assert_eq!(of(one, "a", "caf\u{e9}", &new), of(one, "a", "cafe\u{301}", &new));
        let others = [
            of(one, "a", "Is it not waterproof?", &new),
            of(one, "a", "is it waterproof?", &new),
            of(other, "a", "Is it waterproof?", &new),
            of(one, "b", "Is it waterproof?", &new),
            of(one, "a", "Is it waterproof?", &said("Yes.", true)),
            of(one, "a", "Is it waterproof?", &said("Yes.", false)),
            of(one, "a", "Is it waterproof?", &Conversation::of(Vec::new(), Some(Language::German))),
        ];
        for (number, other) in others.iter().enumerate() {
            assert_ne!(first, *other, "{number}");
        }
    }
}
