//! What the clauses of a message say in one language.

use std::ops::Range;

use crate::answer::intent::SmallTalk;
use crate::answer::intent::phrasebook::{Marks, Phrasebook, Role, Units};
use crate::answer::intent::spelling::is_slip_of;
use crate::answer::intent::words::{Script, Words};
use crate::answer::language::Language;

/// Units between a verb and whom it is about.
const WORDS_BETWEEN_MAX: usize = 4;
const LETTERS_BETWEEN_MAX: usize = 10;
/// Words before a verb among which a "my" or an "another" says who speaks: "my dear wife would like to", and not the order that is
/// late.
const WORDS_TO_WHOSE: usize = 5;
/// The same before a person whose verb, behind it, names the customer: "my agent".
const WORDS_TO_WHOSE_OF_OWN: usize = 1;
/// Words before a verb among which a "not" is about it.
const WORDS_TO_NOT: usize = 4;
/// The same of a verb that names the customer itself, as "connect me" does; before that the sentence before it may end.
const WORDS_TO_NOT_OF_OWN: usize = 1;
/// Words behind a verb at the end among which a "not" or an "I want" is about it.
const WORDS_BEHIND: usize = 2;
/// Letters before and behind a request that are about it.
const LETTERS_BEFORE: usize = 12;
const LETTERS_BEHIND: usize = 8;
/// Words that a person's name must have for a slip in it to be looked over.
const SLIP_LETTERS_MIN: usize = 5;

const SMALL_TALK: [Role; 6] =
    [Role::WhoAnswers, Role::RepeatAnswer, Role::RepeatQuestion, Role::Thanks, Role::Farewell, Role::Greeting];

/// What a clause says of people who help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Nothing,
    Person,
    /// No person, and no machine either.
    NoPerson,
}

/// Who a verb belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaker {
    Customer,
    SomebodyElse,
    /// The customer, who does not want it.
    Refusing,
    /// The customer, who wants to know about it.
    Asking,
}

/// What a clause says that is small talk alone.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub kinds: Vec<SmallTalk>,
    /// Whether it tells a success as well, which counts beside thanks alone.
    pub tells_success: bool,
}

/// The words of a language, folded as messages are.
pub(super) struct Dialect {
    pub language: Language,
    pub script: Script,
    verb_last: bool,
    /// Whether a "not" stands right before what names the customer: "no quiero", "don't connect me".
    negates_before_verb: bool,
    book: Phrasebook,
    /// Names of people in which a slip is looked over.
    names: Vec<Vec<char>>,
}

impl Dialect {
    pub fn new(words: &Words) -> Self {
        let (need, need_first): (Vec<&str>, Vec<&str>) =
            words.need.split('|').partition(|phrase| !phrase.starts_with('^'));
        let listed = [
            (words.people, Role::Person),
            (words.desks, Role::Desk),
            (words.talk, Role::Talk),
            (&need.join("|"), Role::Need),
            (&need_first.join("|"), Role::NeedFirst),
            (words.asks, Role::Asks),
            (words.how, Role::How),
            (words.not, Role::Not),
            (words.own, Role::Own),
            (words.others, Role::Other),
            (words.whose, Role::Whose),
            (words.machines, Role::Machine),
            (words.who, Role::WhoAnswers),
            (words.repeat, Role::RepeatAnswer),
            (words.asked, Role::RepeatQuestion),
            (words.thanks, Role::Thanks),
            (words.farewells, Role::Farewell),
            (words.greetings, Role::Greeting),
            (words.success, Role::Success),
            (words.fillers, Role::Filler),
        ];
        let mut book = Phrasebook::new(words.script);
        for (phrases, role) in listed {
            book.add(phrases, role);
        }
        let names = words.people.split('|').map(|name| super::spelling::folded(name).chars().collect());
        let may_slip = |name: &Vec<char>| {
            name.len() >= SLIP_LETTERS_MIN && name.iter().all(|char| char.is_alphabetic()) && name.last() != Some(&'s')
        };
        let names = match words.script {
            Script::Words => names.filter(may_slip).collect(),
            Script::Letters => Vec::new(),
        };
        Self {
            language: words.language,
            script: words.script,
            verb_last: words.verb_last,
            negates_before_verb: matches!(
                words.language,
                Language::English
                    | Language::Spanish
                    | Language::Portuguese
                    | Language::Italian
                    | Language::Polish
                    | Language::Russian
            ),
            book,
            names,
        }
    }

    /// What a clause says when it is made of small talk alone; what only fills is nothing.
    pub fn only_says(&self, clause: &Units) -> Option<Said> {
        let mut said = Said::default();
        let mut start = 0;
        while start < clause.len() {
            let ends = |roles: &[Role]| self.book.end_at(clause, start, roles);
            let filled = ends(&[Role::Filler]);
            let told = ends(&[Role::Success]);
            // The longest; of equal ones the first kind.
            let known = SMALL_TALK.iter().filter_map(|role| Some((ends(&[*role])?, *role)));
            let known = known.reduce(|one, other| if other.0 > one.0 { other } else { one });
            let end = known.map(|(end, _)| end).max(filled).max(told)?;
            match known {
                Some((known, role)) if known == end => said.kinds.push(kind(role)),
                _ if filled == Some(end) => {}
                _ => said.tells_success = true,
            }
            start = end;
        }
        Some(said)
    }

    /// Whether the whole message is nothing but what people who help are called.
    pub fn is_only_person(&self, clauses: &[Units]) -> bool {
        let mut names_person = false;
        for clause in clauses {
            let mut start = 0;
            while start < clause.len() {
                let ends = |roles: &[Role]| self.book.end_at(clause, start, roles);
                let desk = ends(&[Role::Desk]).filter(|end| *end > start + 1 || self.script == Script::Letters);
                if let Some(end) = ends(&[Role::Person]).max(desk) {
                    names_person = true;
                    start = end;
                } else if let Some(end) = ends(&SMALL_TALK).max(ends(&[Role::Filler])) {
                    start = end;
                } else if self.is_slip(&clause[start]) {
                    names_person = true;
                    start += 1;
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

    /// Whether a clause asks for one of the people who help, or says that none is wanted.
    pub fn wish(&self, clause: &Units) -> Wish {
        let marks = self.book.marks(clause);
        // "Person please" behind whatever it was about; "Person" alone may be an answer.
        if marks.has(Role::Own) && marks.has(Role::Person) && self.is_only_person(std::slice::from_ref(clause)) {
            return Wish::Person;
        }
        let places = |role| marks.all.iter().filter(move |mark| mark.role == role).map(|mark| mark.place.clone());
        let talks: Vec<_> = places(Role::Talk).collect();
        let is_first = |need: &Range<usize>| self.only_fills(&clause[..need.start]);
        let needs: Vec<_> = places(Role::Need).chain(places(Role::NeedFirst).filter(is_first)).collect();
        let wanted = places(Role::Asks).any(|asked| self.speaker(&marks, &asked, &asked) == Speaker::Customer);
        if talks.is_empty() && needs.is_empty() {
            return if wanted { Wish::Person } else { Wish::Nothing };
        }
        let mut people: Vec<_> = places(Role::Person).collect();
        let slips = (0..clause.len()).filter(|at| !marks.is_over(*at, Role::Person) && self.is_slip(&clause[*at]));
        people.extend(slips.map(|at| at..at + 1));
        let desks: Vec<_> = places(Role::Desk).collect();
        let mut wish = if wanted { Wish::Person } else { Wish::Nothing };
        for person in people.iter().chain(&desks) {
            let is_desk = marks.is_over(person.start, Role::Desk) && !people.contains(person);
            for talk in talks.iter().filter(|talk| self.is_near(talk, person) || is_of_customers(&marks, talk, person))
            {
                match self.speaker(&marks, talk, person) {
                    Speaker::Refusing => return Wish::NoPerson,
                    // How one speaks to a person is asked by who wants to, how one reaches the support by anybody.
                    Speaker::Customer if !is_desk || !marks.has(Role::How) => wish = Wish::Person,
                    Speaker::Asking if !is_desk => wish = Wish::Person,
                    _ => {}
                }
            }
            for need in needs.iter().filter(|need| !is_desk && self.is_near(need, person)) {
                match self.speaker(&marks, need, person) {
                    Speaker::Refusing => return Wish::NoPerson,
                    Speaker::Customer if self.is_all_that_is_needed(clause, need, person) => wish = Wish::Person,
                    _ => {}
                }
            }
        }
        wish
    }

    /// Whether a verb may be about a person, by where they stand.
    fn is_near(&self, verb: &Range<usize>, person: &Range<usize>) -> bool {
        let between_max = match self.script {
            Script::Words => WORDS_BETWEEN_MAX,
            Script::Letters => LETTERS_BETWEEN_MAX,
        };
        if verb.end <= person.start {
            person.start - verb.end <= between_max
        } else {
            self.verb_last && person.end <= verb.start && verb.start - person.end <= between_max
        }
    }

    /// Whether a clause ends with a person who is needed, and not with something that is needed for one.
    fn is_all_that_is_needed(&self, clause: &Units, need: &Range<usize>, person: &Range<usize>) -> bool {
        let between = need.end.min(person.end)..need.start.max(person.start);
        !INDEFINITE.contains(&clause[person.start].as_str())
            && self.only_fills(&clause[between])
            && self.only_fills(until_reason(&clause[need.end.max(person.end)..]))
    }

    /// Who speaks to the person, or wants one: told by what stands beside the verb, because few write a comma before it.
    fn speaker(&self, marks: &Marks, verb: &Range<usize>, person: &Range<usize>) -> Speaker {
        let span = verb.start.min(person.start)..verb.end.max(person.end);
        let speaker = match self.script {
            Script::Words => self.speaker_by_words(marks, verb, person, span),
            Script::Letters => {
                let near = span.start.saturating_sub(LETTERS_BEFORE)..marks.units().min(span.end + LETTERS_BEHIND);
                let is_near = |role| marks.is_in(near.clone(), role);
                if is_near(Role::Not) {
                    Speaker::Refusing
                } else if is_near(Role::Other) || is_near(Role::Whose) {
                    Speaker::SomebodyElse
                } else if marks.has(Role::How) {
                    Speaker::Asking
                } else {
                    Speaker::Customer
                }
            }
        };
        // Who does not want to talk to a machine wants a person.
        let is_of_machine = speaker == Speaker::Refusing && marks.has(Role::Machine);
        if is_of_machine { Speaker::Customer } else { speaker }
    }

    fn speaker_by_words(
        &self,
        marks: &Marks,
        verb: &Range<usize>,
        person: &Range<usize>,
        span: Range<usize>,
    ) -> Speaker {
        let is_others = |at| marks.is_over(at, Role::Other) || marks.is_over(at, Role::Whose);
        let mut beside = span.clone().filter(|at| !verb.contains(at) && !person.contains(at));
        if beside.clone().any(|at| marks.is_over(at, Role::Not)) {
            return Speaker::Refusing;
        }
        if beside.any(is_others) {
            return Speaker::SomebodyElse;
        }
        let mut is_customers = marks.is_in(verb.clone(), Role::Own);
        let not_within = match (is_customers, self.negates_before_verb) {
            (true, true) => WORDS_TO_NOT_OF_OWN,
            (true, false) => 0,
            (false, _) => WORDS_TO_NOT,
        };
        if self.verb_last && person.end <= verb.start {
            let behind = verb.end..marks.units().min(verb.end + WORDS_BEHIND);
            if marks.is_in(behind.clone(), Role::Not) {
                return Speaker::Refusing;
            }
            is_customers |= marks.is_in(behind, Role::Own);
        }
        if marks.is_over(span.start, Role::How) {
            return Speaker::Asking;
        }
        for (distance, at) in (0..span.start).rev().enumerate() {
            if distance < not_within && marks.is_over(at, Role::Not) {
                return Speaker::Refusing;
            }
            if marks.is_over(at, Role::How) {
                return Speaker::Asking;
            }
            let is_other = marks.is_over(at, Role::Other) && !marks.is_over(at, Role::Desk);
            let whose_within = if is_customers { WORDS_TO_WHOSE_OF_OWN } else { WORDS_TO_WHOSE };
            let is_whose = distance < whose_within && marks.is_over(at, Role::Whose);
            if is_whose && person.start < verb.start || !is_customers && (is_other || is_whose) {
                return Speaker::SomebodyElse;
            }
            if marks.is_over(at, Role::Own) {
                let is_negated = self.negates_before_verb
                    && marks.is_over(at, Role::Need)
                    && at.checked_sub(1).is_some_and(|before| marks.is_over(before, Role::Not));
                return if is_negated { Speaker::Refusing } else { Speaker::Customer };
            }
        }
        Speaker::Customer
    }

    fn only_fills(&self, rest: &[String]) -> bool {
        let mut start = 0;
        while start < rest.len() {
            let known = self.book.at(rest, start).filter(|(role, _)| {
                matches!(role, Role::Filler | Role::Need | Role::Success) || SMALL_TALK.contains(role)
            });
            match known.map(|(_, end)| end).max() {
                Some(end) => start = end,
                None => return false,
            }
        }
        true
    }

    /// Whether a word is what a person is called, but for one letter.
    fn is_slip(&self, word: &str) -> bool {
        if word.ends_with('s') || self.names.is_empty() || NO_SLIPS.contains(&word) {
            return false;
        }
        let letters = word.chars().count();
        let mut written = None;
        self.names
            .iter()
            .filter(|name| name.len().abs_diff(letters) <= 1)
            .any(|name| is_slip_of(written.get_or_insert_with(|| word.chars().collect::<Vec<_>>()), name))
    }
}

/// Whether a person stands right before "whom I can talk to".
fn is_of_customers(marks: &Marks, verb: &Range<usize>, person: &Range<usize>) -> bool {
    person.end + 2 == verb.start && marks.is_over(person.end, Role::Own)
}

/// What stands before a "because".
fn until_reason(units: &[String]) -> &[String] {
    let reason = units.iter().position(|unit| REASONS.contains(&unit.as_str()));
    &units[..reason.unwrap_or(units.len())]
}

fn kind(role: Role) -> SmallTalk {
    match role {
        Role::WhoAnswers => SmallTalk::WhoAnswers,
        Role::RepeatAnswer => SmallTalk::RepeatAnswer,
        Role::RepeatQuestion => SmallTalk::RepeatQuestion,
        Role::Farewell => SmallTalk::Farewell,
        Role::Greeting => SmallTalk::Greeting,
        _ => SmallTalk::Thanks,
    }
}

/// Words of their own that are one letter from what a person is called.
const NO_SLIPS: [&str; 8] = ["stuff", "manage", "managed", "humane", "advise", "argent", "beraten", "personal"];

/// Words that begin the reason of what was said before them, in the languages where the comma before them is often left out.
const REASONS: [&str; 9] = ["because", "cause", "cuz", "since", "weil", "denn", "parce", "porque", "omdat"];

/// Words that mean anybody, in the languages where a clause can end with them.
const INDEFINITE: [&str; 16] = [
    "someone", "somebody", "anyone", "anybody", "jemand", "jemanden", "alguien", "alguem", "qualcuno", "iemand",
    "people", "some", "staff", "manager", "biri", "kisi",
];
