//! What HTML means inside Markdown: tags, text, entities and which names are elements at all.

use pulldown_cmark::{Event, Parser};

/// How surely a name between angle brackets is HTML.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// Always an element.
    Sure,
    /// An element, but as likely a word in a placeholder (`<address>`, `<time>`): HTML only
    /// when it is closed too.
    Ambiguous,
    /// Not an element of HTML.
    Unknown,
}

const SURE: &[&str] = &[
    "a",
    "abbr",
    "area",
    "article",
    "aside",
    "audio",
    "b",
    "bdi",
    "bdo",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "fieldset",
    "figcaption",
    "figure",
    "font",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "html",
    "i",
    "iframe",
    "img",
    "ins",
    "kbd",
    "li",
    "main",
    "mark",
    "nav",
    "nobr",
    "noscript",
    "ol",
    "p",
    "picture",
    "pre",
    "rp",
    "rt",
    "ruby",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "svg",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
    "video",
    "wbr",
];

const AMBIGUOUS: &[&str] = &[
    "address", "base", "big", "body", "button", "canvas", "code", "data", "datalist", "dialog", "form", "frame",
    "head", "header", "input", "label", "legend", "link", "map", "menu", "meta", "meter", "object", "optgroup",
    "option", "output", "param", "progress", "q", "s", "script", "search", "section", "select", "slot", "source",
    "strike", "style", "template", "textarea", "time", "title", "track", "var",
];

/// What a lowercase name is.
pub(super) fn element(name: &str) -> Element {
    if SURE.contains(&name) {
        Element::Sure
    } else if AMBIGUOUS.contains(&name) {
        Element::Ambiguous
    } else {
        Element::Unknown
    }
}

/// A piece of HTML source.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Text between tags, with its entities unresolved.
    Text(&'a str),
    Open(String),
    Close(String),
}

/// After this many tags without an end, what looks like a tag is text: each may cost a search
/// through the rest of the block.
const BROKEN_TAGS_MAX: usize = 16;

/// Cuts HTML into tags and text. Comments, declarations and the content of scripts and styles are
/// left out; a `<` that opens nothing is text.
pub(super) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut broken_tags = 0;
    let last_end = source.rfind('>').unwrap_or(0);
    let mut rest = source;
    while let Some(at) = rest.find('<') {
        if broken_tags >= BROKEN_TAGS_MAX || source.len() - rest.len() + at > last_end {
            break;
        }
        let (before, from) = rest.split_at(at);
        if !before.is_empty() {
            tokens.push(Token::Text(before));
        }
        if let Some(comment) = from.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
        } else if from.starts_with("<!") && from.contains('>') {
            rest = from.split_once('>').map_or("", |(_, rest)| rest);
        } else if let Some((token, remainder)) = tag(from) {
            rest = match &token {
                Token::Open(name) if matches!(name.as_str(), "script" | "style") => skip_raw(name, remainder),
                Token::Open(_) | Token::Close(_) | Token::Text(_) => remainder,
            };
            tokens.push(token);
        } else {
            broken_tags += usize::from(opens_element(from));
            tokens.push(Token::Text(&from[..1]));
            rest = &from[1..];
        }
    }
    if !rest.is_empty() {
        tokens.push(Token::Text(rest));
    }
    tokens
}

/// Whether a tag of a known element begins here.
fn opens_element(from: &str) -> bool {
    let (_, name) = tag_name(from);
    element(&name) != Element::Unknown
}

/// The start of a tag: its bytes up to the name's end, and the name in lowercase.
fn tag_name(from: &str) -> (usize, String) {
    let slash = usize::from(from[1..].starts_with('/'));
    let after = &from[1 + slash..];
    let name_bytes = after.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'-').count();
    (1 + slash + name_bytes, after[..name_bytes].to_ascii_lowercase())
}

/// The tag at the start and what follows it.
fn tag(from: &str) -> Option<(Token<'_>, &str)> {
    let (name_end, name) = tag_name(from);
    if element(&name) == Element::Unknown {
        return None;
    }
    let mut quote = None;
    for (at, byte) in from.bytes().enumerate().skip(name_end) {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            (None, b'>') => {
                let token = if from.starts_with("</") { Token::Close(name) } else { Token::Open(name) };
                return Some((token, &from[at + 1..]));
            }
            _ => {}
        }
    }
    None
}

/// The end tag of a script or style and what follows it; nothing when it isn't closed.
fn skip_raw<'a>(name: &str, text: &'a str) -> &'a str {
    let is_end =
        |at: &usize| text.get(at + 2..at + 2 + name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name));
    text.match_indices("</").map(|(at, _)| at).find(is_end).map_or("", |at| &text[at..])
}

/// Resolves entities, and the escapes that authors write around angle brackets in HTML too.
pub(super) fn resolved(text: &str) -> String {
    let text = text.replace("\\<", "<").replace("\\>", ">");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest.find(';').filter(|&end| end <= 32).map(|end| &rest[..=end]);
        if let Some((characters, bytes)) = entity.and_then(character) {
            out.push_str(&characters);
            rest = &rest[bytes..];
        } else {
            out.push('&');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

/// The characters an entity such as `&ndash;` stands for, by pulldown-cmark's own complete table.
fn character(entity: &str) -> Option<(String, usize)> {
    let is_plain = entity[1..entity.len() - 1].bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'#');
    if !is_plain || entity.len() < 4 {
        return None;
    }
    let characters: String = Parser::new(entity)
        .filter_map(|event| match event {
            Event::Text(text) => Some(text.into_string()),
            _ => None,
        })
        .collect();
    (characters != entity).then_some((characters, entity.len()))
}
