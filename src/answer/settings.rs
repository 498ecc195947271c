//! How a workspace wants its questions answered: read once for each question and handed down, so that a change is in force for the
//! very next one, in every process.

use crate::answer::confidence::Calibration;
use crate::answer::generate::generator_of;
use crate::answer::in_force::{InForce, OwnCalibrations};
use crate::answer::language::Language;
use crate::answer::store;
use crate::database::DatabaseError;
use crate::engine::Engine;
use crate::ids::{ApiKeyId, WorkspaceId};
use crate::inference::{Generator, Provider};
use crate::people::store as people;

/// A workspace's answering settings. `None` is always "as the server does by itself".
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerSettings {
    /// Goes up with each change; 0 where nothing was ever changed.
    pub version: i64,
    /// Whether questions are answered at all; if not, each goes to a person.
    pub enabled: bool,
    /// Who drafts: the language model where the server has one, else the articles' own sentences.
    pub provider: Option<Drafter>,
    /// Which of the provider's models.
    pub model: Option<String>,
    /// How freely the model chooses its words.
    pub temperature: Option<f64>,
    /// Tokens of a draft, hidden thoughts included.
    pub tokens_max: Option<u32>,
    /// What the workspace wishes about tone.
    pub system_prompt: Option<String>,
    /// What Candor's own sentences are in where a request names no language; `None`: the message's.
    pub language: Option<Language>,
    /// Drafts whose confidence is below are not sent; `None`: the calibration's.
    pub threshold: Option<f64>,
    /// Who changed it last, and when.
    pub changed: Option<Changed>,
    /// What its own labelled questions say about confidence. Not a part of what is changed.
    pub own_calibrations: OwnCalibrations,
}

/// The last change of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The key that it was made with.
    pub by: ApiKeyId,
    /// When.
    pub at_ms: i64,
}

/// Who drafts answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Drafter {
    /// A language model of this provider.
    Model(Provider),
    /// Nobody: the articles' own sentences.
    Extractive,
}

impl Drafter {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Model(Provider::Gemini),
        Self::Model(Provider::OpenAi),
        Self::Model(Provider::OpenRouter),
        Self::Model(Provider::Ollama),
        Self::Extractive,
    ];

    /// Its name on the wire and in SQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Model(provider) => provider.name(),
            Self::Extractive => "extractive",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|drafter| drafter.name() == name)
    }
}

impl TryFrom<String> for Drafter {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::of_name(&name).ok_or(format!("{name} drafts no answers"))
    }
}

impl From<Drafter> for &'static str {
    fn from(drafter: Drafter) -> Self {
        drafter.name()
    }
}

/// Where the threshold in force comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThresholdFrom {
    /// The workspace has set it.
    Workspace,
    /// The calibration brings it.
    Calibration,
}

/// What is promised for a threshold that a workspace has set: nobody has counted what it does.
const NOTHING_PROMISED: &str = "the workspace's own threshold: no guarantee";

/// What of the settings a trace keeps; the threshold stands beside it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingsTrace {
    /// Their version; 0 where nothing was ever changed.
    pub version: i64,
    /// Whether questions are answered at all.
    pub enabled: bool,
    /// Who drafts.
    pub provider: Drafter,
    /// The model, where one drafts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model: Option<String>,
    /// Where the threshold comes from.
    pub threshold_from: ThresholdFrom,
}

impl Default for AnswerSettings {
    fn default() -> Self {
        Self {
            version: 0,
            enabled: true,
            provider: None,
            model: None,
            temperature: None,
            tokens_max: None,
            system_prompt: None,
            language: None,
            threshold: None,
            changed: None,
            own_calibrations: OwnCalibrations::default(),
        }
    }
}

/// Why settings were not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Somebody else has changed them since.
    #[error("the settings are at version {version} by now")]
    Stale {
        /// Where they are.
        version: i64,
    },
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl AnswerSettings {
    /// The settings of `workspace` as they are now.
    ///
    /// # Errors
    /// As the database.
    pub async fn load(engine: &Engine, workspace: WorkspaceId) -> Result<Self, DatabaseError> {
        let settings = store::settings(engine.database(), workspace).await?;
        Ok(Self { own_calibrations: OwnCalibrations::load(engine, workspace).await?, ..settings })
    }

    /// Changes the settings of `workspace` where `is_expected` agrees with their version, and gives what they are then. What changes
    /// nothing leaves the version as it is.
    ///
    /// # Errors
    /// [`ChangeError::Stale`] where `is_expected` does not agree.
    pub async fn change(
        engine: &Engine,
        workspace: WorkspaceId,
        by: ApiKeyId,
        is_expected: impl Fn(i64) -> bool,
        change: impl FnOnce(&mut Self),
    ) -> Result<Self, ChangeError> {
        let at_ms = engine.clock().now_ms();
        let mut transaction = engine.database().begin().await?;
        // Keeps another change waiting until this one is there: it is to be made to what this one leaves.
        people::touch_workspace(&mut transaction, workspace, at_ms).await?;
        let before = store::settings_in(&mut transaction, workspace).await?;
        if !is_expected(before.version) {
            return Err(ChangeError::Stale { version: before.version });
        }
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return Ok(before);
        }
        after.version += 1;
        after.changed = Some(Changed { by, at_ms });
        store::put_settings(&mut transaction, workspace, &after, Changed { by, at_ms }).await?;
        transaction.commit().await?;
        Ok(after)
    }

    /// Who drafts, on a server with these parts: a provider that is not set up there is none.
    #[must_use]
    pub fn drafter(&self, engine: &Engine) -> Drafter {
        self.first(engine).map_or(Drafter::Extractive, |generator| Drafter::Model(generator.provider()))
    }

    /// The language model that drafts, where one does.
    #[must_use]
    pub fn first(&self, engine: &Engine) -> Option<Generator> {
        let generators = engine.generators();
        let of_server = match self.provider {
            Some(Drafter::Extractive) => return None,
            Some(Drafter::Model(provider)) => generators.of_provider(provider)?,
            None => generators.first()?,
        };
        let named = self.model.as_ref().map_or_else(|| of_server.clone(), |model| of_server.of_model(model));
        Some(named.tuned(self.temperature, self.tokens_max))
    }

    /// The language models that draft, each where those before it have failed.
    #[must_use]
    pub fn generators(&self, engine: &Engine) -> Vec<Generator> {
        let Some(first) = self.first(engine) else { return Vec::new() };
        let second = engine.generators().second().filter(|second| !second.is_same(&first));
        let second = second.map(|second| second.clone().tuned(self.temperature, self.tokens_max));
        std::iter::once(first).chain(second).collect()
    }

    /// What drafts, by the name that calibrations have for it.
    #[must_use]
    pub fn generator(&self, engine: &Engine) -> String {
        generator_of(self.first(engine).as_ref())
    }

    /// The calibration that drafts of `generator` are judged by.
    #[must_use]
    pub fn in_force<'a>(&'a self, engine: &'a Engine, generator: &str) -> InForce<'a> {
        self.own_calibrations.in_force(engine, generator)
    }

    /// Drafts whose confidence is below are not sent.
    #[must_use]
    pub fn threshold(&self, calibration: &Calibration) -> f64 {
        self.threshold.unwrap_or_else(|| calibration.threshold())
    }

    /// Where that comes from.
    #[must_use]
    pub fn threshold_from(&self) -> ThresholdFrom {
        if self.threshold.is_some() { ThresholdFrom::Workspace } else { ThresholdFrom::Calibration }
    }

    /// What may be claimed for it, in a sentence.
    #[must_use]
    pub fn promise(&self, in_force: InForce<'_>) -> String {
        if self.threshold.is_some() { NOTHING_PROMISED } else { in_force.promise() }.to_owned()
    }

    /// What a trace keeps.
    pub(super) fn trace(&self, engine: &Engine) -> SettingsTrace {
        SettingsTrace {
            version: self.version,
            enabled: self.enabled,
            provider: self.drafter(engine),
            model: self.first(engine).map(|generator| generator.model().to_owned()),
            threshold_from: self.threshold_from(),
        }
    }

    /// All that makes a draft or a decision differ from the server's own, for its hash; `None` where nothing does.
    pub(super) fn differences(&self) -> Option<serde_json::Value> {
        let own = Self {
            version: 0,
            enabled: true,
            language: None,
            changed: None,
            own_calibrations: OwnCalibrations::default(),
            ..self.clone()
        };
        (own != Self::default()).then(|| {
            serde_json::json!({
                "provider": own.provider,
                "model": own.model,
                "temperature": own.temperature,
                "tokens_max": own.tokens_max,
                "system_prompt": own.system_prompt,
                "threshold": own.threshold,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::in_force::{Hashed, RestsOn};

    #[test]
    fn a_threshold_is_the_calibration_s_until_the_workspace_sets_one() {
        let hashed = Hashed::of(Calibration::shipped().unwrap());
        let in_force = |rests_on| InForce { hashed: &hashed, rests_on };
        let (shipped, calibration) = (in_force(RestsOn::Default), &hashed.calibration);
        let settings = AnswerSettings::default();
        assert!((settings.threshold(calibration) - calibration.threshold()).abs() < 1e-12);
        assert_eq!(settings.threshold_from(), ThresholdFrom::Calibration);
        assert_eq!(settings.promise(shipped), calibration.guarantee);
        assert!(settings.promise(in_force(RestsOn::Outdated)).contains("other answers"));
        let own = AnswerSettings { threshold: Some(0.5), ..settings };
        assert!((own.threshold(calibration) - 0.5).abs() < 1e-12);
        assert_eq!(own.threshold_from(), ThresholdFrom::Workspace);
        assert_eq!(own.promise(shipped), NOTHING_PROMISED);
    }

    #[test]
    fn who_changed_settings_and_how_they_are_told_makes_no_answer_differ() {
        let ids = crate::ids::Ids::counted();
        let changed = Some(Changed { by: ApiKeyId::new(&ids, 1), at_ms: 1 });
        let told =
            AnswerSettings { version: 7, language: Some(Language::German), changed, ..AnswerSettings::default() };
        assert_eq!(told.differences(), None);
        let warmer = AnswerSettings { temperature: Some(0.5), ..told };
        assert!(warmer.differences().is_some());
    }

    #[test]
    fn a_provider_is_found_by_the_name_that_it_is_stored_with() {
        for drafter in Drafter::ALL {
            assert_eq!(Drafter::of_name(drafter.name()), Some(drafter));
            let json = serde_json::to_value(drafter).unwrap();
            assert_eq!(json, drafter.name());
            assert_eq!(serde_json::from_value::<Drafter>(json).unwrap(), drafter);
        }
        assert_eq!(Drafter::of_name("claude"), None);
        assert_eq!(Drafter::ALL.len(), Provider::ALL.len() + 1);
    }
}
