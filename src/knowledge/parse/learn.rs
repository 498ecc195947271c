//! Microsoft Learn's own markup, resolved into plain Markdown before the Markdown is parsed.
//!
//! Source: <https://learn.microsoft.com/contribute/content/markdown-reference>. Text in fenced code
//! and in code spans is left alone.

use super::decode::{self, LABEL_END};
use super::front_matter;

/// Includes in one article, nested ones counted. Real articles have at most three.
const INCLUDES_MAX: usize = 64;
/// The largest fragment included, in bytes; real ones have one KB.
const INCLUDE_BYTES_MAX: usize = 64 * 1024;
/// An included fragment may include another, and no further.
const INCLUDE_DEPTH_MAX: usize = 2;
/// A directive may run over this many lines before its `:::` is taken to be missing.
const DIRECTIVE_LINES_MAX: usize = 8;

/// The longest directive or bracket within a line, in bytes. Bounds the search for its end.
const EXTENSION_BYTES_MAX: usize = 4096;

const CALLOUTS: &[(&str, &str)] = &[
    ("note", "Note:"),
    ("important", "Important:"),
    ("tip", "Tip:"),
    ("warning", "Warning:"),
    ("caution", "Caution:"),
];

/// Directives recognised in the middle of a line. At its start any name counts.
const INLINE_DIRECTIVES: &[&str] = &["image", "image-end", "no-loc", "code", "video", "zone", "zone-end"];

/// The source with directives, callouts and includes resolved.
pub(super) fn resolve(source: &str, includes: &dyn Fn(&str) -> Option<String>) -> String {
    let mut resolver = Resolver { includes, includes_left: INCLUDES_MAX, depth: 0 };
    resolver.resolve(source)
}

struct Resolver<'a> {
    includes: &'a dyn Fn(&str) -> Option<String>,
    includes_left: usize,
    depth: usize,
}

/// A code fence that is open.
struct Fence {
    mark: char,
    length: usize,
    quoted: bool,
}

impl Resolver<'_> {
    fn resolve(&mut self, source: &str) -> String {
        let mut out = String::with_capacity(source.len());
        let mut fence: Option<Fence> = None;
        let lines: Vec<&str> = source.lines().collect();
        let mut next = 0;
        while let Some(&line) = lines.get(next) {
            next += 1;
            let (prefix, content) = split_prefix(line);
            if let Some(open) = &fence {
                let closed = closes(open, prefix, content);
                push_line(&mut out, line);
                if closed {
                    fence = None;
                }
                continue;
            }
            fence = opens(prefix, content);
            if fence.is_some() || !(content.contains(":::") || content.contains("[!")) {
                push_line(&mut out, line);
                continue;
            }
            let joined = join_directive(content, &lines[next..]);
            next += joined.as_ref().map_or(0, |(_, taken)| *taken);
            let content = joined.as_ref().map_or(content, |(text, _)| text.as_str());
            self.resolve_line(&mut out, prefix, content);
        }
        out
    }

    fn resolve_line(&mut self, out: &mut String, prefix: &str, content: &str) {
        if let Some((label, rest)) = callout(content) {
            let rest = self.resolve_inline(rest);
            push_line(out, &format!("{prefix}{label}{LABEL_END} {}", rest.trim_start()));
        } else if let Some((path, _)) = include(content).filter(|(_, rest)| rest.trim().is_empty()) {
            if let Some(fragment) = self.fragment(path) {
                push_block(out, prefix, &fragment);
            }
        } else if is_directive_line(content) {
            // A blank line keeps the blocks on either side apart.
            push_line(out, quote_marks(prefix).as_str());
        } else {
            let resolved = self.resolve_inline(content);
            if resolved.trim().is_empty() {
                push_line(out, quote_marks(prefix).as_str());
            } else {
                push_line(out, &format!("{prefix}{resolved}"));
            }
        }
    }

    /// Resolves what may stand in the middle of a line, outside of code spans.
    fn resolve_inline(&mut self, content: &str) -> String {
        let mut out = String::with_capacity(content.len());
        let mut rest = content;
        while let Some(at) = rest.find(['`', ':', '[']) {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            if rest.starts_with('`') {
                let taken = code_span_bytes(rest);
                out.push_str(&rest[..taken]);
                rest = &rest[taken..];
            } else if let Some((replacement, remainder)) = inline_directive(rest) {
                out.push_str(replacement);
                rest = remainder;
                // An icon that was in parentheses takes them along.
                if replacement.is_empty() && out.ends_with('(') && rest.starts_with(')') {
                    out.truncate(out.trim_end_matches('(').trim_end().len());
                    rest = &rest[1..];
                }
            } else if let Some((path, remainder)) = include(rest) {
                if let Some(fragment) = self.fragment(path) {
                    out.push_str(&fragment.split_whitespace().collect::<Vec<_>>().join(" "));
                }
                rest = remainder;
            } else if let Some((replacement, remainder)) = bracket_extension(rest) {
                out.push_str(replacement);
                rest = remainder;
            } else {
                out.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
        out.push_str(rest);
        out
    }

    /// The resolved source of a fragment, without its front matter.
    fn fragment(&mut self, path: &str) -> Option<String> {
        if self.depth >= INCLUDE_DEPTH_MAX || self.includes_left == 0 {
            return None;
        }
        self.includes_left -= 1;
        let source = (self.includes)(path).filter(|source| source.len() <= INCLUDE_BYTES_MAX)?;
        let source = decode::decode(source.as_bytes()).ok()?;
        let (_, body) = front_matter::split(&source);
        self.depth += 1;
        let resolved = self.resolve(body.trim_matches('\n'));
        self.depth -= 1;
        Some(resolved)
    }
}

fn push_line(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

/// Puts a fragment where its include stood: in the same list item or quotation.
fn push_block(out: &mut String, prefix: &str, fragment: &str) {
    let continued: String =
        prefix.chars().map(|letter| if matches!(letter, '>' | '\t') { letter } else { ' ' }).collect();
    push_line(out, quote_marks(prefix).as_str());
    for (index, line) in fragment.lines().enumerate() {
        let margin = if index == 0 { prefix } else { &continued };
        push_line(out, &format!("{margin}{line}"));
    }
    push_line(out, quote_marks(prefix).as_str());
}

/// The quotation marks of a prefix alone: a blank line inside the same quotation.
fn quote_marks(prefix: &str) -> String {
    match prefix.rfind('>') {
        Some(end) if prefix.trim_start().starts_with('>') => prefix[..=end].to_owned(),
        _ => String::new(),
    }
}

/// Splits a line into its margin (blanks, `>` and list markers) and the rest.
fn split_prefix(line: &str) -> (&str, &str) {
    let bytes = line.as_bytes();
    let mut at = 0;
    loop {
        while bytes.get(at).is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'>')) {
            at += 1;
        }
        let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let marker = match bytes.get(at + digits) {
            Some(b'.' | b')') if (1..10).contains(&digits) => digits + 1,
            Some(b'-' | b'*' | b'+') if digits == 0 => 1,
            _ => break,
        };
        if !bytes.get(at + marker).is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
            break;
        }
        at += marker;
    }
    line.split_at(at)
}

fn opens(prefix: &str, content: &str) -> Option<Fence> {
    let mark = content.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let length = content.chars().take_while(|&letter| letter == mark).count();
    let info = &content[length..];
    let is_fence = length >= 3 && !(mark == '`' && info.contains('`'));
    is_fence.then(|| Fence { mark, length, quoted: prefix.contains('>') })
}

fn closes(fence: &Fence, prefix: &str, content: &str) -> bool {
    // A quotation that ends takes its code with it.
    if fence.quoted && !prefix.contains('>') {
        return true;
    }
    let content = content.trim_end();
    content.chars().count() >= fence.length && content.chars().all(|letter| letter == fence.mark)
}

/// The length of the code span at the start, or of the backticks if they open none.
fn code_span_bytes(text: &str) -> usize {
    let ticks = text.bytes().take_while(|&byte| byte == b'`').count();
    let mut at = ticks;
    while let Some(found) = text[at..].find('`') {
        at += found;
        let run = text[at..].bytes().take_while(|&byte| byte == b'`').count();
        at += run;
        if run == ticks {
            return at;
        }
    }
    ticks
}

/// Appends the following lines to a directive that doesn't end on its own, up to its end.
fn join_directive(content: &str, following: &[&str]) -> Option<(String, usize)> {
    let start = content.find(":::image ")?;
    if content[start + 3..].contains(":::") {
        return None;
    }
    let end = following
        .iter()
        .take(DIRECTIVE_LINES_MAX)
        .take_while(|line| !line.trim().is_empty())
        .position(|line| line.contains(":::"))?;
    let mut joined = content.to_owned();
    for line in &following[..=end] {
        joined.push(' ');
        joined.push_str(line.trim());
    }
    Some((joined, end + 1))
}

/// `[!NOTE] rest` at the start of a line's content.
fn callout(content: &str) -> Option<(&'static str, &str)> {
    let (name, rest) = content.strip_prefix("[!")?.split_once(']')?;
    let name = name.trim().trim_end_matches(':');
    CALLOUTS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, label)| (*label, rest))
}

/// `[!INCLUDE [title](path)]` at the start: the path, and what follows.
fn include(text: &str) -> Option<(&str, &str)> {
    let rest = strip_prefix_ignoring_case(window(text), "[!include")?;
    let rest = rest.trim_start_matches(['-', '+']).trim_start();
    let (_, rest) = rest.strip_prefix('[')?.split_once("](")?;
    let (path, rest) = rest.split_once(')')?;
    let path = path.split(" \"").next().unwrap_or(path).trim();
    Some((path, after_window(text, rest.trim_start().strip_prefix(']')?)))
}

/// Other extensions in brackets: a video or a `div` is dropped, a term keeps its text.
fn bracket_extension(text: &str) -> Option<(&str, &str)> {
    let inner = window(text).strip_prefix("[!")?;
    let name_bytes = inner.bytes().take_while(|byte| byte.is_ascii_alphabetic() || *byte == b'-').count();
    if name_bytes == 0 {
        return None;
    }
    let (name, after) = inner.split_at(name_bytes);
    let (argument, rest) = balanced(after)?;
    let rest = after_window(text, rest);
    match name.to_ascii_lowercase().as_str() {
        "uicontrol" | "dnl" => Some((argument.trim(), rest)),
        "video" | "div" | "badge" | "include" => Some(("", rest)),
        name if name == "code" || name.starts_with("code-") => Some(("", rest)),
        name => {
            let label = CALLOUTS.iter().find(|(known, _)| *known == name)?.1;
            Some((label, rest))
        }
    }
}

/// As much of the text as is searched for the end of a directive.
fn window(text: &str) -> &str {
    &text[..text.floor_char_boundary(EXTENSION_BYTES_MAX)]
}

/// What follows in the text itself, given what follows in its [`window`].
fn after_window<'a>(text: &'a str, rest_of_window: &str) -> &'a str {
    &text[window(text).len() - rest_of_window.len()..]
}

/// Splits at the `]` that closes a bracket opened before the text.
fn balanced(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' if depth == 0 => return Some((&text[..at], &text[at + 1..])),
            b']' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// A directive that has its line to itself, such as `:::row:::` or `:::zone pivot="web"`.
fn is_directive_line(content: &str) -> bool {
    let Some(after) = content.trim().strip_prefix(":::") else {
        return false;
    };
    let after = after.trim_start_matches(':');
    let name_bytes = name_bytes(after);
    let (name, rest) = after.split_at(name_bytes);
    if name == "no-loc" {
        return false;
    }
    match rest.find(":::") {
        Some(end) => name_bytes > 0 && rest[end..].trim_matches(':').trim().is_empty(),
        None => rest.is_empty() || (name_bytes > 0 && rest.starts_with([' ', '\t'])),
    }
}

fn name_bytes(text: &str) -> usize {
    text.bytes().take_while(|byte| byte.is_ascii_lowercase() || *byte == b'-').count()
}

/// A directive within a line: what stands for it, and what follows.
fn inline_directive(text: &str) -> Option<(&str, &str)> {
    let after = window(text).strip_prefix(":::")?;
    let (name, rest) = after.split_at(name_bytes(after));
    if !INLINE_DIRECTIVES.contains(&name) {
        return None;
    }
    let end = rest.find(":::")?;
    let (attributes, remainder) = (&rest[..end], after_window(text, &rest[end + 3..]));
    let replacement = match name {
        "no-loc" => attributes.split_once("text=\"").and_then(|(_, value)| value.rsplit_once('"')),
        _ => None,
    };
    Some((replacement.map_or("", |(value, _)| value), remainder))
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}
