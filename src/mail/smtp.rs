//! Sending over SMTP.

use std::time::{Duration, SystemTime};

use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};

use crate::config::Config;
use crate::mail::Mail;
use crate::mail::letter::Letters;

/// How long the server may take to be reached.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a mail may take in all: lettre itself waits without an end for an answer (0.11.23, its async_connection.rs).
const SENDING_TIMEOUT: Duration = Duration::from_secs(60);
/// The port on which TLS begins with the first byte; on all others it is asked for with STARTTLS.
const TLS_PORT: u16 = 465;
const TOO_SLOW: &str = "the mail server does not answer in time";
/// Codes by which a server refuses the sender and not the mail: the settings can be mended, and the mail sent then.
const REFUSES_THE_SENDER: [u16; 4] = [530, 534, 535, 538];

/// The way to a mail server.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    letters: Letters,
    sending_timeout: Duration,
}

/// Settings with which no mail can be sent.
#[derive(Debug, thiserror::Error)]
pub enum MailSetUpError {
    /// One is missing that the others need.
    #[error("with SMTP_HOST set, {0} must be set too")]
    Missing(&'static str),
    /// One that is no such thing.
    #[error("{variable} cannot be used: {why}")]
    Unfit {
        /// The setting.
        variable: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A template of ours is none.
    #[error("the templates of mails cannot be used: {0}")]
    Templates(#[from] minijinja::Error),
}

/// Why a mail was not sent, in a sentence that names nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// It may be later.
    #[error("{0}")]
    Later(String),
    /// It will never be.
    #[error("{0}")]
    Never(String),
}

impl Mailer {
    /// The way to the server that `config` names; `None` when it names none. Nothing is asked of the server yet.
    ///
    /// # Errors
    /// [`MailSetUpError`].
    pub fn open(config: &Config) -> Result<Option<Self>, MailSetUpError> {
        let Some(host) = &config.smtp_host else { return Ok(None) };
        let unfit = |variable, why: String| MailSetUpError::Unfit { variable, why };
        let from = config.smtp_from.as_deref().ok_or(MailSetUpError::Missing("SMTP_FROM"))?;
        let from: Mailbox =
            from.parse().map_err(|error: lettre::address::AddressError| unfit("SMTP_FROM", error.to_string()))?;
        let public_url = config.public_url.as_deref().ok_or(MailSetUpError::Missing("CANDOR_PUBLIC_URL"))?;
        if !["https://", "http://"].iter().any(|scheme| public_url.starts_with(scheme)) {
            return Err(unfit("CANDOR_PUBLIC_URL", "it must begin with https:// or http://".to_owned()));
        }
        let credentials = match (&config.smtp_user, &config.smtp_pass) {
            (Some(user), Some(pass)) => Some(Credentials::new(user.clone(), pass.expose_secret().to_owned())),
            (None, None) => None,
            (Some(_), None) => return Err(MailSetUpError::Missing("SMTP_PASS")),
            (None, Some(_)) => return Err(MailSetUpError::Missing("SMTP_USER")),
        };
        let parameters = TlsParameters::new(host.clone()).map_err(|error| unfit("SMTP_HOST", error.to_string()))?;
        let tls = match (&credentials, config.smtp_port) {
            (_, TLS_PORT) => Tls::Wrapper(parameters),
            // A password goes to no server that somebody between could have made refuse STARTTLS.
            (Some(_), _) => Tls::Required(parameters),
            (None, _) => Tls::Opportunistic(parameters),
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host.clone())
            .port(config.smtp_port)
            .timeout(Some(CONNECT_TIMEOUT))
            .tls(tls);
        if let Some(credentials) = credentials {
            transport = transport.credentials(credentials);
        }
        let letters = Letters::new(public_url)?;
        Ok(Some(Self { transport: transport.build(), from, letters, sending_timeout: SENDING_TIMEOUT }))
    }

    /// Sends `mail`. The same `idempotency_key` gives the same Message-ID.
    ///
    /// # Errors
    /// [`MailError`]. Where the connection ends in the wrong moment the server may have taken the mail all the same.
    pub async fn send(&self, mail: &Mail, idempotency_key: &str, now_ms: i64) -> Result<(), MailError> {
        let message = self.message(mail, idempotency_key, now_ms)?;
        match tokio::time::timeout(self.sending_timeout, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failed(&error)),
            Err(_) => Err(MailError::Later(TOO_SLOW.to_owned())),
        }
    }

    fn message(&self, mail: &Mail, idempotency_key: &str, now_ms: i64) -> Result<Message, MailError> {
        let never = |why: &str| MailError::Never(why.to_owned());
        let written = self.letters.write(mail).map_err(|_| never("its template cannot be filled"))?;
        let address: Address = mail.to.parse().map_err(|_| never("what it was to be sent to is no address"))?;
        // The name stands in the letter. In the header it would be one more place for strangers' words.
        let to = Mailbox::new(None, address);
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms.max(0).unsigned_abs());
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(written.subject)
            .date(now)
            .message_id(Some(message_id(idempotency_key, self.from.email.domain())))
            .multipart(MultiPart::alternative_plain_html(written.text, written.html))
            .map_err(|_| never("it cannot be put together"))
    }
}

/// What a mail is known by: the same for the same key, and nobody can tell the key from it.
fn message_id(idempotency_key: &str, domain: &str) -> String {
    let digest = Sha256::digest(idempotency_key.as_bytes());
    format!("<{}@{domain}>", hex::encode(&digest[..16]))
}

/// What it means that the server did not take a mail. Its own words are left out, since they mostly repeat the address.
fn failed(error: &lettre::transport::smtp::Error) -> MailError {
    if let Some(code) = error.status().map(u16::from) {
        return if REFUSES_THE_SENDER.contains(&code) {
            MailError::Later(format!("the mail server refuses SMTP_USER and SMTP_PASS ({code})"))
        } else if error.is_permanent() {
            MailError::Never(format!("the mail server refuses it for good ({code})"))
        } else {
            MailError::Later(format!("the mail server refuses it for now ({code})"))
        };
    }
    MailError::Later(if error.is_timeout() {
        TOO_SLOW.to_owned()
    } else if error.is_tls() {
        "no TLS connection to the mail server can be made".to_owned()
    } else if error.is_response() {
        // An answer that ends before it is whole is one of these.
        "the mail server ended the connection, or its answers are not SMTP".to_owned()
    } else if error.is_client() {
        // What lettre itself says of a server that lacks what the settings ask for, such as STARTTLS.
        format!("the mail server cannot be used: {error}")
    } else {
        "the mail server cannot be reached".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(change: impl FnOnce(&mut Config)) -> Result<Option<Mailer>, String> {
        let mut config = Config {
            smtp_host: Some("mail.example.com".into()),
            smtp_from: Some("Bikes <help@example.com>".into()),
            public_url: Some("https://help.example.com".into()),
            ..Config::default()
        };
        change(&mut config);
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Mailer::open(&config).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn without_a_server_there_is_no_mail_and_half_of_the_settings_stop_the_start() {
        assert!(opened(|config| *config = Config::default()).unwrap().is_none());
        assert!(opened(|_| ()).unwrap().is_some());
        let refused = |change: fn(&mut Config)| opened(change).err().unwrap();
        assert_eq!(refused(|config| config.smtp_from = None), "with SMTP_HOST set, SMTP_FROM must be set too");
        assert_eq!(refused(|config| config.public_url = None), "with SMTP_HOST set, CANDOR_PUBLIC_URL must be set too");
        assert_eq!(
            refused(|config| config.smtp_user = Some("u".into())),
            "with SMTP_HOST set, SMTP_PASS must be set too"
        );
        assert!(refused(|config| config.smtp_from = Some("nobody".into())).starts_with("SMTP_FROM cannot be used"));
        assert!(refused(|config| config.public_url = Some("help".into())).starts_with("CANDOR_PUBLIC_URL cannot"));
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_not_waited_for_without_an_end() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut mailer = opened(|config| {
            config.smtp_host = Some("127.0.0.1".into());
            config.smtp_port = port;
        })
        .unwrap()
        .unwrap();
        mailer.sending_timeout = Duration::from_millis(50);
        let (language, letter) = (crate::mail::Language::English, crate::mail::Letter::Welcome);
        let mail = Mail { to: "ada@example.com".into(), name: None, language, letter };
        let sending = tokio::time::timeout(Duration::from_secs(10), mailer.send(&mail, "key", 0));
        assert_eq!(sending.await.unwrap(), Err(MailError::Later(TOO_SLOW.into())));
    }

    #[test]
    fn the_same_key_gives_the_same_message_id() {
        let first = message_id("verification/1", "example.com");
        assert_eq!(first, message_id("verification/1", "example.com"));
        assert_ne!(first, message_id("verification/2", "example.com"));
        assert!(first.starts_with('<') && first.ends_with("@example.com>") && first.len() == 46, "{first}");
    }
}
