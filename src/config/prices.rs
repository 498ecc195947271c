//! What language models cost.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// US dollars of a million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Price {
    /// Of a prompt.
    pub input_usd: f64,
    /// Of an answer and of the hidden thoughts before it.
    pub output_usd: f64,
}

/// Prices by the models' names, as text `MODEL=PROMPT/ANSWER,…`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelPrices(BTreeMap<String, Price>);

/// A text that is no list of prices.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} is no price: write MODEL=PROMPT/ANSWER in US dollars a million tokens, as in gemini-3.8-flash=0.75/3.75"
)]
pub struct BadPrice(String);

impl ModelPrices {
    /// What `model` costs; nothing where it is not known.
    #[must_use]
    pub fn of(&self, model: &str) -> Price {
        self.0.get(model).copied().unwrap_or_default()
    }
}

impl Default for ModelPrices {
    fn default() -> Self {
        Self([("gemini-3.8-flash".to_owned(), Price { input_usd: 0.75, output_usd: 3.75 })].into())
    }
}

impl FromStr for ModelPrices {
    type Err = BadPrice;

    fn from_str(text: &str) -> Result<Self, BadPrice> {
        let price = |text: &str| text.trim().parse().ok().filter(|usd: &f64| usd.is_finite() && *usd >= 0.0);
        let read = |entry: &str| {
            let (model, prices) = entry.rsplit_once('=')?;
            let (input, output) = prices.split_once('/')?;
            let model = model.trim();
            (!model.is_empty()).then_some(())?;
            Some((model.to_owned(), Price { input_usd: price(input)?, output_usd: price(output)? }))
        };
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(|entry| read(entry).ok_or_else(|| BadPrice(entry.to_owned()))).collect::<Result<_, _>>().map(Self)
    }
}

impl TryFrom<String> for ModelPrices {
    type Error = BadPrice;

    fn try_from(text: String) -> Result<Self, BadPrice> {
        text.parse()
    }
}

impl From<ModelPrices> for String {
    fn from(prices: ModelPrices) -> Self {
        prices.to_string()
    }
}

impl fmt::Display for ModelPrices {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries =
            self.0.iter().map(|(model, Price { input_usd, output_usd })| format!("{model}={input_usd}/{output_usd}"));
        formatter.write_str(&entries.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_as_they_are_written() {
        let text = "gpt=0.25/2,meta/llama:free=0/0";
        let prices: ModelPrices = text.parse().unwrap();
        assert_eq!(prices.to_string(), text);
        assert_eq!(prices.of("gpt"), Price { input_usd: 0.25, output_usd: 2.0 });
        assert_eq!(prices.of("another"), Price::default());
        assert_eq!("".parse::<ModelPrices>().unwrap().to_string(), "");
    }

    #[test]
    fn what_is_no_price_is_told() {
        for text in ["gpt", "gpt=1", "gpt=1/x", "=1/2", "gpt=-1/2", "gpt=1/NaN"] {
            let error = text.parse::<ModelPrices>().unwrap_err();
            assert!(error.to_string().contains("MODEL=PROMPT/ANSWER"), "{error}");
        }
    }
}
