//! What was said before a message, as far as it helps to understand it.

use crate::answer::intent::{self, Intent};
use crate::answer::language::Language;
use crate::answer::orders;
use crate::chat::Sender;

/// Messages that are looked at; what was said before them is not what "it" means now.
pub const LINES_MAX: usize = 6;
/// Characters of each.
pub const LINE_CHARS_MAX: usize = 2_000;

/// A message of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Who said it.
    pub sender: Sender,
    /// What was said.
    pub text: String,
    /// Whether it is an answer from articles, and not a friendly word or a hand-over.
    pub is_answer: bool,
    /// What the customer was asked to choose from, where they were.
    pub offered: Option<Offered>,
}

/// A question that means two things, as the customer was asked which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// What was searched for.
    pub question: String,
    /// The two things.
    pub options: Vec<String>,
}

/// The last messages of a session, oldest first, and the language that its site names.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    lines: Vec<Said>,
    language: Option<Language>,
}

impl Conversation {
    /// The last [`LINES_MAX`] of `said`, each without orders to a model and cut at [`LINE_CHARS_MAX`].
    #[must_use]
    pub fn of(said: Vec<Said>, language: Option<Language>) -> Self {
        let before = said.len().saturating_sub(LINES_MAX);
        let cut = |line: Said| {
            let left =
                if line.sender == Sender::User { orders::asked(&line.text) } else { orders::without(&line.text) };
            Said { text: left.chars().take(LINE_CHARS_MAX).collect(), ..line }
        };
        Self { lines: said.into_iter().skip(before).map(cut).collect(), language }
    }

    /// What was said, oldest first.
    #[must_use]
    pub fn lines(&self) -> &[Said] {
        &self.lines
    }

    /// The language that the site names.
    #[must_use]
    pub fn language(&self) -> Option<Language> {
        self.language
    }

    /// The language to speak after `message`: the site's, else the message's, else the last that the customer's words told, else
    /// English.
    #[must_use]
    pub fn spoken(&self, message: &str) -> Language {
        let told = |text: &str| match intent::of(text, None) {
            Intent::SmallTalk(_, language) | Intent::Person(language) => Some(language),
            Intent::Question => Language::detected(text),
        };
        let before = || {
            let mut own = self.lines.iter().rev().filter(|line| line.sender == Sender::User);
            own.find_map(|line| told(&line.text))
        };
        self.language.or_else(|| told(message)).or_else(before).unwrap_or(Language::English)
    }

    /// What was said last by `sender`.
    #[must_use]
    pub fn last_of(&self, sender: Sender) -> Option<&Said> {
        self.lines.iter().rev().find(|line| line.sender == sender)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_word_is_in_the_language_of_what_was_said_before() {
        let said = |text: &str| Said { sender: Sender::User, text: text.to_owned(), is_answer: false, offered: None };
        let german = Conversation::of(vec![said("Ich möchte mit einem Menschen sprechen")], None);
        assert_eq!(german.spoken("42"), Language::German);
        let english = Conversation::of(vec![said("I want to talk to a human")], None);
        let message = "Wie kann ich meine Bestellung zurückschicken, wenn sie beschädigt ist?";
        assert_eq!((english.spoken("42"), english.spoken(message)), (Language::English, Language::German));
        assert_eq!(Conversation::default().spoken("42"), Language::English);
        let named = Conversation::of(vec![said("Ich möchte mit einem Menschen sprechen")], Some(Language::French));
        assert_eq!(named.spoken("42"), Language::French);
    }

    #[test]
    fn only_the_last_messages_are_kept_and_none_is_endless() {
        let line = |number: usize| Said {
            sender: if number.is_multiple_of(2) { Sender::User } else { Sender::Bot },
            text: format!("{number} {}", "é".repeat(LINE_CHARS_MAX)),
            is_answer: true,
            offered: None,
        };
        let conversation = Conversation::of((0..20).map(line).collect(), None);
        assert_eq!(conversation.lines().len(), LINES_MAX);
        assert!(conversation.last_of(Sender::Bot).is_some_and(|said| said.text.starts_with("19 ")));
        assert!(conversation.lines().iter().all(|said| said.text.chars().count() == LINE_CHARS_MAX));
    }
}
