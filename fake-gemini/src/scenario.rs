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
    Thinking = "thinking", "As ok_json after a thought, asked for or not; the text in two parts.";
    AllThoughtMaxTokens = "all_thought_max_tokens", "Thoughts eat the whole allowance: MAX_TOKENS and no text.";
    MaxTokens = "max_tokens", "As ok_json, cut off in the middle: MAX_TOKENS.";
    BlockedPrompt = "blocked_prompt", "200 without candidates: the prompt was blocked.";
    BlockedOutput = "blocked_output", "200 with a candidate that SAFETY stopped.";
    Recitation = "recitation", "200 with a candidate that RECITATION stopped.";
    EmptyParts = "empty_parts", "200 and STOP with a content that has no parts.";
    QuotaPerDay = "429_day", "429: none left today, with the short delay by which the real one misleads.";
    QuotaBare = "429_no_details", "429 without details.";
    Internal = "500", "500 INTERNAL.";
    Overloaded = "503", "503 UNAVAILABLE: the model is overloaded.";
    DeadlineExceeded = "504", "504 DEADLINE_EXCEEDED.";
    BadKey = "bad_key", "400 with the reason API_KEY_INVALID.";
    NoSuchModel = "404_model", "404: no such model.";
    ThinkingRejected = "thinking_level_rejected", "400 to a request with a thinkingConfig; as ok_json without one.";
    ArrayError = "array_error", "503 whose error stands in an array.";
    UnknownEnum = "unknown_enum", "As ok_json, with enum values and fields that nobody has heard of.";
    Html502 = "html_502", "502 with a page of HTML.";
    GarbageJson = "garbage_json", "200 whose text is not JSON, whatever was asked for.";
    WrongSchema = "wrong_schema", "200 whose text is JSON that does not fit the schema.";
    InventedPassage = "invented_passage", "As ok_json, but cites a passage that was not offered.";
    UnsupportedClaim = "unsupported_claim", "As ok_json, and one more sentence with a number of no passage.";
    Insufficient = "insufficient", "Says that the evidence is insufficient.";
    Obeys = "obeys", "Obeys an instruction in the data; as ok_json without one.";
}

/// When a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Before the first byte of the answer.
    BeforeHead,
    /// After the head and half of the body.
    MidBody,
}

/// What is done with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scenario {
    /// One without an argument.
    Plain(Plain),
    /// `slow_ttft=MS`: as ok_json, after a wait.
    SlowTtft(Duration),
    /// `429_minute` or `429_minute=2s`: 429, to be tried again after that time.
    QuotaPerMinute(Duration),
    /// `disconnect` or `disconnect=body`: closes the connection.
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
            ("429_minute[=2s]", "429: too many requests this minute, to be tried again after the time."),
            ("disconnect[=body]", "Closes the connection before the answer, or in the middle of its body."),
            ("flaky=N/SCENARIO", "SCENARIO for the first N requests, then ok_json."),
        ];
        plain.chain(others).collect()
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
            Self::QuotaPerMinute(retry) => write!(out, "429_minute={}", seconds(*retry)),
            Self::Disconnect(Moment::BeforeHead) => out.write_str("disconnect"),
            Self::Disconnect(Moment::MidBody) => out.write_str("disconnect=body"),
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
            Some(("slow_ttft", wait)) => {
                wait.parse().map(Duration::from_millis).map(Self::SlowTtft).map_err(|_| unknown())
            }
            Some(("429_minute", retry)) => parse_seconds(retry).map(Self::QuotaPerMinute).ok_or_else(unknown),
            Some(("disconnect", "body")) => Ok(Self::Disconnect(Moment::MidBody)),
            Some(_) => Err(unknown()),
        }
    }
}

/// A duration as protobuf writes it in JSON: `2s`, `0.25s`.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs_f64())
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
        for text in ["slow_ttft=120", "429_minute=0.25s", "429_minute=37s", "disconnect", "disconnect=body"] {
            assert_eq!(text.parse::<Scenario>().unwrap().to_string(), text);
        }
        assert_eq!("429_minute".parse::<Scenario>().unwrap().to_string(), "429_minute=2s");
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in
            ["", "okay", "503=1", "slow_ttft", "slow_ttft=soon", "429_minute=2", "429_minute=-1s", "disconnect=x"]
        {
            assert_eq!(text.parse::<Scenario>(), Err(UnknownScenario(text.to_owned())));
        }
    }
}
