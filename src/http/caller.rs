//! Who is calling, asked for by type: a handler that takes [`Keyed<Chat>`] cannot be reached without a key for chat.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, header};

use crate::engine::Engine;
use crate::http::problem::{Code, Problem};
use crate::people::key::PresentedKey;
use crate::people::{Caller, KeyKind, Scope, store};

/// The header that a key travels in.
pub(super) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// The header that a session's token travels in.
pub(super) const SESSION_TOKEN: HeaderName = HeaderName::from_static("x-session-token");

/// What a route needs its key to be.
pub(super) trait Need {
    /// The scope that the key must have.
    const SCOPE: Scope;
    /// Whether it must be a secret key.
    const SECRET: bool;
}

/// Chat, with any key.
pub(super) struct Chat;
/// Ticket creation, with any key.
pub(super) struct OpenTickets;
/// Reading tickets: not with a key that all can read.
pub(super) struct ReadTickets;
/// Reading articles, drafts too: not with a key that all can read.
pub(super) struct ReadKnowledge;
/// Changing them.
pub(super) struct WriteKnowledge;
/// Trying answers out, which shows scores, passages and files: not with a key that all can read.
pub(super) struct TryAnswers;
/// Reading a workspace's settings: not with a key that all can read.
pub(super) struct ReadSettings;
/// Changing them.
pub(super) struct ChangeSettings;

impl Need for Chat {
    const SCOPE: Scope = Scope::Chat;
    const SECRET: bool = false;
}

impl Need for OpenTickets {
    const SCOPE: Scope = Scope::Tickets;
    const SECRET: bool = false;
}

impl Need for ReadTickets {
    const SCOPE: Scope = Scope::Tickets;
    const SECRET: bool = true;
}

impl Need for ReadKnowledge {
    const SCOPE: Scope = Scope::KnowledgeRead;
    const SECRET: bool = true;
}

impl Need for WriteKnowledge {
    const SCOPE: Scope = Scope::KnowledgeWrite;
    const SECRET: bool = true;
}

impl Need for TryAnswers {
    const SCOPE: Scope = Scope::AdminRead;
    const SECRET: bool = true;
}

impl Need for ReadSettings {
    const SCOPE: Scope = Scope::AdminRead;
    const SECRET: bool = true;
}

impl Need for ChangeSettings {
    const SCOPE: Scope = Scope::AdminWrite;
    const SECRET: bool = true;
}

/// A caller whose key satisfies `N`.
pub(super) struct Keyed<N> {
    pub caller: Caller,
    need: PhantomData<N>,
}

impl<N: Need> FromRequestParts<Engine> for Keyed<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, engine: &Engine) -> Result<Self, Problem> {
        let presented = parts.headers.get(API_KEY).ok_or_else(|| {
            Problem::new(Code::KeyMissing).because("send the workspace's key in the header X-API-Key")
        })?;
        let invalid = || Problem::new(Code::KeyInvalid);
        let presented = presented.to_str().ok().and_then(PresentedKey::parse).ok_or_else(invalid)?;
        let key = store::key(engine.database(), presented.id).await?.ok_or_else(invalid)?;
        if !presented.opens(&key, engine.clock().now_ms()) {
            return Err(invalid());
        }
        if key.kind == KeyKind::Secret && parts.headers.contains_key(header::ORIGIN) {
            return Err(Problem::new(Code::SecretKeyInBrowser)
                .because("anybody who opens the page can read it: revoke this key"));
        }
        if N::SECRET && key.kind != KeyKind::Secret {
            return Err(Problem::new(Code::ScopeMissing).because("a secret key is needed here"));
        }
        if !key.scopes.contains(&N::SCOPE) {
            return Err(
                Problem::new(Code::ScopeMissing).because(format!("the key has not the scope {}", N::SCOPE.name()))
            );
        }
        let caller = Caller { workspace: key.workspace, key: key.id, kind: key.kind, scopes: key.scopes };
        Ok(Self { caller, need: PhantomData })
    }
}

/// The session token that was sent, if any.
pub(super) struct SessionToken(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for SessionToken {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.headers.get(SESSION_TOKEN).and_then(|token| token.to_str().ok()).map(str::to_owned)))
    }
}
