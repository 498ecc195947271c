//! Numbers as they are written into an artefact.

/// Six digits: more say nothing, and would differ between machines.
#[must_use]
pub fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::assert_close;
    use proptest::prelude::*;

    #[test]
    fn six_digits_are_kept_at_any_size() {
        assert_close(rounded(0.000_123_456_789), 0.000_123_457);
        assert_close(rounded(-1_234_567.8), -1_234_570.0);
        assert_close(rounded(0.0), 0.0);
    }

    proptest! {
        #[test]
        fn what_is_rounded_reads_back_as_it_was(digits in -1.0_f64..1.0, power in -12_i32..12) {
            let value = rounded(digits * 10.0_f64.powi(power));
            let read: f64 = serde_json::from_str(&serde_json::to_string(&value).unwrap()).unwrap();
            prop_assert_eq!(read.to_bits(), value.to_bits());
            prop_assert_eq!(rounded(value).to_bits(), value.to_bits());
        }

        #[test]
        fn rounding_keeps_the_order(one in -2.0_f64..2.0, other in -2.0_f64..2.0) {
            prop_assert!(rounded(one.min(other)) <= rounded(one.max(other)));
        }
    }
}
