//! From sentences that answer to labelled answers: each as it is, said otherwise, and made false.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::labelled::corruption::{Kind, corrupted};
use crate::labelled::draw::Draw;
use crate::labelled::rewording;
use crate::labelled::scene::{Elsewhere, Scene, Source};
use crate::labelled::text;

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    pub context: String,
    pub question: String,
    pub answer: String,
    pub supported: bool,
    /// How it was made: `verbatim` or `reworded`, or what was made false.
    pub kind: &'static str,
    pub group: String,
}

/// False answers of each sentence.
const FALSE_PER_SENTENCE: usize = 2;

/// Makes the lines of `sources`, in their order. Of the kinds that a sentence can be made false by, those come first that are rare so far.
#[must_use]
pub fn make(sources: &[Source], elsewhere: &Elsewhere, kinds: &[Kind], seed: u64) -> Vec<Line> {
    let mut counts: BTreeMap<Kind, usize> = kinds.iter().map(|kind| (*kind, 0)).collect();
    let mut lines = Vec::new();
    for source in sources {
        let scene = Scene::new(source, elsewhere);
        let line = |answer: String, supported: bool, kind: &'static str| Line {
            context: source.context.clone(),
            question: source.question.clone(),
            answer,
            supported,
            kind,
            group: source.group.clone(),
        };
        let draw = |what: &str| Draw::new(seed, &format!("{what}\n{}\n{}", source.question, source.sentence));
        lines.push(line(source.sentence.clone(), true, "verbatim"));
        let mut supported = draw("reworded");
        let reworded = with_next(reworded(&source.sentence, &mut supported), source, &mut supported);
        if reworded != source.sentence {
            lines.push(line(reworded, true, "reworded"));
        }
        let mut by_rarity: Vec<Kind> = counts.keys().copied().collect();
        by_rarity.sort_by_key(|kind| counts[kind]);
        let mut made = 0;
        for kind in by_rarity {
            let mut draw = draw(kind.name());
            // Half of them are said otherwise too: how a sentence is said must not tell whether it is true.
            let stem =
                if draw.one_in(2) { self::reworded(&source.sentence, &mut draw) } else { source.sentence.clone() };
            if let Some(answer) = corrupted(kind, &stem, &scene, &mut draw) {
                let answer = if draw.one_in(2) { with_next(answer, source, &mut draw) } else { answer };
                lines.push(line(answer, false, kind.name()));
                *counts.entry(kind).or_default() += 1;
                made += 1;
            }
            if made == FALSE_PER_SENTENCE {
                break;
            }
        }
    }
    lines
}

/// The sentence in one to three ways said otherwise, where there are any.
fn reworded(sentence: &str, draw: &mut Draw) -> String {
    let ways = 1 + draw.below(3);
    let mut said = sentence.to_owned();
    let mut done = 0;
    // What puts words before the sentence comes last, so that the others see how it begins.
    let mut order = draw.order(rewording::ALL.len());
    order.sort_by_key(|place| rewording::ALL[*place].0 == "lead_in");
    for place in order {
        if done < ways
            && let Some(other) = rewording::ALL[place].1(&said, draw)
        {
            said = other;
            done += 1;
        }
    }
    said
}

/// Sometimes with the next sentence of the context behind it, by itself or joined.
fn with_next(answer: String, source: &Source, draw: &mut Draw) -> String {
    let Some(next) = source.next.as_deref().filter(|_| draw.one_in(3)) else { return answer };
    match text::within(next).zip(answer.strip_suffix('.')).filter(|_| draw.one_in(2)) {
        Some((next, stem)) => format!("{stem}, and {next}"),
        None => format!("{answer} {next}"),
    }
}
