//! Every setting, in one place: its name, its default, and where its value came from.
//!
//! Settings come from defaults < `candor.toml` < environment < flags. Nothing else in the program reads the
//! environment.

mod prices;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use figment::value::Value;
pub use prices::{ModelPrices, Price};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// Settings that keep the names which other support tools use; all others are `CANDOR_` and the setting's name.
const SHARED_NAMES: [(&str, &str); 18] = [
    ("DATABASE_URL", "database_url"),
    ("QDRANT_URL", "qdrant_url"),
    ("QDRANT_API_KEY", "qdrant_api_key"),
    ("GEMINI_API_KEY", "gemini_api_key"),
    ("GEMINI_MODEL", "gemini_model"),
    ("OPENAI_API_KEY", "openai_api_key"),
    ("OPENAI_MODEL", "openai_model"),
    ("OPENROUTER_API_KEY", "openrouter_api_key"),
    ("OPENROUTER_MODEL", "openrouter_model"),
    ("OLLAMA_MODEL", "ollama_model"),
    ("OLLAMA_URL", "ollama_url"),
    ("PORT", "port"),
    ("REDACT_PII", "redact_pii"),
    ("SMTP_HOST", "smtp_host"),
    ("SMTP_PORT", "smtp_port"),
    ("SMTP_USER", "smtp_user"),
    ("SMTP_PASS", "smtp_pass"),
    ("SMTP_FROM", "smtp_from"),
];

/// Other names of settings, read for those who come from another support tool.
const ALIASES: [(&str, &str); 7] = [
    ("GOOGLE_GENERATIVE_AI_API_KEY", "gemini_api_key"),
    ("MAILTRAP_SMTP_HOST", "smtp_host"),
    ("MAILTRAP_SMTP_PORT", "smtp_port"),
    ("MAILTRAP_SMTP_USER", "smtp_user"),
    ("MAILTRAP_SMTP_PASS", "smtp_pass"),
    ("MAIL_FROM", "smtp_from"),
    ("APP_URL", "public_url"),
];

/// Settings that may be missing and are numbers; all others that may be missing are texts.
const OPTIONAL_NUMBERS: [&str; 1] = ["port"];

/// Settings that may hold a password: shown as `(hidden)`, and also read from the file that `NAME_FILE` names.
const SECRETS: [&str; 6] =
    ["database_url", "qdrant_api_key", "gemini_api_key", "openai_api_key", "openrouter_api_key", "smtp_pass"];

/// Secrets that may be missing: their file may be empty.
const OPTIONAL_SECRETS: [&str; 4] = ["gemini_api_key", "openai_api_key", "openrouter_api_key", "smtp_pass"];

/// The settings file, read from the working directory when it is there.
const FILE: &str = "candor.toml";

/// All settings of the server, `ingest` and `eval`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `CANDOR_DATA_DIR`: the database, the index and the lock, unless the URLs below say otherwise.
    pub data_dir: PathBuf,
    /// `DATABASE_URL`: `postgres://…` or `sqlite:PATH`; unset: SQLite in the data folder.
    #[serde(serialize_with = "hidden")]
    pub database_url: Option<SecretString>,
    /// `QDRANT_URL`: the gRPC address of a Qdrant server, as in `http://localhost:6334`, `https` for TLS; unset: the index is
    /// embedded, in the data folder.
    pub qdrant_url: Option<String>,
    /// `QDRANT_API_KEY`: where the server asks for one.
    #[serde(serialize_with = "hidden")]
    pub qdrant_api_key: Option<SecretString>,
    /// `GEMINI_API_KEY`: unset: answers are made of the articles' own sentences.
    #[serde(serialize_with = "hidden")]
    pub gemini_api_key: Option<SecretString>,
    /// `GEMINI_MODEL`: which model answers.
    pub gemini_model: String,
    /// `CANDOR_GEMINI_URL`: where the Gemini API is.
    pub gemini_url: String,
    /// `CANDOR_GEMINI_THINKING`: how long the model may think: `low`, `medium`, `high`, or `default` for the model's own.
    pub gemini_thinking: Thinking,
    /// `OPENAI_API_KEY`: for OpenAI, or an endpoint that answers as it does; one of your own may need none.
    #[serde(serialize_with = "hidden")]
    pub openai_api_key: Option<SecretString>,
    /// `OPENAI_MODEL`: which of its models answers; unset: none does.
    pub openai_model: Option<String>,
    /// `CANDOR_OPENAI_URL`: where that endpoint is, as in `http://localhost:8000/v1`.
    pub openai_url: String,
    /// `OPENROUTER_API_KEY`: for OpenRouter.
    #[serde(serialize_with = "hidden")]
    pub openrouter_api_key: Option<SecretString>,
    /// `OPENROUTER_MODEL`: which of its models answers; unset: none does.
    pub openrouter_model: Option<String>,
    /// `CANDOR_OPENROUTER_URL`: where OpenRouter is.
    pub openrouter_url: String,
    /// `OLLAMA_MODEL`: which model of an Ollama server answers; unset: none does.
    pub ollama_model: Option<String>,
    /// `OLLAMA_URL`: where its endpoint for chat completions is.
    pub ollama_url: String,
    /// `CANDOR_PROVIDER`: who answers: `gemini`, `openai`, `openrouter`, `ollama`, or `extractive` for the articles' own sentences; unset:
    /// the first of these that is set up.
    pub provider: Option<String>,
    /// `CANDOR_SECOND_MODEL`: what answers where the first model fails, as in `gemini/gemini-3.5-flash-lite`; unset: the articles' own
    /// sentences.
    pub second_model: Option<String>,
    /// `CANDOR_MODEL_PRICES`: US dollars of a million tokens, for `generator_cost_usd_total`: `MODEL=PROMPT/ANSWER`, several with commas
    /// between them. A model that is not named costs nothing.
    pub model_prices: ModelPrices,
    /// `CANDOR_GENERATION_SECONDS_MAX`: how long a language model may take, all attempts together; then the articles' own
    /// sentences answer.
    pub generation_seconds_max: u64,
    /// `CANDOR_GENERATION_TOKENS_MAX`: tokens of an answer, hidden thoughts included.
    pub generation_tokens_max: u32,
    /// `REDACT_PII`: e-mail addresses, phone numbers, payment cards and IBANs leave for a language model as placeholders, and come back
    /// in its answer.
    pub redact_pii: bool,
    /// `SMTP_HOST`: the mail server; unset: no mail is sent.
    pub smtp_host: Option<String>,
    /// `SMTP_PORT`: its port. On 465 TLS begins at once. On others it is asked for (STARTTLS), and must be had where there is a password.
    pub smtp_port: u16,
    /// `SMTP_USER`: who signs in there; unset: nobody has to.
    pub smtp_user: Option<String>,
    /// `SMTP_PASS`: with which password.
    #[serde(serialize_with = "hidden")]
    pub smtp_pass: Option<SecretString>,
    /// `SMTP_FROM`: whom mails are from, as in `Bikes <help@example.com>`; needed where there is a mail server.
    pub smtp_from: Option<String>,
    /// `CANDOR_PUBLIC_URL`: where people reach this installation, as in `https://help.example.com`: links in mails lead there; needed
    /// where there is a mail server.
    pub public_url: Option<String>,
    /// `CANDOR_EVAL_DIR`: where `eval` keeps its data and runs; a server shows the last figures in it as `eval_figure`.
    pub eval_dir: PathBuf,
    /// `CANDOR_LISTEN`: address of the HTTP API.
    pub listen: SocketAddr,
    /// `PORT`: replaces the port of `listen`, as hosting platforms expect.
    pub port: Option<u16>,
    /// `CANDOR_METRICS_LISTEN`: address of `/metrics`.
    pub metrics_listen: SocketAddr,
    /// `CANDOR_LOG`: which log lines are written, as in `info,candor=debug`.
    pub log: String,
    /// `CANDOR_LOG_FORMAT`: `text` for people, `json` for collectors.
    pub log_format: LogFormat,
    /// `CANDOR_MODELS_DIR`: where `make setup` puts the embedding model.
    pub models_dir: PathBuf,
    /// `CANDOR_RUNTIME_LIBRARY`: the ONNX Runtime library, 1.24 or newer.
    pub runtime_library: PathBuf,
    /// `CANDOR_EMBEDDING_MODEL`: a folder under `models_dir`, or a model name that fastembed knows.
    pub embedding_model: String,
    /// `CANDOR_EMBEDDING_PRECISION`: how the weights are held; vectors of the two do not mix.
    pub embedding_precision: Precision,
    /// `CANDOR_RERANKER_MODEL`: a cross-encoder that reads the best passages again, beside the question: a folder under `models_dir` with
    /// `model.onnx`, or a model name that fastembed knows, such as `BAAI/bge-reranker-base`; unset: none.
    pub reranker_model: Option<String>,
    /// `CANDOR_CHECKER_MODEL`: a cross-encoder that also says whether a language model's sentence follows from its passages: a folder under
    /// `models_dir` with `model.onnx` (one logit, or a label that is called entailment), or a model name that fastembed knows; unset: none.
    pub checker_model: Option<String>,
    /// `CANDOR_EMBEDDING_SESSIONS`: one-thread sessions for bulk work; default: one a core.
    pub embedding_sessions: usize,
    /// `CANDOR_BODY_BYTES_MAX`: the largest request body.
    pub body_bytes_max: usize,
    /// `CANDOR_MESSAGE_CHARS_MAX`: the longest message of a customer, in characters.
    pub message_chars_max: usize,
    /// `CANDOR_ARTICLE_BYTES_MAX`: the largest article file. The default, 4 MiB, is three times the largest real one seen, a
    /// changelog.
    pub article_bytes_max: usize,
    /// `CANDOR_QUESTION_QUEUE_MAX`: questions that may wait for the embedding model; one more gets a 503.
    pub question_queue_max: usize,
    /// `CANDOR_BULK_QUEUE_MAX`: chunks that may wait for the embedding model; ingestion then slows down.
    pub bulk_queue_max: usize,
    /// `CANDOR_ANSWER_CACHE_BYTES`: about how many bytes of answers are kept to be given again; 0: none.
    pub answer_cache_bytes: u64,
    /// `CANDOR_REQUEST_SECONDS_MAX`: the longest that a request may take.
    pub request_seconds_max: u64,
    /// `CANDOR_SHUTDOWN_SECONDS_MAX`: how long a stopping server finishes what it took.
    pub shutdown_seconds_max: u64,
}

/// How long a model may think before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Thinking {
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// As the model does by itself; for models that take no such setting.
    Default,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line of text.
    Text,
    /// One JSON object a line.
    Json,
}

/// How the embedding model's weights are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    Fp32,
    /// 8-bit integers: about twice as fast, vectors within a cosine of 0.99 of the floats'.
    Int8,
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value that does not fit, or a name that no setting has.
    #[error("the settings cannot be used: {0}")]
    Refused(String),
    /// A secret's file that cannot be read.
    #[error("the file that {name}_FILE names cannot be read: {source}")]
    SecretFile {
        /// The setting.
        name: String,
        /// What went wrong.
        source: std::io::Error,
    },
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: "data".into(),
            database_url: None,
            qdrant_url: None,
            qdrant_api_key: None,
            gemini_api_key: None,
            gemini_model: "gemini-3.8-flash".into(),
            gemini_url: "https://generativelanguage.googleapis.com".into(),
            gemini_thinking: Thinking::Low,
            openai_api_key: None,
            openai_model: None,
            openai_url: "https://api.openai.com/v1".into(),
            openrouter_api_key: None,
            openrouter_model: None,
            openrouter_url: "https://openrouter.ai/api/v1".into(),
            ollama_model: None,
            ollama_url: "http://localhost:11434/v1".into(),
            provider: None,
            second_model: None,
            model_prices: ModelPrices::default(),
            generation_seconds_max: 12,
            // The flash models think for about a thousand tokens before they write the first.
            generation_tokens_max: 4_096,
            redact_pii: false,
            smtp_host: None,
            // Where mail programs hand mail in.
            smtp_port: 587,
            smtp_user: None,
            smtp_pass: None,
            smtp_from: None,
            public_url: None,
            eval_dir: ".eval".into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            port: None,
            metrics_listen: SocketAddr::from(([127, 0, 0, 1], 9464)),
            // The vector engine warns about settings that only its own server has.
            log: "info,qdrant_edge=error".into(),
            log_format: LogFormat::Text,
            models_dir: "models".into(),
            runtime_library: ".runtime/libonnxruntime.so".into(),
            embedding_model: "all-MiniLM-L6-v2".into(),
            reranker_model: None,
            checker_model: None,
            embedding_precision: Precision::Int8,
            embedding_sessions: std::thread::available_parallelism().map_or(1, usize::from),
            body_bytes_max: 8 << 20,
            message_chars_max: 4_000,
            article_bytes_max: 4 << 20,
            question_queue_max: 64,
            bulk_queue_max: 64,
            answer_cache_bytes: 32 << 20,
            request_seconds_max: 30,
            shutdown_seconds_max: 20,
        }
    }
}

/// One setting as `candor config print` shows it.
#[derive(Debug, Serialize)]
pub struct Setting {
    /// The name in `candor.toml`.
    pub name: String,
    /// The environment variable.
    pub variable: String,
    /// The value in force, secrets hidden.
    pub value: serde_json::Value,
    /// Where it came from: `default`, `candor.toml`, `environment` or `flag`.
    pub from: &'static str,
}

impl Config {
    /// Reads the settings of this process: `candor.toml` in the working directory, then the environment, then `flags`
    /// (setting names with their values).
    ///
    /// # Errors
    /// [`ConfigError`] for a value that does not fit, an unknown name, or a secret file that cannot be read.
    pub fn load(flags: &[(&str, String)]) -> Result<Self, ConfigError> {
        Layers::of_this_process(flags)?.config()
    }

    /// The settings in force and where each came from, in the order of the documentation.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn explain(flags: &[(&str, String)]) -> Result<Vec<Setting>, ConfigError> {
        Layers::of_this_process(flags)?.explain()
    }

    /// The database's URL: the one that was set, else SQLite in the data folder.
    #[must_use]
    pub fn database_url(&self) -> SecretString {
        self.database_url.clone().unwrap_or_else(|| {
            // A folder's name may have characters that mean something in a URL.
            let path = self.data_dir.join("candor.sqlite").display().to_string();
            format!("sqlite:{}", path.replace('%', "%25").replace('?', "%3F")).into()
        })
    }

    /// The settings of a command that logs only what went wrong, unless more is asked for.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        if self.log == Self::default().log {
            self.log = "warn,qdrant_edge=error".into();
        }
        self
    }

    /// Where the embedded index lives.
    #[must_use]
    pub fn index_dir(&self) -> PathBuf {
        self.data_dir.join("index")
    }
}

/// The environment variable of the setting `name`.
fn variable(name: &str) -> String {
    SHARED_NAMES
        .iter()
        .find(|(_, setting)| *setting == name)
        .map_or_else(|| format!("CANDOR_{}", name.to_uppercase()), |(variable, _)| (*variable).to_owned())
}

/// Where settings come from, the stronger ones later.
struct Layers {
    file: Figment,
    /// Setting names with what the environment says.
    environment: Vec<(String, String)>,
    flags: Vec<(String, String)>,
}

impl Layers {
    fn of_this_process(flags: &[(&str, String)]) -> Result<Self, ConfigError> {
        Self::of(Path::new(FILE), std::env::vars_os(), flags)
    }

    fn of(
        file: &Path,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        flags: &[(&str, String)],
    ) -> Result<Self, ConfigError> {
        let mut environment = Vec::new();
        for (variable, value) in variables {
            let (Some(variable), Some(value)) = (variable.to_str(), value.to_str()) else { continue };
            // Compose files and shells set what they do not know to nothing.
            if value.is_empty() {
                continue;
            }
            if let Some(secret) = SECRETS.into_iter().find(|name| variable == format!("{}_FILE", self::variable(name)))
            {
                let secret_file = |source| ConfigError::SecretFile { name: self::variable(secret), source };
                let content = std::fs::read_to_string(value).map_err(secret_file)?;
                match content.trim() {
                    // Containers need a file to be there, and it is right to have no key for this.
                    "" if OPTIONAL_SECRETS.contains(&secret) => (),
                    "" => return Err(ConfigError::Refused(format!("the file that {variable} names is empty"))),
                    content => environment.push((secret.to_owned(), content.to_owned())),
                }
            } else if let Some(name) = setting(variable) {
                // A line break at the end of a secret is a shell's, never the secret's.
                let value = if SECRETS.contains(&name.as_str()) { value.trim() } else { value };
                // What is read later wins: a setting's own name over another tool's.
                let place = if ALIASES.iter().any(|(alias, _)| *alias == variable) { 0 } else { environment.len() };
                environment.insert(place, (name, value.to_owned()));
            }
        }
        let flags = flags.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        // An exact path is required to exist, and most installations have no settings file.
        let file = if file.exists() { Figment::from(Toml::file_exact(file)) } else { Figment::new() };
        Ok(Self { file, environment, flags })
    }

    fn config(&self) -> Result<Config, ConfigError> {
        let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
        let mut figment = Figment::from(Serialized::defaults(Config::default())).merge(&self.file);
        for (name, value) in self.environment.iter().chain(&self.flags) {
            // A text stays what it is, also one of digits; anything else is read as a number or a truth value where it is one.
            let is_text = defaults.get(name).is_some_and(|default| {
                default.is_string() || default.is_null() && !OPTIONAL_NUMBERS.contains(&name.as_str())
            });
            let Ok(value) = if is_text { Ok(Value::from(value.clone())) } else { value.parse::<Value>() };
            figment = figment.merge((name.clone(), value));
        }
        let mut config: Config = figment.extract().map_err(|error| refused(&error))?;
        if let Some(port) = config.port {
            config.listen.set_port(port);
        }
        // With a limit of nothing the server would start and refuse everything.
        let serde_json::Value::Object(values) = serde_json::to_value(&config).unwrap_or_default() else {
            return Ok(config);
        };
        let is_limit = |name: &str| name.ends_with("_max") || name == "embedding_sessions";
        if config.generation_seconds_max >= config.request_seconds_max {
            // Else the request ends before the quoted sentences can take the model's place.
            let [name, other] = ["generation_seconds_max", "request_seconds_max"].map(variable);
            return Err(ConfigError::Refused(format!("{name} must be less than {other}")));
        }
        match values.iter().find(|(name, value)| is_limit(name) && value.as_u64() == Some(0)) {
            Some((name, _)) => Err(ConfigError::Refused(format!("{name} ({}): must be 1 or more", variable(name)))),
            None => Ok(config),
        }
    }

    fn explain(&self) -> Result<Vec<Setting>, ConfigError> {
        let serde_json::Value::Object(values) = serde_json::to_value(self.config()?).unwrap_or_default() else {
            return Ok(Vec::new());
        };
        let is_in = |layer: &[(String, String)], name: &str| layer.iter().any(|(known, _)| known == name);
        let setting = |(name, value): (String, serde_json::Value)| {
            let from = if is_in(&self.flags, &name) {
                "flag"
            } else if is_in(&self.environment, &name) {
                "environment"
            } else if self.file.contains(&name) {
                FILE
            } else {
                "default"
            };
            Setting { variable: variable(&name), value, from, name }
        };
        Ok(values.into_iter().map(setting).collect())
    }
}

/// What is wrong with which setting, and where it stands.
fn refused(error: &figment::Error) -> ConfigError {
    let kind = error.kind.to_string().replace("``", "`");
    let stands_in_file = error.metadata.as_ref().is_some_and(|metadata| metadata.name.contains("TOML"));
    let sentence = match error.path.first() {
        Some(name) if stands_in_file => format!("{name} in {FILE}: {kind}"),
        Some(name) => format!("{name} ({}): {kind}", variable(name)),
        None if stands_in_file => format!("{FILE}: {kind}"),
        None => kind,
    };
    ConfigError::Refused(sentence)
}

/// The setting that an environment variable is for.
fn setting(variable: &str) -> Option<String> {
    let shared = SHARED_NAMES.iter().chain(&ALIASES).find(|(shared, _)| *shared == variable);
    shared.map_or_else(
        || variable.strip_prefix("CANDOR_").map(str::to_lowercase),
        |(_, setting)| Some((*setting).to_owned()),
    )
}

/// Writes that there is a secret, and not which.
#[expect(clippy::ref_option, reason = "serde passes what the field is, by reference")]
fn hidden<S: serde::Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) if !secret.expose_secret().is_empty() => serializer.serialize_str("(hidden)"),
        _ => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Layers over a file with this content, in a folder that lives as long as the first value.
    fn layers(file: &str, variables: &[(&str, &str)], flags: &[(&str, String)]) -> Result<Layers, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, file).unwrap();
        let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let layers = Layers::of(&path, variables, flags)?;
        // The file is read when it is first asked for something, so it is asked before it goes.
        let file = Figment::from(Serialized::defaults(layers.file.extract::<figment::value::Dict>().unwrap()));
        Ok(Layers { file, ..layers })
    }

    #[test]
    fn flags_win_over_the_environment_and_both_over_the_file() {
        let file = "listen = \"127.0.0.1:1111\"\nmessage_chars_max = 10\nlog = \"warn\"";
        let flags = [("log", "debug".to_owned())];
        let layers = layers(file, &[("CANDOR_MESSAGE_CHARS_MAX", "20"), ("CANDOR_LOG", "error")], &flags).unwrap();
        let config = layers.config().unwrap();
        assert_eq!((config.listen.port(), config.message_chars_max, config.log.as_str()), (1111, 20, "debug"));
        let from = |name: &str| {
            let settings = layers.explain().unwrap();
            settings.iter().find(|setting| setting.name == name).map(|setting| setting.from)
        };
        assert_eq!(
            ["listen", "message_chars_max", "log", "data_dir"].map(from),
            [Some(FILE), Some("environment"), Some("flag"), Some("default")]
        );
    }

    #[test]
    fn a_secret_is_read_from_its_file_and_never_shown() {
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), "postgres://candor:hunter2@localhost/candor\n").unwrap();
        let layers = layers("", &[("DATABASE_URL_FILE", secret.path().to_str().unwrap())], &[]).unwrap();
        let config = layers.config().unwrap();
        assert!(config.database_url().expose_secret().ends_with("/candor"));
        let shown = serde_json::to_string(&layers.explain().unwrap()).unwrap();
        assert!(!shown.contains("hunter2") && shown.contains("(hidden)"));
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn a_secret_file_that_is_missing_stops_the_start() {
        let error = layers("", &[("DATABASE_URL_FILE", "/nowhere/at/all")], &[]).err().unwrap();
        assert!(error.to_string().starts_with("the file that DATABASE_URL_FILE names"));
    }

    #[test]
    fn a_limit_of_nothing_is_refused() {
        for variable in ["CANDOR_MESSAGE_CHARS_MAX", "CANDOR_REQUEST_SECONDS_MAX", "CANDOR_EMBEDDING_SESSIONS"] {
            let error = layers("", &[(variable, "0")], &[]).unwrap().config().unwrap_err();
            assert!(error.to_string().contains(variable), "{error}");
        }
    }

    #[test]
    fn an_unknown_setting_is_refused_by_name() {
        for (file, variables) in [("mesage_chars_max = 10", vec![]), ("", vec![("CANDOR_MESAGE_CHARS_MAX", "10")])] {
            let error = layers(file, &variables, &[]).unwrap().config().unwrap_err();
            assert!(error.to_string().contains("mesage_chars_max"), "{error}");
        }
    }

    #[test]
    fn a_folder_may_be_called_like_a_number_or_a_query() {
        let folder = |name: &str| layers("", &[], &[("data_dir", name.to_owned())]).unwrap().config().unwrap();
        assert_eq!(folder("2026").data_dir, Path::new("2026"));
        assert_eq!(folder("a%20b?c").database_url().expose_secret(), "sqlite:a%2520b%3Fc/candor.sqlite");
    }

    #[test]
    fn a_secret_may_be_all_digits_and_a_name_of_its_own_wins_over_another_tool_s() {
        let variables = [
            ("SMTP_PASS", "0123"),
            ("MAILTRAP_SMTP_USER", "1e5"),
            ("SMTP_PORT", "2525"),
            ("MAILTRAP_SMTP_PORT", "25"),
            ("APP_URL", "https://help.example.com"),
        ];
        let layers = layers("", &variables, &[]).unwrap();
        let config = layers.config().unwrap();
        assert_eq!(config.smtp_pass.unwrap().expose_secret(), "0123");
        assert_eq!((config.smtp_user.as_deref(), config.smtp_port), (Some("1e5"), 2525));
        assert_eq!(config.public_url.as_deref(), Some("https://help.example.com"));
        assert!(!serde_json::to_string(&layers.explain().unwrap()).unwrap().contains("0123"));
    }

    #[test]
    fn the_port_of_a_hosting_platform_is_taken() {
        assert_eq!(layers("", &[("PORT", "9999")], &[]).unwrap().config().unwrap().listen.port(), 9999);
    }
}
