//! How a workspace's questions are answered: shown and changed.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::AnswerSettings;
use crate::answer::in_force::OwnCalibrations;
use crate::answer::language::Language;
use crate::answer::settings::{Drafter, ThresholdFrom};
use crate::clock::rfc3339;
use crate::engine::Engine;
use crate::http::body::Body;
use crate::http::caller::{ChangeSettings, Keyed, ReadSettings};
use crate::http::change::Change;
use crate::http::etag::{IfMatch, etag};
use crate::http::problem::{Code, Problem, ProblemBody};
use crate::inference::Generator;

/// Characters of a model's name.
const MODEL_CHARS_MAX: usize = 100;
/// The most that providers take.
const TEMPERATURE_MAX: f64 = 2.0;
/// The fewest tokens of a draft: with fewer no model gets to its first word. The most is the server's own limit.
const TOKENS_MIN: u32 = 256;
/// Characters of the wish about tone.
const SYSTEM_PROMPT_CHARS_MAX: usize = 2_000;

/// How questions are answered. null is always "as the server does by itself".
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "enabled": true, "provider": "gemini", "model": null, "temperature": 0.3, "maxTokens": null,
    "systemPrompt": "Friendly and brief. Say du, not Sie.", "language": "de", "threshold": 0.4,
    "inForce": {
        "provider": "gemini", "model": "gemini-3.8-flash", "temperature": 0.3, "maxTokens": 4096,
        "threshold": 0.4, "thresholdFrom": "workspace", "calibration": "default", "promise": "the workspace's own threshold: no guarantee"
    },
    "version": 3, "updatedAt": "2026-11-21T09:30:00Z", "updatedBy": "0192f3a4-0000-7000-8000-000000000000"
}))]
pub(super) struct AiConfig {
    /// Whether questions are answered. If not, each goes to a person, with the reason `policy`.
    enabled: bool,
    /// Who drafts: a provider of language models, `gemini`, `openai`, `openrouter` or `ollama`, or `extractive`.
    provider: Option<&'static str>,
    /// Which of the provider's models.
    model: Option<String>,
    /// How freely the model chooses its words, 0 to 2.
    temperature: Option<f64>,
    /// Tokens of a draft, hidden thoughts included.
    max_tokens: Option<u32>,
    /// A wish about tone, told to the model beside its rules and never over them. Without a model it has no effect.
    system_prompt: Option<String>,
    /// The language of Candor's own sentences where a request names none; null: the message's.
    language: Option<&'static str>,
    /// Drafts whose confidence is below are not sent; null: the calibration's.
    threshold: Option<f64>,
    /// What that comes to on this server.
    in_force: InForce,
    /// Goes up with each change; also the `ETag`.
    version: i64,
    /// When it was changed last, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<String>,
    /// The id of the key that it was changed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_by: Option<Uuid>,
}

/// Settings together with what the server brings.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct InForce {
    /// `gemini`, `openai`, `openrouter`, `ollama` or `extractive`.
    provider: &'static str,
    /// The model; missing where none drafts, as what follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// Its temperature.
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    /// Its tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    /// Drafts whose confidence is below are not sent.
    threshold: f64,
    /// `workspace` or `calibration`.
    threshold_from: &'static str,
    /// `workspace`: its own labelled questions; `default`: what ships; `outdated`: what ships, because the workspace's own was made for
    /// other answers.
    calibration: &'static str,
    /// What may be claimed for it.
    promise: String,
}

/// What is to change. What is not sent stays, and null is "as the server does by itself".
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({ "provider": "gemini", "temperature": 0.3, "systemPrompt": "Friendly and brief.", "threshold": null }))]
pub(super) struct AiConfigChange {
    /// Whether questions are answered; null: they are.
    #[serde(default)]
    #[garde(skip)]
    #[schema(value_type = Option<bool>)]
    enabled: Change<bool>,
    /// Who drafts: a provider of language models, `gemini`, `openai`, `openrouter` or `ollama`, or `extractive`.
    #[serde(default)]
    #[garde(inner(custom(known_provider)))]
    #[schema(value_type = Option<String>)]
    provider: Change<String>,
    /// Which of the provider's models, by the provider's name for it.
    #[serde(default)]
    #[garde(inner(custom(model_name)))]
    #[schema(value_type = Option<String>)]
    model: Change<String>,
    /// How freely the model chooses its words, 0 to 2.
    #[serde(default)]
    #[garde(inner(range(min = 0.0, max = TEMPERATURE_MAX)))]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 2)]
    temperature: Change<f64>,
    /// Tokens of a draft, hidden thoughts included: from 256 to the server's own limit.
    #[serde(default)]
    #[garde(inner(range(min = TOKENS_MIN)))]
    #[schema(value_type = Option<u32>, minimum = 256)]
    max_tokens: Change<u32>,
    /// A wish about tone, told to the model beside its rules and never over them.
    #[serde(default)]
    #[garde(inner(length(chars, max = SYSTEM_PROMPT_CHARS_MAX), custom(plain_text)))]
    #[schema(value_type = Option<String>, max_length = 2000)]
    system_prompt: Change<String>,
    /// The language of Candor's own sentences where a request names none, as in `en` or `de-AT`.
    #[serde(default)]
    #[garde(inner(custom(spoken_language)))]
    #[schema(value_type = Option<String>)]
    language: Change<String>,
    /// Drafts whose confidence is below are not sent, 0 to 1.
    #[serde(default)]
    #[garde(inner(range(min = 0.0, max = 1.0)))]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 1)]
    threshold: Change<f64>,
}

/// How the workspace's questions are answered, and what that comes to on this server.
#[utoipa::path(
    get, path = "/ai/config", operation_id = "getAiConfig", tag = "operations",
    security(("apiKey" = [])),
    responses(
        (status = 200, description = "The settings", body = AiConfig, headers(("ETag" = String, description = "The version, for If-Match"))),
        (status = 401, description = "key_missing, key_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "scope_missing, secret_key_in_browser", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "dependency_unavailable, timeout", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(engine): State<Engine>,
    Keyed { caller, .. }: Keyed<ReadSettings>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<AiConfig>), Problem> {
    let settings = AnswerSettings::load(&engine, caller.workspace).await?;
    Ok((etag(settings.version), Json(AiConfig::of(&engine, settings))))
}

/// Changes how the workspace's questions are answered, from the very next one on. Needs the scope `admin:write`.
#[utoipa::path(
    put, path = "/ai/config", operation_id = "putAiConfig", tag = "operations", request_body = AiConfigChange,
    security(("apiKey" = [])),
    params(("If-Match" = Option<String>, Header, description = "The ETag of what was read: a change of something that has changed since is refused")),
    responses(
        (status = 200, description = "The settings now", body = AiConfig, headers(("ETag" = String, description = "The version, for If-Match"))),
        (status = 400, description = "body_not_json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "key_missing, key_invalid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "scope_missing, secret_key_in_browser", body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, description = "stale", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "body_too_large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "body_not_declared", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "body_invalid, provider_not_set_up", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "dependency_unavailable, timeout", body = ProblemBody, content_type = "application/problem+json"),
        (status = 507, description = "storage_full", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn change(
    State(engine): State<Engine>,
    Keyed { caller, .. }: Keyed<ChangeSettings>,
    if_match: IfMatch,
    Body(change): Body<AiConfigChange>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<AiConfig>), Problem> {
    change.fits(&engine)?;
    let is_expected = |version| if_match.allows(version);
    let apply = |settings: &mut AnswerSettings| change.apply(settings);
    let changed = AnswerSettings::change(&engine, caller.workspace, caller.key, is_expected, apply).await?;
    let own_calibrations = OwnCalibrations::load(&engine, caller.workspace).await?;
    let settings = AnswerSettings { own_calibrations, ..changed };
    Ok((etag(settings.version), Json(AiConfig::of(&engine, settings))))
}

impl AiConfig {
    fn of(engine: &Engine, settings: AnswerSettings) -> Self {
        let generator = settings.generator(engine);
        let calibrated = settings.in_force(engine, &generator);
        let model = settings.first(engine);
        let in_force = InForce {
            provider: settings.drafter(engine).name(),
            model: model.as_ref().map(|model| model.model().to_owned()),
            temperature: model.as_ref().map(Generator::temperature),
            max_tokens: model.as_ref().map(Generator::tokens_max),
            threshold: settings.threshold(calibrated.calibration()),
            threshold_from: match settings.threshold_from() {
                ThresholdFrom::Workspace => "workspace",
                ThresholdFrom::Calibration => "calibration",
            },
            calibration: calibrated.rests_on.name(),
            promise: settings.promise(calibrated),
        };
        Self {
            enabled: settings.enabled,
            provider: settings.provider.map(Drafter::name),
            model: settings.model,
            temperature: settings.temperature,
            max_tokens: settings.tokens_max,
            system_prompt: settings.system_prompt,
            language: settings.language.map(Language::code),
            threshold: settings.threshold,
            in_force,
            version: settings.version,
            updated_at: settings.changed.map(|changed| rfc3339(changed.at_ms)),
            updated_by: settings.changed.map(|changed| changed.by.as_uuid()),
        }
    }
}

impl AiConfigChange {
    /// Whether this server can do what is asked for. Only what was sent is looked at: answers can be switched off whatever was
    /// chosen before.
    fn fits(&self, engine: &Engine) -> Result<(), Problem> {
        let generators = engine.generators();
        let missing = match (self.provider.value().and_then(|name| Drafter::of_name(name)), self.model.value()) {
            (Some(Drafter::Model(provider)), _) if generators.of_provider(provider).is_none() => {
                Some(("provider", format!("{} is not set up on this server: {}", provider.name(), provider.needs())))
            }
            (None, Some(_)) if generators.is_empty() => Some((
                "model",
                "no language model is set up on this server: set GEMINI_API_KEY, or another provider's".into(),
            )),
            _ => None,
        };
        if let Some((field, why)) = missing {
            return Err(Problem::new(Code::ProviderNotSetUp).because(why.clone()).at_field(field, why));
        }
        let tokens_max = engine.config().generation_tokens_max;
        match self.max_tokens.value() {
            Some(tokens) if *tokens > tokens_max => {
                let why = format!("greater than {tokens_max}, the server's own limit (CANDOR_GENERATION_TOKENS_MAX)");
                Err(Problem::new(Code::BodyInvalid).at_field("maxTokens", why))
            }
            _ => Ok(()),
        }
    }

    fn apply(self, settings: &mut AnswerSettings) {
        let mut enabled = Some(settings.enabled);
        self.enabled.apply(&mut enabled, Some);
        settings.enabled = enabled.unwrap_or(AnswerSettings::default().enabled);
        self.provider.apply(&mut settings.provider, |name| Drafter::of_name(&name));
        self.model.apply(&mut settings.model, Some);
        self.temperature.apply(&mut settings.temperature, Some);
        self.max_tokens.apply(&mut settings.tokens_max, Some);
        self.system_prompt.apply(&mut settings.system_prompt, |text| Some(text.trim().to_owned()));
        self.language.apply(&mut settings.language, |tag| Language::of_tag(&tag));
        self.threshold.apply(&mut settings.threshold, Some);
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes its context by reference")]
fn known_provider(name: &str, _context: &()) -> garde::Result {
    if Drafter::of_name(name).is_some() {
        return Ok(());
    }
    let known = Drafter::ALL.map(Drafter::name).join(", ");
    Err(garde::Error::new(format!("is not one that this server has; there are {known}")))
}

/// OpenRouter's names have a maker before a slash, Ollama's a tag behind a colon.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes its context by reference")]
fn model_name(name: &str, _context: &()) -> garde::Result {
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte))
        && name.starts_with(|char: char| char.is_ascii_alphanumeric())
        && name.len() <= MODEL_CHARS_MAX;
    if is_name {
        return Ok(());
    }
    let why = format!("is no model's name: at most {MODEL_CHARS_MAX} of A-Z a-z 0-9 . _ : / -, as in gemini-3.8-flash");
    Err(garde::Error::new(why))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes its context by reference")]
fn plain_text(text: &str, _context: &()) -> garde::Result {
    if !text.chars().any(char::is_alphanumeric) {
        return Err(garde::Error::new("is empty; null takes it away"));
    }
    let is_plain = |char: char| !char.is_control() || matches!(char, '\n' | '\r' | '\t');
    if text.chars().all(is_plain) { Ok(()) } else { Err(garde::Error::new("has a control character")) }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde passes its context by reference")]
fn spoken_language(tag: &str, _context: &()) -> garde::Result {
    if Language::of_tag(tag).is_some() {
        return Ok(());
    }
    let known = Language::ALL.map(Language::code).join(", ");
    Err(garde::Error::new(format!("is none that Candor speaks; there are {known}")))
}
