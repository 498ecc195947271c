//! What a language model's provider gets to see of what customers and articles say, where `REDACT_PII` asks for discretion.

use std::borrow::Cow;

use crate::config::Config;
use crate::redaction::Redaction;

/// For one call: personal data leaves as placeholders and comes back in what the model says. By default everything leaves as it is.
#[derive(Debug, Default)]
pub struct Discretion(Option<Redaction>);

impl Discretion {
    /// The discretion that `config` asks for, about all `texts` that leave in one call.
    #[must_use]
    pub fn of<'a>(config: &Config, texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self(config.redact_pii.then(|| Redaction::of(texts)))
    }

    /// One of the texts as it leaves.
    #[must_use]
    pub fn outward<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.0.as_ref().map_or(Cow::Borrowed(text), |redaction| redaction.redact(text).into())
    }

    /// What the model says, as it is said to the customer.
    #[must_use]
    pub fn inward(&self, said: String) -> String {
        match &self.0 {
            Some(redaction) => redaction.restore(&said),
            None => said,
        }
    }
}
