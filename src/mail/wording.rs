//! What mails say, a table a language.

mod english;
mod german;

use crate::mail::{Language, Letter};

/// A letter in one language. It is plain text: what becomes HTML is escaped there.
#[derive(Debug, serde::Serialize)]
pub(super) struct Wording {
    pub(super) language: Language,
    pub(super) subject: String,
    pub(super) greeting: String,
    /// Paragraphs before the link.
    pub(super) before: Vec<String>,
    /// What the link is called.
    pub(super) button: &'static str,
    /// Paragraphs after it.
    pub(super) after: Vec<String>,
}

/// `letter` for a reader who is called `name`.
pub(super) fn of(language: Language, letter: &Letter, name: Option<&str>) -> Wording {
    let name = name.map(one_line).filter(|name| !name.is_empty());
    match language {
        Language::English => english::of(letter, name.as_deref()),
        Language::German => german::of(letter, name.as_deref()),
    }
}

/// The text in one line and without characters that nobody sees: a name must not look like a paragraph of the letter.
fn one_line(text: &str) -> String {
    let visible = |letter: char| if letter.is_control() { ' ' } else { letter };
    text.chars().map(visible).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_line() {
        assert_eq!(one_line(" Ada\r\nBcc: eve@example.com\u{0} "), "Ada Bcc: eve@example.com");
        let wording = of(Language::German, &Letter::Welcome, Some("\u{7}\n"));
        assert_eq!(wording.greeting, "Guten Tag,");
    }
}
