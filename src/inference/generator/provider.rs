//! Who offers language models, and what the settings say about each.

use std::str::FromStr;

use secrecy::SecretString;

use crate::config::Config;
use crate::inference::generator::wire::{Wire, gemini, openai};

/// Who offers language models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Google's Gemini.
    Gemini,
    /// OpenAI, or any endpoint that answers as it does (`CANDOR_OPENAI_URL`).
    OpenAi,
    /// OpenRouter, which passes on to many.
    OpenRouter,
    /// Ollama, on a machine of one's own.
    Ollama,
}

/// What the settings say about a provider.
pub(super) struct Access {
    pub url: String,
    /// Ollama needs none.
    pub key: Option<SecretString>,
    /// What the setting of the key is called, for whoever has to change it.
    pub key_variable: &'static str,
    /// The model that answers where nobody names another.
    pub model: String,
}

impl Provider {
    /// All of them, in the order in which the first that is set up answers.
    pub const ALL: [Self; 4] = [Self::Gemini, Self::OpenAi, Self::OpenRouter, Self::Ollama];

    /// Its name on the wire, in SQL, in settings and in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gemini => "gemini",
            Self::OpenAi => "openai",
            Self::OpenRouter => "openrouter",
            Self::Ollama => "ollama",
        }
    }

    /// What has to be set for it, in words.
    #[must_use]
    pub fn needs(self) -> &'static str {
        match self {
            Self::Gemini => "set GEMINI_API_KEY",
            Self::OpenAi => "set OPENAI_MODEL, and OPENAI_API_KEY where the endpoint asks for a key",
            Self::OpenRouter => "set OPENROUTER_API_KEY and OPENROUTER_MODEL",
            Self::Ollama => "set OLLAMA_MODEL",
        }
    }

    /// What the settings say about it; `None` where it is not set up.
    pub(super) fn access(self, config: &Config) -> Option<Access> {
        let of = |url: &str, key: Option<&SecretString>, key_variable, model: &str| Access {
            url: url.trim_end_matches('/').to_owned(),
            key: key.cloned(),
            key_variable,
            model: model.to_owned(),
        };
        match self {
            Self::Gemini => {
                let key = config.gemini_api_key.as_ref()?;
                Some(of(&config.gemini_url, Some(key), "GEMINI_API_KEY", &config.gemini_model))
            }
            // A server of one's own that answers as OpenAI does needs no key.
            Self::OpenAi => {
                let model = config.openai_model.as_ref()?;
                Some(of(&config.openai_url, config.openai_api_key.as_ref(), "OPENAI_API_KEY", model))
            }
            Self::OpenRouter => {
                let (key, model) = (config.openrouter_api_key.as_ref()?, config.openrouter_model.as_ref()?);
                Some(of(&config.openrouter_url, Some(key), "OPENROUTER_API_KEY", model))
            }
            Self::Ollama => Some(of(&config.ollama_url, None, "", config.ollama_model.as_ref()?)),
        }
    }

    /// How it is spoken to.
    pub(super) fn wire(self) -> Box<dyn Wire> {
        match self {
            Self::Gemini => Box::new(gemini::Gemini),
            Self::OpenAi | Self::OpenRouter | Self::Ollama => Box::new(openai::OpenAi),
        }
    }
}

impl FromStr for Provider {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|provider| provider.name() == name).ok_or(())
    }
}
