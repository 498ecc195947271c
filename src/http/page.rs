//! Which page of a list is asked for.

use crate::http::problem::{Code, Problem};

/// Entries of one page at most.
pub(super) const LIMIT_MAX: i64 = 100;
/// Pages of a list at most; a longer one is read by its cursor, or with a narrower question.
pub(super) const NUMBER_MAX: i64 = 10_000;
/// Entries of a list that are counted at most.
pub(super) const COUNTED_MAX: i64 = 10_000;
/// Entries of a page where nobody says how many.
const LIMIT: i64 = 50;

/// A page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// From 1.
    pub number: i64,
    /// How many entries it has at most.
    pub limit: i64,
}

impl Page {
    /// The page that was asked for.
    ///
    /// # Errors
    /// A problem that names what is out of its bounds.
    pub fn of(number: Option<i64>, limit: Option<i64>) -> Result<Self, Problem> {
        let within = |field: &str, value: i64, max: i64| {
            if (1..=max).contains(&value) {
                return Ok(value);
            }
            Err(Problem::new(Code::ParameterInvalid).at_field(field, format!("must be between 1 and {max}")))
        };
        let limit = within("limit", limit.unwrap_or(LIMIT), LIMIT_MAX)?;
        Ok(Self { number: within("page", number.unwrap_or(1), NUMBER_MAX)?, limit })
    }

    /// How many entries come before it.
    pub fn skipped(self) -> i64 {
        (self.number - 1) * self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_bounds() {
        assert_eq!(Page::of(None, None).unwrap(), Page { number: 1, limit: 50 });
        assert_eq!(Page::of(Some(3), Some(20)).unwrap().skipped(), 40);
        for (number, limit) in [(0, 1), (NUMBER_MAX + 1, 1), (1, 0), (1, LIMIT_MAX + 1), (-1, 1), (1, i64::MIN)] {
            assert!(Page::of(Some(number), Some(limit)).is_err(), "{number} {limit}");
        }
    }
}
