//! Messages that mean nothing without what was said before them, and what they mean with it.
//!
//! Nothing is understood here: words show that something is missing, and the last question with the head of its answer fills it
//! in. Measured against carrying the question alone, this finds half as much again.

use std::collections::HashSet;
use std::sync::LazyLock;

use unicode_segmentation::UnicodeSegmentation;

use crate::answer::conversation::Conversation;
use crate::answer::intent::{self, Intent};
use crate::chat::Sender;
use crate::index::scripts::is_unspaced;

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
    UNSPACED_OPENINGS.iter().any(|opening| folded.starts_with(opening)) || !has_enough(&folded) || opens(&folded)
}

/// Whether a folded message begins as those do that go on with something.
fn opens(folded: &str) -> bool {
    let words: Vec<(usize, &str)> = folded.unicode_word_indices().take(OPENING_WORDS_MAX + 1).collect();
    OPENINGS.iter().any(|opening| {
        let begins = opening.len() <= words.len() && opening.iter().zip(&words).all(|(one, (_, other))| one == other);
        begins
            && match opening.as_slice() {
                // The shortest are words of other languages too, and letters of names: there what follows decides.
                [word] if word.chars().count() <= 2 || AMBIGUOUS_OPENINGS.contains(word) => {
                    words.get(1).is_none_or(|(rest, _)| !has_enough(&folded[*rest..]))
                }
                _ => true,
            }
    })
}

/// Whether a message has words enough of its own to be searched for alone, however it begins.
#[must_use]
pub fn says_enough(message: &str) -> bool {
    has_enough(&intent::spelling::folded(message))
}

fn has_enough(folded: &str) -> bool {
    if folded.chars().any(is_unspaced) {
        return folded.chars().filter(|char| char.is_alphanumeric()).count() > LETTERS_FEW;
    }
    let is_own = |word: &&str| word.chars().nth(1).is_some() && !COMMON.contains(word);
    let own = folded.unicode_words().filter(is_own).take(OWN_WORDS_FEW_POINTING + 1).count();
    // What a later sentence points at may stand in the first.
    let first = folded.split_inclusive(['.', '?', '!', '\n']).next().unwrap_or_default();
    own > OWN_WORDS_FEW_POINTING || own > OWN_WORDS_FEW && !first.unicode_words().any(|word| POINTING.contains(&word))
}

fn cut(text: &str) -> String {
    text.chars().take(CARRIED_CHARS_MAX).collect()
}

/// How messages begin that go on with something, folded, as words; in the languages that are written with spaces.
static OPENINGS: LazyLock<Vec<Vec<&str>>> = LazyLock::new(|| {
    let openings = [
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
    openings.iter().map(|opening| opening.split(' ').collect()).collect()
});
/// Words of the longest of them.
const OPENING_WORDS_MAX: usize = 4;

/// Those that begin other messages as well: "no sound comes from", "so far", "also" in German.
const AMBIGUOUS_OPENINGS: [&str; 4] = ["no", "so", "then", "also"];

/// The same where words do not stand apart.
const UNSPACED_OPENINGS: [&str; 12] =
    ["では", "じゃ", "それ", "その", "でも", "また", "那", "那么", "但是", "还有", "然后", "它"];

/// Words that point at something that stands elsewhere, folded.
const POINTING: [&str; 62] = [
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
    "это",
    "этот",
];

/// Words that a question is made of whatever it is about.
static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    HashSet::from([
        "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "being",
        "but", "by", "can", "could", "did", "do", "does", "doing", "don't", "for", "from", "get", "getting", "had",
        "has", "have", "how", "i", "i'd", "i'll", "i'm", "i've", "if", "in", "instead", "into", "is", "isn't", "it",
        "it's", "its", "just", "let", "like", "long", "many", "may", "me", "more", "much", "my", "need", "no", "not",
        "now", "of", "off", "ok", "okay", "on", "one", "or", "our", "out", "please", "possible", "same", "should",
        "so", "some", "still", "than", "thanks", "that", "that's", "the", "their", "them", "then", "there", "these",
        "they", "this", "those", "to", "too", "up", "us", "use", "used", "via", "want", "was", "way", "we", "were",
        "what", "what's", "when", "where", "which", "while", "who", "why", "will", "with", "without", "won't", "would",
        "yes", "you", "your", "und", "der", "die", "das", "ein", "eine", "einen", "ich", "mein", "meine", "wie", "ist",
        "es", "mit", "auf", "fur", "den", "dem", "im", "zu", "kann", "wo", "wann", "warum", "man", "le", "la", "les",
        "un", "une", "de", "du", "des", "est", "je", "mon", "que", "quoi", "comment", "pour", "el", "los", "una", "mi",
        "como", "por", "para", "con", "se", "o", "os", "um", "uma", "meu", "il", "lo", "per", "come", "che", "di",
        "het", "een", "van", "voor", "hoe", "wat", "ik", "mijn", "jak", "co", "w", "na", "bir", "ve", "nasil", "ne",
        "как", "что", "в",
    ])
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::answer::conversation::Said;

    fn said(sender: Sender, text: &str) -> Said {
        Said { sender, text: text.to_owned(), is_answer: sender == Sender::Bot, offered: None }
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
            "no, the other",
            "et pour l'hiver ?",
            "e agora?",
            "а если я",
            "я и в",
            "ok",
            "តើវា",
        ] {
            assert!(depends(message), "{message}");
        }
        for message in [
            "How do I change the delivery address of an order?",
            "The charger blinks red three times and the battery stays empty",
            "Wie kann ich mein Abonnement zum Jahresende kündigen?",
            "A customer of mine returned the bicycle without a charger",
            "No sound comes from the bell of my bicycle",
            "En mi pedido falta el cargador de la batería",
            "E-bike battery loses charge overnight",
            "Also die Bremse meines Fahrrads quietscht bei Regen",
            "តើខ្ញុំប្តូរពាក្យសម្ងាត់យ៉ាងដូចម្តេច",
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

    #[test]
    fn no_opening_is_longer_than_what_is_looked_at_and_all_are_folded() {
        for opening in OPENINGS.iter() {
            assert!((1..=OPENING_WORDS_MAX).contains(&opening.len()), "{opening:?}");
            assert_eq!(intent::spelling::folded(&opening.join(" ")), opening.join(" "));
        }
    }

    proptest! {
        #[test]
        fn words_are_counted_and_not_looked_at_in_their_order(mut words in prop::collection::vec("[a-zа-я]{1,6}", 0..9)) {
            let says = says_enough(&words.join(" "));
            words.reverse();
            prop_assert_eq!(says_enough(&words.join(" ")), says);
        }

        #[test]
        fn any_message_leans_or_stands_alone(message in "\\PC{0,120}") {
            prop_assert!(depends(&message) || says_enough(&message));
        }

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
