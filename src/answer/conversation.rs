//! What was said before a message, as far as it helps to understand it.

use crate::answer::language::Language;
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
}

/// The last messages of a session, oldest first, and the language that its site names.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    lines: Vec<Said>,
    language: Option<Language>,
}

impl Conversation {
    /// The last [`LINES_MAX`] of `said`, each cut at [`LINE_CHARS_MAX`].
    #[must_use]
    pub fn of(said: Vec<Said>, language: Option<Language>) -> Self {
        let before = said.len().saturating_sub(LINES_MAX);
        let cut = |line: Said| Said { text: line.text.chars().take(LINE_CHARS_MAX).collect(), ..line };
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
    fn only_the_last_messages_are_kept_and_none_is_endless() {
        let line = |number: usize| Said {
            sender: if number.is_multiple_of(2) { Sender::User } else { Sender::Bot },
            text: format!("{number} {}", "é".repeat(LINE_CHARS_MAX)),
            is_answer: true,
        };
        let conversation = Conversation::of((0..20).map(line).collect(), None);
        assert_eq!(conversation.lines().len(), LINES_MAX);
        assert!(conversation.last_of(Sender::Bot).is_some_and(|said| said.text.starts_with("19 ")));
        assert!(conversation.lines().iter().all(|said| said.text.chars().count() == LINE_CHARS_MAX));
    }
}
