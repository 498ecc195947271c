//! The answerer that needs no language model: it quotes the whole sentences that say most about the question.

use std::ops::Range;

use crate::answer::Citation;
use crate::answer::cue::{self, Section};
use crate::answer::draft::{Draft, cite};
use crate::answer::evidence::Evidence;
use crate::answer::sentence::Sentence;
use crate::ids::ArticleId;
use crate::index::scripts::is_unspaced;
use crate::search::Passage;

/// What this answerer is called in reports and calibrations; the number goes up when its drafts change.
pub const NAME: &str = "extractive-4";

/// Words of an answer at most; more are for a question that asks for steps.
pub const WORDS_MAX: usize = 60;
/// Words of an answer that explains how to do something.
pub const HOW_TO_WORDS_MAX: usize = 120;

/// How much the passage's rank score counts beside a sentence's own when the article is chosen: which article answers is told by the
/// whole passage, which sentence by the sentence.
const ARTICLE_WEIGHT: f32 = 8.0;
/// How far behind the best a sentence may be that is quoted too.
const BEHIND_MAX: f32 = 0.7;
/// And how far the sentence that opens a section on the cause, or on what helps: what such a section says, it says first.
const OPENING_BEHIND_MAX: f32 = 0.5;
/// Words that are quoted of what the customer sees, in an article that also says what helps: the customer has said it already.
const SYMPTOM_WORDS_MAX: usize = 20;
/// What it counts that a sentence lies between two that are quoted.
const BETWEEN_BONUS: f32 = 0.15;
/// What it counts that a line introduces one that is quoted.
const INTRODUCTION_BONUS: f32 = 0.3;

/// Drafts an answer from what was found: sentences of one article that say most about the question, in the article's order. None is
/// cut; together they have at most [`WORDS_MAX`] words, unless the best alone has more.
///
/// Those that say nearly as much as the best are taken first, and what lies beside them as far as there is room: an answer of
/// neighbouring sentences reads as one.
#[must_use]
pub(super) fn draft(evidence: &Evidence) -> Draft {
    let words_max = if cue::asks_for_steps(&evidence.own) { HOW_TO_WORDS_MAX } else { WORDS_MAX };
    let passages = &evidence.found.passages;
    let Some(article) = article(evidence) else { return Draft::default() };
    let mut lines: Vec<Line<'_>> = (evidence.sentences.iter().enumerate())
        .filter(|(_, sentence)| passages[sentence.rank].article == article)
        .map(|(number, sentence)| Line::of(number, sentence, &passages[sentence.rank]))
        .collect();
    lines.sort_by_key(|line| (line.passage.start_char, line.sentence.place));
    let Some((best, chosen)) = choose(&lines, words_max) else { return Draft::default() };
    let chosen: Vec<&Line<'_>> = chosen.into_iter().map(|place| &lines[place]).collect();
    let citations: Vec<Citation> = runs(&chosen).into_iter().map(|(passage, span)| cite(passage, &span)).collect();
    let quotes: Vec<&str> = citations.iter().map(|citation| citation.quote.as_str()).collect();
    Draft {
        text: quotes.join("\n"),
        citations,
        best: Some(lines[best].number),
        quoted: chosen.iter().map(|line| line.number).collect(),
    }
}

/// The article that answers, by its best sentence and passage; `None` where nothing was found.
#[must_use]
pub(super) fn article(evidence: &Evidence) -> Option<ArticleId> {
    let passages = &evidence.found.passages;
    let article_score = |sentence: &Sentence| sentence.score + ARTICLE_WEIGHT * passages[sentence.rank].score;
    let lead = evidence.sentences.iter().reduce(|best, other| {
        // Of equal ones the first.
        if article_score(other) > article_score(best) { other } else { best }
    })?;
    Some(passages[lead.rank].article)
}

/// A sentence of the article that is quoted.
struct Line<'a> {
    /// Its number in the evidence.
    number: usize,
    sentence: &'a Sentence,
    passage: &'a Passage,
    score: f32,
    section: Section,
    /// Whether it only introduces what follows.
    introduces: bool,
}

impl<'a> Line<'a> {
    fn of(number: usize, sentence: &'a Sentence, passage: &'a Passage) -> Self {
        let introduces = introduces(&passage.text[sentence.span.clone()]);
        let section = Section::under(&passage.heading_path);
        Self { number, sentence, passage, score: sentence.score + passage.score, section, introduces }
    }

    fn text(&self) -> &'a str {
        &self.passage.text[self.sentence.span.clone()]
    }

    /// Whether `next` follows it in the same passage.
    fn adjoins(&self, next: &Self) -> bool {
        self.sentence.rank == next.sentence.rank && self.sentence.place + 1 == next.sentence.place
    }
}

/// Words of the longest line that is only a label, such as "Cause" or "More information".
const LABEL_WORDS_MAX: usize = 3;

/// Whether a line says nothing without what follows it: it ends in a colon, or it is a label of a few words.
fn introduces(line: &str) -> bool {
    // Where words do not stand apart, a line of one word may say all.
    let is_plain = |char: char| (char.is_alphabetic() && !is_unspaced(char)) || char.is_whitespace();
    line.trim_end().ends_with([':', '：'])
        || (line.chars().all(is_plain) && line.split_whitespace().nth(LABEL_WORDS_MAX).is_none())
}

/// The places of the best line and of all that are quoted, in order; `None` of none. `lines` are in the article's order.
fn choose(lines: &[Line<'_>], words_max: usize) -> Option<(usize, Vec<usize>)> {
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by(|one, other| {
        let (one, other) = (&lines[*one], &lines[*other]);
        other.score.total_cmp(&one.score).then_with(|| one.number.cmp(&other.number))
    });
    if order.iter().any(|place| !lines[*place].introduces) {
        order.retain(|place| !lines[*place].introduces);
    }
    let best = *order.first()?;
    let mut choice = Choice::new(lines, words_max);
    choice.take(best);
    let behind = |place: usize| lines[best].score - lines[place].score;
    let openings = order.iter().filter(|place| opens_answer(lines, **place) && behind(**place) <= OPENING_BEHIND_MAX);
    let near = order.iter().filter(|place| behind(**place) <= BEHIND_MAX);
    for place in openings.chain(near) {
        if choice.has_room_for(*place) {
            choice.take(*place);
        }
    }
    while let Some(place) = next_beside(&choice) {
        choice.take(place);
    }
    Some((best, (0..lines.len()).filter(|place| choice.chosen[*place]).collect()))
}

/// Whether a line is the first of a section on the cause or on what helps that says anything.
fn opens_answer(lines: &[Line<'_>], place: usize) -> bool {
    let line = &lines[place];
    let is_before = |other: &&Line<'_>| other.passage.heading_path == line.passage.heading_path && !other.introduces;
    line.section == Section::Answer && !lines[..place].iter().any(|line| is_before(&line))
}

/// The lines that are quoted, as far as they are chosen.
struct Choice<'a> {
    lines: &'a [Line<'a>],
    chosen: Vec<bool>,
    words_left: usize,
    /// Words that are left for what the customer sees.
    symptom_words_left: usize,
}

impl<'a> Choice<'a> {
    fn new(lines: &'a [Line<'a>], words_max: usize) -> Self {
        let says_what_helps = lines.iter().any(|line| line.section == Section::Answer);
        Self {
            lines,
            chosen: vec![false; lines.len()],
            words_left: words_max,
            symptom_words_left: if says_what_helps { SYMPTOM_WORDS_MAX } else { words_max },
        }
    }

    /// Whether a line can be quoted too; the same words are not said twice.
    fn has_room_for(&self, place: usize) -> bool {
        let line = &self.lines[place];
        let is_said = |(other, chosen): (&Line<'_>, &bool)| *chosen && other.text() == line.text();
        let room = if line.section == Section::Symptom { self.symptom_words_left } else { usize::MAX };
        line.sentence.words <= self.words_left.min(room)
            && !self.chosen[place]
            && !self.lines.iter().zip(&self.chosen).any(is_said)
    }

    fn take(&mut self, place: usize) {
        let line = &self.lines[place];
        self.chosen[place] = true;
        self.words_left = self.words_left.saturating_sub(line.sentence.words);
        if line.section == Section::Symptom {
            self.symptom_words_left = self.symptom_words_left.saturating_sub(line.sentence.words);
        }
    }
}

/// The best line that adjoins one that is chosen and can be quoted too.
fn next_beside(choice: &Choice<'_>) -> Option<usize> {
    let Choice { lines, chosen, .. } = choice;
    let mut best: Option<(f32, usize)> = None;
    for (place, line) in lines.iter().enumerate() {
        let after = place > 0 && chosen[place - 1] && lines[place - 1].adjoins(line);
        let before = chosen.get(place + 1).copied().unwrap_or(false) && line.adjoins(&lines[place + 1]);
        // A line that introduces something stands before it or not at all.
        if !(before || after && !line.introduces) || !choice.has_room_for(place) {
            continue;
        }
        let between = if before && after { BETWEEN_BONUS } else { 0.0 };
        let introduction = if line.introduces { INTRODUCTION_BONUS } else { 0.0 };
        let score = line.score + between + introduction;
        if best.is_none_or(|(best, _)| score > best) {
            best = Some((score, place));
        }
    }
    best.map(|(_, place)| place)
}

/// Lines that follow each other in a passage as one span.
fn runs<'a>(chosen: &[&Line<'a>]) -> Vec<(&'a Passage, Range<usize>)> {
    let mut runs: Vec<(&'a Passage, Range<usize>)> = Vec::new();
    for (place, line) in chosen.iter().enumerate() {
        match runs.last_mut() {
            Some((_, span)) if place > 0 && chosen[place - 1].adjoins(line) => span.end = line.sentence.span.end,
            _ => runs.push((line.passage, line.sentence.span.clone())),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::evidence::tests::evidence;
    use crate::ids::{ChunkId, Ids, VersionId};
    use crate::search::tests::passage;

    /// Evidence of one article's passages, whose sentences score as the pairs say.
    fn scored(question: &str, texts: &[&[(&str, f32)]]) -> Evidence {
        let mut evidence = evidence(question);
        let mut start_char = 10;
        for (rank, pieces) in texts.iter().enumerate() {
            let text = pieces.iter().map(|(piece, _)| *piece).collect::<Vec<_>>().join(" ");
            let chunk = ChunkId::of(VersionId::new(&Ids::counted(), 1), "1", rank);
            let end_char = start_char + text.chars().count();
            let mut start = 0;
            for (place, (piece, score)) in pieces.iter().enumerate() {
                let span = start..start + piece.len();
                start = span.end + 1;
                evidence.sentences.push(Sentence {
                    rank,
                    place,
                    span,
                    words: piece.split_whitespace().count(),
                    terms: Vec::new(),
                    cosine: 0.5,
                    nearest: Vec::new(),
                    score: *score,
                });
            }
            evidence.found.passages.push(Passage { chunk, start_char, end_char, ..passage(&text) });
            start_char = end_char + 20;
        }
        evidence
    }

    #[test]
    fn the_quote_is_the_passage_s_own_words_at_its_place() {
        let evidence =
            scored("how far", &[&[("Größe zählt.", 0.1), ("The battery lasts 60 km.", 2.0), ("Über 4 Stunden.", 0.2)]]);
        let draft = draft(&evidence);
        let text = &evidence.found.passages[0].text;
        let citation = &draft.citations[0];
        let quoted: String =
            text.chars().skip(citation.start_char - 10).take(citation.end_char - citation.start_char).collect();
        assert!(draft.text.contains("60 km") && quoted == citation.quote, "{draft:?}");
        assert_eq!(evidence.sentences[draft.best.unwrap()].place, 1);
    }

    #[test]
    fn no_sentence_is_cut_and_the_limit_is_kept() {
        let filler = "This sentence has exactly eight words in it.";
        let mut pieces = vec![(filler, 1.0); 30];
        pieces[12] = ("The refund takes 14 days.", 1.4);
        let draft = draft(&scored("when is my refund paid", &[&pieces]));
        assert!(draft.text.contains("The refund takes 14 days.") && draft.text.ends_with('.'));
        assert!(draft.text.split_whitespace().count() <= WORDS_MAX);
    }

    #[test]
    fn what_lies_beside_the_best_is_quoted_with_it_and_what_is_far_behind_is_not() {
        let pieces: &[(&str, f32)] = &[("Far.", 0.1), ("Before.", 0.3), ("Best.", 2.0), ("After.", 0.3)];
        let filler = "word ".repeat(WORDS_MAX - 2);
        let far: &[(&str, f32)] = &[(filler.trim_end(), 0.2)];
        let draft = draft(&scored("q", &[pieces, far]));
        assert_eq!(draft.text, "Far. Before. Best. After.");
        assert_eq!(draft.citations.len(), 1);
    }

    #[test]
    fn a_line_that_introduces_stands_before_what_it_introduces_or_not_at_all() {
        let draft = draft(&scored("q", &[&[("Use one of these:", 2.0), ("Restart it.", 1.9), ("See also:", 1.8)]]));
        assert_eq!(draft.text, "Use one of these: Restart it.");
    }

    #[test]
    fn a_label_is_no_answer() {
        assert!(introduces("Cause") && introduces("More information") && introduces("Do this:"));
        assert!(
            !introduces("It is so.")
                && !introduces("- Cause")
                && !introduces("60 days")
                && !introduces("三十日以内")
                && !introduces("It works only now")
        );
        let draft = draft(&scored("q", &[&[("Cause", 2.0), ("The cache is full.", 1.9), ("Status", 1.8)]]));
        assert_eq!(draft.text, "Cause The cache is full.");
    }

    #[test]
    fn sentences_come_from_one_article_in_its_order() {
        let mut evidence = scored("q", &[&[("Second.", 1.0), ("Third.", 1.4)], &[("First.", 1.2)], &[("Other.", 1.1)]]);
        evidence.found.passages[1].start_char = 0;
        evidence.found.passages[2].article = crate::ids::ArticleId::new(&Ids::Random, 1);
        let draft = draft(&evidence);
        assert_eq!(draft.text, "First.\nSecond. Third.");
    }

    #[test]
    fn nothing_found_gives_an_empty_draft() {
        let draft = draft(&evidence("anything"));
        assert!(draft.citations.is_empty() && draft.best.is_none());
    }
}
