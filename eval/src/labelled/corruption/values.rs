//! Numbers and units.

use crate::labelled::draw::Draw;
use crate::labelled::scene::Scene;
use crate::labelled::text::{Token, in_case_of, joined, tokens};

/// Another number in the place of one.
pub fn number(sentence: &str, scene: &Scene, draw: &mut Draw) -> Option<String> {
    let tokens = tokens(sentence);
    let numbers: Vec<usize> = (0..tokens.len()).filter(|place| value(&tokens[*place]).is_some()).collect();
    let place = *draw.of(&numbers)?;
    let token = &tokens[place];
    let value = value(token)?;
    for _ in 0..20 {
        let other = match value {
            1_000..=2_100 if token.core.len() == 4 => (value + draw.below(81)).checked_sub(40)?,
            0..=12 => 2 + draw.below(14),
            _ => value / 2 + draw.below(value),
        };
        let written = written_as(&token.core, other);
        if other != value && !scene.knows(&written) && !scene.knows(&other.to_string()) && !says(scene, other) {
            let mut changed = tokens.clone();
            changed[place].core = written;
            return Some(joined(&changed));
        }
    }
    None
}

/// Small numbers as words, by their value from two on.
const WORDS: [&str; 11] = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

fn value(token: &Token) -> Option<usize> {
    let lower = token.lower();
    let as_word = WORDS.iter().position(|word| *word == lower).map(|place| place + 2);
    let plain = lower.replace(',', "");
    let is_plain = !plain.is_empty() && plain.len() < 9 && plain.chars().all(|letter| letter.is_ascii_digit());
    // "010" and "5,12" are codes and decimals.
    let is_value = is_plain && !plain.starts_with('0') && lower.split(',').skip(1).all(|group| group.len() == 3);
    as_word.or_else(|| is_value.then(|| plain.parse().ok()).flatten())
}

/// Whether the context has the number as a word.
fn says(scene: &Scene, value: usize) -> bool {
    value.checked_sub(2).and_then(|place| WORDS.get(place)).is_some_and(|word| scene.knows(word))
}

/// A number as `model` is written: as a word, or with commas.
fn written_as(model: &str, value: usize) -> String {
    let digits = value.to_string();
    if !model.starts_with(|letter: char| letter.is_ascii_digit()) {
        let word = value.checked_sub(2).and_then(|place| WORDS.get(place));
        return word.map_or(digits, |word| in_case_of(model, word));
    }
    if !model.contains(',') || digits.len() < 4 {
        return digits;
    }
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Units of one kind, one of which is taken for another.
const UNITS: [&[&str]; 10] = [
    &["days", "weeks", "months", "years", "hours", "minutes"],
    &["day", "week", "month", "year", "hour", "minute"],
    &["million", "billion", "thousand"],
    &["percent", "million"],
    &["miles", "kilometres", "metres", "feet"],
    &["kilometres", "miles"],
    &["kilometers", "miles", "meters"],
    &["MB", "GB", "KB", "TB"],
    &["°C", "°F"],
    &["centuries", "decades", "years"],
];

/// Another unit behind a number.
pub fn unit(sentence: &str, scene: &Scene, draw: &mut Draw) -> Option<String> {
    let tokens = tokens(sentence);
    let counted = |place: usize| place > 0 && (tokens[place - 1].has_digit() || value(&tokens[place - 1]).is_some());
    let units: Vec<(usize, &[&str])> = (0..tokens.len())
        .filter(|place| counted(*place))
        .filter_map(|place| Some((place, *UNITS.iter().find(|units| units.contains(&tokens[place].core.as_str()))?)))
        .collect();
    let (place, units) = *draw.of(&units)?;
    let number = &tokens[place - 1].core;
    let others: Vec<&&str> = units
        .iter()
        .filter(|unit| **unit != tokens[place].core && !scene.source.context.contains(&format!("{number} {unit}")))
        .collect();
    let other = (**draw.of(&others)?).to_owned();
    let mut changed = tokens;
    changed[place].core = other;
    Some(joined(&changed))
}
