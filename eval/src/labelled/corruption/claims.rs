//! Claims that are added, and what is said of one thing said of another.

use crate::labelled::draw::Draw;
use crate::labelled::scene::Scene;
use crate::labelled::text::{self, Token, joined, tokens};

/// Words of an added claim that the context must not have.
const NEW_WORDS_MIN: usize = 3;

/// A sentence of another group behind this one, or as its last clause.
pub fn added(sentence: &str, scene: &Scene, draw: &mut Draw) -> Option<String> {
    for _ in 0..40 {
        let (claim, group) = draw.of(&scene.elsewhere.sentences)?;
        let new = text::vocabulary(claim).into_iter().filter(|word| word.len() >= 5 && !scene.knows(word)).count();
        if *group == scene.source.group || new < NEW_WORDS_MIN {
            continue;
        }
        let as_clause = text::within(claim).zip(sentence.strip_suffix('.'));
        return Some(match as_clause.filter(|_| draw.one_in(2)) {
            Some((claim, stem)) => format!("{stem}, and {claim}"),
            None => format!("{sentence} {claim}"),
        });
    }
    None
}

/// Verbs that a subject ends at.
const VERBS: [&str; 14] =
    ["is", "are", "was", "were", "can", "could", "will", "would", "must", "should", "has", "have", "had", "became"];

/// Where the subject of a plain sentence ends: before its first verb, if that comes soon.
fn subject_end(tokens: &[Token]) -> Option<usize> {
    let end = tokens.iter().position(|token| VERBS.contains(&token.core.as_str()))?;
    let is_plain = tokens[..end].iter().all(|token| token.after.is_empty() && token.before.is_empty());
    let first = tokens.first()?.lower();
    let is_pronoun =
        ["it", "they", "he", "she", "this", "these", "that", "there", "which", "who", "you", "in", "if", "when"]
            .contains(&first.as_str());
    ((1..=6).contains(&end) && is_plain && !is_pronoun && tokens.len() > end + 3).then_some(end)
}

/// The subject of this sentence with what another sentence of the context says of another subject.
pub fn predicate(sentence: &str, scene: &Scene, draw: &mut Draw) -> Option<String> {
    let own = tokens(sentence);
    let end = subject_end(&own)?;
    let subject = text::vocabulary(&joined(&own[..end]));
    let mut choices: Vec<Vec<Token>> = Vec::new();
    for other in scene.sentences.iter().filter(|other| **other != scene.source.sentence) {
        let theirs = tokens(other);
        let Some(their_end) = subject_end(&theirs) else { continue };
        let named = text::vocabulary(&joined(&theirs[..their_end]));
        let shares = named.iter().any(|word| word.len() > 3 && subject.contains(word));
        if !shares && theirs[their_end].core == own[end].core {
            choices.push([&own[..end], &theirs[their_end..]].concat());
        }
    }
    draw.of(&choices).map(|tokens| joined(tokens))
}
