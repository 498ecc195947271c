use proptest::prelude::*;
use serde::Deserialize;

use super::*;

const WRITTEN: &str = include_str!("../../../datasets/intents/written.jsonl");
const HELD_OUT: &str = include_str!("../../../datasets/intents/held-out.jsonl");

#[derive(Deserialize)]
struct Labelled {
    text: String,
    language: String,
    intent: String,
}

fn labelled(lines: &str) -> Vec<Labelled> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn name(intent: Intent) -> &'static str {
    match intent {
        Intent::Question => "question",
        Intent::Person(_) => "human",
        Intent::SmallTalk(SmallTalk::Greeting, _) => "greeting",
        Intent::SmallTalk(SmallTalk::Thanks | SmallTalk::Farewell, _) => "thanks",
        Intent::SmallTalk(_, _) => "conversation",
    }
}

/// Precision and recall of one intent.
fn figures(messages: &[Labelled], intent: &str) -> (f64, f64) {
    let count = |test: &dyn Fn(&Labelled) -> bool| {
        f64::from(u32::try_from(messages.iter().filter(|message| test(message)).count()).unwrap())
    };
    let recognised = |message: &Labelled| name(of(&message.text, None)) == intent;
    let both = count(&|message| recognised(message) && message.intent == intent);
    (both / count(&|message| recognised(message)), both / count(&|message| message.intent == intent))
}

#[test]
fn every_written_case_is_recognised_in_each_language() {
    let messages = labelled(WRITTEN);
    for language in Language::ALL {
        for intent in ["human", "greeting", "thanks", "conversation", "question"] {
            let has = |message: &Labelled| message.language == language.code() && message.intent == intent;
            assert!(messages.iter().any(has), "no case of {intent} in {}", language.code());
        }
    }
    for message in &messages {
        assert_eq!(name(of(&message.text, None)), message.intent, "{}: {}", message.language, message.text);
    }
}

#[test]
fn what_was_written_afterwards_is_recognised_as_measured() {
    let messages = labelled(HELD_OUT);
    for (intent, precision_min, recall_min) in [("human", 0.98, 0.85), ("greeting", 0.98, 0.95), ("thanks", 0.98, 0.9)]
    {
        let (precision, recall) = figures(&messages, intent);
        println!("{intent}: precision {precision:.3}, recall {recall:.3}");
        assert!(precision >= precision_min && recall >= recall_min, "{intent}: {precision:.3} {recall:.3}");
    }
}

#[test]
fn a_word_of_two_languages_is_in_the_one_that_the_site_names() {
    assert_eq!(of("hallo", Some(Language::Dutch)), Intent::SmallTalk(SmallTalk::Greeting, Language::Dutch));
    assert_eq!(of("hallo", Some(Language::German)), Intent::SmallTalk(SmallTalk::Greeting, Language::German));
    assert_eq!(of("Merhaba", Some(Language::English)), Intent::SmallTalk(SmallTalk::Greeting, Language::Turkish));
}

#[test]
fn only_what_greets_is_taken_from_the_start() {
    assert_eq!(without_greeting("Hi there! How do I pay?"), "How do I pay?");
    assert_eq!(without_greeting("Hallo, guten Tag, wo ist mein Paket?"), "wo ist mein Paket?");
    assert_eq!(without_greeting("Hello!"), "Hello!");
    assert_eq!(without_greeting("My bike, it squeaks."), "My bike, it squeaks.");
}

proptest! {
    #[test]
    fn nothing_makes_it_fail(message in "\\PC{0,200}") {
        let _ = of(&message, None);
        prop_assert!(message.ends_with(without_greeting(&message)));
    }
}
