//! Chance that a seed and a name decide, and nothing else: one line more or less changes nothing for the others.

use sha2::{Digest, Sha256};

/// A row of numbers.
#[derive(Debug)]
pub struct Draw {
    state: [u8; 32],
}

impl Draw {
    pub fn new(seed: u64, name: &str) -> Self {
        let mut digest = Sha256::new();
        digest.update(seed.to_le_bytes());
        digest.update(name.as_bytes());
        Self { state: digest.finalize().into() }
    }

    /// The next number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        self.state = Sha256::digest(self.state).into();
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&self.state[..4]);
        u32::from_le_bytes(bytes) as usize % end.max(1)
    }

    /// Whether one of `of` chances came.
    pub fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    /// One of `choices`; `None` of none.
    pub fn of<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        if choices.is_empty() { None } else { choices.get(self.below(choices.len())) }
    }

    /// The places of `count` things in an order of their own.
    pub fn order(&mut self, count: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..count).collect();
        for place in (1..count).rev() {
            places.swap(place, self.below(place + 1));
        }
        places
    }
}
