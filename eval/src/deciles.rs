//! The logits that divide drafts into ten equal parts: what later drafts are compared with.

use crate::fit::Sample;

/// The nine logits between tenths of the samples. The samples of each set count the same together.
#[must_use]
pub fn of(samples: &[Sample], logits: &[f64]) -> [f64; 9] {
    let size_of = |set: usize| samples.iter().filter(|sample| sample.set == set).count();
    let sets = samples.iter().map(|sample| sample.set).max().map_or(0, |last| last + 1);
    let sizes: Vec<usize> = (0..sets).map(size_of).collect();
    let used = sizes.iter().filter(|size| **size > 0).count() as f64;
    let mut weighted: Vec<(f64, f64)> = (samples.iter().enumerate())
        .map(|(place, sample)| (logits[place], 1.0 / (used * sizes[sample.set] as f64)))
        .collect();
    weighted.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut deciles = [0.0; 9];
    for (number, decile) in deciles.iter_mut().enumerate() {
        let wanted = (number + 1) as f64 / 10.0;
        let mut sum = 0.0;
        let reaches = |(_, weight): &&(f64, f64)| {
            sum += weight;
            // The slack takes a sum that is met exactly and rounded below.
            sum > wanted + 1e-9
        };
        *decile = weighted.iter().find(reaches).or(weighted.last()).map_or(0.0, |(logit, _)| *logit);
    }
    deciles.map(|decile| (decile * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::assert_all_close;

    fn samples(sizes: &[usize]) -> Vec<Sample> {
        let of_set = |(set, size): (usize, &usize)| {
            (0..*size).map(move |number| Sample {
                set,
                group: format!("{set}/{number}"),
                answerable: true,
                correct: None,
                features: Vec::new(),
            })
        };
        sizes.iter().enumerate().flat_map(of_set).collect()
    }

    #[test]
    fn a_tenth_of_the_samples_lies_below_each() {
        let deciles = of(&samples(&[100]), &(0..100).map(|place| f64::from(place) / 100.0).collect::<Vec<_>>());
        assert_all_close(&deciles, &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
    }

    #[test]
    fn a_small_set_counts_as_much_as_a_large_one() {
        // 90 samples at 0.2 and 10 at 0.8: half and half.
        let deciles = of(&samples(&[90, 10]), &[vec![0.2; 90], vec![0.8; 10]].concat());
        assert_all_close(&deciles, &[0.2, 0.2, 0.2, 0.2, 0.8, 0.8, 0.8, 0.8, 0.8]);
    }
}
