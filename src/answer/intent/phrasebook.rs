//! The phrases of a language, found in a clause by the unit that they begin with: a message is looked through once, however many
//! phrases there are.

use std::collections::HashMap;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::answer::intent::spelling::folded;
use crate::answer::intent::words::Script;

/// A clause in units that can be compared: words, or letters where words do not stand apart.
pub(super) type Units = Vec<String>;

/// What a phrase does in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Person,
    Desk,
    Talk,
    Need,
    /// A verb of wanting that counts at the start of a clause alone.
    NeedFirst,
    Asks,
    How,
    Not,
    Own,
    Other,
    Whose,
    Machine,
    WhoAnswers,
    RepeatAnswer,
    RepeatQuestion,
    Thanks,
    Farewell,
    Greeting,
    Success,
    Filler,
}

impl Role {
    fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A phrase that stands in a clause.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub role: Role,
    pub place: Range<usize>,
}

/// Everything that stands in a clause.
pub(super) struct Marks {
    pub all: Vec<Mark>,
    /// The roles of the phrases over each unit, a bit each.
    over: Vec<u32>,
}

impl Marks {
    pub fn has(&self, role: Role) -> bool {
        self.all.iter().any(|mark| mark.role == role)
    }

    /// Whether a phrase of this role stands over a unit.
    pub fn is_over(&self, unit: usize, role: Role) -> bool {
        self.over.get(unit).is_some_and(|roles| roles & role.bit() != 0)
    }

    /// Whether one stands over any of these units.
    pub fn is_in(&self, units: Range<usize>, role: Role) -> bool {
        self.over[units].iter().any(|roles| roles & role.bit() != 0)
    }

    pub fn units(&self) -> usize {
        self.over.len()
    }
}

struct Phrase {
    role: Role,
    /// What follows its first unit; a unit that ends with `*` stands for all that begin so.
    rest: Units,
}

/// All phrases of a language.
pub(super) struct Phrasebook {
    script: Script,
    /// By the first unit, the longest first.
    by_first: HashMap<String, Vec<Phrase>>,
    /// The same of those whose first unit stands for all that begin so.
    by_stem: HashMap<String, Vec<Phrase>>,
    stem_bytes_max: usize,
}

impl Phrasebook {
    pub fn new(script: Script) -> Self {
        Self { script, by_first: HashMap::new(), by_stem: HashMap::new(), stem_bytes_max: 0 }
    }

    /// Adds phrases that are separated by `|`.
    pub fn add(&mut self, listed: &str, role: Role) {
        for phrase in listed.split('|') {
            let mut units = units_of(phrase, self.script).into_iter();
            let Some(first) = units.next() else { continue };
            let phrases = match first.strip_suffix('*') {
                Some(stem) => {
                    self.stem_bytes_max = self.stem_bytes_max.max(stem.len());
                    self.by_stem.entry(stem.to_owned()).or_default()
                }
                None => self.by_first.entry(first).or_default(),
            };
            phrases.push(Phrase { role, rest: units.collect() });
            phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.rest.len()));
        }
    }

    /// The phrases that begin at `start`: their roles and where they end.
    pub fn at(&self, clause: &[String], start: usize) -> impl Iterator<Item = (Role, usize)> {
        let first = clause[start].as_str();
        let rest = &clause[start + 1..];
        let longest = if self.by_stem.is_empty() { 0 } else { first.len().min(self.stem_bytes_max) };
        let stems = (1..=longest).filter_map(|bytes| self.by_stem.get(first.get(..bytes)?));
        let phrases = self.by_first.get(first).into_iter().chain(stems).flatten();
        let fits = move |phrase: &&Phrase| {
            phrase.rest.len() <= rest.len() && phrase.rest.iter().zip(rest).all(|(one, other)| same(one, other))
        };
        phrases.filter(fits).map(move |phrase| (phrase.role, start + 1 + phrase.rest.len()))
    }

    /// Where the longest phrase of one of `roles` ends that begins at `start`.
    pub fn end_at(&self, clause: &[String], start: usize, roles: &[Role]) -> Option<usize> {
        self.at(clause, start).filter(|(role, _)| roles.contains(role)).map(|(_, end)| end).max()
    }

    /// Every phrase of a clause; of several of one role that begin together the longest.
    pub fn marks(&self, clause: &[String]) -> Marks {
        let mut all: Vec<Mark> = Vec::new();
        for start in 0..clause.len() {
            let known = all.len();
            for (role, end) in self.at(clause, start) {
                match all[known..].iter_mut().find(|mark| mark.role == role) {
                    Some(mark) => mark.place.end = mark.place.end.max(end),
                    None => all.push(Mark { role, place: start..end }),
                }
            }
        }
        let mut over = vec![0; clause.len()];
        for mark in &all {
            for roles in &mut over[mark.place.clone()] {
                *roles |= mark.role.bit();
            }
        }
        Marks { all, over }
    }
}

fn same(listed: &str, written: &str) -> bool {
    listed.strip_suffix('*').map_or(listed == written, |start| written.starts_with(start))
}

fn units_of(phrase: &str, script: Script) -> Units {
    let phrase = folded(phrase);
    match script {
        Script::Letters => phrase.chars().filter(|char| char.is_alphanumeric()).map(String::from).collect(),
        Script::Words => {
            let words = phrase.split_whitespace();
            words
                .flat_map(|word| match word.strip_suffix('*') {
                    Some(start) => vec![format!("{start}*")],
                    None => word.unicode_words().map(str::to_owned).collect(),
                })
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn units(clause: &str) -> Units {
        clause.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_longest_phrase_of_each_role_is_found() {
        let mut book = Phrasebook::new(Script::Words);
        book.add("talk|talk to|konsultant*", Role::Talk);
        book.add("talk", Role::Filler);
        let marks = book.marks(&units("we talk to konsultantem"));
        let found: Vec<_> = marks.all.iter().map(|mark| (mark.role, mark.place.clone())).collect();
        assert_eq!(found, [(Role::Talk, 1..3), (Role::Filler, 1..2), (Role::Talk, 3..4)]);
        assert!(marks.is_over(2, Role::Talk) && !marks.is_over(2, Role::Filler) && !marks.is_over(9, Role::Talk));
    }

    proptest! {
        #[test]
        fn marks_lie_within_their_clause(clause in prop::collection::vec("[abł]{1,3}", 0..12), listed in "([abł]{1,2}[*]?[ |]){0,20}") {
            let mut book = Phrasebook::new(Script::Words);
            book.add(&listed, Role::Need);
            for mark in book.marks(&clause).all {
                prop_assert!(mark.place.start < mark.place.end && mark.place.end <= clause.len());
            }
        }
    }
}
