//! From what speaks against a sentence to one score, and to what speaks against it most.

use crate::answer::support::fault::Fault;
use crate::answer::support::signals::Signals;

/// What each signal takes from the logit, and the fault that it means.
const WEIGHTS: [(f64, Fault); 17] = [
    (3.0, Fault::WordsNotFound),
    (2.0, Fault::WordsNotFound),
    (2.0, Fault::ClaimAdded),
    (2.0, Fault::ClaimAdded),
    (5.0, Fault::NumberNotFound),
    (1.5, Fault::NumberMisplaced),
    (3.0, Fault::NumberMisplaced),
    (3.0, Fault::NameNotFound),
    (1.0, Fault::NameMisplaced),
    (3.0, Fault::Denied),
    (3.0, Fault::Opposite),
    (3.0, Fault::Overgeneralised),
    (1.5, Fault::Overgeneralised),
    (1.5, Fault::Overgeneralised),
    (0.5, Fault::Overgeneralised),
    (2.0, Fault::RelationDiffers),
    (1.5, Fault::RelationDiffers),
];

/// The logit of a sentence that nothing speaks against.
const BASE: f64 = 3.0;

/// Sentences that score less are not said.
pub const SCORE_MIN: f64 = 0.5;

/// The probability that a sentence is supported, 0 to 1.
#[must_use]
pub fn score(signals: &Signals) -> f64 {
    let against: f64 = signals.iter().zip(WEIGHTS).map(|(signal, (weight, _))| signal * weight).sum();
    1.0 / (1.0 + (against - BASE).exp())
}

/// What speaks against a sentence most; `None` where its score is enough.
#[must_use]
pub fn fault(signals: &Signals) -> Option<Fault> {
    if score(signals) >= SCORE_MIN {
        return None;
    }
    let against = |place: &usize| signals[*place] * WEIGHTS[*place].0;
    let most = (0..signals.len()).max_by(|one, other| against(one).total_cmp(&against(other)))?;
    Some(WEIGHTS[most].1)
}
