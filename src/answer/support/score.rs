//! From what speaks against a sentence to one score, and to what speaks against it most.

use crate::answer::support::fault::Fault;
use crate::answer::support::signals::Signals;

/// What each signal takes from the logit, in the signals' order, and the fault that it means.
///
/// A logistic regression on what `eval dataset answers` makes of SQuAD 2.0's development set, of the kinds number, name, negation,
/// `added_claim` and relation alone, drawn towards 5 for a contradiction and 1 to 3 for the rest; those kinds say nothing about
/// `other_unit`, `opposite` and `generalised`, which keep their 5. The broken pairs are held at 6, where the fit would go higher: models
/// order words more freely than the rewordings that were fitted on.
const WEIGHTS: [(f64, Fault); 16] = [
    (2.74, Fault::WordsNotFound),
    (1.71, Fault::WordsNotFound),
    (1.86, Fault::ClaimAdded),
    (1.69, Fault::ClaimAdded),
    (6.19, Fault::NumberNotFound),
    (1.51, Fault::NumberMisplaced),
    (5.00, Fault::NumberMisplaced),
    (6.01, Fault::NameNotFound),
    (1.06, Fault::NameMisplaced),
    (6.72, Fault::Denied),
    (5.00, Fault::Opposite),
    (5.00, Fault::Overgeneralised),
    (1.53, Fault::Overgeneralised),
    (1.28, Fault::Overgeneralised),
    (6.00, Fault::RelationDiffers),
    (6.00, Fault::RelationDiffers),
];

/// The logit of a sentence that nothing speaks against.
const BASE: f64 = 2.34;

/// Sentences that score less are not said. Below a half, because models say things more in their own words than what the weights were
/// fitted on: at 0.4 a sentence may have about four of ten words of its own, and one contradiction is still too much.
pub const SCORE_MIN: f64 = 0.4;

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
    let against = |fault: Fault| {
        let of_fault = signals.iter().zip(WEIGHTS).filter(|(_, (_, other))| *other == fault);
        of_fault.map(|(signal, (weight, _))| signal * weight).sum::<f64>()
    };
    WEIGHTS.into_iter().map(|(_, fault)| fault).max_by(|one, other| against(*one).total_cmp(&against(*other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_against_a_sentence_is_enough_and_one_contradiction_is_too_much() {
        let mut signals = Signals::default();
        assert!(score(&signals) > 0.9 && fault(&signals).is_none());
        signals[4] = 1.0;
        assert!(score(&signals) < SCORE_MIN);
        assert_eq!(fault(&signals), Some(Fault::NumberNotFound));
    }
}
