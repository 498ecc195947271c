//! A letter as text and as HTML.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, UndefinedBehavior};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::mail::wording::{self, Wording};
use crate::mail::{Letter, Mail};

/// A mail's subject and both of its bodies.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// The templates, and where their links lead.
#[derive(Debug)]
pub(super) struct Letters {
    templates: Environment<'static>,
    public_url: String,
}

#[derive(serde::Serialize)]
struct Contents<'a> {
    #[serde(flatten)]
    wording: &'a Wording,
    link: &'a str,
}

impl Letters {
    /// # Errors
    /// When a template is none, which a test would have found.
    pub(super) fn new(public_url: &str) -> Result<Self, Error> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        // Tags stand on lines of their own and leave none. What ends in .html is escaped.
        templates.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        templates.add_template("letter.html", include_str!("letter.html"))?;
        templates.add_template("letter.txt", include_str!("letter.txt"))?;
        Ok(Self { templates, public_url: public_url.trim_end_matches('/').to_owned() })
    }

    /// Writes the letter of `mail`.
    ///
    /// # Errors
    /// When a template asks for what there is not, which a test would have found.
    pub(super) fn write(&self, mail: &Mail) -> Result<Written, Error> {
        let wording = wording::of(mail.language, &mail.letter, mail.name.as_deref());
        let link = self.link(&mail.letter);
        let filled = |template: &str| {
            self.templates.get_template(template)?.render(Serde(Contents { wording: &wording, link: &link }))
        };
        Ok(Written { text: filled("letter.txt")?, html: filled("letter.html")?, subject: wording.subject })
    }

    fn link(&self, letter: &Letter) -> String {
        let (page, token) = match letter {
            Letter::Verification { token, .. } => ("verify-email", token),
            Letter::PasswordReset { token, .. } => ("reset-password", token),
            Letter::Invitation { token, .. } => ("invitation", token),
            Letter::Welcome => return format!("{}/", self.public_url),
        };
        let token = utf8_percent_encode(token, NON_ALPHANUMERIC);
        format!("{}/{page}?token={token}", self.public_url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Language;

    fn written(language: Language, letter: Letter) -> Written {
        let mail = Mail { to: "ada@example.com".into(), name: Some("Ada <b>&\nLovelace".into()), language, letter };
        Letters::new("https://help.example.com/support/").unwrap().write(&mail).unwrap()
    }

    fn invitation() -> Letter {
        let (workspace, inviter) = ("Räder & <script>".to_owned(), Some("Eve".to_owned()));
        Letter::Invitation { token: "a-b_c".into(), valid_hours: 168, workspace, inviter }
    }

    #[test]
    fn an_invitation_in_english_as_text() {
        let written = written(Language::English, invitation());
        assert_eq!(written.subject, "Invitation to Räder & <script>");
        assert_eq!(
            written.text,
            "Hello Ada <b>& Lovelace,\n\n\
             Eve invites you to the workspace “Räder & <script>”.\n\n\
             Accept the invitation:\nhttps://help.example.com/support/invitation?token=a%2Db%5Fc\n\n\
             The link works for 7 days.\n\n\
             If you do not know why, ignore this mail: nothing happens then.\n"
        );
    }

    #[test]
    fn in_html_a_name_is_text_and_never_markup() {
        for language in [Language::English, Language::German] {
            let html = written(language, invitation()).html;
            assert!(html.contains("Ada &lt;b&gt;&amp; Lovelace"), "{html}");
            assert!(html.contains("Räder &amp; &lt;script&gt;") && !html.contains("<script>"), "{html}");
            assert!(!html.contains("{{") && !html.contains("{%"), "{html}");
        }
    }

    #[test]
    fn every_letter_has_its_link_in_both_bodies_and_both_languages() {
        let token = || "t".to_owned();
        for (letter, link) in [
            (Letter::Verification { token: token(), valid_hours: 24 }, "verify-email?token=t"),
            (Letter::PasswordReset { token: token(), valid_hours: 1 }, "reset-password?token=t"),
            (invitation(), "invitation?token=a%2Db%5Fc"),
            (Letter::Welcome, ""),
        ] {
            let link = format!("https://help.example.com/support/{link}");
            let in_html = link.replace('/', "&#x2f;");
            let [english, german] =
                [Language::English, Language::German].map(|language| written(language, letter.clone()));
            for written in [&english, &german] {
                assert!(written.text.contains(&format!("\n{link}\n")), "{}", written.text);
                assert!(written.html.contains(&format!("href=\"{in_html}\"")), "{}", written.html);
            }
            assert_ne!((&english.subject, &english.text), (&german.subject, &german.text));
            assert!(english.html.contains("lang=\"en\"") && german.html.contains("lang=\"de\""));
        }
    }
}
