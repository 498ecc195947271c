//! A text as the words that are compared: numbers and codes in one spelling, contracted negations apart, and what kind of word each is.

use std::sync::LazyLock;

use rust_stemmers::{Algorithm, Stemmer};

use crate::answer::support::function_words;
use crate::index::scripts::is_unspaced;

/// A word of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// In lower case; a number without what is written between thousands.
    pub text: String,
    /// What words of one meaning share.
    pub stem: String,
    pub kind: Kind,
    /// Whether a comma, a bracket or the like stands before it.
    pub after_break: bool,
}

/// What a word is, as far as its letters tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It carries no fact by itself.
    Function,
    Content,
    /// It has a capital where a sentence does not ask for one.
    Name,
    Number,
    /// Letters and digits in one: `KB4021`, `v5`.
    Code,
}

impl Word {
    /// What it counts for when words are compared: a name, a number or a code is what a sentence is about.
    #[must_use]
    pub fn weight(&self) -> f64 {
        match self.kind {
            Kind::Function => 0.0,
            Kind::Content => 1.0,
            Kind::Name | Kind::Number | Kind::Code => 1.5,
        }
    }

    /// Whether it says what `other` says: one stem, or one long beginning ("Norman" and "Normandy", "configure" and "configuration").
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        self.stem == other.stem
            || (!matches!(self.kind, Kind::Number | Kind::Code)
                && !matches!(other.kind, Kind::Number | Kind::Code)
                && begin_alike(&self.stem, &other.stem))
    }
}

/// The letters that two words must share at their beginning, and those that each may have beyond.
const SHARED_LETTERS_MIN: usize = 5;
const OTHER_LETTERS_MAX: usize = 3;

fn begin_alike(one: &str, other: &str) -> bool {
    let shared = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    shared >= SHARED_LETTERS_MIN && one.len().max(other.len()) - shared <= OTHER_LETTERS_MAX
}

/// The words of `text`.
#[must_use]
pub fn words(text: &str) -> Vec<Word> {
    let letters: Vec<char> = text.chars().map(|letter| if letter == '’' { '\'' } else { letter }).collect();
    let mut words: Vec<Word> = Vec::new();
    let (mut place, mut after_break, mut begins) = (0, false, true);
    let mut currency = None;
    while place < letters.len() {
        let letter = letters[place];
        if is_unspaced(letter) {
            // In pairs, as the index reads them; the last letter of a run stands in the pair before, unless the run is it alone.
            let next = letters.get(place + 1).copied().filter(|next| is_unspaced(*next));
            if next.is_some() || place == 0 || !is_unspaced(letters[place - 1]) {
                push(&mut words, &std::iter::once(letter).chain(next).collect::<String>(), Kind::Content, after_break);
            }
            (place, after_break, begins) = (place + 1, false, false);
            continue;
        }
        if letter.is_alphanumeric() {
            let end = run_end(&letters, place);
            let run: String = letters[place..end].iter().collect();
            push_run(&mut words, &run, after_break, begins);
            if let Some(sign) = currency.take() {
                push(&mut words, sign, Kind::Content, false);
            }
            (place, after_break, begins) = (end, false, false);
            continue;
        }
        if let Some(sign) = function_words::sign(letter) {
            if letters.get(place + 1).is_some_and(char::is_ascii_digit) {
                // "€5" is "5 euros".
                currency = Some(sign);
                place += 1;
                continue;
            }
            push(&mut words, sign, Kind::Content, after_break);
        } else if matches!(letter, '.' | '!' | '?' | '\n' | ':' | '"' | '“' | '•' | '|') {
            (after_break, begins) = (true, true);
        } else if !letter.is_whitespace() && !matches!(letter, '-' | '\'' | '/' | '_') {
            after_break = true;
        }
        place += 1;
    }
    if words.iter().filter(|word| GERMAN.contains(&word.text.as_str())).count() >= 2 {
        for word in words.iter_mut().filter(|word| word.kind == Kind::Name) {
            word.kind = Kind::Content;
        }
    }
    words
}

/// Words by two of which German is known, where every noun has a capital.
const GERMAN: [&str; 22] = [
    "der", "die", "das", "den", "dem", "des", "und", "ist", "sind", "nicht", "ein", "eine", "einen", "mit", "für",
    "auf", "sie", "ihr", "ihre", "wird", "von", "zu",
];

/// Where the letters and digits that begin at `start` end; with what holds numbers, addresses and contractions together.
fn run_end(letters: &[char], start: usize) -> usize {
    let mut end = start + 1;
    while end < letters.len() {
        let (before, letter) = (letters[end - 1], letters[end]);
        let next = letters.get(end + 1).copied().unwrap_or(' ');
        let joins = match letter {
            ',' | ':' => before.is_ascii_digit() && next.is_ascii_digit(),
            '.' => before.is_alphanumeric() && next.is_alphanumeric() && !next.is_uppercase(),
            '\'' => before.is_alphabetic() && next.is_alphabetic(),
            _ => letter.is_alphanumeric() && !is_unspaced(letter),
        };
        if !joins {
            break;
        }
        end += 1;
    }
    end
}

fn push_run(words: &mut Vec<Word>, run: &str, after_break: bool, begins: bool) {
    if !run.contains(|letter: char| letter.is_ascii_digit()) {
        return push_letters(words, run, after_break, begins);
    }
    let digits = run.find(|letter: char| !letter.is_ascii_digit() && !matches!(letter, '.' | ',' | ':'));
    match digits {
        None => push(words, &plain_number(run), Kind::Number, after_break),
        // "5GB", "10th", "1990s"
        Some(end) if run.starts_with(|letter: char| letter.is_ascii_digit()) => {
            let (number, rest) = run.split_at(end);
            let rest = rest.to_lowercase();
            let is_unit = function_words::is_unit(&stemmed(&rest));
            if is_unit || matches!(rest.as_str(), "th" | "st" | "nd" | "rd" | "s") {
                push(words, &plain_number(number), Kind::Number, after_break);
                if is_unit {
                    push(words, &rest, Kind::Content, false);
                }
            } else {
                push(words, &run.to_lowercase(), Kind::Code, after_break);
            }
        }
        Some(_) => push(words, &run.to_lowercase(), Kind::Code, after_break),
    }
}

fn push_letters(words: &mut Vec<Word>, run: &str, after_break: bool, begins: bool) {
    let lower = run.to_lowercase();
    let (stem, negated) = match lower.as_str() {
        "cannot" | "can't" => ("can", true),
        "won't" => ("will", true),
        "shan't" => ("shall", true),
        other => other.strip_suffix("n't").map_or((other, false), |stem| (stem, true)),
    };
    let base = stem.split('\'').next().unwrap_or(stem);
    let kind = if let Some(number) = function_words::number(base) {
        push(words, number, Kind::Number, after_break);
        return;
    } else if function_words::is_function(base) || base.chars().count() < 2 {
        Kind::Function
    } else if !begins && run.starts_with(char::is_uppercase) {
        Kind::Name
    } else {
        Kind::Content
    };
    push(words, base, kind, after_break);
    if negated {
        push(words, "not", Kind::Function, false);
    }
}

fn push(words: &mut Vec<Word>, text: &str, kind: Kind, after_break: bool) {
    let stem = if matches!(kind, Kind::Number | Kind::Code) { text.to_owned() } else { stemmed(text) };
    words.push(Word { text: text.to_owned(), stem, kind, after_break });
}

/// The stem of a word in lower case.
#[must_use]
pub fn stemmed(word: &str) -> String {
    static STEMMER: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::English));
    STEMMER.stem(word).into_owned()
}

/// A number in one spelling: without what is written between thousands, with a decimal point, without zeros that say nothing.
fn plain_number(run: &str) -> String {
    let run = run.trim_matches(['.', ',', ':']);
    let mut groups = run.split(',');
    let first = groups.next().unwrap_or_default();
    let are_thousands = (1..=3).contains(&first.len())
        && groups.all(|group| group.split('.').next().is_some_and(|group| group.len() == 3));
    let plain = if are_thousands { run.replace(',', "") } else { run.replace(',', ".") };
    match plain.split_once('.') {
        Some((whole, rest)) if !rest.contains('.') && rest.bytes().all(|digit| digit == b'0') => whole.to_owned(),
        _ => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        words(text).iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn numbers_have_one_spelling_and_units_stand_apart() {
        for (text, expected) in [
            ("1,500 km and 1500km", "1500 km and 1500 km"),
            ("€1,500.00 or 9.50 EUR", "1500 euro or 9.50 eur"),
            ("50% in the 10th century", "50 percent in the 10 century"),
            ("A 30-day period at 3:30", "a 30 day period at 3:30"),
            ("Error 5.1.10, KB4021 v5", "error 5.1.10 kb4021 v5"),
            ("two of twelve", "2 of 12"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn a_contracted_negation_is_a_word_of_its_own() {
        assert_eq!(shown("It can't, won’t and didn't; that's Bob's."), "it can not will not and did not that bob");
    }

    #[test]
    fn scripts_without_spaces_are_read_in_pairs_and_german_nouns_are_no_names() {
        assert_eq!(shown("30日以内に返品"), "30 日以 以内 内に に返 返品");
        assert!(words("Die Rückgabe ist in Berlin frei").iter().all(|word| word.kind != Kind::Name));
    }

    #[test]
    fn a_capital_makes_a_name_but_not_where_a_sentence_begins() {
        let kinds: Vec<Kind> = words("Press Lock. Return it to Berlin").iter().map(|word| word.kind).collect();
        assert_eq!(kinds, [Kind::Content, Kind::Name, Kind::Content, Kind::Function, Kind::Function, Kind::Name]);
    }
}
