//! What a customer means who was asked which of two things is meant.

use std::collections::HashSet;

use unicode_segmentation::UnicodeSegmentation;

use super::offered;
use crate::answer::conversation::{Conversation, Offered};
use crate::answer::{follow_up, intent};
use crate::index::scripts::is_unspaced;

/// Words of a message that names a thing by its place.
const PLACE_WORDS_MAX: usize = 6;

/// The question that was asked before, with what the customer means by it; `None` where nothing was offered, and where the message
/// asks something else.
#[must_use]
pub fn completed(message: &str, conversation: &Conversation) -> Option<String> {
    let Offered { question, options } = offered(conversation)?;
    let meant = match chosen(message, options) {
        Some(option) => option,
        None if follow_up::depends(message) => message,
        None => return None,
    };
    Some(format!("{question} {meant}"))
}

/// The option that the message is, that alone has all of its words, or that it names by its place: "the second one".
fn chosen<'a>(message: &str, options: &'a [String]) -> Option<&'a str> {
    let folded = intent::spelling::folded(message);
    let words: HashSet<&str> = folded.unicode_words().collect();
    let said = options.iter().filter(|option| {
        let option = intent::spelling::folded(option);
        let of_option: HashSet<&str> = option.unicode_words().collect();
        !words.is_empty() && words.is_subset(&of_option)
    });
    let is_it = |option: &&String| intent::spelling::folded(option) == folded;
    if let Some(option) = said.clone().find(is_it) {
        return Some(option);
    }
    let said: Vec<&String> = said.collect();
    if let [option] = said.as_slice() {
        return Some(option);
    }
    // A message that says more tells a story in which something happens to be the first.
    if follow_up::says_enough(message) || words.len() > PLACE_WORDS_MAX {
        return None;
    }
    let places = PLACES.iter().enumerate().filter(|(_, names)| {
        let stands = |name: &str| {
            // Where words do not stand apart, the word is a part of the message.
            if name.chars().any(is_unspaced) { folded.contains(name) } else { words.contains(name) }
        };
        names.iter().any(|name| stands(name))
    });
    let mut places = places.map(|(place, _)| place);
    let place = places.next()?;
    // "The first or the second?" names none.
    if places.next().is_some() { None } else { options.get(place).map(String::as_str) }
}

/// How the first and the second of two things are called, folded, in the languages that Candor speaks.
const PLACES: [&[&str]; 2] = [
    &[
        "1",
        "first",
        "former",
        "1st",
        "erste",
        "ersten",
        "erstes",
        "ersteres",
        "premier",
        "premiere",
        "1er",
        "primero",
        "primera",
        "primeiro",
        "primeira",
        "primo",
        "prima",
        "eerste",
        "pierwszy",
        "pierwsza",
        "pierwsze",
        "ilk",
        "ilki",
        "birinci",
        "первое",
        "первыи",
        "первая",
        "الاول",
        "الاولي",
        "पहला",
        "पहली",
        "最初",
        "一つ目",
        "1つ目",
        "첫번째",
        "첫",
        "第一",
    ],
    &[
        "2",
        "second",
        "latter",
        "2nd",
        "zweite",
        "zweiten",
        "zweites",
        "letzteres",
        "deuxieme",
        "seconde",
        "2e",
        "segundo",
        "segunda",
        "secondo",
        "seconda",
        "tweede",
        "drugi",
        "druga",
        "drugie",
        "ikinci",
        "второе",
        "второи",
        "вторая",
        "الثاني",
        "الثانيه",
        "दूसरा",
        "दूसरी",
        "二つ目",
        "2つ目",
        "두번째",
        "두",
        "第二",
    ],
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::clarify::tests::{offered_after, offered_as};

    #[test]
    fn a_reply_is_understood_with_the_question() {
        let conversation = offered_after("How do I reset it?");
        for (reply, meant) in [
            ("the second one please", Some("How do I reset it? The app")),
            ("1", Some("How do I reset it? The lock")),
            ("das erste", Some("How do I reset it? The lock")),
            ("第二个", Some("How do I reset it? The app")),
            ("the lock", Some("How do I reset it? The lock")),
            ("Which bicycles can carry two children and a dog?", None),
            ("Actually my first order arrived broken, how do I return it?", None),
        ] {
            assert_eq!(completed(reply, &conversation).as_deref(), meant, "{reply}");
        }
        assert_eq!(completed("the second one", &Conversation::default()), None);
    }

    #[test]
    fn a_title_that_is_chosen_is_what_is_meant_whatever_its_words() {
        let titles = ["Set up a second display on the Volt 1", "Charge the battery of the cargo bicycle"];
        let conversation = offered_as("How do I do it?", titles);
        for title in titles {
            assert_eq!(completed(title, &conversation), Some(format!("How do I do it? {title}")));
        }
        let versions = offered_as("What changed?", ["Version 2", "Version 1"]);
        assert_eq!(completed("version 1", &versions).as_deref(), Some("What changed? Version 1"));
        assert_eq!(completed("2", &versions).as_deref(), Some("What changed? Version 2"));
    }

    #[test]
    fn what_places_are_called_is_folded() {
        for name in PLACES.iter().flat_map(|names| names.iter()) {
            assert_eq!(&intent::spelling::folded(name), name);
        }
    }
}
