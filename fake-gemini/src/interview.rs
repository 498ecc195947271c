//! A question about a passage of an article, as it is asked for when questions are made from articles.

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

/// Words of a key fact.
const FACT_WORDS: usize = 4;
/// Shorter words of a title or a heading say little.
const LONG_WORD_CHARACTERS: usize = 4;
/// Words of a title and of a heading that a question has.
const TOPIC_WORDS: usize = 2;

/// What a question is to be made of: one line of JSON in the last user turn.
#[derive(Debug, Deserialize)]
pub(crate) struct Interview {
    title: String,
    heading: String,
    passage: String,
}

/// What the fake says in JSON.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Proposal {
    pub(crate) question: String,
    pub(crate) key_fact: String,
    pub(crate) kind: &'static str,
}

impl Interview {
    /// The first line of `prompt` that is such an object.
    pub(crate) fn find(prompt: &str) -> Option<Self> {
        prompt.lines().find_map(|line| serde_json::from_str(line.trim()).ok())
    }

    /// Asks for the last words of the passage's first sentence.
    pub(crate) fn honest(&self) -> Proposal {
        let first = self.passage.lines().flat_map(UnicodeSegmentation::unicode_sentences).next().unwrap_or_default();
        let words: Vec<&str> = first.split_whitespace().collect();
        let fact = words[words.len().saturating_sub(FACT_WORDS)..].join(" ");
        let fact = fact.trim_end_matches(['.', '!', '?', ':']);
        let topic = |text: &str| {
            let long = text.split_whitespace().filter(|word| word.chars().count() >= LONG_WORD_CHARACTERS);
            long.take(TOPIC_WORDS).collect::<Vec<_>>().join(" ")
        };
        let question = format!("Somebody told me something of {} {}?", topic(&self.title), topic(&self.heading));
        Proposal { question, key_fact: fact.to_owned(), kind: "fact" }
    }

    /// The same with words that the passage does not have.
    pub(crate) fn invented(&self) -> Proposal {
        let key_fact = format!("not {}", "never ".repeat(self.passage.matches("never never").count() + 2).trim_end());
        Proposal { key_fact, ..self.honest() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_first_sentence_is_asked_for() {
        let prompt = "{\"title\": \"Fees of the club\", \"heading\": \"\", \"passage\": \"Pay before the twelfth of March.\\nOr later.\"}";
        let interview = Interview::find(prompt).unwrap();
        let proposal = interview.honest();
        assert_eq!(proposal.key_fact, "the twelfth of March");
        assert_eq!(proposal.question, "Somebody told me something of Fees club ?");
        assert!(!interview.passage.contains(&interview.invented().key_fact));
        assert!(Interview::find("{\"question\": \"Why?\", \"passages\": []}").is_none());
    }
}
