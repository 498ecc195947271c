//! Mail: what is written to people, in their language, as text and as HTML, and sent over SMTP.
//!
//! A [`Mail`] is posted ([`Outbox::post`]) in the transaction of what it is about and sent by a job, so that a mail server that is
//! away delays it and loses nothing. A job may be done twice; its mail then has the same Message-ID, by which mail programs know
//! it for the same. Addresses and tokens are never logged.

mod letter;
mod outbox;
mod smtp;
mod wording;

pub use outbox::{Outbox, Posted};
pub use smtp::{MailError, MailSetUpError, Mailer};

/// A mail that is about to be sent.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Mail {
    /// The address that it goes to.
    pub to: String,
    /// What its reader is called, where that is known.
    pub name: Option<String>,
    /// What it is written in.
    pub language: Language,
    /// What it says.
    pub letter: Letter,
}

/// What a mail says. A token is the secret by which the link in the mail is known.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Letter {
    /// Somebody has registered with this address: is it theirs?
    Verification {
        /// The link's.
        token: String,
        /// How long it works.
        valid_hours: u32,
    },
    /// The address is theirs.
    Welcome,
    /// Somebody wants a new password.
    PasswordReset {
        /// The link's.
        token: String,
        /// How long it works.
        valid_hours: u32,
    },
    /// Somebody is to become a member of a workspace.
    Invitation {
        /// The link's.
        token: String,
        /// How long it works.
        valid_hours: u32,
        /// What the workspace is called.
        workspace: String,
        /// Who invites them, where that is known.
        inviter: Option<String>,
    },
}

/// A language that mails are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Language {
    /// English, also for all that there is no wording for.
    #[default]
    #[serde(rename = "en")]
    English,
    /// German.
    #[serde(rename = "de")]
    German,
}

impl Language {
    /// The language of a tag such as `de-AT`; English where there is no wording for it.
    #[must_use]
    pub fn of(tag: &str) -> Self {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("de") { Self::German } else { Self::English }
    }
}

impl Letter {
    /// Which letter it is, for logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Verification { .. } => "verification",
            Self::Welcome => "welcome",
            Self::PasswordReset { .. } => "password_reset",
            Self::Invitation { .. } => "invitation",
        }
    }
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Mail({:?}, {:?})", self.letter, self.language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_an_address_nor_a_token_is_seen_by_who_debugs() {
        let letter = Letter::PasswordReset { token: "s3cret".into(), valid_hours: 1 };
        let mail = Mail { to: "ada@example.com".into(), name: Some("Ada".into()), language: Language::German, letter };
        assert_eq!(format!("{mail:?}"), "Mail(password_reset, German)");
    }

    #[test]
    fn a_language_without_a_wording_is_english() {
        assert_eq!(["de", "de-AT", "DE_ch", "fr", "den", ""].map(Language::of), {
            use Language::{English, German};
            [German, German, German, English, English, English]
        });
    }
}
