//! What the confidence is computed from: signals without a scale of their own, so that they mean the same in a workspace of
//! ten articles and in one of ten thousand.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

use crate::answer::cue::{Section, pattern};
use crate::answer::evidence::Evidence;
use crate::answer::grounded::Sufficiency;
use crate::answer::sentence::Sentence;
use crate::answer::{Draft, ModelTrace, support};
use crate::ids::ArticleId;
use crate::index::Bm25;
use crate::search::Passage;

/// The signals of one draft: [`Features::NAMES`], and behind them those of a language model where one wrote it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Features(pub Vec<f64>);

impl Features {
    /// The signals' names, in the order of their values.
    pub const NAMES: [&str; 14] = [
        // Cosine of the question and the best sentence of the draft.
        "sentence_cosine",
        // How far the draft's article is before all others by words, as a share of the question's mass; below 0 where it is behind.
        "words_margin",
        // Whether the article that is first by meaning is first by words.
        "rankings_agree",
        // How near the draft comes to those of the question's tokens whose words its best sentence has not.
        "uncovered_similarity",
        // How many of the question's terms stand nowhere in the article, as a logarithm. It corrects the others for long questions.
        "terms_missing",
        // The share of the question's words with digits that stand in the article.
        "numbers_found",
        // Whether a name of the question stands neither in the draft nor above it.
        "name_missing",
        // Whether the best sentence stands under a heading such as "Cause" or "Solution".
        "section_answers",
        // Whether the question asks for a fact that is not so, and the best sentence denies nothing.
        "sentence_denies_nothing",
        // The same of the whole draft, and of a wider sense of denying.
        "draft_denies_nothing",
        // Whether the best sentence has the opposite of a word of the question in its place.
        "opposite",
        // What a language model says of its own draft, 0 to 1; 0.5 where it says nothing.
        "stated_confidence",
        // Whether it says that the passages answer the question: 1 wholly, 0.5 in part, 0 not.
        "stated_sufficiency",
        // The share of its sentences that passages carry. Why it stopped writing is no signal: a draft that was cut off is not used.
        "sentences_kept",
    ];

    /// How many of the signals a draft of the articles' own sentences has: the first.
    pub const EXTRACTIVE: usize = 11;

    /// The signals of `draft`, which `model` wrote, or nobody; those of the articles are all 0 where it stands on nothing.
    #[must_use]
    pub(super) fn of(bm25: &Bm25, evidence: &Evidence, draft: &Draft, model: Option<&ModelTrace>) -> Self {
        let mut features = Self::extractive(bm25, evidence, draft);
        features.0.extend(model.into_iter().flat_map(Self::stated));
        features
    }

    /// What a language model says of its draft, and what the check of its sentences left of it.
    fn stated(model: &ModelTrace) -> [f64; Self::NAMES.len() - Self::EXTRACTIVE] {
        let kept = model.sentences.iter().filter(|sentence| sentence.fault.is_none()).count();
        let count = |sentences: usize| f64::from(u32::try_from(sentences).unwrap_or(u32::MAX));
        [
            model.stated_confidence.unwrap_or(0.5),
            match model.sufficiency {
                Some(Sufficiency::Sufficient) => 1.0,
                Some(Sufficiency::Partial) | None => 0.5,
                Some(Sufficiency::Insufficient) => 0.0,
            },
            count(kept) / count(model.sentences.len()).max(1.0),
        ]
    }

    fn extractive(bm25: &Bm25, evidence: &Evidence, draft: &Draft) -> Self {
        let passages = &evidence.found.passages;
        let Some(best) = draft.best.and_then(|best| evidence.sentences.get(best)) else {
            return Self(vec![0.0; Self::EXTRACTIVE]);
        };
        let passage = &passages[best.rank];
        let sentence = &passage.text[best.span.clone()];
        let article: Vec<&Passage> = passages.iter().filter(|other| other.article == passage.article).collect();
        let mut article_text = String::new();
        for passage in &article {
            let _ = writeln!(article_text, "{}\n{}", heading(passage), passage.text);
        }
        let drafted = format!("{}\n{}", heading(passage), draft.text);
        let focus = focus(&evidence.question);
        let denied_fact =
            |denies: &Regex, text: &str| flag(asks_for_fact(focus) && denies.is_match(focus) && !denies.is_match(text));
        let by_words = |of_article: bool| {
            let passages = passages.iter().filter(|other| (other.article == passage.article) == of_article);
            passages.map(|passage| passage.signals.bm25).fold(0.0, f32::max)
        };
        let of_article = bm25.terms_of(&article_text);
        let missing = evidence.terms.idf.keys().filter(|term| !of_article.contains(term)).count();
        let name_missing =
            names(&evidence.question).iter().any(|name| found_share(std::slice::from_ref(name), &drafted) < 1.0);
        Self(vec![
            f64::from(best.cosine),
            f64::from(by_words(true) - by_words(false)),
            flag(
                first_article(passages, |passage| passage.signals.cosine)
                    == first_article(passages, |passage| passage.signals.bm25),
            ),
            uncovered_similarity(bm25, evidence, best, draft),
            f64::from(u32::try_from(missing).unwrap_or(u32::MAX)).ln_1p(),
            found_share(&numbers(&evidence.question), &article_text),
            flag(name_missing),
            flag(Section::under(&passage.heading_path) == Section::Answer),
            denied_fact(&DENIES, sentence),
            denied_fact(&DENIES_WIDELY, &drafted),
            flag(support::has_opposite(focus, sentence)),
        ])
    }
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

/// The title and the headings above a passage.
fn heading(passage: &Passage) -> String {
    format!("{} {}", passage.title, passage.heading_path.join(" "))
}

fn first_article(passages: &[Passage], score: impl Fn(&Passage) -> f32) -> Option<ArticleId> {
    passages.iter().max_by(|one, other| score(one).total_cmp(&score(other))).map(|passage| passage.article)
}

/// Of the question's tokens whose words the best sentence has not, the mean cosine with the nearest word that is quoted, or above it;
/// 1 where it has all.
fn uncovered_similarity(bm25: &Bm25, evidence: &Evidence, best: &Sentence, draft: &Draft) -> f64 {
    let quoted: Vec<&Sentence> = draft.quoted.iter().filter_map(|number| evidence.sentences.get(*number)).collect();
    let is_uncovered = |word: &str| {
        let terms = bm25.question(word).ids;
        !terms.is_empty() && terms.iter().any(|term| !best.terms.contains(term))
    };
    let mut similarities = Vec::new();
    for (place, token) in evidence.found.question.tokens.iter().enumerate() {
        if evidence.question.get(token.word.clone()).is_some_and(is_uncovered) {
            similarities.push(quoted.iter().map(|sentence| sentence.nearest[place]).fold(0.0, f32::max));
        }
    }
    let count = f32::from(u16::try_from(similarities.len()).unwrap_or(u16::MAX));
    if similarities.is_empty() { 1.0 } else { f64::from(similarities.iter().sum::<f32>() / count) }
}

/// The last sentence that asks, else the last: what comes before it tells the story.
fn focus(question: &str) -> &str {
    let sentences = crate::knowledge::sentences::split(question);
    let asking = sentences.iter().rev().find(|span| question[(*span).clone()].trim_end().ends_with('?'));
    asking.or(sentences.last()).map_or(question, |span| &question[span.clone()])
}

static ASKS_FOR_FACT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(?:[\w ,'’-]{0,40}\b)?(what|which|who|whose|whom|where|when|how many|how much|how long|how often)\b")
});

static ASKS_FOR_WAY: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(why|how (do|can|to|should))\b"));

static DENIES: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b(not|no|never|without|cannot|except|neither|nor|none|unable|fail\w*|non)\b|n['’]t\b"));

static DENIES_WIDELY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(not|no|never|without|cannot|except|neither|nor|none|nobody|nothing|nowhere|hardly|unlike|lack\w*|fail\w*|refus\w*|reject\w*|den(?:y|ie[sd])|avoid\w*|prevent\w*|prohibit\w*|instead of|rather than|nicht|kein\w*|nie|ohne)\b|n['’]t\b",
    )
});

/// Whether a question asks what, who, when or how many, and not why or how.
fn asks_for_fact(focus: &str) -> bool {
    ASKS_FOR_FACT.is_match(focus) && !ASKS_FOR_WAY.is_match(focus)
}

/// The share of `wanted` that stands in `text`; 1 when nothing is wanted.
fn found_share(wanted: &[String], text: &str) -> f64 {
    if wanted.is_empty() {
        return 1.0;
    }
    let words: HashSet<String> = words(text).map(str::to_lowercase).collect();
    let found = wanted.iter().filter(|word| words.contains(&word.to_lowercase())).count();
    f64::from(u32::try_from(found).unwrap_or(0)) / f64::from(u32::try_from(wanted.len()).unwrap_or(1))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !char.is_alphanumeric() && !matches!(char, '.' | '-' | '\'' | '’'))
        .map(|word| word.trim_matches(|char: char| !char.is_alphanumeric()))
        .filter(|word| !word.is_empty())
}

/// Words with a digit in them: amounts, dates, codes.
fn numbers(text: &str) -> Vec<String> {
    words(text).filter(|word| word.chars().any(|char| char.is_ascii_digit())).map(str::to_owned).collect()
}

/// Words with a capital that do not begin a sentence.
fn names(question: &str) -> Vec<String> {
    let mut begins_sentence = true;
    let mut names = Vec::new();
    for word in question.split_whitespace() {
        let core = word.trim_matches(|char: char| !char.is_alphanumeric());
        let is_name = core.chars().next().is_some_and(char::is_uppercase) && core.chars().count() > 1;
        if is_name && !begins_sentence {
            names.push(core.trim_end_matches("'s").trim_end_matches("’s").to_owned());
        }
        begins_sentence = word.ends_with(['.', '?', '!', ':']);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_of_a_question_are_found() {
        assert_eq!(names("Does the Cargo X's lock open? My app says no."), ["Cargo", "X"]);
        assert_eq!(numbers("Error E-42 after 10:30 on v2.1?"), ["E-42", "10", "30", "v2.1"]);
    }

    #[test]
    fn what_a_question_asks_is_its_last_question() {
        assert_eq!(focus("My bike is stuck. Who is to blame? It hurts."), "Who is to blame?");
        assert_eq!(focus("My bike is stuck. It hurts."), "It hurts.");
        assert!(asks_for_fact("Which plan has no deposit?") && asks_for_fact("In what year did it not run?"));
        assert!(!asks_for_fact("Why is it so?") && !asks_for_fact("What do I do, and how do I do it?"));
    }

    #[test]
    fn a_missing_number_lowers_the_share() {
        assert!((found_share(&["E-42".into(), "E-43".into()], "Error e-42 means…") - 0.5).abs() < 1e-9);
    }
}
