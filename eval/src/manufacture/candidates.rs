//! The questions that an article makes by itself, each with what a right answer holds.

use std::collections::BTreeMap;

use rand::SeedableRng as _;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom as _;

use crate::manufacture::article::{Article, Section};
use crate::manufacture::key_fact;
use crate::manufacture::removal::drawn;
use crate::manufacture::survey::{Survey, content_words, overlap};
use crate::manufacture::table_rows::TableRow;
use crate::manufacture::wording::{self, About, Wording};
use crate::matching::{SHORT_ANSWER_WORDS_MAX, holds_short_answer, word_count};

/// Headings of one article that are asked for at most: every split and every interval is by article, so that more of one
/// article tell less than the same number of many.
const HEADINGS_MAX: usize = 4;
/// Cells of one article that are asked for at most.
const ROWS_MAX: usize = 3;
/// Sentences of a section from which key facts are taken.
const SENTENCES_MAX: usize = 3;
/// A heading that shares more of its words with the title asks what the title asks.
const OVERLAP_MAX: f64 = 0.6;
/// Words that say something in a question at least; with fewer nobody could tell what is asked.
const CONTENT_WORDS_MIN: usize = 2;

/// What in an article a question was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subset {
    Title,
    Heading,
    TableRow,
}

impl Subset {
    pub const ALL: [Self; 3] = [Self::Title, Self::Heading, Self::TableRow];

    /// As the set names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Heading => "heading",
            Self::TableRow => "table_row",
        }
    }
}

/// A question of one article.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub source: String,
    pub subset: Subset,
    pub wording: Wording,
    /// Key facts of at most eight words, each of which stands in the article. At least one.
    pub answers: Vec<String>,
    /// The sentences that the facts are from, which stand in no other article.
    pub support: Vec<String>,
}

/// Why something made no question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    Form,
    LikeTitle,
    NoFact,
    TooShort,
    Elsewhere,
    LongCell,
    NotVerbatim,
    TellsAnswer,
    Copied,
    NoAnswer,
    Repeated,
    NotDrawn,
}

impl Reason {
    /// What is wrong with it, for a person.
    #[must_use]
    pub fn why(self) -> &'static str {
        match self {
            Self::Form => "a heading that many articles have, or only a number",
            Self::LikeTitle => "a heading that says what the title says",
            Self::NoFact => "no sentence under it that stands in this article only and says more than the question",
            Self::TooShort => "fewer than two words that say something",
            Self::Elsewhere => "another article has the same title, heading, sentence or cell",
            Self::LongCell => "a cell or its row's label with more than eight words",
            Self::NotVerbatim => "the answer does not stand in the article as it is read",
            Self::TellsAnswer => "the question holds its answer",
            Self::Copied => "the model copied six words in a row from the article",
            Self::NoAnswer => "the model gave no usable question",
            Self::Repeated => "another question has the same words",
            Self::NotDrawn => "enough questions without it",
        }
    }
}

/// How often each reason was met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dropped(pub BTreeMap<Reason, usize>);

impl Dropped {
    pub fn count(&mut self, reason: Reason, times: usize) {
        if times > 0 {
            *self.0.entry(reason).or_default() += times;
        }
    }
}

/// The questions of an article from its title, its headings and its tables; the same ones for the same seed.
pub fn of_article(article: &Article, survey: &Survey, seed: u64, dropped: &mut Dropped) -> Vec<Candidate> {
    let mut random = Xoshiro256PlusPlus::from_seed(drawn(seed, article.source()));
    let mut made = Vec::new();
    let mut keep = |outcome: Result<Candidate, Reason>, dropped: &mut Dropped| match outcome {
        Ok(candidate) => made.push(candidate),
        Err(reason) => dropped.count(reason, 1),
    };
    keep(of_title(article, survey, &mut random), dropped);

    let mut headed: Vec<(&Section, &str)> =
        article.sections.iter().filter_map(|section| Some((section, section.heading.as_deref()?))).collect();
    headed.shuffle(&mut random);
    let outcomes =
        headed.into_iter().map(|(section, heading)| of_heading(article, section, heading, survey, &mut random));
    for outcome in drawn_until(outcomes.collect(), HEADINGS_MAX, dropped) {
        keep(outcome, dropped);
    }

    let mut rows: Vec<&TableRow> = article.rows.iter().collect();
    rows.shuffle(&mut random);
    let outcomes = rows.into_iter().map(|row| of_row(article, row, survey, &mut random));
    for outcome in drawn_until(outcomes.collect(), ROWS_MAX, dropped) {
        keep(outcome, dropped);
    }
    made
}

/// All refusals and the first `most` questions; the others are counted as not drawn.
fn drawn_until(
    outcomes: Vec<Result<Candidate, Reason>>,
    most: usize,
    dropped: &mut Dropped,
) -> Vec<Result<Candidate, Reason>> {
    let (made, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    dropped.count(Reason::NotDrawn, made.len().saturating_sub(most));
    made.into_iter().take(most).chain(refused).collect()
}

fn of_title(article: &Article, survey: &Survey, random: &mut Xoshiro256PlusPlus) -> Result<Candidate, Reason> {
    if survey.shared_by(&article.title) > 1 {
        return Err(Reason::Elsewhere);
    }
    if content_words(&article.title).len() < CONTENT_WORDS_MIN {
        return Err(Reason::TooShort);
    }
    let wording = if article.is_english {
        wording::of_topic(&article.title, None, survey, random)
    } else {
        wording::bare(&[&article.title])
    };
    let sentences = article.sections.iter().flat_map(|section| &section.sentences);
    with_facts(article, Subset::Title, wording, sentences, survey)
}

fn of_heading(
    article: &Article,
    section: &Section,
    heading: &str,
    survey: &Survey,
    random: &mut Xoshiro256PlusPlus,
) -> Result<Candidate, Reason> {
    let topic = wording::without_number(heading).filter(|_| !survey.is_form(heading)).ok_or(Reason::Form)?;
    if survey.is_form(topic) {
        return Err(Reason::Form);
    }
    if overlap(topic, &article.title) > OVERLAP_MAX {
        return Err(Reason::LikeTitle);
    }
    let is_shared = survey.shared_by(topic) > 1 || survey.shared_by(heading) > 1;
    let needs_title = is_shared
        || topic != heading
        || content_words(topic).len() < CONTENT_WORDS_MIN
        || wording::needs_context(topic);
    if needs_title && !survey.names_one_article(&article.title) {
        return Err(Reason::Elsewhere);
    }
    let title = survey.spoken_title(&article.title);
    let said = if needs_title { format!("{title} {topic}") } else { topic.to_owned() };
    if content_words(&said).len() < CONTENT_WORDS_MIN {
        return Err(Reason::TooShort);
    }
    let wording = match (article.is_english, needs_title) {
        (true, _) => wording::of_topic(topic, needs_title.then_some(About { title }), survey, random),
        (false, true) => wording::bare(&[title, topic]),
        (false, false) => wording::bare(&[topic]),
    };
    with_facts(article, Subset::Heading, wording, &section.sentences, survey)
}

fn of_row(
    article: &Article,
    row: &TableRow,
    survey: &Survey,
    random: &mut Xoshiro256PlusPlus,
) -> Result<Candidate, Reason> {
    if !survey.names_one_article(&article.title) {
        return Err(Reason::Elsewhere);
    }
    if word_count(&row.cell) > SHORT_ANSWER_WORDS_MAX || word_count(&row.label) > SHORT_ANSWER_WORDS_MAX {
        return Err(Reason::LongCell);
    }
    let holds = |text: &str, part: &str| holds_short_answer(text, &[part]) == Some(true);
    let line = article.sections.iter().flat_map(|section| &section.sentences);
    let line = line.into_iter().find(|line| holds(line, &row.label) && holds(line, &row.cell));
    let line = line.ok_or(Reason::NotVerbatim)?;
    if !survey.is_of_one_article(line) || !survey.is_row_of_one_article(row) {
        return Err(Reason::Elsewhere);
    }
    let title = survey.spoken_title(&article.title);
    let wording = if article.is_english {
        wording::of_row(row, About { title }, survey, random)
    } else {
        wording::bare(&[title, &row.label, &row.column])
    };
    if holds(&wording.text, &row.cell) {
        return Err(Reason::TellsAnswer);
    }
    Ok(Candidate {
        source: article.source().to_owned(),
        subset: Subset::TableRow,
        wording,
        answers: vec![row.cell.clone()],
        support: vec![line.clone()],
    })
}

/// The question with the key facts of the first sentences that this article alone has.
fn with_facts<'a>(
    article: &Article,
    subset: Subset,
    wording: Wording,
    sentences: impl IntoIterator<Item = &'a String>,
    survey: &Survey,
) -> Result<Candidate, Reason> {
    let (mut answers, mut support) = (Vec::new(), Vec::new());
    for sentence in sentences {
        if answers.len() == SENTENCES_MAX {
            break;
        }
        if !key_fact::is_telling(sentence) || !survey.is_of_one_article(sentence) {
            continue;
        }
        let fact = key_fact::of(sentence, &wording.text, survey);
        if let Some(fact) = fact.filter(|fact| holds_short_answer(&article.text, &[fact]) == Some(true))
            && !answers.contains(&fact)
        {
            answers.push(fact);
            support.push(sentence.clone());
        }
    }
    if answers.is_empty() {
        return Err(Reason::NoFact);
    }
    Ok(Candidate { source: article.source().to_owned(), subset, wording, answers, support })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manufacture::samples::{self, article};

    fn articles() -> Vec<Article> {
        vec![
            article(
                "plans/roam.md",
                "# Roam plan for everybody\n\nRoam has no minimum term at all.\n\n## What you pay\n\nYou pay €300 as a deposit. \
                 Clean it twice a year.\n\n| Part | Price |\n|---|---|\n| Charger | €65 |\n| Lock | €40 |\n| Key | €9 |\n\n\
                 ## Riding it abroad\n\n## Wintering a Roam bike\n\nStore it above five degrees.\n",
            ),
            article(
                "plans/settle.md",
                "# Settle plan for families\n\nSettle lasts for twelve months.\n\n## What you pay\n\nThe deposit is €200 here. \
                 Clean it twice a year.\n\n| Part | Price | Colour |\n|---|---|---|\n| Key | €9 | red |\n\n### Roam plan for everybody\n\nRoam is the other one of them.\n",
            ),
        ]
    }

    fn made(seed: u64) -> (Vec<Candidate>, Dropped) {
        let articles = articles();
        let survey = samples::survey(&articles);
        let mut dropped = Dropped::default();
        let made = articles.iter().flat_map(|article| of_article(article, &survey, seed, &mut dropped)).collect();
        (made, dropped)
    }

    #[test]
    fn every_answer_stands_in_its_article_and_is_short() {
        let articles = articles();
        for seed in 0..20 {
            let (made, _) = made(seed);
            assert!(made.len() >= 5, "{made:#?}");
            for candidate in made {
                let article = articles.iter().find(|article| article.source() == candidate.source).unwrap();
                assert!(!candidate.answers.is_empty());
                for answer in &candidate.answers {
                    assert_eq!(holds_short_answer(&article.text, &[answer]), Some(true), "{candidate:?}");
                    assert_ne!(holds_short_answer(&candidate.wording.text, &[answer]), Some(true), "{candidate:?}");
                }
                assert!(candidate.support.iter().all(|sentence| article.text.contains(sentence.as_str())));
                assert!(!candidate.support.iter().any(|sentence| sentence.contains("twice a year")));
            }
        }
    }

    #[test]
    fn a_shared_heading_names_its_article_and_a_shared_title_is_dropped() {
        let (made, dropped) = made(1);
        let of = |subset| made.iter().filter(move |candidate| candidate.subset == subset);
        let pay: Vec<_> = of(Subset::Heading).filter(|candidate| candidate.wording.text.contains("pay")).collect();
        assert_eq!(pay.len(), 2, "{made:#?}");
        for candidate in pay {
            let name = if candidate.source.contains("roam") { "Roam plan" } else { "Settle plan" };
            assert!(candidate.wording.text.contains(name), "{candidate:?}");
        }
        assert!(of(Subset::Title).all(|candidate| candidate.source == "plans/settle.md"));
        assert!(dropped.0[&Reason::Elsewhere] >= 1, "{dropped:?}");
        let cells: Vec<_> = of(Subset::TableRow).map(|candidate| candidate.answers[0].as_str()).collect();
        assert_eq!(
            (cells.len(), cells.contains(&"€65"), cells.contains(&"€40"), cells.contains(&"red")),
            (3, true, true, true)
        );
    }

    #[test]
    fn the_seed_decides_the_words() {
        assert_eq!(made(1), made(1));
        assert!((2..20).any(|seed| made(seed).0 != made(1).0));
    }
}
