//! What a message wants, told before anything is searched for: by words and their order, without a model, because an
//! embedding that was trained on English says little of the other languages.
//!
//! A question is what is left: whoever is in doubt is answered from the articles.

mod phrase;
mod phrasebook;
pub mod spelling;
pub mod words;

use std::sync::LazyLock;

use crate::answer::intent::phrase::{Dialect, Wish};
use crate::answer::intent::phrasebook::Units;
use crate::answer::intent::words::Script;
use crate::answer::language::Language;

/// Characters of a message that are looked at, at its beginning and again at its end: who greets does so in fewer, and who has told a
/// long story asks for a person at the end of it.
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

/// The clauses that are read of a message, in the units of each script.
struct Clauses {
    words: Vec<Units>,
    letters: Vec<Units>,
}

impl Clauses {
    fn of(message: &str) -> Self {
        let (head, tail) = ends(message);
        let mut words = spelling::clauses(head);
        words.extend(spelling::clauses(tail));
        let letters = |clause: &Units| clause.iter().flat_map(|word| word.chars()).map(String::from).collect();
        Self { letters: words.iter().map(letters).collect(), words }
    }

    fn spoken(&self, dialect: &Dialect) -> &[Units] {
        match dialect.script {
            Script::Words => &self.words,
            Script::Letters => &self.letters,
        }
    }
}

/// Tells what `message` wants. Languages that share a word are told apart by `hint`, the one that the site names.
#[must_use]
pub fn of(message: &str, hint: Option<Language>) -> Intent {
    let clauses = Clauses::of(message);
    if message.chars().nth(CHARS_READ_MAX).is_none()
        && let Some((kind, language)) = small_talk(&clauses, hint)
    {
        return Intent::SmallTalk(kind, language);
    }
    let mut person = None;
    for dialect in dialects(hint) {
        match wish(dialect, clauses.spoken(dialect)) {
            Wish::Nothing => {}
            Wish::Person => person = person.or(Some(dialect.language)),
            // "Agent" and "connect" are words of several languages, of which one alone knows the "not" before them.
            Wish::NoPerson => return Intent::Question,
        }
    }
    person.map_or(Intent::Question, Intent::Person)
}

/// A message without the clauses at its start that only greet; all of it where nothing else would be left.
#[must_use]
pub fn without_greeting(message: &str) -> &str {
    let mut rest = message;
    while let Some(end) = rest.find([',', '.', '!', '\n', '，', '。', '！']) {
        let (clause, after) = rest.split_at(end);
        let after = after.trim_start_matches(|char: char| !char.is_alphanumeric());
        if !greets(clause) || !after.chars().any(char::is_alphanumeric) {
            break;
        }
        rest = after;
    }
    rest
}

fn greets(clause: &str) -> bool {
    clause.chars().nth(CHARS_READ_MAX).is_none()
        && matches!(small_talk(&Clauses::of(clause), None), Some((SmallTalk::Greeting | SmallTalk::Thanks, _)))
}

/// What is read of a message: all of a short one and nothing else, and of a long one its beginning and its end, from word to word.
fn ends(message: &str) -> (&str, &str) {
    let from_start = message.char_indices().nth(CHARS_READ_MAX).map(|(at, _)| at);
    let from_end = message.char_indices().rev().nth(CHARS_READ_MAX - 1).map(|(at, _)| at);
    match (from_start, from_end) {
        (Some(head), Some(tail)) if head < tail => {
            let (head, tail) = (&message[..head], &message[tail..]);
            let head = head.rfind(char::is_whitespace).map_or(head, |at| &head[..at]);
            (head, tail.find(char::is_whitespace).map_or(tail, |at| &tail[at..]))
        }
        _ => (message, ""),
    }
}

/// All of them, the one of `hint` first.
fn dialects(hint: Option<Language>) -> impl Iterator<Item = &'static Dialect> {
    let of_hint = DIALECTS.iter().filter(move |dialect| Some(dialect.language) == hint);
    of_hint.chain(DIALECTS.iter().filter(move |dialect| Some(dialect.language) != hint))
}

fn small_talk(clauses: &Clauses, hint: Option<Language>) -> Option<(SmallTalk, Language)> {
    dialects(hint).find_map(|dialect| Some((only_small_talk(dialect, clauses.spoken(dialect))?, dialect.language)))
}

/// What a message is that says nothing else in this language.
fn only_small_talk(dialect: &Dialect, clauses: &[Units]) -> Option<SmallTalk> {
    let mut found = None;
    let mut tells_success = false;
    for clause in clauses {
        let said = dialect.only_says(clause)?;
        tells_success |= said.tells_success;
        found = said.kinds.into_iter().chain(found).reduce(more_telling);
    }
    // "I found it" alone may be about anything.
    found.filter(|kind| !tells_success || *kind == SmallTalk::Thanks)
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

/// What a whole message says of people who help.
fn wish(dialect: &Dialect, clauses: &[Units]) -> Wish {
    if dialect.is_only_person(clauses) {
        return Wish::Person;
    }
    let mut whole = Wish::Nothing;
    for clause in clauses {
        match dialect.wish(clause) {
            Wish::Nothing => {}
            Wish::NoPerson => return Wish::NoPerson,
            Wish::Person => whole = Wish::Person,
        }
    }
    whole
}

#[cfg(test)]
mod tests;
