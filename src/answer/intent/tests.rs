use proptest::prelude::*;
use serde::Deserialize;

use super::*;

const WRITTEN: &str = include_str!("../../../datasets/intents/written.jsonl");
const HELD_OUT: &str = include_str!("../../../datasets/intents/held-out.jsonl");
const HELD_OUT_2: &str = include_str!("../../../datasets/intents/held-out-2.jsonl");
const HELD_OUT_3: &str = include_str!("../../../datasets/intents/held-out-3.jsonl");

/// What requests are made of, in several languages.
const WORDS: [&str; 30] = [
    "i",
    "my",
    "not",
    "talk to",
    "a",
    "human",
    "humna",
    "need",
    "because",
    "bitte",
    "sprechen",
    "menschen",
    "how do i",
    "?",
    "they",
    "connect me",
    "thanks",
    "bot",
    "quiero",
    "no",
    "agente",
    "хочу",
    "оператором",
    "我要",
    "人工",
    "不要",
    "話したい",
    "担当者",
    "상담원",
    "연결해",
];

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
    let sets = [
        (HELD_OUT, [("human", 0.98, 0.85), ("greeting", 0.98, 0.95), ("thanks", 0.98, 0.9)]),
        (HELD_OUT_2, [("human", 0.97, 0.97), ("greeting", 0.98, 0.98), ("thanks", 0.98, 0.97)]),
        (HELD_OUT_3, [("human", 0.98, 0.74), ("greeting", 0.98, 0.98), ("thanks", 0.98, 0.48)]),
    ];
    for (number, (lines, expected)) in sets.into_iter().enumerate() {
        let messages = labelled(lines);
        for (intent, precision_min, recall_min) in expected {
            let (precision, recall) = figures(&messages, intent);
            println!("{}: {intent}: precision {precision:.3}, recall {recall:.3}", number + 1);
            assert!(precision >= precision_min && recall >= recall_min, "{intent}: {precision:.3} {recall:.3}");
        }
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

#[test]
fn a_complaint_after_thanks_is_no_thanks() {
    for message in ["thanks, my account was hacked", "Thanks. Cancel my subscription", "Thanks, access denied"] {
        assert_eq!(of(message, None), Intent::Question, "{message}");
    }
    assert_eq!(of("Thanks, that fixed it", None), Intent::SmallTalk(SmallTalk::Thanks, Language::English));
    // What worked may be anything where nobody thanks.
    assert_eq!(of("I found it", None), Intent::Question);
}

#[test]
fn a_request_at_the_end_of_a_long_message_is_read_and_one_in_its_middle_is_not() {
    let story = "The display went dark in the rain again and nothing of the article helped. ".repeat(40);
    assert_eq!(of(&format!("{story}I want to talk to a human"), None), Intent::Person(Language::English));
    assert_eq!(of(&format!("I want to talk to a human. {story}"), None), Intent::Person(Language::English));
    assert_eq!(of(&format!("{story}I want to talk to a human. {story}"), None), Intent::Question);
    assert_eq!(of(&format!("{story}I do not want to talk to a human"), None), Intent::Question);
    assert_eq!(of(&"thanks ".repeat(CHARS_READ_MAX), None), Intent::Question);
}

#[test]
fn a_refusal_holds_in_whatever_language_shares_its_words() {
    assert_eq!(of("please do not connect me to an agent", None), Intent::Question);
    assert_eq!(of("please do not connect me to an agent", Some(Language::Hindi)), Intent::Question);
}

proptest! {
    #[test]
    fn what_is_read_is_bounded_and_of_both_ends(message in "(\\PC{0,200}[ \n]?){0,20}") {
        let (head, tail) = ends(&message);
        prop_assert!(head.chars().count() <= 2 * CHARS_READ_MAX && tail.chars().count() <= CHARS_READ_MAX);
        prop_assert!(message.starts_with(head) && message.ends_with(tail) && head.len() + tail.len() <= message.len());
        prop_assert!(head == message || message.chars().count() > 2 * CHARS_READ_MAX);
    }

    #[test]
    fn words_of_ours_in_any_order_make_no_difference_to_it(
        words in prop::collection::vec(prop::sample::select(WORDS.as_slice()), 0..40),
        separator in prop::sample::select(["", " ", ", ", "\n"].as_slice()),
    ) {
        let message = words.join(separator);
        for hint in [None, Some(Language::Korean)] {
            prop_assert_eq!(of(&message, hint) == Intent::Question, of(&message.to_uppercase(), hint) == Intent::Question);
        }
    }

    #[test]
    fn nothing_makes_it_fail(message in "\\PC{0,200}") {
        let _ = of(&message, None);
        prop_assert!(message.ends_with(without_greeting(&message)));
    }
}
