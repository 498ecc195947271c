//! Messages that mean nothing without what was said before them, and what they mean with it.
//!
//! Nothing is understood here: words show that something is missing, and the last question with the head of its answer fills it
//! in. Measured against carrying the question alone, this finds half as much again.

use unicode_segmentation::UnicodeSegmentation;

use crate::answer::conversation::Conversation;
use crate::answer::intent::{self, Intent};
use crate::chat::Sender;

/// Questions that are carried over at most: the last, and those that it depends on itself.
const QUESTIONS_CARRIED_MAX: usize = 3;
/// Words of an answer that are carried: its first ones name what it is about.
const ANSWER_WORDS_CARRIED: usize = 20;
/// Characters of what is carried from one message.
const CARRIED_CHARS_MAX: usize = 300;

/// With at most so many words of its own a message says too little to be searched for alone.
const OWN_WORDS_FEW: usize = 2;
/// And with so many if it points at something.
const OWN_WORDS_FEW_POINTING: usize = 5;
/// Letters of a message in a script without spaces that says too little.
const LETTERS_FEW: usize = 7;

/// The message with what it leaves out, or `None` when it stands alone.
#[must_use]
pub fn completed(message: &str, conversation: &Conversation) -> Option<String> {
    if !depends(message) {
        return None;
    }
    let lines = conversation.lines();
    let is_question = |text: &str| matches!(intent::of(text, conversation.language()), Intent::Question);
    let mut questions: Vec<&str> = Vec::new();
    for said in lines.iter().rev().filter(|said| said.sender == Sender::User && is_question(&said.text)) {
        questions.push(&said.text);
        if questions.len() == QUESTIONS_CARRIED_MAX || !depends(&said.text) {
            break;
        }
    }
    let answer = lines.iter().rev().find(|said| said.sender != Sender::User && said.is_answer);
    let head = answer.map(|said| said.text.split_whitespace().take(ANSWER_WORDS_CARRIED).collect::<Vec<_>>().join(" "));
    let carried: Vec<String> = questions.iter().rev().map(|text| cut(text)).chain(head.as_deref().map(cut)).collect();
    if carried.is_empty() {
        return None;
    }
    Some(format!("{} {message}", carried.join(" ")))
}

/// Whether a message leans on what was said before it.
#[must_use]
pub fn depends(message: &str) -> bool {
    let folded = intent::spelling::folded(message);
    let words: Vec<&str> = folded.unicode_words().collect();
    let opens = OPENINGS.iter().any(|opening| {
        let opening: Vec<&str> = opening.split(' ').collect();
        words.starts_with(&opening)
    });
    opens || UNSPACED_OPENINGS.iter().any(|opening| folded.starts_with(opening)) || !says_enough(message)
}

/// Whether a message has words enough of its own to be searched for alone, however it begins.
#[must_use]
pub fn says_enough(message: &str) -> bool {
    let folded = intent::spelling::folded(message);
    let words: Vec<&str> = folded.unicode_words().collect();
    if words.iter().any(|word| word.chars().any(is_unspaced)) {
        return folded.chars().filter(|char| char.is_alphanumeric()).count() > LETTERS_FEW;
    }
    let own = words.iter().filter(|word| word.len() > 1 && !COMMON.contains(word)).count();
    // What a later sentence points at may stand in the first.
    let first = folded.split_inclusive(['.', '?', '!', '\n']).next().unwrap_or_default();
    let points = first.unicode_words().any(|word| POINTING.contains(&word));
    own > OWN_WORDS_FEW && (!points || own > OWN_WORDS_FEW_POINTING)
}

fn cut(text: &str) -> String {
    text.chars().take(CARRIED_CHARS_MAX).collect()
}

fn is_unspaced(char: char) -> bool {
    matches!(char, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{0e00}'..='\u{0e7f}')
}

/// How messages begin that go on with something, folded; in the languages that are written with spaces.
const OPENINGS: [&str; 52] = [
    "and",
    "but",
    "or",
    "so",
    "then",
    "ok",
    "okay",
    "fine",
    "yes",
    "no",
    "well",
    "sure",
    "what about",
    "how about",
    "what if",
    "und",
    "aber",
    "oder",
    "dann",
    "also",
    "ja",
    "nein",
    "was ist mit",
    "wie ist es mit",
    "et",
    "mais",
    "ou",
    "oui",
    "non",
    "alors",
    "y",
    "pero",
    "o",
    "entonces",
    "e",
    "mas",
    "ma",
    "allora",
    "en",
    "maar",
    "dus",
    "a",
    "ale",
    "ve",
    "peki",
    "ama",
    "ya",
    "и",
    "а",
    "но",
    "aur",
    "और",
];

/// The same where words do not stand apart.
const UNSPACED_OPENINGS: [&str; 12] =
    ["では", "じゃ", "それ", "その", "でも", "また", "那", "那么", "但是", "还有", "然后", "它"];

/// Words that point at something that stands elsewhere, folded.
const POINTING: [&str; 64] = [
    "it",
    "its",
    "it's",
    "they",
    "them",
    "their",
    "that",
    "this",
    "those",
    "these",
    "there",
    "he",
    "him",
    "she",
    "her",
    "one",
    "ones",
    "same",
    "instead",
    "other",
    "another",
    "else",
    "afterwards",
    "then",
    "neither",
    "both",
    "either",
    "second",
    "first",
    "das",
    "dies",
    "diese",
    "dieser",
    "dieses",
    "dort",
    "davon",
    "dafur",
    "damit",
    "dazu",
    "dabei",
    "andere",
    "anderen",
    "cela",
    "ca",
    "celui",
    "celle",
    "autre",
    "eso",
    "esto",
    "ese",
    "otro",
    "otra",
    "isso",
    "isto",
    "outro",
    "questo",
    "quello",
    "altro",
    "dat",
    "dit",
    "andere",
    "это",
    "этот",
    "это",
];

/// Words that a question is made of whatever it is about.
const COMMON: [&str; 199] = [
    "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "being", "but",
    "by", "can", "could", "did", "do", "does", "doing", "don't", "for", "from", "get", "getting", "had", "has", "have",
    "how", "i", "i'd", "i'll", "i'm", "i've", "if", "in", "instead", "into", "is", "isn't", "it", "it's", "its",
    "just", "let", "like", "long", "many", "may", "me", "more", "much", "my", "need", "no", "not", "now", "of", "off",
    "ok", "okay", "on", "one", "or", "our", "out", "please", "possible", "same", "should", "so", "some", "still",
    "than", "thanks", "that", "that's", "the", "their", "them", "then", "there", "these", "they", "this", "those",
    "to", "too", "up", "us", "use", "used", "via", "want", "was", "way", "we", "were", "what", "what's", "when",
    "where", "which", "while", "who", "why", "will", "with", "without", "won't", "would", "yes", "you", "your", "und",
    "der", "die", "das", "ein", "eine", "einen", "ich", "mein", "meine", "wie", "was", "ist", "es", "mit", "auf",
    "fur", "den", "dem", "im", "in", "zu", "kann", "wo", "wann", "warum", "man", "le", "la", "les", "un", "une", "de",
    "du", "des", "est", "je", "mon", "que", "quoi", "comment", "pour", "el", "los", "una", "mi", "como", "por", "para",
    "con", "es", "se", "o", "os", "um", "uma", "meu", "il", "lo", "per", "come", "che", "di", "het", "een", "van",
    "voor", "hoe", "wat", "ik", "mijn", "jak", "co", "w", "na", "bir", "ve", "nasil", "ne", "как", "что", "в",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::answer::conversation::Said;

    fn said(sender: Sender, text: &str) -> Said {
        Said { sender, text: text.to_owned(), is_answer: sender == Sender::Bot }
    }

    #[test]
    fn what_leans_on_something_is_told_from_what_stands_alone() {
        for message in [
            "and for the other plan?",
            "max length?",
            "can it be brought back?",
            "so what do I do instead",
            "und im Winter?",
            "それは何ですか",
        ] {
            assert!(depends(message), "{message}");
        }
        for message in [
            "How do I change the delivery address of an order?",
            "The charger blinks red three times and the battery stays empty",
            "Wie kann ich mein Abonnement zum Jahresende kündigen?",
        ] {
            assert!(!depends(message), "{message}");
        }
    }

    #[test]
    fn a_follow_up_carries_the_question_and_the_head_of_its_answer() {
        let answer = format!("The Basic plan costs 9 euros. {}", "More words. ".repeat(40));
        let lines = vec![said(Sender::User, "What does the Basic plan cost?"), said(Sender::Bot, &answer)];
        let text = completed("and the other one?", &Conversation::of(lines, None)).unwrap();
        assert!(text.starts_with("What does the Basic plan cost? The Basic plan costs 9 euros."), "{text}");
        assert!(text.ends_with(" and the other one?") && text.len() < 250, "{text}");
    }

    #[test]
    fn a_chain_of_follow_ups_leads_back_to_what_it_began_with() {
        let lines = vec![
            said(Sender::User, "How do I clean the drive chain of my bicycle?"),
            said(Sender::User, "and in winter?"),
            said(Sender::User, "thanks"),
        ];
        let text = completed("how often?", &Conversation::of(lines, None)).unwrap();
        assert_eq!(text, "How do I clean the drive chain of my bicycle? and in winter? how often?");
    }

    #[test]
    fn without_a_conversation_nothing_is_carried() {
        assert_eq!(completed("and for the other plan?", &Conversation::default()), None);
        let handed_over = Said { is_answer: false, ..said(Sender::Bot, "Our team will answer.") };
        assert_eq!(completed("and now?", &Conversation::of(vec![handed_over], None)), None);
    }

    proptest! {
        #[test]
        fn what_is_carried_is_bounded(message in "\\PC{0,40}", lines in prop::collection::vec("\\PC{0,900}", 0..8)) {
            let said = lines.into_iter().enumerate().map(|(number, text)| {
                said(if number.is_multiple_of(2) { Sender::User } else { Sender::Bot }, &text)
            });
            if let Some(text) = completed(&message, &Conversation::of(said.collect(), None)) {
                prop_assert!(text.ends_with(&message));
                prop_assert!(text.chars().count() <= message.chars().count() + 4 * (CARRIED_CHARS_MAX + 1));
            }
        }
    }
}
