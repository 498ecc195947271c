//! What a message wants, told before anything is searched for: by words and their order, without a model, because an
//! embedding that was trained on English says little of the other languages.
//!
//! A question is what is left: whoever is in doubt is answered from the articles.

mod phrase;
pub mod spelling;
pub mod words;

use std::sync::LazyLock;

use crate::answer::intent::phrase::{Dialect, Units};
use crate::answer::language::Language;

/// Characters of a message that are looked at; who greets or asks for a person does so in fewer.
const CHARS_READ_MAX: usize = 1_000;

/// What a message wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// An answer.
    Question,
    /// A person, in the words of this language.
    Person(Language),
    /// Nothing but a friendly word.
    SmallTalk(SmallTalk, Language),
}

/// What may be said without any article.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmallTalk {
    /// "Hello!"
    Greeting,
    /// "Thanks, that did it."
    Thanks,
    /// "Bye!"
    Farewell,
    /// "Are you a bot?"
    WhoAnswers,
    /// "Can you repeat that?"
    RepeatAnswer,
    /// "What did I ask?"
    RepeatQuestion,
}

static DIALECTS: LazyLock<Vec<Dialect>> = LazyLock::new(|| words::ALL.iter().map(Dialect::new).collect());

/// Tells what `message` wants. Languages that share a word are told apart by `hint`, the one that the site names.
#[must_use]
pub fn of(message: &str, hint: Option<Language>) -> Intent {
    let message: String = message.chars().take(CHARS_READ_MAX + 1).collect();
    let is_cut = message.chars().count() > CHARS_READ_MAX;
    let clauses = spelling::clauses(&message);
    let of_hint = DIALECTS.iter().filter(|dialect| Some(dialect.language) == hint);
    let dialects: Vec<&Dialect> =
        of_hint.chain(DIALECTS.iter().filter(|dialect| Some(dialect.language) != hint)).collect();
    let spoken = |dialect: &Dialect| dialect.spoken(&clauses);
    for dialect in dialects.iter().filter(|_| !is_cut) {
        if let Some(kind) = small_talk(dialect, &spoken(dialect)) {
            return Intent::SmallTalk(kind, dialect.language);
        }
    }
    for dialect in dialects {
        if asks_for_person(dialect, &spoken(dialect)) {
            return Intent::Person(dialect.language);
        }
    }
    Intent::Question
}

/// A message without the clauses at its start that only greet; all of it where nothing else would be left.
#[must_use]
pub fn without_greeting(message: &str) -> &str {
    let mut rest = message;
    while let Some(end) = rest.find([',', '.', '!', '\n', '，', '。', '！']) {
        let (clause, after) = rest.split_at(end);
        let after = after.trim_start_matches(|char: char| !char.is_alphanumeric());
        let greets = matches!(of(clause, None), Intent::SmallTalk(SmallTalk::Greeting | SmallTalk::Thanks, _));
        if !greets || !after.chars().any(char::is_alphanumeric) {
            break;
        }
        rest = after;
    }
    rest
}

/// What a message is that says nothing else in this language.
fn small_talk(dialect: &Dialect, clauses: &[Units]) -> Option<SmallTalk> {
    let mut found = None;
    for clause in clauses {
        let said = match dialect.only_says(clause) {
            Some(kinds) => kinds,
            // What made it work may be told with the thanks.
            None if found == Some(SmallTalk::Thanks) && dialect.tells_success(clause) => Vec::new(),
            None => return None,
        };
        for kind in said {
            found = Some(match found {
                Some(known) => more_telling(known, kind),
                None => kind,
            });
        }
    }
    found
}

/// Of two things that are said in one message the one to answer.
fn more_telling(one: SmallTalk, other: SmallTalk) -> SmallTalk {
    let rank = |kind: SmallTalk| match kind {
        SmallTalk::Greeting => 0,
        SmallTalk::Farewell => 1,
        SmallTalk::Thanks => 2,
        SmallTalk::WhoAnswers | SmallTalk::RepeatAnswer | SmallTalk::RepeatQuestion => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}

fn asks_for_person(dialect: &Dialect, clauses: &[Units]) -> bool {
    let wanted = dialect.is_only_person(clauses) || clauses.iter().any(|clause| dialect.wants_person(clause));
    wanted && !clauses.iter().any(|clause| dialect.refuses_person(clause))
}

#[cfg(test)]
mod tests;
