//! All features beside one signal alone: what a support desk would have without a fitted confidence.

use candor::search::Signals;
use comfy_table::Table;

use super::unseen::Unseen;
use super::{NONE, markdown, percent, value, with_interval};
use crate::confidence::{CalibrationFigures, RankingFigures, Scored};
use crate::drafts::Drafts;
use crate::fit::{self, Sample};
use crate::interval::Figure;

/// What a confidence is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    AllFeatures,
    /// The cosine of the question and the best passage.
    Cosine,
    /// The BM25 of the best passage, as a share of what the question could reach.
    Bm25,
}

/// What the scores of a basis were fitted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fitted {
    /// Nothing: the signal itself. It ranks as any rising curve over it does, so that a fit changes no AUROC, AURC or coverage.
    Nothing,
    OwnSet,
    OtherSets,
}

/// The drafts of one set as a basis ranks them.
pub struct Ranking {
    pub set: usize,
    pub basis: Basis,
    pub fitted: Fitted,
    pub scored: Vec<Scored>,
}

impl Basis {
    pub const ALL: [Self; 3] = [Self::AllFeatures, Self::Cosine, Self::Bm25];

    pub fn name(self) -> &'static str {
        match self {
            Self::AllFeatures => "all features",
            Self::Cosine => "cosine alone",
            Self::Bm25 => "BM25 alone",
        }
    }

    /// The signal that is the confidence; `None` where it takes more than one.
    fn signal(self, passage: &Signals) -> Option<f64> {
        match self {
            Self::AllFeatures => None,
            Self::Cosine => Some(passage.cosine.into()),
            Self::Bm25 => Some(passage.bm25.into()),
        }
    }

    /// The drafts with this basis as their only features.
    fn samples(self, drafts: &Drafts) -> Vec<Sample> {
        let sample = |(sample, passage): (&Sample, &Signals)| match self.signal(passage) {
            None => sample.clone(),
            Some(signal) => Sample { features: vec![signal], ..sample.clone() },
        };
        drafts.samples.iter().zip(&drafts.best_passages).map(sample).collect()
    }
}

impl Fitted {
    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::OwnSet => "own set",
            Self::OtherSets => "other sets",
        }
    }
}

/// The drafts of each set by each basis, in the order of the table.
///
/// One signal is there as it is and fitted. Fitted alone it is a logistic curve, which is a probability and otherwise ranks as
/// the signal does; but the five folds have five curves, and what is put together from them may differ by a little.
pub fn rankings(drafts: &Drafts, seed: u64) -> Vec<Ranking> {
    let sets = drafts.names.len();
    let mut rankings = Vec::new();
    for basis in Basis::ALL {
        let samples = basis.samples(drafts);
        let unseen = Unseen::of(&samples, sets, seed);
        for (set, (own, others)) in unseen.own_set.into_iter().zip(unseen.other_sets).enumerate() {
            let as_it_is = (basis != Basis::AllFeatures).then(|| as_it_is(&samples, set));
            for (fitted, scored) in [(Fitted::Nothing, as_it_is), (Fitted::OwnSet, own), (Fitted::OtherSets, others)] {
                rankings.extend(scored.map(|scored| Ranking { set, basis, fitted, scored }));
            }
        }
    }
    // Stable: within a set the bases keep their order.
    rankings.sort_by_key(|ranking| ranking.set);
    rankings
}

/// A set's drafts by their only feature.
fn as_it_is(samples: &[Sample], set: usize) -> Vec<Scored> {
    let own: Vec<Sample> = samples.iter().filter(|sample| sample.set == set).cloned().collect();
    let signals: Vec<f64> = own.iter().flat_map(|sample| &sample.features).copied().collect();
    fit::scored(&own, &signals)
}

/// The figures of each ranking; those of the probability where it is one.
pub fn table_of(names: &[String], rankings: &[Ranking], seed: u64) -> Table {
    let mut table = markdown(&[
        "set",
        "confidence",
        "fitted on",
        "AUROC answerable",
        "AUROC correct",
        "AURC",
        "ECE",
        "Brier (base rate's)",
        "coverage at risk 10 / 20 %",
    ]);
    let coverage = |figure: Option<Figure>| figure.map_or_else(|| NONE.to_owned(), |figure| percent(figure.value));
    for Ranking { set, basis, fitted, scored } in rankings {
        let ranking = RankingFigures::of(scored, seed);
        let (error, brier) = if *fitted == Fitted::Nothing {
            (NONE.to_owned(), NONE.to_owned())
        } else {
            let calibration = CalibrationFigures::of(scored, seed);
            let brier = format!("{} ({})", value(calibration.brier), value(calibration.brier_of_base_rate));
            (value(calibration.ece_10_equal_mass), brier)
        };
        table.add_row([
            names[*set].clone(),
            basis.name().to_owned(),
            fitted.name().to_owned(),
            with_interval(ranking.auroc_answerable),
            with_interval(ranking.auroc_correct),
            value(ranking.aurc),
            error,
            brier,
            format!("{} / {}", coverage(ranking.coverage_at_risk_10), coverage(ranking.coverage_at_risk_20)),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::unseen::tests::samples;
    use super::*;
    use crate::fixtures::{self, assert_close};

    /// Two sets, the second without judgements; the cosine is the first feature and BM25 its opposite.
    #[expect(clippy::cast_possible_truncation, reason = "signals have fewer digits than features")]
    fn drafts() -> Drafts {
        let samples = [samples(0, 60, true), samples(1, 30, false)].concat();
        let signals = |sample: &Sample| Signals {
            cosine: sample.features[0] as f32,
            bm25: -sample.features[0] as f32,
            ..Signals::default()
        };
        Drafts {
            best_passages: samples.iter().map(signals).collect(),
            samples,
            names: vec!["judged".into(), "not judged".into()],
            data: Vec::new(),
            made_with: fixtures::about().made_with,
        }
    }

    #[test]
    fn a_signal_needs_no_fit_and_a_set_without_judgements_has_nothing_else() {
        let rankings = rankings(&drafts(), 1);
        let told: Vec<_> = rankings.iter().map(|one| (one.set, one.basis, one.fitted)).collect();
        assert_eq!(
            told,
            [
                (0, Basis::AllFeatures, Fitted::OwnSet),
                (0, Basis::Cosine, Fitted::Nothing),
                (0, Basis::Cosine, Fitted::OwnSet),
                (0, Basis::Bm25, Fitted::Nothing),
                (0, Basis::Bm25, Fitted::OwnSet),
                // One judged set has no other to learn from, so nothing is left out.
                (1, Basis::Cosine, Fitted::Nothing),
                (1, Basis::Bm25, Fitted::Nothing),
            ]
        );
        let auroc = |ranking: &Ranking| RankingFigures::of(&ranking.scored, 1).auroc_correct.unwrap().value;
        assert_close(auroc(&rankings[1]) + auroc(&rankings[3]), 1.0);
    }

    #[test]
    fn a_signal_as_it_is_has_no_calibration() {
        let drafts = drafts();
        let table = table_of(&drafts.names, &rankings(&drafts, 1), 1).to_string();
        let row = table.lines().find(|line| line.contains("nothing")).unwrap();
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert_eq!((cells[2], cells[7], cells[8]), ("cosine alone", NONE, NONE));
    }
}
