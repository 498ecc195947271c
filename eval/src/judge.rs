//! What each draft is worth: by the set's own answers, without a language model.

use std::collections::HashMap;

use candor::knowledge::sentences;
use rayon::prelude::*;

use crate::corpus::Corpus;
use crate::dataset::{Dataset, Question};
use crate::matching::{self, Expected};
use crate::outcome::{Asked, DraftScores, Judged};
use crate::ranking::Ranking;

/// Words of a right answer at most. Source: `spec/quality.md`, "What correct means".
const WORDS_MAX: usize = 60;
/// Words of a right answer to a question that asks how something is done.
const HOW_TO_WORDS_MAX: usize = 120;

/// Judges every draft of a set, in the order of its questions.
#[must_use]
pub fn all(set: &Dataset, corpus: &Corpus, asked: &[Asked]) -> Vec<Judged> {
    let texts = gold_texts(set, corpus);
    let mut judged: Vec<Judged> =
        set.questions.par_iter().zip(asked).map(|(question, asked)| one(question, asked, &texts)).collect();
    // Where no draft can be right, "not right" tells nothing about the others either.
    let tells = |(question, judged): (&Question, &Judged)| question.answerable && judged.correct.is_some();
    if !set.questions.iter().zip(&judged).any(tells) {
        for judged in &mut judged {
            judged.correct = None;
        }
    }
    judged
}

/// The text of each gold article, followed by its sentences with a space between them: articles lose the space after a
/// full stop where a web page had a new line, and there a sentence would not end on a word border.
#[must_use]
pub fn gold_texts<'a>(set: &'a Dataset, corpus: &Corpus) -> HashMap<&'a str, [String; 2]> {
    let mut ids: Vec<&str> = set.questions.iter().flat_map(|question| &question.gold).map(String::as_str).collect();
    ids.sort_unstable();
    ids.dedup();
    let both = |text: String| {
        let sentences: Vec<&str> = sentences::split(&text).into_iter().map(|span| &text[span]).collect();
        [sentences.join(" "), text]
    };
    ids.into_par_iter().filter_map(|id| Some((id, both(corpus.plain_text(id)?)))).collect()
}

fn one(question: &Question, asked: &Asked, texts: &HashMap<&str, [String; 2]>) -> Judged {
    let ranking = Ranking::of(&asked.ranked, &question.gold);
    if !question.answerable {
        return Judged { correct: Some(false), draft: None, ranking };
    }
    let words_max = if question.kind.as_deref() == Some("howto") { HOW_TO_WORDS_MAX } else { WORDS_MAX };
    let expected = Expected { gold: &question.gold, answers: &question.answers, words_max };
    let correct = matching::is_correct(&asked.draft, &asked.cited, expected);
    let texts: Vec<&str> =
        question.gold.iter().filter_map(|id| texts.get(id.as_str())).flatten().map(String::as_str).collect();
    let said: Vec<&str> = sentences::split(&asked.draft).into_iter().map(|span| &asked.draft[span]).collect();
    let said_or_quoted: Vec<&str> = std::iter::once(&asked.draft).chain(&asked.quotes).map(String::as_str).collect();
    let hits = asked.cited.iter().filter(|cited| question.gold.contains(cited)).count();
    let share = |whole: usize| if whole == 0 { 0.0 } else { hits as f64 / whole as f64 };
    let draft = DraftScores {
        words: matching::word_count(&asked.draft),
        token_f1: matching::token_f1(&asked.draft, &question.answers),
        support_recall: matching::support_recall(&question.support, &said_or_quoted),
        sentence_support: matching::support_recall(&said, &texts),
        citation_precision: share(asked.cited.len()),
        citation_recall: share(question.gold.len()),
    };
    Judged { correct, draft: Some(draft), ranking }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Articles, Entry};
    use crate::fixtures;

    fn set(questions: Vec<Question>) -> (Dataset, Corpus) {
        let entries = vec![
            Entry { id: "a".into(), title: "Returns".into(), text: "You have 30 days. Send it back.".into() },
            Entry { id: "b".into(), title: "Fees".into(), text: "It costs $5.".into() },
        ];
        let source = Articles::Entries(entries);
        let corpus = Corpus::read(&source, &[]).unwrap();
        (fixtures::dataset(source, questions), corpus)
    }

    fn said(draft: &str, cited: &str) -> Asked {
        Asked { quotes: vec![draft.into()], ..fixtures::asked(draft, cited) }
    }

    #[test]
    fn a_right_draft_of_the_gold_article_is_correct_and_supported() {
        let question = Question {
            gold: vec!["a".into(), "z".into()],
            answers: vec!["30 days".into()],
            support: vec!["You have 30 days.".into(), "Absent.".into()],
            ..fixtures::question("q1", true)
        };
        let (set, corpus) = set(vec![question]);
        let judged = all(&set, &corpus, &[said("You have 30 days. Made up.", "a")]);
        assert_eq!(judged[0].correct, Some(true));
        let draft = judged[0].draft.clone().unwrap();
        assert_eq!((draft.words, draft.support_recall, draft.sentence_support), (6, Some(0.5), Some(0.5)));
        assert!((draft.citation_precision - 1.0).abs() < 1e-9 && (draft.citation_recall - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_draft_of_an_unanswerable_question_is_never_right() {
        let answerable =
            Question { gold: vec!["b".into()], answers: vec!["$5".into()], ..fixtures::question("q1", true) };
        let (set, corpus) = set(vec![answerable, fixtures::question("q2", false)]);
        let judged = all(&set, &corpus, &[said("It costs $5.", "a"), said("It costs $5.", "b")]);
        assert_eq!([judged[0].correct, judged[1].correct], [Some(false), Some(false)]);
        assert_eq!(judged[1].draft, None);
    }

    #[test]
    fn long_gold_answers_say_nothing_about_correctness() {
        let long = "You have to send it back to us within thirty days of receipt.";
        let answerable =
            Question { gold: vec!["a".into()], answers: vec![long.into()], ..fixtures::question("q1", true) };
        let (set, corpus) = set(vec![answerable, fixtures::question("q2", false)]);
        let judged = all(&set, &corpus, &[said("Send it back.", "a"), said("", "")]);
        assert_eq!([judged[0].correct, judged[1].correct], [None, None]);
        let draft = judged[0].draft.clone().unwrap();
        assert_eq!((draft.sentence_support, draft.support_recall), (Some(1.0), None));
        assert!(draft.token_f1.unwrap() > 0.0);
    }

    #[test]
    fn only_a_how_to_may_be_long() {
        let draft = format!("{} You have 30 days.", "word ".repeat(70));
        let question = |kind: &str| Question {
            gold: vec!["a".into()],
            answers: vec!["30 days".into()],
            kind: Some(kind.into()),
            ..fixtures::question(kind, true)
        };
        let (set, corpus) = set(vec![question("howto"), question("fact")]);
        let judged = all(&set, &corpus, &[said(&draft, "a"), said(&draft, "a")]);
        assert_eq!([judged[0].correct, judged[1].correct], [Some(true), Some(false)]);
    }
}
