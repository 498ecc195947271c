//! Token vectors made small: 64 floats that say nearly as much as the model's 384.
//!
//! What all tokens share is taken away, the rest is turned to the directions in which tokens differ most, and those are given more
//! equal weights. Source: Mu and Viswanath, "All-but-the-Top: Simple and Effective Postprocessing for Word Representations", 2018;
//! `eval tokens` compares other sizes and exponents.

use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus};
use sha2::{Digest as _, Sha256};

/// Floats of a projected token. A multiple of 32: that many the engine's product of two-byte floats takes at once, and the rest one by
/// one (the README's "Scale" has what that costs).
pub const DIMENSION: usize = 64;

/// How much of a direction's spread is taken out of its weight: 0 none, 0.5 all of it.
pub const WHITENING: f64 = 0.5;

/// The projections that ship, by the start of their model's SHA-256, as in [`crate::inference::Identity`].
const SHIPPED: [(&str, &[u8]); 1] =
    [("53aa51172d14", include_bytes!("token_projection/all-MiniLM-L6-v2-53aa51172d14.f32"))];

/// The floats of a projected token in the name of an embedding that ends in [`TokenProjection::name`].
#[must_use]
pub fn dimension_of(embedding: &str) -> Option<usize> {
    embedding.rsplit('-').nth(1)?.parse().ok()
}

/// From a model's token states to vectors of [`DIMENSION`] floats.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenProjection {
    /// Floats of a state.
    states: usize,
    mean: Vec<f32>,
    /// One direction after the other, `states` floats each.
    directions: Vec<f32>,
    /// Whether the directions were fitted to a model, and not drawn at random.
    is_fitted: bool,
}

impl TokenProjection {
    /// The projection of the model whose identity ends in `identity`: the one that was fitted for it, else random directions, which
    /// keep distances less well and need no data (Johnson and Lindenstrauss, 1984).
    #[must_use]
    pub fn of_model(identity: &str, states: usize) -> Self {
        SHIPPED
            .iter()
            .find(|(model, _)| identity.ends_with(model))
            .and_then(|(_, bytes)| Self::from_bytes(bytes, states))
            .unwrap_or_else(|| Self::random(states))
    }

    /// A projection out of what [`TokenProjection::to_bytes`] wrote; `None` when it is none for states of `states` floats.
    #[must_use]
    pub fn from_bytes(bytes: &[u8], states: usize) -> Option<Self> {
        let floats: Vec<f32> =
            bytes.chunks_exact(4).filter_map(|four| Some(f32::from_le_bytes(four.try_into().ok()?))).collect();
        (floats.len() == states * (DIMENSION + 1) && states > 0).then(|| Self {
            states,
            mean: floats[..states].to_vec(),
            directions: floats[states..].to_vec(),
            is_fitted: true,
        })
    }

    /// The mean of unit states and `DIMENSION` directions of as many floats, little-endian.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.mean.iter().chain(&self.directions).flat_map(|float| float.to_le_bytes()).collect()
    }

    /// Its floats and the start of its SHA-256.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{DIMENSION}-{}", &hex::encode(Sha256::digest(self.to_bytes()))[..6])
    }

    /// Whether it was fitted to its model. What all tokens share is then taken away, so that a cosine says how near two words are; else
    /// only which of several is nearest.
    #[must_use]
    pub fn is_fitted(&self) -> bool {
        self.is_fitted
    }

    fn random(states: usize) -> Self {
        // The same directions in every process and with every version of the library: vectors of two projections do not compare.
        let mut random = Xoshiro256PlusPlus::seed_from_u64(0);
        let directions = (0..states * DIMENSION).map(|_| if random.random::<bool>() { 1.0 } else { -1.0 }).collect();
        Self { states, mean: vec![0.0; states], directions, is_fitted: false }
    }

    /// The unit vector of one state, or of a sum of states.
    #[must_use]
    pub fn project(&self, state: &[f32]) -> Vec<f32> {
        let length = length(state);
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        let centred: Vec<f32> = state.iter().zip(&self.mean).map(|(float, mean)| float * scale - mean).collect();
        let projected = self
            .directions
            .chunks_exact(self.states)
            .map(|direction| direction.iter().zip(&centred).map(|(one, other)| one * other).sum())
            .collect();
        unit(projected)
    }
}

/// The vector at length 1; one without a direction stays as it is.
#[must_use]
pub fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = length(&vector);
    if length > 0.0 {
        for float in &mut vector {
            *float /= length;
        }
    }
    vector
}

fn length(vector: &[f32]) -> f32 {
    vector.iter().map(|float| float * float).sum::<f32>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedding_s_name_tells_how_many_floats_its_tokens_have() {
        let named = format!("all-MiniLM-L6-v2-int8-53aa51172d14-{}", TokenProjection::random(8).name());
        assert_eq!(dimension_of(&named), Some(DIMENSION));
        assert_eq!(dimension_of("all-MiniLM-L6-v2-int8-53aa51172d14-48-a16f96"), Some(48));
        assert_eq!(dimension_of("model"), None);
    }

    #[test]
    fn the_shipped_projection_is_whole_and_one_for_another_model_is_random() {
        let shipped = TokenProjection::of_model("all-MiniLM-L6-v2-int8-53aa51172d14", 384);
        assert_ne!(shipped, TokenProjection::random(384));
        assert!(shipped.is_fitted() && !TokenProjection::random(384).is_fitted());
        assert_eq!(TokenProjection::from_bytes(&shipped.to_bytes(), 384), Some(shipped));
        assert_eq!(TokenProjection::of_model("another-fp32-000000000000", 384), TokenProjection::random(384));
        assert_eq!(TokenProjection::of_model("all-MiniLM-L6-v2-int8-53aa51172d14", 768), TokenProjection::random(768));
    }

    #[test]
    fn a_projected_state_has_length_one_whatever_its_own() {
        let projection = TokenProjection::random(8);
        let state = [0.5, -1.0, 2.0, 0.0, 3.0, -0.25, 1.0, 1.0];
        let projected = projection.project(&state);
        assert_eq!(projected.len(), DIMENSION);
        assert!((length(&projected) - 1.0).abs() < 1e-5);
        let longer: Vec<f32> = state.iter().map(|float| float * 7.0).collect();
        assert!(projection.project(&longer).iter().zip(&projected).all(|(one, other)| (one - other).abs() < 1e-5));
        assert_eq!(projection.project(&[0.0; 8]), vec![0.0; DIMENSION], "a state without a direction");
    }
}
