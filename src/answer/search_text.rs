//! What is searched for of a message: all of it when it is short, and of a pasted log what asks and what can be looked up.

use crate::answer::{follow_up, intent, orders};
use crate::knowledge::sentences;

/// Characters that are searched for at most: about as many as the embedding model sees of a text.
pub const CHARS_MAX: usize = 900;
/// Questions of one message that are searched for apart; each is a search of its own.
const QUESTIONS_MAX: usize = 3;
/// Codes that are kept of a long message.
const CODES_MAX: usize = 12;
/// Characters of the longest word that can be a code.
const CODE_CHARS_MAX: usize = 60;
/// The share of a sentence's words that are made of letters alone, in hundredths.
const PROSE_PERCENT_MIN: usize = 75;

/// The part of `message` to search for: never empty unless the message is, and at most [`CHARS_MAX`] characters.
#[must_use]
pub fn of(message: &str) -> String {
    let message = intent::without_greeting(message).trim();
    let told = orders::asked(message);
    // Of nothing but an order at least something is looked for.
    let message = if told.chars().any(char::is_alphanumeric) { told.trim() } else { message };
    if message.chars().count() <= CHARS_MAX {
        return message.to_owned();
    }
    let all: Vec<&str> = sentences::split(message).into_iter().map(|span| &message[span]).collect();
    let said: Vec<&str> = all.iter().filter(|sentence| asks(sentence) || is_prose(sentence)).copied().collect();
    let said = if said.is_empty() { all } else { said };
    // What asks, then the codes, then how it begins and ends, then the rest in its order. The lines of a log would only
    // bring up articles about logs.
    let asking = said.iter().filter(|sentence| asks(sentence)).copied();
    let edges = said.first().into_iter().chain(said.last()).copied();
    let codes = codes(message);
    let wanted = asking.chain(codes.iter().map(String::as_str)).chain(edges).chain(said.iter().copied());
    let mut chosen: Vec<&str> = Vec::new();
    let mut chars = 0;
    for piece in wanted {
        let length = piece.chars().count() + 1;
        if chars + length <= CHARS_MAX && !chosen.contains(&piece) {
            chars += length;
            chosen.push(piece);
        }
    }
    if chosen.is_empty() {
        return message.chars().take(CHARS_MAX).collect();
    }
    chosen.join(" ")
}

/// The questions of a message, with what is said before the first of them: one text a question. Those after the first count that say
/// enough to be searched for alone. A message that asks once, or more often than [`QUESTIONS_MAX`], is one text.
#[must_use]
pub fn questions(message: &str) -> Vec<String> {
    let mut said = String::new();
    let mut questions: Vec<String> = Vec::new();
    for span in sentences::split(message) {
        let sentence = &message[span];
        let stands_alone = asks(sentence) && (questions.is_empty() || follow_up::says_enough(sentence));
        match questions.last_mut() {
            // What follows a question and is none of its own is said about it.
            Some(question) if !stands_alone => add(question, sentence),
            None if !stands_alone => add(&mut said, sentence),
            _ => {
                let mut question = said.clone();
                add(&mut question, sentence);
                questions.push(question);
            }
        }
    }
    if (2..=QUESTIONS_MAX).contains(&questions.len()) { questions } else { vec![message.to_owned()] }
}

fn add(text: &mut String, sentence: &str) {
    if !text.is_empty() {
        text.push(' ');
    }
    text.push_str(sentence);
}

fn asks(sentence: &str) -> bool {
    sentence.trim_end_matches(['"', '\'', ')', ' ']).ends_with(['?', '？', '؟'])
}

/// Whether somebody wrote it and no program: most of its words are words.
fn is_prose(sentence: &str) -> bool {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let is_word = |word: &&&str| {
        word.trim_matches(|char: char| !char.is_alphanumeric())
            .chars()
            .all(|char| char.is_alphabetic() || "'’-".contains(char))
    };
    let plain = words.iter().filter(is_word).count();
    plain * 100 >= words.len() * PROSE_PERCENT_MIN
}

/// Words that name an error: capitals with digits or underscores, or a hexadecimal number; each once.
fn codes(message: &str) -> Vec<String> {
    let mut codes: Vec<String> = Vec::new();
    for word in message.split_whitespace() {
        let code = word.trim_matches(|char: char| !char.is_alphanumeric());
        if is_code(code) && !codes.iter().any(|known| known == code) {
            codes.push(code.to_owned());
        }
        if codes.len() == CODES_MAX {
            break;
        }
    }
    codes
}

fn is_code(word: &str) -> bool {
    let has = |test: fn(char) -> bool| word.chars().any(test);
    let fits = (2..=CODE_CHARS_MAX).contains(&word.chars().count());
    // Dates, times and addresses stand in each line of a log.
    let is_time = has(|char| char == ':') || word.split(['-', '.']).filter(|part| !part.is_empty()).count() > 4;
    let is_shouted = !has(char::is_lowercase) && has(char::is_alphabetic);
    let is_named = is_shouted && has(|char| char.is_ascii_digit() || char == '_');
    fits && !is_time && (is_named || word.starts_with("0x"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_message_is_searched_for_as_it_is_without_its_greeting() {
        assert_eq!(of("How do I reset my password?"), "How do I reset my password?");
        assert_eq!(of("Hi, how do I reset my password?"), "how do I reset my password?");
        assert_eq!(of("Good morning! Error E-42 on v2.1. What now?"), "Error E-42 on v2.1. What now?");
        assert_eq!(of("hello"), "hello");
    }

    #[test]
    fn of_a_pasted_log_the_question_and_the_codes_are_left() {
        let log = "2026-11-21T10:00:00Z INFO worker started and is doing fine\n".repeat(100);
        let message = format!(
            "It stopped yesterday.\n{log}ERROR 0x80071129 while syncing SYNC_FAILED\n{log}How do I get it to sync again?"
        );
        let text = of(&message);
        assert!(text.contains("0x80071129") && text.contains("SYNC_FAILED"), "{text}");
        assert!(text.starts_with("How do I get it to sync again?") && text.contains("It stopped yesterday."), "{text}");
        assert!(text.chars().count() <= CHARS_MAX);
    }

    #[test]
    fn questions_of_one_message_are_searched_for_apart_with_what_they_are_about() {
        assert_eq!(
            questions("I have a Heron 2. How do I cancel my contract? And what does the yearly service cost?"),
            [
                "I have a Heron 2. How do I cancel my contract?",
                "I have a Heron 2. And what does the yearly service cost?"
            ]
        );
    }

    #[test]
    fn a_question_that_leans_on_the_one_before_it_stays_with_it() {
        for message in [
            "Can I swap my bike for another model? How often?",
            "Is the archive on? It says my mailbox is full. Why is that??",
            "How do I cancel my contract?",
            "My bike is stuck.",
        ] {
            assert_eq!(questions(message), [message]);
        }
    }

    #[test]
    fn a_list_of_many_questions_is_searched_for_as_one() {
        let message = "Where is the battery of my bicycle sold? ".repeat(QUESTIONS_MAX + 1);
        assert_eq!(questions(&message), [message]);
    }

    #[test]
    fn one_endless_sentence_is_cut() {
        assert_eq!(of(&"x".repeat(5_000)).chars().count(), CHARS_MAX);
    }

    proptest! {
        #[test]
        fn it_is_bounded_and_never_empty(message in "(\\PC{0,300}\n?){0,12}") {
            let text = of(&message);
            prop_assert!(text.chars().count() <= CHARS_MAX.max(1));
            prop_assert_eq!(text.trim().is_empty(), message.trim().is_empty());
        }

        #[test]
        fn no_word_of_a_message_is_lost_among_its_questions(message in "([a-z]{1,9}[ ?.,
    ]{1,2}){1,40}") {
            let questions = questions(&message);
            prop_assert!((1..=QUESTIONS_MAX).contains(&questions.len()));
            let words = questions.join(" ");
            prop_assert!(message.split(|char: char| !char.is_alphanumeric()).all(|word| words.contains(word)));
        }
    }
}
