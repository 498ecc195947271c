//! One model of the API: what it has shown of itself, and what it has used.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::counter;

use crate::config::{ModelPrices, Price};
use crate::inference::breaker::Breaker;
use crate::inference::generator::failure::GenerateError;
use crate::inference::generator::{Provider, Usage};
use crate::telemetry;

/// What metrics call every model but the server's own: a workspace may name any, and labels are bounded.
const OTHER: &str = "other";
/// Models that something is remembered of, beside the server's own.
const OTHERS_MAX: usize = 100;

/// Something of a request that a model has said that it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quirk {
    /// How long it may think.
    Thinking = 1,
    /// That its answer is to fit a schema.
    Schema = 2,
    /// How freely it is to choose its words.
    Temperature = 4,
    /// `max_tokens`, which newer models call `max_completion_tokens`.
    TokensMax = 8,
    /// That a stream is to end with the tokens that it used.
    StreamUsage = 16,
}

/// What a model has said that it does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Quirks(u8);

impl Quirks {
    pub fn has(self, quirk: Quirk) -> bool {
        self.0 & quirk as u8 != 0
    }
}

/// A model by its name. Each has a breaker of its own, so that a name that does not exist, which one workspace has chosen, keeps
/// no other workspace from its model.
pub(super) struct Model {
    pub name: String,
    provider: Provider,
    label: String,
    pub breaker: Breaker,
    quirks: AtomicU8,
    /// Set when the last call was refused.
    pub is_refused: AtomicBool,
    /// Set when the last call went over the provider's quota.
    pub is_over_quota: AtomicBool,
    price: Price,
}

impl Model {
    /// A model that the server's settings name.
    pub fn of_server(provider: Provider, name: &str, prices: &ModelPrices) -> Self {
        Self::new(provider, name, name, Breaker::new(provider.name()), prices)
    }

    /// A model that a workspace has chosen.
    fn of_workspace(provider: Provider, name: &str, prices: &ModelPrices) -> Self {
        Self::new(provider, name, OTHER, Breaker::unnamed(), prices)
    }

    fn new(provider: Provider, name: &str, label: &str, breaker: Breaker, prices: &ModelPrices) -> Self {
        let model = Self {
            name: name.to_owned(),
            provider,
            label: label.to_owned(),
            breaker,
            quirks: AtomicU8::default(),
            is_refused: AtomicBool::new(false),
            is_over_quota: AtomicBool::new(false),
            price: prices.of(name),
        };
        model.start_label_pairs();
        model
    }

    /// What it does not know.
    pub fn quirks(&self) -> Quirks {
        Quirks(self.quirks.load(Ordering::Relaxed))
    }

    /// Remembers that it does not know this.
    pub fn learn(&self, quirk: Quirk) {
        self.quirks.fetch_or(quirk as u8, Ordering::Relaxed);
    }

    /// Counts a call by what came of it.
    pub fn count(&self, result: &'static str) {
        counter!(
            telemetry::GENERATOR_REQUESTS, "provider" => self.provider.name(), "model" => self.label.clone(), "result" => result
        )
        .increment(1);
    }

    /// Counts the tokens of an attempt and gives what they cost, in US dollars.
    #[expect(clippy::cast_precision_loss, reason = "no answer has 2^52 tokens")]
    pub fn count_tokens(&self, usage: Usage) -> f64 {
        for (kind, tokens) in [("prompt", usage.prompt), ("answer", usage.answer), ("thoughts", usage.thoughts)] {
            counter!(telemetry::GENERATOR_TOKENS, "model" => self.label.clone(), "kind" => kind).increment(tokens);
        }
        let Price { input_usd, output_usd } = self.price;
        let millions_usd = usage.prompt as f64 * input_usd + (usage.answer + usage.thoughts) as f64 * output_usd;
        let cost_usd = millions_usd / 1e6;
        telemetry::add_cost_usd(&self.label, cost_usd);
        cost_usd
    }

    /// Remembers a refusal, or a quota that is used up, until something else happens.
    pub fn note(&self, error: Option<&GenerateError>) {
        self.is_refused.store(matches!(error, Some(GenerateError::Refused(_))), Ordering::Relaxed);
        self.is_over_quota.store(matches!(error, Some(GenerateError::Quota(_))), Ordering::Relaxed);
    }

    fn start_label_pairs(&self) {
        for result in GenerateError::RESULTS {
            counter!(
                telemetry::GENERATOR_REQUESTS, "provider" => self.provider.name(), "model" => self.label.clone(), "result" => result
            )
            .absolute(0);
        }
        for kind in ["prompt", "answer", "thoughts"] {
            counter!(telemetry::GENERATOR_TOKENS, "model" => self.label.clone(), "kind" => kind).absolute(0);
        }
        telemetry::add_cost_usd(&self.label, 0.0);
    }
}

/// The models of a provider that workspaces have chosen in place of the server's.
#[derive(Default)]
pub(super) struct Others(Mutex<HashMap<String, Arc<Model>>>);

impl Others {
    /// The model of this name, with what is remembered of it.
    pub fn model(&self, provider: Provider, name: &str, prices: &ModelPrices) -> Arc<Model> {
        let mut models = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = models.get(name) {
            return Arc::clone(model);
        }
        // So many are a sign of somebody trying names: what was remembered is learned again.
        if models.len() == OTHERS_MAX {
            models.clear();
        }
        let model = Arc::new(Model::of_workspace(provider, name, prices));
        models.insert(name.to_owned(), Arc::clone(&model));
        model
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_has_shown_is_remembered_and_never_for_too_many() {
        let (others, prices) = (Others::default(), ModelPrices::default());
        let model = |name: &str| others.model(Provider::Gemini, name, &prices);
        model("a").note(Some(&GenerateError::Refused("gone".into())));
        assert!(model("a").is_refused.load(Ordering::Relaxed));
        assert!(!model("b").is_refused.load(Ordering::Relaxed));
        for number in 0..2 * OTHERS_MAX {
            model(&format!("model-{number}"));
        }
        assert!(others.0.lock().unwrap().len() <= OTHERS_MAX);
    }

    #[test]
    fn what_a_model_does_not_know_is_remembered() {
        let model = Model::of_workspace(Provider::OpenAi, "a", &ModelPrices::default());
        assert!(!model.quirks().has(Quirk::Schema));
        model.learn(Quirk::Schema);
        model.learn(Quirk::Temperature);
        assert!(model.quirks().has(Quirk::Schema) && model.quirks().has(Quirk::Temperature));
        assert!(!model.quirks().has(Quirk::Thinking));
    }
}
