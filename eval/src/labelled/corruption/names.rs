//! Names: foreign ones, and the context's own in another place.

use std::ops::Range;

use crate::labelled::draw::Draw;
use crate::labelled::scene::Scene;
use crate::labelled::text::{self, Token, joined, name, names, replaced, tokens};

/// A name of another group in the place of one.
pub fn foreign(sentence: &str, scene: &Scene, draw: &mut Draw) -> Option<String> {
    let tokens = tokens(sentence);
    let run = draw.of(&names(&tokens))?.clone();
    let pool = scene.elsewhere.names.get(&run.len())?;
    for _ in 0..40 {
        let (other, group) = draw.of(pool)?;
        if *group != scene.source.group && !other.split(' ').any(|word| scene.knows(word)) {
            return Some(joined(&replaced(&tokens, &run, other)));
        }
    }
    None
}

/// Two names or two numbers in one another's place. What stands between them must be more than a list's comma, or swapping them
/// changes nothing.
pub fn swapped(sentence: &str, draw: &mut Draw) -> Option<String> {
    let tokens = tokens(sentence);
    let numbers = (1..tokens.len()).filter(|place| tokens[*place].has_digit()).map(|place| place..place + 1);
    let mut pairs: Vec<(Range<usize>, Range<usize>)> = pairs_of(&names(&tokens));
    pairs.extend(pairs_of(&numbers.collect::<Vec<_>>()));
    let differ = |(one, other): &(Range<usize>, Range<usize>)| {
        let between = &tokens[one.end..other.start];
        let saying = between.iter().filter(|token| is_small(token) && !JOINING.contains(&token.core.as_str())).count();
        let symmetric = between.iter().any(|token| SYMMETRIC.contains(&token.core.as_str()));
        saying >= 2 && between.len() <= 12 && !symmetric && name(&tokens, one) != name(&tokens, other)
    };
    pairs.retain(differ);
    let (one, other) = draw.of(&pairs)?.clone();
    let (first, second) = (name(&tokens, &one), name(&tokens, &other));
    // The second one first, so that the places of the first stay.
    Some(joined(&replaced(&replaced(&tokens, &other, &first), &one, &second)))
}

const JOINING: [&str; 10] = ["and", "or", "the", "a", "of", "as", "well", "both", "such", "including"];

/// What is said of two things in either order.
const SYMMETRIC: [&str; 9] = ["between", "both", "same", "with", "either", "border", "borders", "married", "equals"];

fn is_small(token: &Token) -> bool {
    token.core.chars().all(char::is_lowercase) && token.core.len() > 1
}

fn pairs_of(runs: &[Range<usize>]) -> Vec<(Range<usize>, Range<usize>)> {
    let after = |place: usize| runs[place + 1..].iter().map(move |other| (runs[place].clone(), other.clone()));
    (0..runs.len()).flat_map(after).collect()
}

/// Another name or number of the context in the place of one.
pub fn misplaced(sentence: &str, scene: &Scene, draw: &mut Draw) -> Option<String> {
    let tokens = tokens(sentence);
    let said = text::vocabulary(sentence);
    let mut choices: Vec<(Range<usize>, String)> = Vec::new();
    let runs = names(&tokens);
    let numbers: Vec<usize> = (1..tokens.len()).filter(|place| tokens[*place].has_digit()).collect();
    for other in scene.sentences.iter().filter(|other| **other != scene.source.sentence) {
        let theirs = text::tokens(other);
        for named in text::names(&theirs) {
            let named = name(&theirs, &named);
            let is_other = !named.split(' ').any(|word| said.contains(&word.to_lowercase()));
            choices.extend(runs.iter().filter(|_| is_other).map(|run| (run.clone(), named.clone())));
        }
        for token in theirs.iter().filter(|token| token.has_digit() && !said.contains(&token.lower())) {
            let alike = |place: &&usize| shape(&tokens[**place].core) == shape(&token.core);
            choices.extend(numbers.iter().filter(alike).map(|place| (*place..place + 1, token.core.clone())));
        }
    }
    let (run, other) = draw.of(&choices)?;
    Some(joined(&replaced(&tokens, run, other)))
}

/// Numbers of one shape may stand for one another: a year is not taken for a day.
fn shape(number: &str) -> (bool, usize, bool) {
    let plain = number.chars().all(|letter| letter.is_ascii_digit());
    (plain, if plain { number.len() } else { 0 }, number.contains(','))
}
