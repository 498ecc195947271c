//! Identifiers: one type per thing, so that a ticket's id cannot be passed where an article's is meant.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

/// The namespace of identifiers that are derived from other values (UUIDv5).
const NAMESPACE: Uuid = Uuid::from_u128(0x9f0c_2d5e_4b7a_5c1d_8e3f_6a90_b1c2_d3e4);

/// Where new identifiers and secrets come from.
#[derive(Clone, Debug, Default)]
pub enum Ids {
    /// UUIDv7 by the machine's random source.
    #[default]
    Random,
    /// The same sequence in every run, for tests.
    Counted(Arc<AtomicU64>),
}

impl Ids {
    /// Identifiers that count up from one: a test's snapshot needs no redaction.
    #[must_use]
    pub fn counted() -> Self {
        Self::Counted(Arc::new(AtomicU64::new(0)))
    }

    /// A fresh UUIDv7 for the time `now_ms`.
    fn next(&self, now_ms: i64) -> Uuid {
        let mut random = [0_u8; 10];
        self.fill(&mut random);
        uuid::Builder::from_unix_timestamp_millis(now_ms.max(0).unsigned_abs(), &random).into_uuid()
    }

    /// 32 bytes for a key or a token.
    #[must_use]
    pub fn secret(&self) -> [u8; 32] {
        let mut bytes = [0_u8; 32];
        self.fill(&mut bytes);
        bytes
    }

    /// Eight hexadecimal digits that tell things with the same name apart.
    #[must_use]
    pub fn short(&self) -> String {
        let mut bytes = [0_u8; 8];
        self.fill(&mut bytes);
        hex::encode(&bytes[4..])
    }

    /// What a sequence of chance begins with that is no secret, such as how long to wait.
    #[must_use]
    pub fn seed(&self) -> u64 {
        let mut bytes = [0_u8; 8];
        self.fill(&mut bytes);
        u64::from_be_bytes(bytes)
    }

    fn fill(&self, bytes: &mut [u8]) {
        match self {
            Self::Random => rand::fill(bytes),
            Self::Counted(count) => {
                let count = count.fetch_add(1, Ordering::SeqCst) + 1;
                let tail = bytes.len().saturating_sub(8);
                for (byte, value) in bytes[tail..].iter_mut().zip(count.to_be_bytes()) {
                    *byte = value;
                }
            }
        }
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh identifier for the time `now_ms`.
            #[must_use]
            pub fn new(ids: &Ids, now_ms: i64) -> Self {
                Self(ids.next(now_ms))
            }

            /// The identifier's 128 bits.
            #[must_use]
            pub fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = uuid::Error;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
    };
}

id!(
    /// A workspace: one company's articles, keys, sessions and tickets.
    WorkspaceId
);
id!(
    /// A key that a widget or an integration calls with.
    ApiKeyId
);
id!(
    /// An article, through all its versions.
    ArticleId
);
id!(
    /// One version of one article.
    VersionId
);
id!(
    /// One chunk of one version in one index generation; also its point's id in the index.
    ChunkId
);
id!(
    /// A session inside of Candor; the client's own name for it is a [`crate::chat::SessionName`].
    SessionId
);
id!(
    /// A message of a session or of a ticket.
    MessageId
);
id!(
    /// A ticket.
    TicketId
);
id!(
    /// An accuracy record: one draft with its trace.
    AccuracyId
);
id!(
    /// A job.
    JobId
);

impl ChunkId {
    /// The chunk at place `ordinal` of a version in a generation: the same three always give the same id,
    /// so that writing it twice leaves one point.
    #[must_use]
    pub fn of(version: VersionId, generation: &str, ordinal: usize) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, format!("{version}/{generation}/{ordinal}").as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_ids_are_the_same_in_each_run() {
        let first = (TicketId::new(&Ids::counted(), 5), Ids::counted().secret());
        let second = (TicketId::new(&Ids::counted(), 5), Ids::counted().secret());
        assert_eq!(first, second);
    }

    #[test]
    fn fresh_ids_sort_by_time() {
        let ids = Ids::Random;
        assert!(TicketId::new(&ids, 1_000) < TicketId::new(&ids, 1_001));
    }

    #[test]
    fn a_chunk_keeps_its_id() {
        let version = VersionId::new(&Ids::counted(), 1);
        assert_eq!(ChunkId::of(version, "g1", 3), ChunkId::of(version, "g1", 3));
        assert_ne!(ChunkId::of(version, "g1", 3), ChunkId::of(version, "g2", 3));
    }
}
