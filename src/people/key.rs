//! API keys and session tokens: made, shown once, stored as digests.

use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::ids::{ApiKeyId, Ids, WorkspaceId};

/// What a key may be used for, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyKind {
    /// `pk_…`: stands in a web page for all to read; chat and ticket creation only.
    Publishable,
    /// `sk_…`: stays on a server.
    Secret,
}

/// One thing that a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Scope {
    /// Ask, and read one's own sessions.
    #[serde(rename = "chat")]
    Chat,
    /// Open tickets; with a secret key also read them.
    #[serde(rename = "tickets")]
    Tickets,
    /// Read articles.
    #[serde(rename = "knowledge:read")]
    KnowledgeRead,
    /// Change articles.
    #[serde(rename = "knowledge:write")]
    KnowledgeWrite,
    /// Read what an admin reads.
    #[serde(rename = "admin:read")]
    AdminRead,
    /// Change what an admin changes.
    #[serde(rename = "admin:write")]
    AdminWrite,
}

impl Scope {
    /// All scopes, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::Chat, Self::Tickets, Self::KnowledgeRead, Self::KnowledgeWrite, Self::AdminRead, Self::AdminWrite];

    /// Its name in requests and commands.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Tickets => "tickets",
            Self::KnowledgeRead => "knowledge:read",
            Self::KnowledgeWrite => "knowledge:write",
            Self::AdminRead => "admin:read",
            Self::AdminWrite => "admin:write",
        }
    }

    /// Whether a key that everybody can read may have it.
    #[must_use]
    pub fn may_be_published(self) -> bool {
        matches!(self, Self::Chat | Self::Tickets)
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|scope| scope.name() == name)
            .ok_or_else(|| format!("unknown scope {name:?}; there are: {}", known()))
    }
}

impl KeyKind {
    /// How a key of this kind begins.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Publishable => "pk_",
            Self::Secret => "sk_",
        }
    }
}

/// A key as it is stored.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Its id, which is also a part of the key.
    pub id: ApiKeyId,
    /// The workspace that it opens.
    pub workspace: WorkspaceId,
    /// What it is called.
    pub name: String,
    /// Publishable or secret.
    pub kind: KeyKind,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// SHA-256 of its secret part.
    pub secret_sha256: Vec<u8>,
    /// From when on it is refused.
    pub expires_at_ms: Option<i64>,
    /// When it was revoked.
    pub revoked_at_ms: Option<i64>,
}

/// Whoever showed a valid key.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The key's workspace: the only one that this caller can reach.
    pub workspace: WorkspaceId,
    /// Which key.
    pub key: ApiKeyId,
    /// Publishable or secret.
    pub kind: KeyKind,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

/// A key as somebody sends it: `pk_` or `sk_`, the id without dashes, `_`, the secret.
pub struct PresentedKey {
    /// Which stored key it claims to be.
    pub id: ApiKeyId,
    kind: KeyKind,
    secret_sha256: [u8; 32],
}

/// Length of an id without dashes.
const ID_CHARS: usize = 32;

impl PresentedKey {
    /// Takes a key apart; `None` when it does not look like one.
    ///
    /// The secret may hold `_`, so the parts are found by their lengths.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let kind = [KeyKind::Publishable, KeyKind::Secret].into_iter().find(|kind| text.starts_with(kind.prefix()))?;
        let (id, secret) = text[kind.prefix().len()..].split_at_checked(ID_CHARS)?;
        let secret = secret.strip_prefix('_')?;
        Some(Self { id: id.parse().ok()?, kind, secret_sha256: Sha256::digest(secret.as_bytes()).into() })
    }

    /// Whether this is the stored key, and it may be used at `now_ms`.
    #[must_use]
    pub fn opens(&self, stored: &ApiKey, now_ms: i64) -> bool {
        let same: bool = self.secret_sha256.as_slice().ct_eq(&stored.secret_sha256).into();
        same && self.kind == stored.kind
            && stored.revoked_at_ms.is_none()
            && stored.expires_at_ms.is_none_or(|expires_at_ms| now_ms < expires_at_ms)
    }
}

/// A new key: what is stored, and the key itself, which is shown once and never again.
#[must_use]
pub fn new_key(
    ids: &Ids,
    now_ms: i64,
    workspace: WorkspaceId,
    name: &str,
    kind: KeyKind,
    scopes: Vec<Scope>,
) -> (ApiKey, SecretString) {
    let id = ApiKeyId::new(ids, now_ms);
    let secret = BASE64_URL_SAFE_NO_PAD.encode(ids.secret());
    let key = format!("{}{}_{secret}", kind.prefix(), id.as_uuid().simple());
    let stored = ApiKey {
        id,
        workspace,
        name: name.to_owned(),
        kind,
        scopes,
        secret_sha256: Sha256::digest(secret.as_bytes()).to_vec(),
        expires_at_ms: None,
        revoked_at_ms: None,
    };
    (stored, key.into())
}

/// What proves that a session is one's own: the token, shown once, and its digest for the database.
#[must_use]
pub fn new_session_token(ids: &Ids) -> (SecretString, Vec<u8>) {
    let token: SecretString = format!("st_{}", BASE64_URL_SAFE_NO_PAD.encode(ids.secret())).into();
    let digest = Sha256::digest(token.expose_secret().as_bytes()).to_vec();
    (token, digest)
}

/// Whether `presented` is the token with this digest.
#[must_use]
pub fn is_session_token(presented: &str, token_sha256: &[u8]) -> bool {
    Sha256::digest(presented.as_bytes()).as_slice().ct_eq(token_sha256).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: KeyKind) -> (ApiKey, String) {
        let ids = Ids::Random;
        let (stored, key) = new_key(&ids, 1_000, WorkspaceId::new(&ids, 1_000), "test", kind, vec![Scope::Chat]);
        (stored, key.expose_secret().to_owned())
    }

    #[test]
    fn a_key_opens_only_what_it_was_made_for() {
        for _ in 0..100 {
            let (stored, text) = key(KeyKind::Publishable);
            assert!(PresentedKey::parse(&text).unwrap().opens(&stored, 2_000));
            let other = key(KeyKind::Publishable).0;
            assert!(!PresentedKey::parse(&text).unwrap().opens(&other, 2_000));
        }
    }

    #[test]
    fn a_revoked_or_expired_key_opens_nothing() {
        let (mut stored, text) = key(KeyKind::Secret);
        stored.expires_at_ms = Some(5_000);
        let presented = PresentedKey::parse(&text).unwrap();
        assert!(presented.opens(&stored, 4_999) && !presented.opens(&stored, 5_000));
        stored.revoked_at_ms = Some(1);
        assert!(!presented.opens(&stored, 4_999));
    }

    #[test]
    fn a_publishable_key_does_not_pass_as_a_secret_one() {
        let (stored, text) = key(KeyKind::Publishable);
        let disguised = text.replacen("pk_", "sk_", 1);
        assert!(!PresentedKey::parse(&disguised).unwrap().opens(&stored, 2_000));
    }

    #[test]
    fn what_is_no_key_is_refused_without_a_panic() {
        for text in
            ["", "pk_", "pk_ü", "sk_0123", &format!("pk_{}", "é".repeat(40)), &format!("pk_{}_x", "g".repeat(32))]
        {
            assert!(PresentedKey::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_session_token_is_recognised() {
        let (token, digest) = new_session_token(&Ids::Random);
        assert!(is_session_token(token.expose_secret(), &digest));
        assert!(!is_session_token("st_other", &digest));
    }
}
