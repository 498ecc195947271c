//! Phrases of a language, found in the clauses of a message.

use std::ops::Range;

use crate::answer::intent::SmallTalk;
use crate::answer::intent::spelling::{folded, is_slip_of};
use crate::answer::intent::words::{Script, Words};
use crate::answer::language::Language;
use unicode_segmentation::UnicodeSegmentation;

/// A clause in units that can be compared: words, or letters where words do not stand apart.
pub(super) type Units = Vec<String>;

/// Units between a verb and whom it is about.
const WORDS_BETWEEN_MAX: usize = 4;
const LETTERS_BETWEEN_MAX: usize = 10;
/// The same of a verb of wanting, which has to stand close.
const LETTERS_TO_NEED_MAX: usize = 4;
/// Words that a person's name must have for a slip in it to be looked over.
const SLIP_LETTERS_MIN: usize = 5;
/// Words that may follow thanks without being known.
const UNKNOWN_WORDS_MAX: usize = 4;

/// The words of a language, folded as messages are.
pub(super) struct Dialect {
    pub language: Language,
    script: Script,
    verb_last: bool,
    people: Phrases,
    desks: Phrases,
    talk: Phrases,
    need: Phrases,
    asks: Phrases,
    how: Phrases,
    not: Phrases,
    others: Phrases,
    machines: Phrases,
    small_talk: Vec<(SmallTalk, Phrases)>,
    fillers: Phrases,
}

/// Phrases as units, the longest first; a unit that ends with `*` stands for all that begin so.
struct Phrases(Vec<Units>);

impl Phrases {
    fn new(listed: &str, script: Script) -> Self {
        let mut phrases: Vec<Units> = listed.split('|').map(|phrase| units_of(phrase, script)).collect();
        phrases.retain(|phrase| !phrase.is_empty());
        phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
        Self(phrases)
    }

    /// Where the longest of them ends that begins at `start`.
    fn end_at(&self, clause: &[String], start: usize) -> Option<usize> {
        let rest = &clause[start..];
        let fits = |phrase: &&Units| {
            phrase.len() <= rest.len() && phrase.iter().zip(rest).all(|(one, other)| same(one, other))
        };
        self.0.iter().find(fits).map(|phrase| start + phrase.len())
    }

    /// Everywhere that one of them stands.
    fn places(&self, clause: &[String]) -> Vec<Range<usize>> {
        (0..clause.len()).filter_map(|start| Some(start..self.end_at(clause, start)?)).collect()
    }

    fn stands_in(&self, clause: &[String]) -> bool {
        (0..clause.len()).any(|start| self.end_at(clause, start).is_some())
    }

    /// The same with slips of the pen in single words that are long enough for it.
    fn places_with_slips(&self, clause: &[String]) -> Vec<Range<usize>> {
        let mut places = self.places(clause);
        for (start, word) in clause.iter().enumerate() {
            let is_slip = |phrase: &Units| match phrase.as_slice() {
                [meant] => {
                    meant.chars().count() >= SLIP_LETTERS_MIN
                        && !meant.ends_with(['*', 's'])
                        && is_slip_of(word, meant)
                        && !word.ends_with('s')
                }
                _ => false,
            };
            if places.iter().all(|place| !place.contains(&start)) && self.0.iter().any(is_slip) {
                places.push(start..start + 1);
            }
        }
        places
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

impl Dialect {
    pub fn new(words: &Words) -> Self {
        let phrases = |listed| Phrases::new(listed, words.script);
        Self {
            language: words.language,
            script: words.script,
            verb_last: words.verb_last,
            people: phrases(words.people),
            desks: phrases(words.desks),
            talk: phrases(words.talk),
            need: phrases(words.need),
            asks: phrases(words.asks),
            how: phrases(words.how),
            not: phrases(words.not),
            others: phrases(words.others),
            machines: phrases(words.machines),
            small_talk: vec![
                (SmallTalk::WhoAnswers, phrases(words.who)),
                (SmallTalk::RepeatAnswer, phrases(words.repeat)),
                (SmallTalk::RepeatQuestion, phrases(words.asked)),
                (SmallTalk::Thanks, phrases(words.thanks)),
                (SmallTalk::Farewell, phrases(words.farewells)),
                (SmallTalk::Greeting, phrases(words.greetings)),
            ],
            fillers: phrases(words.fillers),
        }
    }

    /// Clauses of words in this language's units.
    pub fn spoken(&self, clauses: &[Vec<String>]) -> Vec<Units> {
        let letters = |words: &Vec<String>| words.concat().chars().map(String::from).collect();
        match self.script {
            Script::Words => clauses.to_vec(),
            Script::Letters => clauses.iter().map(letters).collect(),
        }
    }

    /// What a clause says when it is made of small talk alone; what only fills is nothing.
    pub fn only_says(&self, clause: &Units) -> Option<Vec<SmallTalk>> {
        let mut said = Vec::new();
        let mut start = 0;
        while start < clause.len() {
            let known =
                self.small_talk.iter().filter_map(|(kind, phrases)| Some((phrases.end_at(clause, start)?, *kind)));
            // The longest; of equal ones the first kind.
            let longest = known.reduce(|one, other| if other.0 > one.0 { other } else { one });
            let filled = self.fillers.end_at(clause, start).unwrap_or(start);
            match longest {
                Some((end, kind)) if end >= filled => {
                    said.push(kind);
                    start = end;
                }
                _ if filled > start => start = filled,
                _ => return None,
            }
        }
        Some(said)
    }

    /// Whether a clause after thanks may be the story of them: few words that neither ask nor complain.
    pub fn tells_success(&self, clause: &Units) -> bool {
        let is_short = self.script == Script::Words && clause.len() <= UNKNOWN_WORDS_MAX;
        is_short
            && self.language == Language::English
            && !ASKS_OR_COMPLAINS.iter().any(|word| clause.iter().any(|unit| unit == word))
    }

    /// Whether the whole message is nothing but what people who help are called.
    pub fn is_only_person(&self, clauses: &[Units]) -> bool {
        let mut names_person = false;
        for clause in clauses {
            let people = self.people.places_with_slips(clause);
            let mut start = 0;
            while start < clause.len() {
                let person = people.iter().filter(|place| place.start == start).map(|place| place.end).max();
                let person = person.max(
                    self.desks.end_at(clause, start).filter(|end| *end > start + 1 || self.script == Script::Letters),
                );
                let greets = self.small_talk.iter().filter_map(|(_, phrases)| phrases.end_at(clause, start)).max();
                let filled = self.fillers.end_at(clause, start);
                if let Some(end) = person {
                    names_person = true;
                    start = end;
                } else if let Some(end) = greets.max(filled) {
                    start = end;
                } else {
                    return false;
                }
            }
        }
        // Alone these are as likely to be the start of something else.
        let only_indefinite = clauses.iter().flatten().count() <= 1
            && clauses.iter().flatten().any(|unit| INDEFINITE.contains(&unit.as_str()));
        names_person && !only_indefinite
    }

    /// Whether a clause asks for one of the people who help.
    pub fn wants_person(&self, clause: &Units) -> bool {
        let between_max = match self.script {
            Script::Words => WORDS_BETWEEN_MAX,
            Script::Letters => LETTERS_BETWEEN_MAX,
        };
        let how = self.how.stands_in(clause);
        if self.asks.stands_in(clause) && !how && !self.not.stands_in(clause) {
            return true;
        }
        let people = self.people.places_with_slips(clause);
        let desks = self.desks.places(clause);
        let near = |verb: &Range<usize>, person: &Range<usize>, between_max: usize| {
            if verb.end <= person.start {
                person.start - verb.end <= between_max
            } else {
                self.verb_last && person.end <= verb.start && verb.start - person.end <= between_max
            }
        };
        let talks = self.talk.places(clause);
        let talked_to = |person: &&Range<usize>| {
            talks.iter().any(|talk| near(talk, person, between_max)) && self.is_ours(clause, person)
        };
        if people.iter().any(|person| talked_to(&person)) || (!how && desks.iter().any(|desk| talked_to(&desk))) {
            return !self.is_refused(clause);
        }
        let needs = self.need.places(clause);
        let ends = |place: &Range<usize>| self.only_fills(&clause[place.end..]);
        let needed = |person: &&Range<usize>| {
            needs.iter().any(|need| {
                near(need, person, between_max.min(LETTERS_TO_NEED_MAX))
                    && (ends(person) || (self.verb_last && need.start >= person.end && ends(need)))
            }) && self.is_ours(clause, person)
                && !INDEFINITE.contains(&clause[person.start].as_str())
        };
        !how && people.iter().any(|person| needed(&person)) && !self.is_refused(clause)
    }

    /// Whether a clause says that no person is wanted, and no machine either.
    pub fn refuses_person(&self, clause: &Units) -> bool {
        let speaks_of = !self.people.places_with_slips(clause).is_empty();
        let verb = self.talk.stands_in(clause) || self.need.stands_in(clause);
        speaks_of && verb && self.is_refused(clause)
    }

    /// A refusal that is about a person and not about a machine.
    fn is_refused(&self, clause: &Units) -> bool {
        self.not.stands_in(clause) && !self.machines.stands_in(clause)
    }

    /// Whether nobody else speaks, and the person is not somebody else's.
    fn is_ours(&self, clause: &Units, person: &Range<usize>) -> bool {
        match self.script {
            Script::Words => !self.others.stands_in(&clause[..person.end]),
            Script::Letters => !self.others.stands_in(clause),
        }
    }

    fn only_fills(&self, rest: &[String]) -> bool {
        let mut start = 0;
        while start < rest.len() {
            let known = self.small_talk.iter().filter_map(|(_, phrases)| phrases.end_at(rest, start)).max();
            match self.fillers.end_at(rest, start).max(known).max(self.need.end_at(rest, start)) {
                Some(end) => start = end,
                None => return false,
            }
        }
        true
    }
}

/// Words that mean anybody, in the languages where a clause can end with them.
const INDEFINITE: [&str; 16] = [
    "someone", "somebody", "anyone", "anybody", "jemand", "jemanden", "alguien", "alguem", "qualcuno", "iemand",
    "people", "some", "staff", "manager", "biri", "kisi",
];

/// What turns thanks into a question or a complaint.
const ASKS_OR_COMPLAINS: [&str; 40] = [
    "but", "how", "what", "why", "where", "when", "who", "which", "can", "could", "do", "does", "is", "are", "need",
    "help", "not", "no", "don't", "doesn't", "didn't", "isn't", "can't", "still", "however", "error", "problem",
    "issue", "please", "want", "if", "never", "nothing", "wrong", "question", "cant", "doesnt", "dont", "another",
    "tell",
];
