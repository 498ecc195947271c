//! Questions that can be meant in two ways, each of which an article answers: which one is meant is asked once, and the reply is
//! understood with the question.

mod reply;

use std::collections::HashSet;

use crate::answer::conversation::{Conversation, Offered};
use crate::answer::decide::{Decision, Reason};
use crate::answer::evidence::Evidence;
use crate::answer::language::Language;
use crate::chat::Sender;
use crate::index::{Bm25, TermId};
use crate::search::Passage;
pub(super) use reply::completed;

/// Terms of a question that may be meant in two ways; a longer one says itself what it means.
const TERMS_MAX: usize = 6;
/// Terms of one that says so little that it is asked about even where a draft is good enough to be sent.
const TERMS_FEW: usize = 2;
/// But not where the draft is rather right than wrong.
const CONFIDENCE_ENOUGH: f64 = 0.5;
/// How far apart the best passages of two articles may be, in units of the mean of the signals.
const APART_MAX: f32 = 0.06;
/// The share of the question's mass that a passage needs, with what stands above it, to be evidence for its reading.
const COVERED_MIN: f32 = 0.75;
/// Characters of a title that is offered as a reading.
const TITLE_CHARS_MAX: usize = 120;

/// The two things that the question can mean, by the titles of the articles that answer them; `None` where it means one thing, where
/// nothing is in doubt, and where it was asked already.
#[must_use]
pub(super) fn readings(
    bm25: &Bm25,
    evidence: &Evidence,
    decision: Decision,
    confidence: f64,
    conversation: &Conversation,
) -> Option<[String; 2]> {
    let is_in_doubt = match decision {
        Decision::Escalated(Reason::LowConfidence | Reason::ProviderFailure | Reason::Quota) => true,
        Decision::Answered => confidence < CONFIDENCE_ENOUGH && evidence.terms.idf.len() <= TERMS_FEW,
        _ => false,
    };
    if !is_in_doubt || offered(conversation).is_some() || evidence.terms.idf.len() > TERMS_MAX {
        return None;
    }
    let passages = &evidence.found.passages;
    let first = passages.first()?;
    let second = passages.iter().find(|passage| passage.article != first.article)?;
    let is_near = first.score - second.score <= APART_MAX;
    let is_covered = |passage: &Passage| {
        let text = format!("{} {} {}", passage.title, passage.heading_path.join(" "), passage.text);
        evidence.terms.covered_by(&bm25.document(&text).ids) >= COVERED_MIN
    };
    let differ = || {
        let [first, second] = [first, second].map(|passage| bm25.terms_of(&passage.title));
        let own = |one: &HashSet<TermId>, other: &HashSet<TermId>| {
            let mut own = one.difference(other).peekable();
            own.peek().is_some() && own.all(|term| !evidence.terms.idf.contains_key(term))
        };
        own(&first, &second) && own(&second, &first)
    };
    let has_reading = is_near && evidence.terms.unknown.is_empty() && [first, second].into_iter().all(is_covered);
    (has_reading && differ()).then(|| [first, second].map(|passage| shortened(&passage.title)))
}

fn shortened(title: &str) -> String {
    title.chars().take(TITLE_CHARS_MAX).collect()
}

/// What was offered last, where nobody has said anything since.
fn offered(conversation: &Conversation) -> Option<&Offered> {
    let last = conversation.lines().last()?;
    if last.sender == Sender::Bot { last.offered.as_ref() } else { None }
}

/// The question which of two things is meant.
#[must_use]
pub fn text([one, other]: &[String; 2], language: Language) -> String {
    match language {
        Language::English => format!("Do you mean “{one}” or “{other}”?"),
        Language::German => format!("Meinen Sie „{one}“ oder „{other}“?"),
        Language::French => format!("Voulez-vous dire « {one} » ou « {other} » ?"),
        Language::Spanish => format!("¿Se refiere a «{one}» o a «{other}»?"),
        Language::Portuguese => format!("Quer dizer “{one}” ou “{other}”?"),
        Language::Italian => format!("Intende «{one}» o «{other}»?"),
        Language::Dutch => format!("Bedoelt u ‘{one}’ of ‘{other}’?"),
        Language::Polish => format!("Czy chodzi o „{one}”, czy o „{other}”?"),
        Language::Turkish => format!("“{one}” mi yoksa “{other}” mi demek istiyorsunuz?"),
        Language::Russian => format!("Вы имеете в виду «{one}» или «{other}»?"),
        Language::Arabic => format!("هل تقصد «{one}» أم «{other}»؟"),
        Language::Hindi => format!("क्या आपका मतलब “{one}” से है या “{other}” से?"),
        Language::Japanese => format!("「{one}」と「{other}」のどちらでしょうか？"),
        Language::Korean => format!("“{one}”와(과) “{other}” 중 어느 것을 말씀하시나요?"),
        Language::Chinese => format!("您指的是“{one}”还是“{other}”？"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::conversation::Said;
    use crate::answer::evidence::tests::evidence;
    use crate::ids::{ArticleId, Ids};
    use crate::search::tests::passage;

    const DOUBT: Decision = Decision::Escalated(Reason::LowConfidence);

    fn asked(question: &str, articles: &[(&str, &str, f32)]) -> Evidence {
        let bm25 = Bm25::new().unwrap();
        let ids = Ids::counted();
        let mut evidence = evidence(question);
        evidence.terms.idf = bm25.question(question).ids.into_iter().map(|term| (term, 2.0)).collect();
        for (title, text, score) in articles {
            let article = ArticleId::new(&ids, 1);
            let passage = Passage { article, title: (*title).to_owned(), score: *score, ..passage(text) };
            evidence.found.passages.push(passage);
        }
        evidence
    }

    fn read(evidence: &Evidence, decision: Decision) -> Option<[String; 2]> {
        readings(&Bm25::new().unwrap(), evidence, decision, 0.6, &Conversation::default())
    }

    const RESET: [(&str, &str, f32); 2] =
        [("The lock", "Reset it with the red button.", 0.6), ("The app", "Reset it in the settings.", 0.58)];

    #[test]
    fn a_short_question_that_two_articles_answer_is_asked_back() {
        let evidence = asked("How do I reset it?", &RESET);
        assert_eq!(read(&evidence, DOUBT), Some(["The lock".to_owned(), "The app".to_owned()]));
    }

    #[test]
    fn a_word_or_two_are_asked_about_unless_the_draft_is_rather_right() {
        let evidence = asked("reset?", &RESET);
        let read = |confidence| {
            let conversation = Conversation::default();
            readings(&Bm25::new().unwrap(), &evidence, Decision::Answered, confidence, &conversation)
        };
        assert!(read(0.4).is_some() && read(0.6).is_none());
    }

    #[test]
    fn a_question_that_names_one_of_them_is_not() {
        assert_eq!(read(&asked("How do I reset the lock?", &RESET), DOUBT), None);
    }

    #[test]
    fn nothing_is_asked_where_nothing_is_in_doubt_or_one_article_says_nothing_about_it() {
        let evidence = asked("How do I reset it?", &RESET);
        assert_eq!(read(&evidence, Decision::Answered), None);
        assert_eq!(read(&evidence, Decision::Escalated(Reason::NoEvidence)), None);
        let far = [RESET[0], ("The app", "Reset it in the settings.", 0.4)];
        assert_eq!(read(&asked("How do I reset it?", &far), DOUBT), None);
        let silent = [RESET[0], ("The app", "Choose a colour.", 0.59)];
        assert_eq!(read(&asked("How do I reset it?", &silent), DOUBT), None);
    }

    pub(super) fn offered_after(question: &str) -> Conversation {
        offered_as(question, ["The lock", "The app"])
    }

    pub(super) fn offered_as(question: &str, options: [&str; 2]) -> Conversation {
        let said = |sender, text: &str, offered| Said { sender, text: text.to_owned(), is_answer: false, offered };
        let offered = Offered { question: question.to_owned(), options: options.map(str::to_owned).to_vec() };
        let asked_back = said(Sender::Bot, "Do you mean one or the other?", Some(offered));
        Conversation::of(vec![said(Sender::User, "and how do I reset it?", None), asked_back], None)
    }

    #[test]
    fn the_same_is_not_asked_twice() {
        let evidence = asked("How do I reset it?", &RESET);
        let conversation = offered_after("How do I reset it?");
        assert_eq!(readings(&Bm25::new().unwrap(), &evidence, DOUBT, 0.1, &conversation), None);
    }

    #[test]
    fn each_language_asks_in_its_own_words_and_names_both() {
        let mut seen = HashSet::new();
        for language in Language::ALL {
            let text = text(&["A1".to_owned(), "B2".to_owned()], language);
            assert!(text.contains("A1") && text.contains("B2") && seen.insert(text.clone()), "{text}");
        }
    }
}
