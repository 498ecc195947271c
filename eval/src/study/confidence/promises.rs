//! Whether the recipe keeps its promise on real drafts: it is followed on a random half of a set's groups, and what it promises
//! is tried on the other half.
//!
//! `simulation` asks the same of worlds whose truth is known, and is the proof. Here the truth is not known but counted on the
//! other half, so that two counts are told: how often the share of wrong answers lies above the promised one, which chance alone
//! does often where the promise is just kept, and how often it does so beyond chance. All splits are of one set, so that they
//! are not independent of each other.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::{IndexedRandom, SliceRandom};
use rayon::prelude::*;

use super::{NONE, markdown, percent};
use crate::abstention::risk_upper_bound;
use crate::drafts::Drafts;
use crate::fit::Sample;
use crate::recipe::{self, Verdict};
use crate::risk_control::DELTA;

/// What a promise came to on the half that it was not made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tried {
    answered: u64,
    wrong: u64,
    /// Answered or not.
    drafts: u64,
}

/// The table: a row for each set that can judge and each risk, and a line for each set that is too small.
pub fn tried(drafts: &Drafts, risks: &[f64], splits: u32, seed: u64) -> String {
    let mut table = markdown(&[
        "set",
        "promised risk",
        "promises",
        "held-out risk above the promised one",
        "above it beyond chance",
        "mean held-out risk",
        "mean coverage",
    ]);
    let mut too_small = Vec::new();
    for (set, name) in drafts.names.iter().enumerate() {
        let judged = drafts.samples.iter().filter(|sample| sample.set == set && sample.correct.is_some());
        let samples: Vec<Sample> = judged.cloned().collect();
        if samples.is_empty() {
            continue;
        }
        let groups = by_group(&samples).len();
        if groups / 2 < recipe::GROUPS_MIN {
            too_small.push(format!(
                "\n\nHalf of the {groups} groups of {name} are fewer than the {} that a promise takes.",
                recipe::GROUPS_MIN
            ));
        }
        for risk_max in risks {
            let tried = try_splits(&samples, *risk_max, splits, seed);
            let cells = cells(&tried, *risk_max, splits);
            table.add_row([name.clone(), percent(*risk_max)].into_iter().chain(cells));
        }
    }
    format!("{table}{}", too_small.concat())
}

/// The promises that came of the splits. A split in which nothing can be fitted promises nothing either.
fn try_splits(samples: &[Sample], risk_max: f64, splits: u32, seed: u64) -> Vec<Tried> {
    (0..splits).into_par_iter().filter_map(|number| try_split(samples, risk_max, seed_of(seed, number))).collect()
}

/// For each split its own, the same for every risk; far apart as the resamples of `interval`.
fn seed_of(seed: u64, number: u32) -> u64 {
    seed ^ u64::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn try_split(samples: &[Sample], risk_max: f64, seed: u64) -> Option<Tried> {
    let (half, held_out) = halves(samples, seed);
    let recipe = recipe::follow(&half, risk_max, seed).ok()?;
    let Verdict::Promised { threshold, .. } = recipe.verdict else { return None };
    let is_answered = |sample: &&Sample| recipe.curve.probability(recipe.model.logit(&sample.features)) >= threshold;
    let answered: Vec<&Sample> = held_out.iter().filter(is_answered).collect();
    let wrong = answered.iter().filter(|sample| sample.correct == Some(false)).count();
    Some(Tried { answered: answered.len() as u64, wrong: wrong as u64, drafts: held_out.len() as u64 })
}

/// The judged samples of a random half of the groups, and one of each other group: as in the third split of the recipe, because
/// a group's drafts are right and wrong together.
fn halves(samples: &[Sample], seed: u64) -> (Vec<Sample>, Vec<Sample>) {
    let mut groups: Vec<Vec<&Sample>> = by_group(samples).into_values().collect();
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    groups.shuffle(&mut random);
    let (half, others) = groups.split_at(groups.len() / 2);
    let held_out = others.iter().filter_map(|group| group.choose(&mut random));
    (
        half.iter().flatten().map(|sample| (*sample).clone()).collect(),
        held_out.map(|sample| (*sample).clone()).collect(),
    )
}

fn by_group(samples: &[Sample]) -> BTreeMap<&str, Vec<&Sample>> {
    let mut groups: BTreeMap<&str, Vec<&Sample>> = BTreeMap::new();
    for sample in samples.iter().filter(|sample| sample.correct.is_some()) {
        groups.entry(&sample.group).or_default().push(sample);
    }
    groups
}

impl Tried {
    /// The share of the answers that is wrong; nothing is wrong where nothing is answered.
    fn risk(self) -> f64 {
        if self.answered == 0 { 0.0 } else { self.wrong as f64 / self.answered as f64 }
    }

    /// Whether more are wrong than the promised risk makes likely: the one-sided Clopper–Pearson lower bound at 5 % is above it.
    fn is_broken(self, risk_max: f64) -> bool {
        let right = self.answered - self.wrong;
        risk_upper_bound(right, self.answered, DELTA).is_some_and(|right_max| 1.0 - right_max > risk_max)
    }

    fn coverage(self) -> f64 {
        self.answered as f64 / self.drafts as f64
    }
}

fn cells(tried: &[Tried], risk_max: f64, splits: u32) -> [String; 5] {
    let promises = tried.len();
    let counted = |is_so: &dyn Fn(Tried) -> bool| {
        let count = tried.iter().filter(|one| is_so(**one)).count();
        if promises == 0 {
            return NONE.to_owned();
        }
        format!("{count} ({})", percent(count as f64 / promises as f64))
    };
    let mean = |value: fn(Tried) -> f64| {
        if promises == 0 {
            return NONE.to_owned();
        }
        percent(tried.iter().map(|one| value(*one)).sum::<f64>() / promises as f64)
    };
    [
        format!("{promises} of {splits}"),
        counted(&|one| one.risk() > risk_max),
        counted(&|one| one.is_broken(risk_max)),
        mean(Tried::risk),
        mean(Tried::coverage),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Drafts of rising confidence, two a group; those of the lower half are wrong, and one in fifty of the others.
    fn samples(count: usize) -> Vec<Sample> {
        let sample = |place: usize| Sample {
            set: 0,
            group: (place / 2).to_string(),
            answerable: true,
            correct: Some(place >= count / 2 && !place.is_multiple_of(50)),
            features: vec![place as f64 / count as f64],
        };
        (0..count).map(sample).collect()
    }

    #[test]
    fn halves_share_no_group_and_one_draft_a_group_is_held_out() {
        let samples = samples(101);
        let (half, held_out) = halves(&samples, 7);
        let groups = |samples: &[Sample]| samples.iter().map(|one| one.group.clone()).collect::<BTreeSet<_>>();
        assert!(groups(&half).is_disjoint(&groups(&held_out)));
        assert_eq!((groups(&half).len(), held_out.len(), groups(&held_out).len()), (25, 26, 26));
        let places = |samples: &[Sample]| samples.iter().map(|one| one.features[0].to_bits()).collect::<Vec<_>>();
        assert_eq!(places(&halves(&samples, 7).1), places(&held_out));
        assert_ne!(places(&halves(&samples, 8).1), places(&held_out));
    }

    #[test]
    fn a_promise_that_can_be_kept_is_given_and_kept() {
        let samples = samples(2_400);
        let tried = try_splits(&samples, 0.2, 20, 1);
        assert!(tried.len() >= 10, "{}", tried.len());
        assert!(tried.iter().filter(|one| one.is_broken(0.2)).count() <= 2);
        assert!(tried.iter().all(|one| one.drafts == 600 && one.coverage() > 0.3));
        assert_eq!(try_splits(&samples, 0.2, 20, 1), tried);
        assert!(try_splits(&samples[..100], 0.2, 5, 1).is_empty());
    }

    #[test]
    fn above_the_risk_is_beyond_chance_only_with_enough_answers() {
        let (few, many) =
            (Tried { answered: 10, wrong: 3, drafts: 20 }, Tried { answered: 400, wrong: 120, drafts: 800 });
        assert!(few.risk() > 0.2 && !few.is_broken(0.2));
        assert!(many.is_broken(0.2));
        let none = Tried { answered: 0, wrong: 0, drafts: 20 };
        assert!(!none.is_broken(0.2) && none.risk() < 1e-9);
        assert_eq!(cells(&[few, many], 0.2, 5), ["2 of 5", "2 (100.0 %)", "1 (50.0 %)", "30.0 %", "50.0 %"]);
        assert_eq!(cells(&[], 0.2, 5), ["0 of 5", NONE, NONE, NONE, NONE]);
    }
}
