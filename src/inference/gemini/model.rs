//! One model of the API: what it has shown of itself, and what it has used.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::counter;

use crate::config::Config;
use crate::inference::breaker::Breaker;
use crate::inference::gemini::failure::GenerateError;
use crate::inference::gemini::{PROVIDER, Usage};
use crate::telemetry;

/// What metrics call every model but the server's own: a workspace may name any, and labels are bounded.
const OTHER: &str = "other";
/// Models that something is remembered of, beside the server's own.
const OTHERS_MAX: usize = 100;

/// A model by its name. Each has a breaker of its own, so that a name that does not exist, which one workspace has chosen, keeps
/// no other workspace from its model.
pub(super) struct Model {
    pub name: String,
    label: String,
    pub breaker: Breaker,
    /// Set when the model has said that it knows no such setting.
    pub without_thinking: AtomicBool,
    /// Set when the last call was refused.
    pub is_refused: AtomicBool,
    /// Set when the last call went over the provider's quota.
    pub is_over_quota: AtomicBool,
    prices: Prices,
}

/// US dollars a token. Those of the server's model are taken for all.
#[derive(Clone, Copy)]
pub(super) struct Prices {
    input_usd: f64,
    output_usd: f64,
}

impl Prices {
    pub fn of(config: &Config) -> Self {
        let a_million = 1e6;
        Self { input_usd: config.gemini_input_usd / a_million, output_usd: config.gemini_output_usd / a_million }
    }
}

impl Model {
    /// The model that the server's settings name.
    pub fn of_server(config: &Config) -> Self {
        let name = &config.gemini_model;
        Self::new(name, name, Breaker::new(PROVIDER), Prices::of(config))
    }

    fn new(name: &str, label: &str, breaker: Breaker, prices: Prices) -> Self {
        let model = Self {
            name: name.to_owned(),
            label: label.to_owned(),
            breaker,
            without_thinking: AtomicBool::new(false),
            is_refused: AtomicBool::new(false),
            is_over_quota: AtomicBool::new(false),
            prices,
        };
        model.start_label_pairs();
        model
    }

    /// Counts a call by what came of it.
    pub fn count(&self, result: &'static str) {
        counter!(
            telemetry::GENERATOR_REQUESTS, "provider" => PROVIDER, "model" => self.label.clone(), "result" => result
        )
        .increment(1);
    }

    /// Counts the tokens of an attempt and gives what they cost, in US dollars.
    #[expect(clippy::cast_precision_loss, reason = "no answer has 2^52 tokens")]
    pub fn count_tokens(&self, usage: Usage) -> f64 {
        for (kind, tokens) in [("prompt", usage.prompt), ("answer", usage.answer), ("thoughts", usage.thoughts)] {
            counter!(telemetry::GENERATOR_TOKENS, "model" => self.label.clone(), "kind" => kind).increment(tokens);
        }
        let Prices { input_usd, output_usd } = self.prices;
        let cost_usd = usage.prompt as f64 * input_usd + (usage.answer + usage.thoughts) as f64 * output_usd;
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
                telemetry::GENERATOR_REQUESTS, "provider" => PROVIDER, "model" => self.label.clone(), "result" => result
            )
            .absolute(0);
        }
        for kind in ["prompt", "answer", "thoughts"] {
            counter!(telemetry::GENERATOR_TOKENS, "model" => self.label.clone(), "kind" => kind).absolute(0);
        }
        telemetry::add_cost_usd(&self.label, 0.0);
    }
}

/// The models that workspaces have chosen in place of the server's.
#[derive(Default)]
pub(super) struct Others(Mutex<HashMap<String, Arc<Model>>>);

impl Others {
    /// The model of this name, with what is remembered of it.
    pub fn model(&self, name: &str, prices: Prices) -> Arc<Model> {
        let mut models = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = models.get(name) {
            return Arc::clone(model);
        }
        // So many are a sign of somebody trying names: what was remembered is learned again.
        if models.len() == OTHERS_MAX {
            models.clear();
        }
        let model = Arc::new(Model::new(name, OTHER, Breaker::unnamed(), prices));
        models.insert(name.to_owned(), Arc::clone(&model));
        model
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_has_shown_is_remembered_and_never_for_too_many() {
        let (others, prices) = (Others::default(), Prices::of(&Config::default()));
        others.model("a", prices).note(Some(&GenerateError::Refused("gone".into())));
        assert!(others.model("a", prices).is_refused.load(Ordering::Relaxed));
        assert!(!others.model("b", prices).is_refused.load(Ordering::Relaxed));
        for number in 0..2 * OTHERS_MAX {
            others.model(&format!("model-{number}"), prices);
        }
        assert!(others.0.lock().unwrap().len() <= OTHERS_MAX);
    }
}
