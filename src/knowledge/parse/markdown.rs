//! Markdown to plain text: follows the parser's events and hands blocks to the [`Layout`].
//!
//! Nothing here recurses, so depth in the source can't exhaust the stack.

use pulldown_cmark::{CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

use super::decode::{CODE_ASTERISK, LABEL_END, PLACEHOLDER_OPEN};
use super::html::{self, Token};
use super::layout::{Block, LaidOut, Layout, Rank, verbatim_lines};
use super::table::Table;

/// What repeating table headers may add to the text, as a multiple of the source's bytes.
const LABEL_BYTES_PER_SOURCE_BYTE: usize = 4;

/// The text and sections of Markdown source.
pub(super) fn lay_out(source: &str) -> LaidOut {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut reader =
        Reader { label_bytes_left: source.len().saturating_mul(LABEL_BYTES_PER_SOURCE_BYTE), ..Reader::default() };
    for (event, range) in Parser::new_ext(source, options).into_offset_iter() {
        reader.event(event, &source[range]);
    }
    reader.finish()
}

/// A link whose text is being read.
struct Link {
    address: String,
    /// Where its text begins in the inline buffer.
    start: usize,
    holds_image: bool,
}

/// The state between two events.
#[derive(Default)]
struct Reader {
    layout: Layout,
    /// The inline text of the block being read, blanks folded.
    inline: String,
    links: Vec<Link>,
    /// Images that are open: their text is an alternative for the image, not part of the article.
    images: usize,
    /// Set inside of a heading; `true` once it proves to be a tab.
    heading: Option<bool>,
    /// Code, or the content of an HTML block, as far as it is read.
    raw: Option<String>,
    table: Option<Table>,
    cell_is_open: bool,
    /// The element (script or style) whose inline content is being skipped.
    skipped: Option<String>,
    /// For each Markdown list and quotation that is open, how many lists Markdown itself accounts
    /// for in it. What is open beyond that came from HTML and ends with the container at the latest.
    list_floors: Vec<usize>,
    label_bytes_left: usize,
}

impl Reader {
    fn event(&mut self, event: Event<'_>, source: &str) {
        match event {
            Event::Start(tag) => self.start(tag, source),
            Event::End(tag) => self.end(tag, source),
            Event::Text(text) | Event::InlineMath(text) | Event::DisplayMath(text) => self.text(&text),
            Event::Code(code) => self.text(&code.replace('*', CODE_ASTERISK.encode_utf8(&mut [0; 4]))),
            Event::Html(html) => match &mut self.raw {
                Some(raw) => raw.push_str(&html),
                None => self.html(&html),
            },
            Event::InlineHtml(html) => self.html(&html),
            Event::FootnoteReference(label) => self.text(&format!("[{label}]")),
            Event::SoftBreak => self.push(' '),
            Event::HardBreak => self.line_break(),
            Event::Rule => {
                self.end_block();
                self.layout.end_inset();
            }
            Event::TaskListMarker(done) => self.layout.extend_marker(if done { "[x] " } else { "[ ] " }),
        }
    }

    fn start(&mut self, tag: Tag<'_>, source: &str) {
        match tag {
            Tag::Heading { .. } => {
                self.end_html_leftovers();
                self.heading = Some(false);
            }
            Tag::CodeBlock(_) | Tag::HtmlBlock => {
                self.end_block();
                self.raw = Some(String::new());
            }
            Tag::BlockQuote(_) => {
                self.end_block();
                self.list_floors.push(self.layout.list_depth());
            }
            Tag::List(start) => {
                self.end_block();
                self.layout.begin_list(start);
                self.list_floors.push(self.layout.list_depth());
            }
            Tag::Item => {
                self.end_block();
                self.layout.begin_item();
            }
            Tag::FootnoteDefinition(label) => {
                self.end_block();
                self.text(&format!("[{label}] "));
            }
            Tag::Table(_) => {
                self.end_html_leftovers();
                self.table = Some(Table::default());
            }
            Tag::TableHead => self.begin_row(true),
            Tag::TableRow => self.begin_row(false),
            Tag::TableCell => self.cell_is_open = true,
            Tag::Strikethrough => self.tilde(source),
            Tag::Link { link_type, dest_url, .. } => self.begin_link(link_type, &dest_url),
            Tag::Image { .. } => {
                self.images += 1;
                if let Some(link) = self.links.last_mut() {
                    link.holds_image = true;
                }
            }
            Tag::Paragraph
            | Tag::Emphasis
            | Tag::Strong
            | Tag::Superscript
            | Tag::Subscript
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::MetadataBlock(_) => {}
        }
    }

    fn end(&mut self, tag: TagEnd, source: &str) {
        match tag {
            TagEnd::Heading(level) => self.end_heading(level),
            TagEnd::CodeBlock => {
                let code = self.raw.take().unwrap_or_default();
                self.verbatim(&code);
            }
            TagEnd::HtmlBlock => {
                let html = self.raw.take().unwrap_or_default();
                self.html(&html);
                self.end_block();
            }
            TagEnd::BlockQuote(_) => {
                self.end_block();
                self.end_lists_above_floor();
                self.list_floors.pop();
                self.layout.end_callout();
            }
            TagEnd::List(_) => {
                self.end_block();
                self.end_lists_above_floor();
                self.list_floors.pop();
                self.layout.end_list();
            }
            TagEnd::Item => {
                self.end_block();
                self.layout.end_item();
            }
            TagEnd::Table => self.end_table(),
            TagEnd::TableCell => self.end_cell(),
            TagEnd::Strikethrough => self.tilde(source),
            TagEnd::Link => self.end_link(),
            TagEnd::Image => self.images = self.images.saturating_sub(1),
            TagEnd::Paragraph | TagEnd::FootnoteDefinition => self.end_block(),
            TagEnd::TableHead
            | TagEnd::TableRow
            | TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::MetadataBlock(_) => {}
        }
    }

    fn finish(mut self) -> LaidOut {
        self.end_html_leftovers();
        self.layout.finish()
    }

    // Inline text

    fn text(&mut self, text: &str) {
        if let Some(raw) = &mut self.raw {
            raw.push_str(text);
        } else if self.images == 0 && self.skipped.is_none() {
            for letter in text.chars() {
                self.push(letter);
            }
        }
    }

    /// Adds a character, folding blanks.
    fn push(&mut self, letter: char) {
        if self.images > 0 || self.skipped.is_some() {
            return;
        }
        match letter {
            PLACEHOLDER_OPEN => self.inline.push('<'),
            _ if letter.is_whitespace() => {
                if !self.inline.is_empty() && !self.inline.ends_with([' ', '\n']) {
                    self.inline.push(' ');
                }
            }
            _ => self.inline.push(letter),
        }
    }

    fn line_break(&mut self) {
        if self.inline.ends_with(' ') {
            self.inline.pop();
        }
        if !self.inline.is_empty() && !self.inline.ends_with('\n') {
            self.inline.push('\n');
        }
    }

    /// A single tilde is more often part of a name (`PROGRA~1`) than of a deletion: it stays.
    fn tilde(&mut self, source: &str) {
        if !source.starts_with("~~") {
            self.push('~');
        }
    }

    fn begin_link(&mut self, link_type: LinkType, address: &CowStr<'_>) {
        if let Some(is_tab) = &mut self.heading {
            *is_tab |= address.starts_with("#tab/");
        }
        let shows_address = matches!(link_type, LinkType::Autolink | LinkType::Email);
        let address = if shows_address || address.starts_with('#') { String::new() } else { address.to_string() };
        self.links.push(Link { address, start: self.inline.len(), holds_image: false });
    }

    /// Shows the address of a link that has no text of its own.
    fn end_link(&mut self) {
        let Some(link) = self.links.pop() else {
            return;
        };
        let shown = self.inline.get(link.start..).unwrap_or_default();
        if shown.trim().is_empty() && !link.holds_image {
            self.text(&link.address);
        }
    }

    // Blocks

    /// Writes the inline text read so far as a paragraph, or keeps it for the cell or heading
    /// it belongs to.
    fn end_block(&mut self) {
        if self.cell_is_open || self.heading.is_some() {
            self.line_break();
            return;
        }
        self.links.clear();
        self.skipped = None;
        let text = std::mem::take(&mut self.inline);
        let text = text.trim();
        if let Some(label) = text.strip_suffix(LABEL_END) {
            self.layout.label(&finished(label));
        } else if !text.is_empty() {
            self.layout.block(&finished(text), Block::Paragraph);
        }
    }

    fn verbatim(&mut self, code: &str) {
        let code = code.replace(PLACEHOLDER_OPEN, "<").replace(LABEL_END, "");
        if self.cell_is_open {
            self.text(&code);
            return;
        }
        let lines = verbatim_lines(&code);
        if !lines.is_empty() {
            self.layout.block(&lines, Block::Verbatim);
        }
    }

    fn end_heading(&mut self, level: HeadingLevel) {
        let is_tab = self.heading.take().unwrap_or(false);
        let rank = if is_tab { Rank::Inset } else { Rank::Level(level as u8) };
        self.write_heading(rank);
    }

    /// Makes a heading of the inline text. Inside of a list or a cell a heading is only a line.
    fn write_heading(&mut self, rank: Rank) {
        if self.cell_is_open || self.layout.list_depth() > 0 {
            self.end_block();
            return;
        }
        let text = finished(&std::mem::take(&mut self.inline));
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = without_attributes(&text);
        if !text.is_empty() {
            self.layout.heading(text, rank);
        }
    }

    /// Ends what only HTML tags have opened: lists and tables that were never closed.
    fn end_html_leftovers(&mut self) {
        self.end_cell();
        self.end_block();
        self.end_table();
        self.end_lists_above_floor();
    }

    /// How many of the open lists are Markdown's own.
    fn list_floor(&self) -> usize {
        self.list_floors.last().copied().unwrap_or(0)
    }

    fn end_lists_above_floor(&mut self) {
        while self.layout.list_depth() > self.list_floor() {
            self.layout.end_list();
        }
    }

    // Tables

    fn begin_row(&mut self, is_head: bool) {
        if let Some(table) = &mut self.table {
            table.begin_row(is_head);
        }
    }

    fn end_cell(&mut self) {
        if !self.cell_is_open {
            return;
        }
        self.cell_is_open = false;
        self.links.clear();
        self.skipped = None;
        let text = finished(&std::mem::take(&mut self.inline));
        if let Some(table) = &mut self.table {
            table.cell(&text);
        }
    }

    fn end_table(&mut self) {
        self.end_cell();
        self.end_block();
        let Some(table) = self.table.take() else {
            return;
        };
        let lines = table.lines(&mut self.label_bytes_left);
        if !lines.is_empty() {
            self.layout.block(&lines, Block::Verbatim);
        }
    }

    // HTML

    fn html(&mut self, source: &str) {
        for token in html::tokens(source) {
            match token {
                Token::Text(text) => self.text(&html::resolved(text)),
                Token::Open(name) => self.open_element(&name),
                Token::Close(name) => self.close_element(&name),
            }
        }
    }

    fn open_element(&mut self, name: &str) {
        if self.skipped.is_some() {
            return;
        }
        match name {
            "script" | "style" => self.skipped = Some(name.to_owned()),
            "br" => self.line_break(),
            "ul" | "ol" if !self.cell_is_open && self.heading.is_none() => {
                self.end_block();
                self.layout.begin_list((name == "ol").then_some(1));
            }
            "li" if !self.cell_is_open && self.heading.is_none() => {
                self.end_block();
                self.layout.begin_item();
            }
            "table" if self.table.is_none() && self.heading.is_none() => {
                self.end_block();
                self.table = Some(Table::default());
            }
            "tr" => {
                self.end_cell();
                self.begin_row(false);
            }
            "td" | "th" if self.table.is_some() => {
                self.end_cell();
                if let Some(table) = self.table.as_mut().filter(|_| name == "th") {
                    table.turn_into_head();
                }
                // Text between the tags of a table belongs to the cell that follows.
                self.cell_is_open = true;
            }
            "sup" if self.links_within_page() => self.push('['),
            _ if is_block_element(name) => self.end_block(),
            _ => {}
        }
    }

    fn close_element(&mut self, name: &str) {
        if let Some(skipped) = &self.skipped {
            if skipped == name {
                self.skipped = None;
            }
            return;
        }
        match name {
            "ul" | "ol" if !self.cell_is_open && self.heading.is_none() => {
                self.end_block();
                if self.layout.list_depth() > self.list_floor() {
                    self.layout.end_list();
                }
            }
            "td" | "th" | "tr" => self.end_cell(),
            "table" => self.end_table(),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" if self.heading.is_none() => {
                let level = name.as_bytes().get(1).copied().map_or(6, |digit| digit - b'0');
                self.write_heading(Rank::Level(level));
            }
            "summary" if self.heading.is_none() => self.write_heading(Rank::Inset),
            "details" => {
                self.end_block();
                if self.layout.list_depth() == 0 && !self.cell_is_open {
                    self.layout.end_inset();
                }
            }
            "sup" if self.links_within_page() => self.push(']'),
            // A stray `</br>` is a line break to browsers too.
            "br" => self.line_break(),
            _ if is_block_element(name) => self.end_block(),
            _ => {}
        }
    }

    /// Whether the text stands in a link to this page, as a reference to a note does.
    fn links_within_page(&self) -> bool {
        self.links.last().is_some_and(|link| link.address.is_empty())
    }
}

fn is_block_element(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "caption"
            | "center"
            | "dd"
            | "details"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "hr"
            | "legend"
            | "li"
            | "main"
            | "nav"
            | "ol"
            | "option"
            | "p"
            | "pre"
            | "section"
            | "summary"
            | "ul"
    )
}

/// Inline text without sentinels, and without the `**` that authors meant as emphasis but which
/// Markdown doesn't take for it, as in `**File **menu`.
fn finished(inline: &str) -> String {
    let mut out = String::with_capacity(inline.len());
    let mut rest = inline;
    while let Some(at) = rest.find('*') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let run = rest.bytes().take_while(|&byte| byte == b'*').count();
        let (asterisks, after) = rest.split_at(run);
        let before = out.chars().next_back().unwrap_or(' ');
        let following = after.chars().next().unwrap_or(if out.is_empty() { ' ' } else { '.' });
        // A footnote's mark, a path with wildcards and a power are meant as they stand.
        let is_meant = (before.is_whitespace() && following.is_whitespace())
            || [before, following].contains(&'/')
            || (before.is_ascii_digit() && following.is_ascii_digit());
        if run != 2 || is_meant {
            out.push_str(asterisks);
        }
        rest = after;
    }
    out.push_str(rest);
    out.retain(|letter| letter != LABEL_END);
    out.replace(CODE_ASTERISK, "*").trim().to_owned()
}

/// A heading without `{#id .class}` at its end.
fn without_attributes(heading: &str) -> &str {
    let Some(inner) = heading.strip_suffix('}') else {
        return heading;
    };
    match inner.rfind('{') {
        Some(at) if inner[at + 1..].trim_start().starts_with(['#', '.', ':']) => heading[..at].trim_end(),
        _ => heading,
    }
}
