//! The language models that the settings name: the one that answers, and the one that does when that fails.

use std::str::FromStr;

use crate::config::Config;
use crate::inference::generator::{GenerateError, Generator, Provider};

/// All providers that are set up, and which of their models answer.
#[derive(Debug, Default)]
pub struct Generators {
    all: Vec<Generator>,
    first: Option<Generator>,
    second: Option<Generator>,
}

/// Settings of language models that do not fit together.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// A provider that nobody knows.
    #[error("{variable} names {name}, which is none of gemini, openai, openrouter, ollama{more}")]
    UnknownProvider {
        /// The setting.
        variable: &'static str,
        /// What it names.
        name: String,
        /// What else it may be.
        more: &'static str,
    },
    /// A provider that is named and not set up.
    #[error("{variable} names {name}, which is not set up: {needs}", name = provider.name())]
    NotSetUp {
        /// The setting.
        variable: &'static str,
        /// The provider.
        provider: Provider,
        /// What it needs.
        needs: &'static str,
    },
    /// A second model without the name of its provider.
    #[error("CANDOR_SECOND_MODEL is {0}; write PROVIDER/MODEL, such as gemini/gemini-3.5-flash-lite")]
    NoModel(String),
    /// The HTTP client.
    #[error(transparent)]
    Client(#[from] GenerateError),
}

/// The setting of who answers.
const PROVIDER_VARIABLE: &str = "CANDOR_PROVIDER";
/// The setting of who answers where that fails.
const SECOND_VARIABLE: &str = "CANDOR_SECOND_MODEL";
/// What says that no language model answers.
const EXTRACTIVE: &str = "extractive";

impl Generators {
    /// What `config` names. Without a wish the first provider that is set up answers, in the order of [`Provider::ALL`].
    ///
    /// # Errors
    /// [`SetUpError`], each a sentence that says which setting to change.
    pub fn of(config: &Config) -> Result<Self, SetUpError> {
        let mut all = Vec::new();
        for provider in Provider::ALL {
            all.extend(Generator::of(config, provider)?);
        }
        let of_provider = |provider: Provider, variable| {
            let generator = all.iter().find(|generator: &&Generator| generator.provider() == provider);
            generator.cloned().ok_or(SetUpError::NotSetUp { variable, provider, needs: provider.needs() })
        };
        let first = match config.provider.as_deref() {
            None => all.first().cloned(),
            Some(EXTRACTIVE) => None,
            Some(name) => Some(of_provider(named(PROVIDER_VARIABLE, name, ", extractive")?, PROVIDER_VARIABLE)?),
        };
        let second = match &config.second_model {
            None => None,
            Some(named) => {
                let (provider, model) = named.split_once('/').ok_or_else(|| SetUpError::NoModel(named.clone()))?;
                Some(of_provider(self::named(SECOND_VARIABLE, provider, "")?, SECOND_VARIABLE)?.of_server(model))
            }
        };
        Ok(Self { all, first, second })
    }

    /// The model that answers where a workspace names none; `None` where the articles' own sentences do.
    #[must_use]
    pub fn first(&self) -> Option<&Generator> {
        self.first.as_ref()
    }

    /// The model that answers where another has failed.
    #[must_use]
    pub fn second(&self) -> Option<&Generator> {
        self.second.as_ref()
    }

    /// Whether no provider is set up.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The model of `provider`, where it is set up.
    #[must_use]
    pub fn of_provider(&self, provider: Provider) -> Option<&Generator> {
        self.all.iter().find(|generator| generator.provider() == provider)
    }
}

fn named(variable: &'static str, name: &str, more: &'static str) -> Result<Provider, SetUpError> {
    Provider::from_str(name).map_err(|()| SetUpError::UnknownProvider { variable, name: name.to_owned(), more })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generators(change: impl FnOnce(&mut Config)) -> Result<Generators, SetUpError> {
        let mut config = Config { gemini_api_key: Some("key".to_owned().into()), ..Config::default() };
        config.openai_model = Some("gpt".to_owned());
        change(&mut config);
        Generators::of(&config)
    }

    fn names(generators: &Generators) -> [Option<&str>; 2] {
        [generators.first(), generators.second()].map(|generator| generator.map(Generator::model))
    }

    #[test]
    fn who_is_named_answers_else_the_first_that_is_set_up() {
        assert_eq!(names(&Generators::of(&Config::default()).unwrap()), [None, None]);
        assert_eq!(names(&generators(|_| ()).unwrap()), [Some("gemini-3.8-flash"), None]);
        let named = generators(|config| config.provider = Some("openai".to_owned())).unwrap();
        assert_eq!(names(&named), [Some("gpt"), None]);
        let none = generators(|config| config.provider = Some("extractive".to_owned())).unwrap();
        assert_eq!(names(&none), [None, None]);
        assert!(none.of_provider(Provider::Gemini).is_some() && none.of_provider(Provider::Ollama).is_none());
    }

    #[test]
    fn a_second_model_may_have_a_slash_in_its_name() {
        let second = generators(|config| config.second_model = Some("openai/meta/llama".to_owned())).unwrap();
        assert_eq!(names(&second), [Some("gemini-3.8-flash"), Some("meta/llama")]);
    }

    #[test]
    fn settings_that_do_not_fit_are_told_by_name() {
        for (provider, second, expected) in [
            (Some("claude"), None, "CANDOR_PROVIDER names claude"),
            (Some("ollama"), None, "OLLAMA_MODEL"),
            (None, Some("gpt-5"), "PROVIDER/MODEL"),
            (None, Some("openrouter/x"), "OPENROUTER_API_KEY"),
        ] {
            let error = generators(|config| {
                config.provider = provider.map(str::to_owned);
                config.second_model = second.map(str::to_owned);
            })
            .unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
