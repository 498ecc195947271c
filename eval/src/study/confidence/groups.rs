//! Which features the confidence needs: it is fitted without each group of them, and with each alone.

use candor::answer::features::Features;
use comfy_table::Table;

use super::unseen::Unseen;
use super::{NONE, markdown};
use crate::abstention::Ranked;
use crate::confidence::Scored;
use crate::drafts::Drafts;
use crate::fit::Sample;
use crate::interval::{Bootstrap, Figure};
use crate::table;

/// Features that look for the same thing. They are left out together, because each stands in for the others.
struct Group {
    name: &'static str,
    features: &'static [&'static str],
}

const GROUPS: [Group; 6] = [
    Group { name: "meaning", features: &["sentence_cosine", "uncovered_similarity"] },
    Group { name: "words", features: &["words_margin", "rankings_agree", "terms_missing"] },
    Group { name: "numbers and names", features: &["numbers_found", "name_missing"] },
    Group { name: "section", features: &["section_answers"] },
    Group { name: "denial and opposite", features: &["sentence_denies_nothing", "draft_denies_nothing", "opposite"] },
    Group { name: "the model's word", features: &["stated_confidence", "stated_sufficiency", "sentences_kept"] },
];

/// Whether a draft is what the confidence should tell from the rest; `None` where that is not known.
type Label = fn(&Scored) -> Option<bool>;

const LABELS: [Label; 2] = [|draft| Some(draft.answerable), |draft| draft.correct];

/// The table: a row for each set and each choice of features.
pub fn ablation(drafts: &Drafts, seed: u64) -> Table {
    let sets = drafts.names.len();
    let unseen = |keeps: &dyn Fn(&str) -> bool| Unseen::of(&with_features(&drafts.samples, keeps), sets, seed);
    let all = unseen(&|_| true);
    let mut rows = vec![("all features".to_owned(), None)];
    // Quoted sentences have nothing that a language model says of them.
    let count = drafts.samples.first().map_or(0, |sample| sample.features.len());
    let has = |group: &&Group| Features::NAMES[..count].contains(&group.features[0]);
    for Group { name, features } in GROUPS.iter().filter(has) {
        rows.push((format!("without {name}"), Some(unseen(&|feature| !features.contains(&feature)))));
    }
    for Group { name, features } in GROUPS.iter().filter(has) {
        rows.push((format!("{name} alone"), Some(unseen(&|feature| features.contains(&feature)))));
    }
    let mut table = markdown(&[
        "set",
        "features",
        "AUROC answerable, own set",
        "AUROC correct, own set",
        "AUROC answerable, other sets",
        "AUROC correct, other sets",
    ]);
    for (set, name) in drafts.names.iter().enumerate() {
        for (features, part) in &rows {
            let part = part.as_ref().unwrap_or(&all);
            let mut cells = vec![name.clone(), features.clone()];
            for (all, part) in [(&all.own_set, &part.own_set), (&all.other_sets, &part.other_sets)] {
                let scored = all[set].as_deref().zip(part[set].as_deref());
                cells.extend(LABELS.map(|label| cell(scored, label, seed)));
            }
            table.add_row(cells);
        }
    }
    table
}

/// The samples with the features that are kept.
fn with_features(samples: &[Sample], keeps: &dyn Fn(&str) -> bool) -> Vec<Sample> {
    let kept = |sample: &Sample| {
        let named = Features::NAMES.iter().zip(&sample.features);
        named.filter(|(name, _)| keeps(name)).map(|(_, value)| *value).collect()
    };
    samples.iter().map(|sample| Sample { features: kept(sample), ..sample.clone() }).collect()
}

fn cell(scored: Option<(&[Scored], &[Scored])>, label: Label, seed: u64) -> String {
    let Some((auroc, change)) = scored.and_then(|(all, part)| compared(all, part, label, seed)) else {
        return NONE.to_owned();
    };
    if change == (Figure { value: 0.0, ci95: [0.0; 2] }) {
        return table::digits(auroc);
    }
    let Figure { value, ci95: [low, high] } = change;
    format!("{} {value:+.3} ({low:+.3} to {high:+.3})", table::digits(auroc))
}

/// The AUROC of the scores by a part of the features, and what it is more than that by all, over the same resamples of groups.
fn compared(all: &[Scored], part: &[Scored], label: Label, seed: u64) -> Option<(f64, Figure)> {
    let ranked = |scored: &[Scored]| Ranked::new(scored.iter().filter_map(|draft| Some((draft.logit, label(draft)?))));
    let groups: Vec<&str> =
        all.iter().filter(|draft| label(draft).is_some()).map(|draft| draft.group.as_str()).collect();
    let (all, part) = (ranked(all), ranked(part));
    let auroc = part.auroc(&vec![1; groups.len()])?;
    let change =
        Bootstrap::over(&groups, seed).difference(|weights| all.auroc(weights), |weights| part.auroc(weights))?;
    Some((auroc, change))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::assert_close;

    #[test]
    fn every_feature_is_in_exactly_one_group() {
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|group| group.features).copied().collect();
        let mut names = Features::NAMES.to_vec();
        grouped.sort_unstable();
        names.sort_unstable();
        assert_eq!(grouped, names);
    }

    #[test]
    fn features_that_are_left_out_are_those_of_that_name() {
        let values: Vec<f64> = (0..Features::NAMES.len()).map(|place| place as f64).collect();
        let sample = Sample { set: 0, group: "a".into(), answerable: true, correct: Some(true), features: values };
        let kept = with_features(&[sample], &|name| matches!(name, "words_margin" | "opposite"));
        assert_eq!(kept[0].features, [1.0, 10.0]);
    }

    #[test]
    fn a_change_is_that_of_the_part_against_all() {
        let scored = |logits: [f64; 4]| -> Vec<Scored> {
            let draft = |(place, logit): (usize, f64)| Scored {
                group: place.to_string(),
                answerable: place < 2,
                correct: (place != 1).then_some(place == 0),
                logit,
                confidence: 0.5,
            };
            logits.into_iter().enumerate().map(draft).collect()
        };
        let (all, part) = (scored([4.0, 3.0, 2.0, 1.0]), scored([4.0, 1.0, 3.0, 2.0]));
        let (auroc, change) = compared(&all, &part, LABELS[0], 1).unwrap();
        assert_close(auroc, 0.5);
        assert_close(change.value, -0.5);
        // The draft that was ranked wrongly cannot be judged.
        assert_close(compared(&all, &part, LABELS[1], 1).unwrap().0, 1.0);
        assert_eq!(cell(Some((&all, &all)), LABELS[0], 1), "1.000");
        assert_eq!(cell(None, LABELS[0], 1), NONE);
    }
}
