//! `GET /v1beta/models` and `GET /v1beta/models/{model}`

use serde::Deserialize;
use serde_json::{Value, json};

use crate::gemini::error::ApiError;

/// How many models a page has when the request does not say, and at most.
const PAGE_SIZE: usize = 50;
const PAGE_SIZE_MAX: usize = 1_000;

/// The query of a listing.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page {
    #[serde(alias = "page_size")]
    page_size: Option<usize>,
    /// The number of the first model on the page: nobody is to read anything into a token.
    #[serde(alias = "page_token")]
    page_token: Option<String>,
}

/// A page of `models`, and the token of the next one if there is one.
pub(crate) fn list(models: &[String], page: &Page) -> Result<Value, ApiError> {
    let first = match page.page_token.as_deref() {
        None | Some("") => 0,
        Some(token) => token
            .parse()
            .ok()
            .filter(|first| *first < models.len())
            // Our own sentence.
            .ok_or_else(|| ApiError::invalid("The page token is not valid."))?,
    };
    let size = page.page_size.filter(|size| *size > 0).unwrap_or(PAGE_SIZE).min(PAGE_SIZE_MAX);
    let items: Vec<Value> = models.iter().skip(first).take(size).map(|model| item(model)).collect();
    let next = first + items.len();
    let mut listing = json!({ "models": items });
    if next < models.len() {
        listing["nextPageToken"] = next.to_string().into();
    }
    Ok(listing)
}

/// What is said of a model.
pub(crate) fn item(model: &str) -> Value {
    json!({
        "name": format!("models/{model}"),
        "version": "001",
        "displayName": model,
        "description": "A fake for tests, not a model.",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent"],
        "temperature": 1,
        "maxTemperature": 2,
        "topP": 0.95,
        "topK": 64,
        "thinking": true,
    })
}
