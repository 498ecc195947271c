//! Turns the bytes of one article file into the plain text a customer can read as an answer.
//!
//! The order of work: [`decode`] bytes to text, take the [`front_matter`] off, resolve Microsoft
//! Learn's own markup ([`learn`]), keep `<placeholders>` from being taken for HTML
//! ([`placeholder`]), then lay the Markdown out as text ([`markdown`]).

mod decode;
mod front_matter;
mod html;
mod language;
mod layout;
mod learn;
mod markdown;
mod placeholder;
mod table;

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::Path;

use thiserror::Error;

/// The longest title or heading kept in a path, in characters. Longer ones are cut, since each
/// section repeats them.
pub const HEADING_CHARS_MAX: usize = 300;

/// The tag of an article that another has taken the place of.
pub const SUPERSEDED: &str = "superseded";

/// One article as stored: its plain text and what is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedArticle {
    /// From the front matter, else the first level-one heading, else the file's name made readable.
    pub title: String,
    /// From the front matter, in its order, without repeats; with [`SUPERSEDED`] where it says so in another way.
    pub tags: Vec<String>,
    /// ISO 639-1: from the front matter, else detected when the detection is reliable.
    pub language: Option<String>,
    /// The plain text: NFC, no markup, no control characters but `\n` and `\t`, at most one blank
    /// line in a row, never empty.
    pub text: String,
    /// The bodies under the headings, in order. Never empty.
    pub sections: Vec<Section>,
}

impl ParsedArticle {
    /// A text whose headings are not known, as one section.
    #[must_use]
    pub fn unsectioned(title: &str, text: &str) -> Self {
        let whole = Section { heading_path: Vec::new(), span: 0..text.len() };
        Self { title: title.to_owned(), tags: Vec::new(), language: None, text: text.to_owned(), sections: vec![whole] }
    }
}

/// The text under one heading, up to the next heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The headings above, outermost first, without a level-one heading that equals the title.
    pub heading_path: Vec<String>,
    /// Bytes in [`ParsedArticle::text`], without the heading's own line. Spans are in order,
    /// disjoint, not empty and on character boundaries; with the heading lines they cover the text.
    pub span: Range<usize>,
}

/// How an article file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// CommonMark with tables, footnotes and Microsoft Learn's extensions.
    Markdown,
    /// Text that is kept line by line.
    PlainText,
}

impl Format {
    /// The format of a file by its extension, in any case: `md`, `markdown` and `mdx` are Markdown,
    /// `txt` is plain text, anything else is `None`.
    #[must_use]
    pub fn of_file_name(file_name: &str) -> Option<Self> {
        let extension = Path::new(file_name).extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "md" | "markdown" | "mdx" => Some(Self::Markdown),
            "txt" => Some(Self::PlainText),
            _ => None,
        }
    }
}

/// Why a file can't become an article. Each message is a sentence for the person who owns the file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseError {
    #[error("The file has no text that a reader could see.")]
    Empty,
    #[error("The file has {bytes} bytes; the limit is {bytes_max}.")]
    TooLarge { bytes: usize, bytes_max: usize },
    #[error("The file is binary, not text.")]
    Binary,
    #[error("The file is not valid UTF-8: the byte at offset {offset} does not belong to a character.")]
    NotUtf8 { offset: usize },
    #[error("The file begins as UTF-16, but the unit at byte offset {offset} is broken; save it as UTF-8.")]
    BrokenUtf16 { offset: usize },
}

/// Reads one article file.
///
/// `source_name` is the file's path or name and only serves as the last resort for the title.
/// `includes` gives the source of an included fragment by its path as written in the article;
/// `None` drops the include.
///
/// # Errors
/// [`ParseError`] when the file is no text, too large, or leaves nothing to read.
pub fn parse(
    source_name: &str,
    format: Format,
    bytes: &[u8],
    includes: &dyn Fn(&str) -> Option<String>,
) -> Result<ParsedArticle, ParseError> {
    let source = decode::decode(bytes)?;
    let (front_matter, laid_out) = match format {
        Format::Markdown => {
            let (front_matter, body) = front_matter::split(&source);
            let resolved = learn::resolve(body, includes);
            (front_matter, markdown::lay_out(&placeholder::protect(&resolved)))
        }
        Format::PlainText => (front_matter::FrontMatter::default(), layout::plain_text(&source)),
    };
    if laid_out.text.is_empty() {
        return Err(ParseError::Empty);
    }

    let title = front_matter.title.or(laid_out.first_h1).unwrap_or_else(|| humanised_stem(source_name));
    let title = cut_to_chars(&title, HEADING_CHARS_MAX);
    let language = front_matter.language.or_else(|| language::detect(&laid_out.text));
    let sections = named_under(&title, laid_out.sections);
    Ok(ParsedArticle { title, tags: front_matter.tags, language, text: laid_out.text, sections })
}

/// Reads an article that somebody writes in Markdown, and gives it the title and tags that they name; the `language` where they name one.
///
/// # Errors
/// [`ParseError::Empty`] when it leaves nothing to read.
pub fn written(title: &str, tags: &[String], language: Option<&str>, body: &str) -> Result<ParsedArticle, ParseError> {
    let laid_out = markdown::lay_out(&placeholder::protect(&learn::resolve(body, &|_| None)));
    if laid_out.text.is_empty() {
        return Err(ParseError::Empty);
    }
    let title = cut_to_chars(title, HEADING_CHARS_MAX);
    let language = language.map(str::to_owned).or_else(|| language::detect(&laid_out.text));
    let sections = named_under(&title, laid_out.sections);
    Ok(ParsedArticle { title, tags: tags.to_vec(), language, text: laid_out.text, sections })
}

/// A fragment that an article includes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Fragment {
    /// Its path as the article writes it.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// The fragments that an article includes, read with `read` by their paths as written.
///
/// Nothing is read for an article without includes, nor for one that cannot be decoded.
#[must_use]
pub fn fragments(bytes: &[u8], read: &dyn Fn(&str) -> Option<String>) -> Vec<Fragment> {
    const MARK: &[u8] = b"[!include";
    if !bytes.windows(MARK.len()).any(|window| window.eq_ignore_ascii_case(MARK)) {
        return Vec::new();
    }
    let Ok(source) = decode::decode(bytes) else { return Vec::new() };
    let found = std::cell::RefCell::new(Vec::<Fragment>::new());
    learn::resolve(front_matter::split(&source).1, &|path| {
        if let Some(known) = found.borrow().iter().find(|fragment| fragment.path == path) {
            return Some(known.text.clone());
        }
        let text = read(path)?;
        found.borrow_mut().push(Fragment { path: path.to_owned(), text: text.clone() });
        Some(text)
    });
    found.into_inner()
}

/// Drops the outermost heading of each path where it only repeats the title.
fn named_under(title: &str, mut sections: Vec<Section>) -> Vec<Section> {
    let title = title.to_lowercase();
    for section in &mut sections {
        if section.heading_path.first().is_some_and(|heading| heading.to_lowercase() == title) {
            section.heading_path.remove(0);
        }
    }
    sections
}

/// "docs/reset-your_password.md" → "Reset your password".
fn humanised_stem(source_name: &str) -> String {
    let file_name = source_name.rsplit(['/', '\\']).next().unwrap_or(source_name);
    let stem = match file_name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => file_name,
    };
    let words: Vec<&str> = stem
        .split(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '-' | '_' | '.'))
        .filter(|word| !word.is_empty())
        .collect();
    let sentence = words.join(" ");
    let mut letters = sentence.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => "Untitled".to_owned(),
    }
}

/// The first `chars_max` characters of `text`, without trailing blanks.
fn cut_to_chars(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => text[..end].trim_end().to_owned(),
        None => text.to_owned(),
    }
}
