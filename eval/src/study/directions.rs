//! The directions in which unit vectors differ most, by principal component analysis.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

/// A mean and directions, those of the largest spread first.
pub(super) struct Directions {
    mean: DVector<f64>,
    /// One a column, of length 1.
    columns: DMatrix<f64>,
    /// The variance along each.
    variances: Vec<f64>,
}

impl Directions {
    /// Fits them to `vectors`, of which there is at least one and which have one length.
    pub fn fit(vectors: &[&[f32]]) -> Self {
        let dimension = vectors.first().map_or(0, |vector| vector.len());
        let count = vectors.len().max(1) as f64;
        let mut mean = DVector::<f64>::zeros(dimension);
        for vector in vectors {
            for (mean, float) in mean.iter_mut().zip(*vector) {
                *mean += f64::from(*float) / count;
            }
        }
        let centred =
            DMatrix::from_fn(vectors.len(), dimension, |row, column| f64::from(vectors[row][column]) - mean[column]);
        let eigen = SymmetricEigen::new(centred.tr_mul(&centred) / count);
        let mut order: Vec<usize> = (0..dimension).collect();
        order.sort_by(|one, other| eigen.eigenvalues[*other].total_cmp(&eigen.eigenvalues[*one]));
        Self {
            mean,
            columns: DMatrix::from_fn(dimension, dimension, |row, column| eigen.eigenvectors[(row, order[column])]),
            variances: order.into_iter().map(|place| eigen.eigenvalues[place].max(f64::MIN_POSITIVE)).collect(),
        }
    }

    /// The first `kept` directions, each divided by its variance to the power of `whitening`.
    pub fn first(&self, kept: usize, whitening: f64) -> Vec<Vec<f32>> {
        (0..kept)
            .map(|place| {
                let scale = self.variances[place].powf(-whitening);
                self.columns.column(place).iter().map(|float| narrowed(float * scale)).collect()
            })
            .collect()
    }

    pub fn mean(&self) -> Vec<f32> {
        self.mean.iter().copied().map(narrowed).collect()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "vectors are stored in f32")]
fn narrowed(float: f64) -> f32 {
    float as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_direction_is_the_one_of_the_largest_spread() {
        let vectors: Vec<[f32; 3]> = (0..20)
            .map(|number| {
                let number = number as f32;
                [1.0, number * 2.0, number % 2.0]
            })
            .collect();
        let vectors: Vec<&[f32]> = vectors.iter().map(<[f32; 3]>::as_slice).collect();
        let directions = Directions::fit(&vectors);
        let first = &directions.first(1, 0.0)[0];
        assert!((first[1].abs() - 1.0).abs() < 1e-2, "{first:?}");
        assert!((directions.mean()[0] - 1.0).abs() < 1e-6);
        let whitened = &directions.first(1, 0.5)[0];
        let spread = directions.variances[0].sqrt();
        assert!((f64::from(whitened[1].abs()) * spread - 1.0).abs() < 1e-2);
    }
}
