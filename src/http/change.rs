//! A setting in the body of a change: not sent, sent as null, or sent with a value.

use garde::error::NoKey;
use garde::rules::inner::Inner;
use serde::{Deserialize, Deserializer};

/// What becomes of a setting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Change<T> {
    /// It was not sent and stays as it is.
    #[default]
    Keep,
    /// It was sent as null: as if nobody had ever set it.
    Reset,
    /// It was sent with this value.
    To(T),
}

impl<T> Change<T> {
    /// The value that was sent.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::To(value) => Some(value),
            Self::Keep | Self::Reset => None,
        }
    }

    /// Carries the change out, with what the value means where that is stored.
    pub fn apply<S>(self, setting: &mut Option<S>, meant: impl FnOnce(T) -> Option<S>) {
        match self {
            Self::Keep => (),
            Self::Reset => *setting = None,
            Self::To(value) => *setting = meant(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Reset, Self::To))
    }
}

/// A rule for the value is one for nothing where there is none.
impl<T> Inner<T> for Change<T> {
    type Key = NoKey;

    fn validate_inner<F: FnMut(&T, &NoKey)>(&self, mut rule: F) {
        if let Self::To(value) = self {
            rule(value, &NoKey::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Body {
        #[serde(default)]
        limit: Change<u32>,
    }

    #[test]
    fn what_is_not_sent_stays_and_null_is_a_word_of_its_own() {
        for (body, change, after) in [
            ("{}", Change::Keep, Some(1)),
            (r#"{"limit": null}"#, Change::Reset, None),
            (r#"{"limit": 5}"#, Change::To(5), Some(5)),
        ] {
            let read: Body = serde_json::from_str(body).unwrap();
            assert_eq!(read.limit, change, "{body}");
            let mut limit = Some(1);
            read.limit.apply(&mut limit, Some);
            assert_eq!(limit, after, "{body}");
        }
    }
}
