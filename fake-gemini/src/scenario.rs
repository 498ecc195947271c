//! What the fake can be told to do, and the names by which it is told.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How long a request over the quota of a minute is told to wait, unless the scenario says otherwise.
const RETRY_AFTER: Duration = Duration::from_secs(2);

macro_rules! plain {
    ($($variant:ident = $name:literal, $meaning:literal;)*) => {
        /// The scenarios that take no argument.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Plain { $(#[doc = $meaning] $variant,)* }

        impl Plain {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name in a header, a model's name and a flag.
            #[must_use]
            pub fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }

            /// What it does, for a person.
            #[must_use]
            pub fn meaning(self) -> &'static str { match self { $(Self::$variant => $meaning,)* } }
        }
    };
}

plain! {
    Ok = "ok", "Answers in prose, also when JSON was asked for.";
    OkJson = "ok_json", "Answers from the passages, in JSON where JSON was asked for.";
    Thinking = "thinking", "As ok_json after a thought, asked for or not. OpenAI: thoughts are only counted.";
    AllThoughtMaxTokens = "all_thought_max_tokens", "Thoughts eat the whole allowance: MAX_TOKENS (length), no text.";
    MaxTokens = "max_tokens", "As ok_json, cut off in the middle: MAX_TOKENS. OpenAI: length.";
    BlockedPrompt = "blocked_prompt", "200 without candidates: the prompt was blocked. OpenAI: 400 content_filter.";
    BlockedOutput = "blocked_output", "200 that SAFETY (content_filter) stopped: no content; streams, after two chunks.";
    Recitation = "recitation", "The same by RECITATION. OpenAI: content_filter.";
    EmptyParts = "empty_parts", "200 and STOP with a content that has no parts. OpenAI: a content that is null.";
    QuotaPerDay = "429_day", "429: none left today, with the short delay by which the real one misleads.";
    QuotaBare = "429_no_details", "429 without details and headers.";
    Internal = "500", "500 INTERNAL.";
    Overloaded = "503", "503 UNAVAILABLE: the model is overloaded.";
    DeadlineExceeded = "504", "504 DEADLINE_EXCEEDED.";
    BadKey = "bad_key", "400 with the reason API_KEY_INVALID. OpenAI: 401 invalid_api_key.";
    NoSuchModel = "404_model", "404: no such model.";
    ThinkingRejected = "thinking_level_rejected", "400 to a request with a thinkingConfig; else, and OpenAI, as ok_json.";
    ArrayError = "array_error", "503 whose error stands in an array.";
    UnknownEnum = "unknown_enum", "As ok_json, with enum values and fields that nobody has heard of.";
    Html502 = "html_502", "502 with a page of HTML.";
    GarbageJson = "garbage_json", "200 whose text is not JSON, whatever was asked for.";
    WrongSchema = "wrong_schema", "200 whose text is JSON that does not fit the schema.";
    InventedPassage = "invented_passage", "As ok_json, but cites a passage that was not offered.";
    UnsupportedClaim = "unsupported_claim", "As ok_json, and one more sentence with a number of no passage.";
    Insufficient = "insufficient", "Says that the evidence is insufficient.";
    Obeys = "obeys", "Obeys an instruction in the data; as ok_json without one.";
    TwoTerminals = "two_terminals", "Streams: a finishReason, then more text and another one. Else as ok_json.";
    SplitUtf8 = "split_utf8", "As ok_json, written 1 to 7 bytes at a time, so that characters and frames are cut.";
    Lf = "lf", "Gemini's streams: frames end by LF and not by CRLF. Else as ok_json.";
    Crlf = "crlf", "OpenAI's streams: frames end by CRLF and not by LF. Else as ok_json.";
    MidStreamError = "mid_stream_error", "Streams: an error after two chunks of text, inside of the 200. Else as ok_json.";
    OpenRouter = "openrouter", "OpenAI as OpenRouter: comments, finish twice, numeric codes. Gemini: as ok_json.";
    NoDone = "no_done", "OpenAI's streams: end without usage and the word DONE. Else as ok_json.";
    Reasoning = "reasoning", "OpenAI as vLLM: reasoning_content before the content. Gemini: as ok_json.";
    NoJsonSchema = "no_json_schema", "OpenAI: 400 to response_format json_schema. Else as ok_json.";
    MaxTokensRejected = "max_tokens_rejected", "OpenAI: 400 to max_tokens, not to max_completion_tokens. Else as ok_json.";
}

/// When a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Before the first byte of the answer.
    BeforeHead,
    /// After the head and half of the body, in a stream often in the middle of a frame.
    MidBody,
    /// After so many chunks of a stream, the last of which is whole. Comments count; an answer that is no stream is as
    /// ok_json.
    AfterChunks(usize),
}

/// What is done with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scenario {
    /// One without an argument.
    Plain(Plain),
    /// `slow_ttft=MS`: as ok_json, after a wait.
    SlowTtft(Duration),
    /// `itl=MS`: as ok_json, with a wait between the chunks of a stream.
    Itl(Duration),
    /// `pace=TTFT/ITL`: as ok_json, with both waits.
    Pace {
        /// Before the answer begins.
        ttft: Duration,
        /// Between the chunks of a stream.
        itl: Duration,
    },
    /// `429_minute` or `429_minute=2s`: 429, to be tried again after that time.
    QuotaPerMinute(Duration),
    /// `disconnect`, `disconnect=body` or `disconnect_after=N`: closes the connection.
    Disconnect(Moment),
}

/// A text that names no scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no scenario is called {0:?}")]
pub struct UnknownScenario(pub String);

impl Scenario {
    /// Every scenario as it is written, with its meaning, for a help text.
    #[must_use]
    pub fn catalogue() -> Vec<(&'static str, &'static str)> {
        let plain = Plain::ALL.iter().map(|plain| (plain.name(), plain.meaning()));
        let others = [
            ("slow_ttft=MS", "As ok_json, after so many milliseconds."),
            ("itl=MS", "As ok_json; a stream waits so many milliseconds between its chunks."),
            ("pace=TTFT/ITL", "As ok_json, with both waits in milliseconds: the first, and between chunks."),
            ("429_minute[=2s]", "429: too many requests this minute, to be tried again after the time."),
            ("disconnect[=body]", "Closes the connection before the answer, or in the middle of its body."),
            ("disconnect_after=N", "Streams: closes the connection after N chunks. Else as ok_json."),
            ("flaky=N/SCENARIO", "SCENARIO for the first N requests, then ok_json."),
        ];
        plain.chain(others).collect()
    }

    /// How long the answer is waited for.
    pub(crate) fn first_wait(self) -> Duration {
        match self {
            Self::SlowTtft(wait) | Self::Pace { ttft: wait, .. } => wait,
            _ => Duration::ZERO,
        }
    }

    /// How long each chunk of a stream but the first is waited for.
    pub(crate) fn wait_between(self) -> Duration {
        match self {
            Self::Itl(wait) | Self::Pace { itl: wait, .. } => wait,
            _ => Duration::ZERO,
        }
    }
}

impl From<Plain> for Scenario {
    fn from(plain: Plain) -> Self {
        Self::Plain(plain)
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(plain) => out.write_str(plain.name()),
            Self::SlowTtft(wait) => write!(out, "slow_ttft={}", wait.as_millis()),
            Self::Itl(wait) => write!(out, "itl={}", wait.as_millis()),
            Self::Pace { ttft, itl } => write!(out, "pace={}/{}", ttft.as_millis(), itl.as_millis()),
            Self::QuotaPerMinute(retry) => write!(out, "429_minute={}", seconds(*retry)),
            Self::Disconnect(Moment::BeforeHead) => out.write_str("disconnect"),
            Self::Disconnect(Moment::MidBody) => out.write_str("disconnect=body"),
            Self::Disconnect(Moment::AfterChunks(chunks)) => write!(out, "disconnect_after={chunks}"),
        }
    }
}

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownScenario(text.to_owned());
        match text.split_once('=') {
            None if text == "429_minute" => Ok(Self::QuotaPerMinute(RETRY_AFTER)),
            None if text == "disconnect" => Ok(Self::Disconnect(Moment::BeforeHead)),
            None => {
                let plain = Plain::ALL.iter().find(|plain| plain.name() == text);
                plain.map(|plain| Self::Plain(*plain)).ok_or_else(unknown)
            }
            Some(("slow_ttft", wait)) => parse_millis(wait).map(Self::SlowTtft).ok_or_else(unknown),
            Some(("itl", wait)) => parse_millis(wait).map(Self::Itl).ok_or_else(unknown),
            Some(("pace", waits)) => {
                let (ttft, itl) = waits.split_once('/').ok_or_else(unknown)?;
                let pace = parse_millis(ttft).zip(parse_millis(itl));
                pace.map(|(ttft, itl)| Self::Pace { ttft, itl }).ok_or_else(unknown)
            }
            Some(("429_minute", retry)) => parse_seconds(retry).map(Self::QuotaPerMinute).ok_or_else(unknown),
            Some(("disconnect_after", chunks)) => {
                chunks.parse().map(|chunks| Self::Disconnect(Moment::AfterChunks(chunks))).map_err(|_| unknown())
            }
            Some(("disconnect", "body")) => Ok(Self::Disconnect(Moment::MidBody)),
            Some(_) => Err(unknown()),
        }
    }
}

/// A duration as protobuf writes it in JSON: `2s`, `0.25s`.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs_f64())
}

fn parse_millis(text: &str) -> Option<Duration> {
    text.parse().ok().map(Duration::from_millis)
}

fn parse_seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for plain in Plain::ALL {
            assert_eq!(plain.name().parse(), Ok(Scenario::Plain(*plain)));
        }
        let others = [
            "slow_ttft=120",
            "itl=20",
            "pace=500/20",
            "429_minute=0.25s",
            "429_minute=37s",
            "disconnect",
            "disconnect=body",
            "disconnect_after=3",
        ];
        for text in others {
            assert_eq!(text.parse::<Scenario>().unwrap().to_string(), text);
        }
        assert_eq!("429_minute".parse::<Scenario>().unwrap().to_string(), "429_minute=2s");
    }

    #[test]
    fn what_names_nothing_is_refused() {
        let wrong = [
            "",
            "okay",
            "503=1",
            "slow_ttft",
            "slow_ttft=soon",
            "itl=-1",
            "pace=5",
            "pace=5/soon",
            "429_minute=2",
            "429_minute=-1s",
            "disconnect=x",
            "disconnect_after=",
        ];
        for text in wrong {
            assert_eq!(text.parse::<Scenario>(), Err(UnknownScenario(text.to_owned())));
        }
    }
}
