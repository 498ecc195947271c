//! A message with the conversation before it, as it is asked to be made into one question.

use serde::{Deserialize, Serialize};

/// What a question is to be made of: one line of JSON in the last user turn.
#[derive(Debug, Deserialize)]
pub(crate) struct Rewriting {
    conversation: Vec<Line>,
    message: String,
}

#[derive(Debug, Deserialize)]
struct Line {
    sender: String,
    text: String,
}

/// What the fake says in JSON.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Question {
    pub(crate) question: String,
}

impl Rewriting {
    /// The first line of `prompt` that is such an object.
    pub(crate) fn find(prompt: &str) -> Option<Self> {
        prompt.lines().find_map(|line| serde_json::from_str(line.trim()).ok())
    }

    /// Everything that is data: what was said before, and the message.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.conversation.iter().map(|line| line.text.as_str()).chain([self.message.as_str()])
    }

    /// The customer's last question with the new message behind it.
    pub(crate) fn honest(&self) -> Question {
        let last = self.conversation.iter().rev().find(|line| line.sender == "customer");
        let before = last.map_or("", |line| line.text.as_str());
        Question { question: format!("{before} {}", self.message).trim().to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_question_is_put_before_the_message() {
        let prompt = r#"{"conversation": [{"sender": "customer", "text": "How much is A?"}, {"sender": "assistant", "text": "9."}], "message": "and B?"}"#;
        assert_eq!(Rewriting::find(prompt).unwrap().honest().question, "How much is A? and B?");
        assert!(Rewriting::find("{\"question\": \"Why?\", \"passages\": []}").is_none());
    }
}
