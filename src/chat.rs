//! Sessions: who may speak in one, and its turns.

pub mod live;
pub mod store;
pub mod turn;
mod with_agent;

use std::str::FromStr;

use crate::answer::conversation::{self, Conversation, Offered, Said};
use crate::answer::decide::Decision;
use crate::answer::language::Language;
use crate::database::DatabaseError;
use crate::desk;
use crate::engine::Engine;
use crate::ids::{SessionId, WorkspaceId};
use crate::people::{Caller, KeyKind, key};

/// The longest name of a session.
pub const SESSION_NAME_CHARS_MAX: usize = 128;

/// A session's name, chosen by the client: 1 to 128 of `A-Z a-z 0-9 . _ : -`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct SessionName(String);

/// A name that no session may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session's id has 1 to 128 of the characters A-Z a-z 0-9 . _ : - and is not `export` or `stats`")]
pub struct BadSessionName;

impl FromStr for SessionName {
    type Err = BadSessionName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        let fits = (1..=SESSION_NAME_CHARS_MAX).contains(&name.len()) && name.bytes().all(is_allowed);
        if fits && !["export", "stats"].contains(&name) { Ok(Self(name.to_owned())) } else { Err(BadSessionName) }
    }
}

impl SessionName {
    /// The name's characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// The customer.
    User,
    /// Candor.
    Bot,
    /// A person of the company.
    Agent,
}

impl Sender {
    /// Its name in SQL and on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Bot => "bot",
            Self::Agent => "agent",
        }
    }
}

/// A session that may be spoken in.
#[derive(Debug)]
pub enum Admission {
    /// It does not exist yet; the first message makes it.
    New(SessionName),
    /// It exists, and the caller has shown that it is theirs.
    Open(store::Session),
}

impl Admission {
    /// The session's name.
    #[must_use]
    pub fn name(&self) -> &SessionName {
        match self {
            Self::New(name) => name,
            Self::Open(session) => &session.name,
        }
    }

    /// Whether a person has the conversation, so that Candor is silent.
    #[must_use]
    pub fn is_with_agent(&self) -> bool {
        matches!(self, Self::Open(session) if session.is_with_agent)
    }
}

/// Why a session may not be used.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// It exists, and no token, or not its token, was shown.
    #[error("this session needs its session token")]
    TokenNeeded,
    /// There is no such session.
    #[error("there is no such session")]
    NotFound,
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// What a customer told about themselves and their device.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    /// Whatever the site knows, as JSON.
    pub user_meta: Option<serde_json::Value>,
    /// The language that the customer reads, as the site says.
    pub language: Option<String>,
    /// The browser.
    pub user_agent: Option<String>,
}

/// Finds the session and checks that the caller may use it.
///
/// A publishable key stands in a web page for all to read, so a session's name, which may be guessed, is not enough with it: the
/// session's token is needed too. A secret key speaks for the company.
///
/// # Errors
/// [`SessionError::TokenNeeded`], also for a token of another session.
pub async fn admit(
    engine: &Engine,
    caller: &Caller,
    name: SessionName,
    session_token: Option<&str>,
) -> Result<Admission, SessionError> {
    let Some(session) = store::session_by_name(engine.database(), caller.workspace, &name).await? else {
        return Ok(Admission::New(name));
    };
    let is_theirs = match caller.kind {
        KeyKind::Secret => true,
        KeyKind::Publishable => session_token.is_some_and(|token| key::is_session_token(token, &session.token_sha256)),
    };
    if is_theirs { Ok(Admission::Open(session)) } else { Err(SessionError::TokenNeeded) }
}

/// What was said before the next message of a session, as far as it helps to understand it, and the `language` that its site
/// names.
///
/// # Errors
/// As the database.
pub async fn conversation(
    engine: &Engine,
    workspace: WorkspaceId,
    admission: &Admission,
    language: Option<Language>,
) -> Result<Conversation, DatabaseError> {
    let Admission::Open(session) = admission else { return Ok(Conversation::of(Vec::new(), language)) };
    let (database, vault) = (engine.database(), engine.vault());
    let limit = i64::try_from(conversation::LINES_MAX).unwrap_or(i64::MAX);
    let before = store::last_messages(database, vault, workspace, session.id, limit).await?;
    let said = before.into_iter().map(|message| {
        let decision = message.metadata.as_ref().map(|metadata| &metadata["decision"]);
        let is_answer = decision.is_none_or(|decision| decision == Decision::Answered.name());
        let offered = message.metadata.as_ref().and_then(offered);
        Said { sender: message.sender, text: message.text, is_answer, offered }
    });
    Ok(Conversation::of(said.collect(), language))
}

/// What a message with this metadata asked the customer to choose from.
fn offered(metadata: &serde_json::Value) -> Option<Offered> {
    let options = metadata["options"].as_array()?.iter().filter_map(|option| Some(option.as_str()?.to_owned()));
    Some(Offered { question: metadata["question"].as_str()?.to_owned(), options: options.collect() })
}

/// Messages of a session that go into a ticket.
const TRANSCRIPT_MESSAGES_MAX: i64 = 50;

/// What was said last in a session, oldest first, as a ticket shows it.
///
/// # Errors
/// As the database.
pub async fn said_before(
    engine: &Engine,
    workspace: WorkspaceId,
    session: SessionId,
) -> Result<Vec<desk::Line>, DatabaseError> {
    let (database, vault) = (engine.database(), engine.vault());
    let before = store::last_messages(database, vault, workspace, session, TRANSCRIPT_MESSAGES_MAX).await?;
    Ok(before.into_iter().map(|message| desk::Line { sender: message.sender, text: message.text }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_names_keep_to_their_alphabet() {
        for name in ["visitor-123", "a", "A.b_c:d-9", &"x".repeat(128)] {
            assert!(name.parse::<SessionName>().is_ok(), "{name}");
        }
        for name in ["", "export", "stats", "a b", "é", "a/b", &"x".repeat(129)] {
            assert_eq!(name.parse::<SessionName>(), Err(BadSessionName), "{name}");
        }
    }
}
