//! A reply that is read while a model writes it: what it says of the whole, and each sentence as soon as it is there.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use crate::answer::grounded::{ReplySentence, Sufficiency, without_fence};

/// Where the sentences begin. No value of JSON has these words: the mark behind the name would be escaped there, or not be followed by
/// a colon.
static SENTENCES: LazyLock<Regex> = LazyLock::new(|| {
    #[expect(clippy::unwrap_used, reason = "a fixed pattern, which the tests compile")]
    Regex::new(r#""sentences"\s*:\s*\["#).unwrap()
});

/// What stands before the sentences of a reply.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct Head {
    /// Whether the passages answer the question.
    #[serde(rename = "evidence")]
    pub sufficiency: Option<Sufficiency>,
    /// How sure the model says it is.
    #[serde(default)]
    confidence: Option<f64>,
}

impl Head {
    /// The same as a probability; `None` where it is none.
    pub fn stated_confidence(&self) -> Option<f64> {
        self.confidence.filter(|stated| (0.0..=1.0).contains(stated))
    }
}

/// A reply that grows. It is given the whole text again each time, and reads what is new of it.
#[derive(Debug, Default)]
pub(super) struct Partial {
    head: Option<Head>,
    /// The byte behind the last sentence that was read.
    end: usize,
}

impl Partial {
    /// The sentences of `text` that were not complete the last time.
    pub fn read(&mut self, text: &str) -> Vec<ReplySentence> {
        if self.head.is_none() {
            let Some(begin) = SENTENCES.find(text) else { return Vec::new() };
            self.head = Some(head(&text[..begin.start()]));
            self.end = begin.end();
        }
        let mut sentences = Vec::new();
        loop {
            let rest = text.get(self.end..).unwrap_or_default();
            let sentence = rest.trim_start_matches(|char: char| char == ',' || char.is_ascii_whitespace());
            let mut read = serde_json::Deserializer::from_str(sentence).into_iter::<ReplySentence>();
            // Anything else is not complete, or no sentence: then the whole reply is none either, which is found at its end.
            let Some(Ok(next)) = read.next() else { return sentences };
            self.end += rest.len() - sentence.len() + read.byte_offset();
            sentences.push(next);
        }
    }

    /// What stands before the sentences; `None` before they begin.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }
}

/// The fields of an object that is cut off before the next.
fn head(text: &str) -> Head {
    let text = without_fence(text).trim_end().trim_end_matches(',');
    serde_json::from_str(&format!("{text}}}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::answer::grounded;

    fn sentence(text: &str, passages: &[i64]) -> ReplySentence {
        ReplySentence { text: text.to_owned(), passages: passages.to_vec() }
    }

    #[test]
    fn each_sentence_is_there_as_soon_as_it_ends() {
        let text = "```json\n{\"confidence\": 0.9, \"evidence\": \"sufficient\", \"note\": \"\\\"sentences\\\": [\",
            \"sentences\": [ {\"text\": \"One.\", \"passages\": [1]}, {\"text\": \"T";
        let mut partial = Partial::default();
        assert_eq!(partial.read("```json\n{\"confidence\": 0.9, \"evi"), []);
        assert_eq!(partial.head(), None);
        assert_eq!(partial.read(text), [sentence("One.", &[1])]);
        assert_eq!(partial.head(), Some(&Head { sufficiency: Some(Sufficiency::Sufficient), confidence: Some(0.9) }));
        assert_eq!(partial.read(text), []);
        assert_eq!(partial.read(&format!("{text}wo.\"}}]}}")), [sentence("Two.", &[])]);
    }

    #[test]
    fn sentences_that_come_first_say_nothing_of_the_whole() {
        let mut partial = Partial::default();
        assert_eq!(partial.read("{\"sentences\": [{\"text\": \"One.\"}"), [sentence("One.", &[])]);
        assert_eq!(partial.head(), Some(&Head::default()));
    }

    #[test]
    fn what_is_no_reply_has_no_sentences() {
        for text in ["", "It depends.", "{\"sentences\": \"One.\"}", "{\"sentences\": [1, 2]", "{\"sentences\": [}]"] {
            assert_eq!(Partial::default().read(text), [], "{text}");
        }
    }

    fn reply() -> impl Strategy<Value = Value> {
        let sentence = ("\\PC{0,12}", prop::collection::vec(-2_i64..12, 0..3));
        (prop::collection::vec(sentence, 0..5), "\\PC{0,12}").prop_map(|(sentences, missing)| {
            let sentences: Vec<Value> =
                sentences.into_iter().map(|(text, passages)| json!({ "text": text, "passages": passages })).collect();
            json!({ "confidence": 0.5, "evidence": "partial", "unanswered": missing, "sentences": sentences })
        })
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_sentences_are_those_of_the_whole(
            reply in reply(), pretty: bool, cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20)
        ) {
            let text = if pretty { serde_json::to_string_pretty(&reply).unwrap() } else { reply.to_string() };
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len())).collect();
            cuts.push(text.len());
            cuts.sort_unstable();
            let mut partial = Partial::default();
            let mut read = Vec::new();
            for cut in cuts {
                // As bytes come: a character that is cut is not there yet.
                let whole = text.floor_char_boundary(cut);
                read.extend(partial.read(&text[..whole]));
            }
            let whole = grounded::read(&text).unwrap();
            prop_assert_eq!(read, whole.sentences);
            prop_assert_eq!(partial.head().unwrap().sufficiency, Some(whole.sufficiency));
        }
    }
}
