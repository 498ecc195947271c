//! The templates, and what keeps strangers' text from being taken for markup.

use std::borrow::Cow;

use anyhow::{Context, Result};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, Error, Output, State, UndefinedBehavior};
use serde::Serialize;

const MARKDOWN: AutoEscape = AutoEscape::Custom(Cow::Borrowed("markdown"));

/// Fills the template of this name.
pub fn filled(name: &str, contents: impl Serialize) -> Result<String> {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    // Tags stand on lines of their own and leave none.
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?;
    templates.set_syntax(syntax);
    templates.set_auto_escape_callback(|name| if name == "report.md" { MARKDOWN } else { AutoEscape::Html });
    templates.set_formatter(escaped);
    for (name, text) in [
        ("report.html", include_str!("../../templates/report.html")),
        ("report.md", include_str!("../../templates/report.md")),
        ("junit.xml", include_str!("../../templates/junit.xml")),
        ("picture.svg", include_str!("../../templates/picture.svg")),
    ] {
        templates.add_template(name, text).with_context(|| format!("the template {name} is not one"))?;
    }
    let template = templates.get_template(name)?;
    template.render(Serde(contents)).with_context(|| format!("the template {name} cannot be filled"))
}

fn escaped(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_safe() {
        return minijinja::escape_formatter(out, state, value);
    }
    let text = legal(&value.to_string());
    if *state.auto_escape() == MARKDOWN {
        return out.write_str(&plain_in_markdown(&text)).map_err(Error::from);
    }
    minijinja::escape_formatter(out, state, &Value::from(text))
}

/// The text without the characters that no XML file may hold, not even escaped; each becomes the mark for what cannot be shown.
fn legal(text: &str) -> String {
    let is_legal = |letter: char| {
        matches!(letter, '\t' | '\n' | '\r') || !(letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}'))
    };
    text.chars().map(|letter| if is_legal(letter) { letter } else { '\u{fffd}' }).collect()
}

/// The text in one line in which nothing is markup, a table's border, a mention of somebody or a link to an issue.
fn plain_in_markdown(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        match letter {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' | ':' => plain.extend(['\\', letter]),
            // A mention is found in the finished text, where an escape no longer shows; the joiner is not seen. Behind a
            // letter there is none, as in hit@1.
            '@' | '#' if !plain.ends_with(char::is_alphanumeric) => plain.extend([letter, '\u{2060}']),
            _ => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_control_characters() {
        assert_eq!(legal("a\u{0}b\u{1b}c\td\ne\u{85}\u{ffff}"), "a\u{fffd}b\u{fffd}c\td\ne\u{fffd}\u{fffd}");
        assert_eq!(legal("שלום 👩‍🚀"), "שלום 👩‍🚀");
    }

    #[test]
    fn markdown_is_plain_text_in_one_line() {
        assert_eq!(
            plain_in_markdown("a | b\n\n# <b> `c` [d](e) *f*"),
            "a \\| b #\u{2060} &lt;b&gt; \\`c\\` \\[d\\](e) \\*f\\*"
        );
        assert_eq!(plain_in_markdown("ask @everyone"), "ask @\u{2060}everyone");
    }
}
