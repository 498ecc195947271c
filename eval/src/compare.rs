//! What changed between two runs over the same questions, and whether it is more than chance.

use std::collections::HashMap;

use anyhow::{Result, bail};
use serde::Serialize;

use crate::figures::{self, Better, Definition};
use crate::interval::{Bootstrap, Chances, Figure};
use crate::outcome::Outcome;
use crate::report::Report;

/// The chance of calling any change of a figure a loss where nothing changed, over all figures of one comparison together.
pub const FALSE_ALARM_MAX: f64 = 0.05;

/// The same questions in two runs.
pub struct Comparison<'a> {
    /// Each question's outcome before and after.
    pub pairs: Vec<(&'a Outcome, &'a Outcome)>,
    /// Questions that only one of the runs asked.
    pub unpaired: usize,
    /// Every figure that both runs give, in the report's order.
    pub changes: Vec<Change>,
}

/// What became of one figure.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    #[serde(rename = "figure", serialize_with = "name")]
    pub definition: &'static Definition,
    pub before: f64,
    /// `None` for a figure that the later run does not give any more, as the risk when nothing is sent.
    pub after: Option<f64>,
    /// After less before, over the questions of both, with its paired interval.
    pub difference: Option<Figure>,
    pub verdict: Verdict,
}

/// What a change means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No more than chance may do.
    WithinChance,
    Gain,
    Loss,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what the field is, by reference")]
fn name<S: serde::Serializer>(definition: &&'static Definition, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(definition.name)
}

impl<'a> Comparison<'a> {
    /// Pairs the questions of two runs and compares the figures of these names, over resamples of whole groups.
    ///
    /// # Errors
    /// When the runs are not over the same questions.
    pub fn of(before: &'a Report, after: &'a Report, names: &[&str], seed: u64) -> Result<Self> {
        if before.run.data.questions_sha256 != after.run.data.questions_sha256 {
            bail!(
                "{} ({}) and {} ({}) are not over the same questions, so they cannot be compared: run `eval run` on the same set again",
                before.dataset,
                before.run.id,
                after.dataset,
                after.run.id
            );
        }
        let by_id: HashMap<&str, &Outcome> =
            before.questions.iter().map(|outcome| (outcome.question.id.as_str(), outcome)).collect();
        let pairs: Vec<(&Outcome, &Outcome)> = after
            .questions
            .iter()
            .filter_map(|outcome| Some((*by_id.get(outcome.question.id.as_str())?, outcome)))
            .collect();
        if pairs.is_empty() {
            bail!(
                "{} and {} have no question in common: draw the same with --limit and --seed, or leave --limit out",
                before.run.id,
                after.run.id
            );
        }
        let unpaired = before.questions.len() + after.questions.len() - 2 * pairs.len();
        let changes = changes(&pairs, names, seed);
        Ok(Self { pairs, unpaired, changes })
    }

    /// The figures that were lost.
    pub fn losses(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.verdict == Verdict::Loss)
    }
}

fn changes(pairs: &[(&Outcome, &Outcome)], names: &[&str], seed: u64) -> Vec<Change> {
    let (before, after): (Vec<&Outcome>, Vec<&Outcome>) = pairs.iter().copied().unzip();
    let groups: Vec<&str> = after.iter().map(|outcome| outcome.question.group.as_str()).collect();
    let bootstrap = Bootstrap::over(&groups, seed);
    let both = [&before[..], &after].concat();
    let change = |name: &&str| {
        let definition = figures::definition(name)?;
        let (of_before, of_after) = (figures::statistic(name, &before), figures::statistic(name, &after));
        let ones = vec![1; groups.len()];
        let change = Change {
            definition,
            before: of_before(&ones)?,
            after: of_after(&ones),
            difference: bootstrap.difference(of_before, of_after),
            verdict: Verdict::WithinChance,
        };
        let chances = bootstrap.chances(figures::statistic(name, &both));
        Some((change, chances))
    };
    let (mut changes, chances): (Vec<Change>, Vec<Option<Chances>>) = names.iter().filter_map(change).unzip();
    for (verdict, is_loss) in [(Verdict::Gain, false), (Verdict::Loss, true)] {
        let chance = |(change, chances): (&Change, &Option<Chances>)| {
            let Chances { of_fall, of_rise } = (*chances)?;
            match change.definition.better {
                Better::Higher => Some(if is_loss { of_fall } else { of_rise }),
                Better::Lower => Some(if is_loss { of_rise } else { of_fall }),
                Better::Neither => None,
            }
        };
        let of_verdict: Vec<Option<f64>> = changes.iter().zip(&chances).map(chance).collect();
        for place in holm(&of_verdict, FALSE_ALARM_MAX) {
            changes[place].verdict = verdict;
        }
    }
    for change in &mut changes {
        if change.after.is_none() && change.definition.better != Better::Neither {
            change.verdict = Verdict::Loss;
        }
    }
    changes
}

/// The places of the chances that are too small to be chance, when all are looked at together: with no true change, any
/// is found with a probability of at most `alarm_max`.
///
/// Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 1979.
fn holm(chances: &[Option<f64>], alarm_max: f64) -> Vec<usize> {
    let mut sorted: Vec<(usize, f64)> =
        chances.iter().enumerate().filter_map(|(place, chance)| Some((place, (*chance)?))).collect();
    sorted.sort_by(|one, other| one.1.total_cmp(&other.1));
    let tested = sorted.len();
    sorted
        .into_iter()
        .enumerate()
        .take_while(|(rank, (_, chance))| *chance <= alarm_max / (tested - rank) as f64)
        .map(|(_, (place, _))| place)
        .collect()
}

/// Which way a question went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    RightToWrong,
    WrongToRight,
    /// The draft is as right as before, and was sent then and not now.
    SentToHeld,
    HeldToSent,
    FoundToMissed,
    MissedToFound,
}

impl Side {
    /// Those that a question can change, the worst first.
    pub const ALL: [Self; 6] = [
        Self::RightToWrong,
        Self::FoundToMissed,
        Self::SentToHeld,
        Self::HeldToSent,
        Self::MissedToFound,
        Self::WrongToRight,
    ];

    /// The side that a question changed, if any; what its draft says counts most.
    #[must_use]
    pub fn of(before: &Outcome, after: &Outcome) -> Option<Self> {
        let is_first = |outcome: &Outcome| outcome.judged.ranking.map(|ranking| ranking.hit_at_1 > 0.5);
        match (before.judged.correct, after.judged.correct) {
            (Some(true), Some(false)) => return Some(Self::RightToWrong),
            (Some(false), Some(true)) => return Some(Self::WrongToRight),
            _ => (),
        }
        match (before.was_answered(), after.was_answered()) {
            (true, false) => return Some(Self::SentToHeld),
            (false, true) => return Some(Self::HeldToSent),
            _ => (),
        }
        match (is_first(before), is_first(after)) {
            (Some(true), Some(false)) => Some(Self::FoundToMissed),
            (Some(false), Some(true)) => Some(Self::MissedToFound),
            _ => None,
        }
    }

    /// What people read.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::RightToWrong => "right before, wrong now",
            Self::WrongToRight => "wrong before, right now",
            Self::SentToHeld => "sent before, held back now",
            Self::HeldToSent => "held back before, sent now",
            Self::FoundToMissed => "found first before, not now",
            Self::MissedToFound => "not found first before, now it is",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::DEFINITIONS;
    use crate::fixtures::{self, assert_close};
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand::rngs::Xoshiro256PlusPlus;
    use rand::seq::IndexedRandom as _;

    fn report(right: &[bool]) -> Report {
        let outcome = |(number, right): (usize, &bool)| {
            let mut outcome = fixtures::outcome(&format!("q{number}"), true);
            outcome.judged.correct = Some(*right);
            outcome.asked.logit = Some(number as f64 % 7.0);
            outcome
        };
        Report::of(fixtures::about(), right.iter().enumerate().map(outcome).collect())
    }

    fn names() -> Vec<&'static str> {
        DEFINITIONS.iter().map(|definition| definition.name).collect()
    }

    fn verdict(comparison: &Comparison<'_>, name: &str) -> Verdict {
        comparison.changes.iter().find(|change| change.definition.name == name).unwrap().verdict
    }

    #[test]
    fn a_loss_and_a_gain_are_told_from_chance() {
        let half: Vec<bool> = (0..100).map(|number| number % 2 == 0).collect();
        let third: Vec<bool> = (0..100).map(|number| number % 2 == 0 && number % 3 != 0).collect();
        let (before, after) = (report(&half), report(&third));
        let comparison = Comparison::of(&before, &after, &names(), 1).unwrap();
        assert_eq!(verdict(&comparison, "answers.accuracy"), Verdict::Loss);
        assert_eq!(verdict(&comparison, "retrieval.hit_at_1"), Verdict::WithinChance);
        let comparison = Comparison::of(&after, &before, &names(), 1).unwrap();
        assert_eq!(verdict(&comparison, "answers.accuracy"), Verdict::Gain);
        assert_eq!(comparison.losses().count(), 0);
    }

    #[test]
    fn two_equal_runs_differ_in_nothing() {
        let before = report(&(0..60).map(|number| number % 3 == 0).collect::<Vec<_>>());
        for seed in 0..20 {
            let comparison = Comparison::of(&before, &before, &names(), seed).unwrap();
            assert!(comparison.changes.iter().all(|change| change.verdict == Verdict::WithinChance));
            assert!(comparison.changes.iter().all(|change| change.difference.unwrap().value.abs() < 1e-12));
        }
    }

    /// A report of 200 questions in 50 groups, about half of them right.
    fn grouped(random: &mut Xoshiro256PlusPlus) -> Report {
        let mut report = report(&(0..200).map(|_| random.random_bool(0.5)).collect::<Vec<_>>());
        for (number, outcome) in report.questions.iter_mut().enumerate() {
            outcome.question.group = (number / 4).to_string();
        }
        report
    }

    #[test]
    fn a_planted_loss_is_caught_and_a_change_without_a_balance_passes() {
        let names = ["answers.accuracy", "retrieval.hit_at_1", "abstention.auroc_correct", "abstention.risk"];
        let (mut alarms, mut missed) = (0, 0);
        for seed in 0..20 {
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let before = grouped(&mut random);
            // Twenty questions change sides, as many for the better as for the worse.
            let mut neutral = before.clone();
            for right in [true, false] {
                let of_side: Vec<usize> =
                    (0..200).filter(|place| before.questions[*place].judged.correct == Some(right)).collect();
                for place in of_side.sample(&mut random, 10) {
                    neutral.questions[*place].judged.correct = Some(!right);
                }
            }
            alarms += usize::from(Comparison::of(&before, &neutral, &names, seed).unwrap().losses().count() > 0);
            // A sixth of the right drafts is lost.
            let mut worse = before.clone();
            for outcome in &mut worse.questions {
                if outcome.judged.correct == Some(true) && random.random_ratio(1, 6) {
                    outcome.judged.correct = Some(false);
                }
            }
            missed += usize::from(Comparison::of(&before, &worse, &names, seed).unwrap().losses().count() == 0);
        }
        assert_eq!((alarms, missed), (0, 0), "harmless changes that were stopped, and losses that were let through");
    }

    #[test]
    fn changes_by_chance_alone_are_called_a_loss_no_more_often_than_stated() {
        let names = ["answers.accuracy", "abstention.risk", "retrieval.hit_at_1"];
        let rounds: u32 = 200;
        let alarms: u32 = (0..u64::from(rounds))
            .map(|seed| {
                let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
                let mut before = grouped(&mut random);
                before.questions.truncate(60);
                // Each of a few questions changes sides, for the better or the worse as a coin falls.
                let mut after = before.clone();
                for place in 0..6 {
                    let is_worse = random.random_bool(0.5);
                    before.questions[place * 10].judged.correct = Some(is_worse);
                    after.questions[place * 10].judged.correct = Some(!is_worse);
                }
                let comparison = Comparison::of(&before, &after, &names, seed).unwrap();
                u32::from(comparison.losses().count() > 0)
            })
            .sum();
        // Five in a hundred at most; twelve of two hundred and more happen to such a test once in a hundred times or less.
        assert!(alarms <= 16, "{alarms} of {rounds}");
    }

    #[test]
    fn one_question_alone_is_no_loss_and_a_figure_that_is_gone_is_one() {
        let before = report(&[true]);
        let after = report(&[false]);
        assert_eq!(Comparison::of(&before, &after, &names(), 1).unwrap().losses().count(), 0);
        let before = report(&[true, false, true, false]);
        let mut after = before.clone();
        for outcome in &mut after.questions {
            outcome.asked.decision = "escalated".into();
        }
        let comparison = Comparison::of(&before, &after, &names(), 1).unwrap();
        assert_eq!(verdict(&comparison, "abstention.risk"), Verdict::Loss);
    }

    #[test]
    fn runs_over_other_questions_are_refused() {
        let before = report(&[true, false]);
        let mut after = before.clone();
        after.run.data.questions_sha256 = "other".into();
        let refusal = Comparison::of(&before, &after, &names(), 1).err().unwrap().to_string();
        assert!(refusal.contains("not over the same questions"), "{refusal}");
        let mut after = before.clone();
        after.questions[0].question.id = "elsewhere".into();
        assert_eq!(Comparison::of(&before, &after, &names(), 1).unwrap().unpaired, 2);
        after.questions.truncate(1);
        assert!(Comparison::of(&before, &after, &names(), 1).is_err());
    }

    #[test]
    fn holm_looks_at_all_chances_together() {
        assert_eq!(holm(&[Some(0.04), Some(0.01), None, Some(0.026)], 0.05), [1]);
        assert_eq!(holm(&[Some(0.01), Some(0.02)], 0.05), [0, 1]);
        assert_eq!(holm(&[None], 0.05), [0_usize; 0]);
    }

    #[test]
    fn a_question_changes_the_side_of_its_draft_first() {
        let one = fixtures::outcome("q1", true);
        let mut other = one.clone();
        assert_eq!(Side::of(&one, &other), None);
        other.judged.ranking.as_mut().unwrap().hit_at_1 = 0.0;
        assert_eq!(Side::of(&one, &other), Some(Side::FoundToMissed));
        other.asked.decision = "escalated".into();
        assert_eq!(Side::of(&one, &other), Some(Side::SentToHeld));
        other.judged.correct = Some(false);
        assert_eq!(Side::of(&one, &other), Some(Side::RightToWrong));
        assert_eq!(Side::of(&other, &one), Some(Side::WrongToRight));
    }

    #[test]
    fn differences_are_over_the_questions_of_both() {
        let before = report(&[true, true, false, false]);
        let mut after = before.clone();
        after.questions.remove(0);
        let comparison = Comparison::of(&before, &after, &["answers.accuracy"], 1).unwrap();
        assert_close(comparison.changes[0].before, 1.0 / 3.0);
        assert_close(comparison.changes[0].difference.unwrap().value, 0.0);
        assert_eq!(comparison.unpaired, 1);
    }

    proptest! {
        #[test]
        fn holm_finds_no_more_than_looking_at_each_alone(chances in prop::collection::vec(0.0_f64..1.0, 0..12)) {
            let wrapped: Vec<Option<f64>> = chances.iter().copied().map(Some).collect();
            let found = holm(&wrapped, 0.05);
            prop_assert!(found.iter().all(|place| chances[*place] <= 0.05));
            let smallest = chances.iter().copied().fold(1.0, f64::min);
            prop_assert_eq!(found.is_empty(), chances.is_empty() || smallest > 0.05 / chances.len() as f64);
        }
    }
}
