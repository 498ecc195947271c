//! Which articles are taken out.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::manufacture::survey::Survey;

/// A number that `seed` and `name` decide, and nothing else: one article more or less changes nothing for the others.
#[must_use]
pub fn drawn(seed: u64, name: &str) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(seed.to_le_bytes());
    digest.update(name.as_bytes());
    digest.finalize().into()
}

/// The sources of the articles that are taken out: about `percent` of all, drawn with the seed.
///
/// Articles of one title go together, for the one that stayed would answer for the other. An article that another includes
/// stays: its text would be in the set in any case.
#[must_use]
pub fn taken_out(survey: &Survey, percent: u8, seed: u64) -> BTreeSet<String> {
    let mut titles: BTreeMap<&[String], Vec<&String>> = BTreeMap::new();
    for (source, title) in &survey.titles {
        titles.entry(title).or_default().push(source);
    }
    let mut groups: Vec<([u8; 32], Vec<&String>)> = titles
        .into_iter()
        .filter(|(_, sources)| !sources.iter().any(|source| survey.fragments.contains(*source)))
        .map(|(title, sources)| (drawn(seed, &title.join(" ")), sources))
        .collect();
    groups.sort();
    let wanted = (survey.titles.len() * usize::from(percent)).div_ceil(100);
    let mut taken_out = BTreeSet::new();
    for (_, sources) in groups {
        if taken_out.len() + sources.len() <= wanted {
            taken_out.extend(sources.into_iter().cloned());
        }
    }
    taken_out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manufacture::samples;

    fn survey() -> Survey {
        let mut articles: Vec<_> = (0..30)
            .map(|number| samples::article(&format!("{number:02}.md"), &format!("# T{number}\n\nText.")))
            .collect();
        articles.push(samples::article("x.md", "# Returns!\n\nText."));
        articles.push(samples::article("y.md", "# The returns\n\nOther."));
        samples::survey(&articles)
    }

    #[test]
    fn a_share_is_taken_out_by_the_seed() {
        let survey = survey();
        let taken = taken_out(&survey, 33, 1);
        assert!((10..=11).contains(&taken.len()), "{taken:?}");
        assert_eq!(taken, taken_out(&survey, 33, 1));
        assert_ne!(taken, taken_out(&survey, 33, 2));
    }

    #[test]
    fn articles_of_one_title_go_together() {
        let survey = survey();
        for seed in 0..40 {
            let taken = taken_out(&survey, 33, seed);
            assert_eq!(taken.contains("x.md"), taken.contains("y.md"));
        }
    }

    #[test]
    fn what_another_article_includes_stays() {
        let mut survey = survey();
        survey.fragments.insert("05.md".into());
        assert!((0..40).all(|seed| !taken_out(&survey, 90, seed).contains("05.md")));
    }
}
