//! Who is calling: workspaces and API keys.

pub mod key;
pub mod store;

pub use key::{ApiKey, Caller, KeyKind, Scope};
