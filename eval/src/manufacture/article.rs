//! An article of the workspace, read as `ingest` would read its file.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use candor::knowledge::parse::{Format, ParsedArticle};
use candor::knowledge::sentences;
use candor::knowledge::store::PublishedFile;
use candor::knowledge::sync::{self, ArticleFile};

use crate::manufacture::table_rows::{self, TableRow};

/// An article with what questions are made of.
#[derive(Debug)]
pub struct Article {
    pub file: ArticleFile,
    pub title: String,
    pub is_english: bool,
    /// The plain text that an answer is made of.
    pub text: String,
    /// In the order of the text; at least one.
    pub sections: Vec<Section>,
    /// Of the article's own Markdown tables, not of those in fragments.
    pub rows: Vec<TableRow>,
}

/// The text under one heading.
#[derive(Debug)]
pub struct Section {
    /// `None` for what stands before the first heading.
    pub heading: Option<String>,
    pub text: String,
    /// The sentences, items and rows of the text, as an answer would quote them.
    pub sentences: Vec<String>,
}

/// Why an article of the workspace is left out of the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// Its file was not UTF-8: the database holds its text and not its bytes.
    NotItsBytes,
    /// Its path, or that of a fragment, leads out of the folder or would be passed over there.
    Path,
    /// It cannot be parsed any more.
    Unreadable,
}

impl LeftOut {
    /// What is wrong with it, as the end of "… articles …".
    #[must_use]
    pub fn why(self) -> &'static str {
        match self {
            Self::NotItsBytes => "whose file was not UTF-8, so that its bytes are not stored",
            Self::Path => "with a path, their own or of a fragment, that cannot lie below a folder",
            Self::Unreadable => "that can no longer be parsed",
        }
    }
}

impl Article {
    /// Reads a stored article.
    ///
    /// # Errors
    /// [`LeftOut`] for one that cannot be laid out as a file that reads the same.
    pub fn read(stored: PublishedFile) -> Result<Self, LeftOut> {
        let file = ArticleFile { source: stored.source, bytes: stored.body.into_bytes(), fragments: stored.fragments };
        if file.digest() != stored.digest {
            return Err(LeftOut::NotItsBytes);
        }
        if !is_below(&file.source) || fragment_targets(&file).is_none() {
            return Err(LeftOut::Path);
        }
        let parsed = sync::check(&file, usize::MAX).map_err(|_| LeftOut::Unreadable)?;
        let rows = match Format::of_file_name(&file.source) {
            Some(Format::Markdown) => table_rows::read(&String::from_utf8_lossy(&file.bytes)),
            Some(Format::PlainText) | None => Vec::new(),
        };
        Ok(Self {
            is_english: parsed.language.as_deref().is_some_and(|language| language.starts_with("en")),
            sections: sections(&parsed),
            title: parsed.title,
            text: parsed.text,
            file,
            rows,
        })
    }

    #[must_use]
    pub fn source(&self) -> &str {
        &self.file.source
    }

    /// The different headings, as they are written.
    #[must_use]
    pub fn headings(&self) -> BTreeSet<&str> {
        self.sections.iter().filter_map(|section| section.heading.as_deref()).collect()
    }

    /// Where the fragments that it includes lie in the set, each with its text.
    pub fn fragments(&self) -> impl Iterator<Item = (String, &str)> {
        let targets = fragment_targets(&self.file).unwrap_or_default();
        targets.into_iter().zip(self.file.fragments.iter().map(|fragment| fragment.text.as_str()))
    }
}

fn sections(parsed: &ParsedArticle) -> Vec<Section> {
    let read = |section: &candor::knowledge::parse::Section| {
        let text = &parsed.text[section.span.clone()];
        Section {
            heading: section.heading_path.last().cloned(),
            text: text.to_owned(),
            sentences: sentences::split(text).into_iter().map(|span| text[span].to_owned()).collect(),
        }
    };
    parsed.sections.iter().map(read).collect()
}

/// Whether `source` is a path that stays below the folder it is put in, and that `ingest` would find there.
fn is_below(source: &str) -> bool {
    let parts: Vec<Component<'_>> = Path::new(source).components().collect();
    let is_plain =
        |part: &Component<'_>| matches!(part, Component::Normal(name) if !name.as_encoded_bytes().starts_with(b"."));
    // Joined again it must be what it was: no `//`, no `a/./b`, no `/` at the end.
    let joined: Vec<String> = parts.iter().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    !parts.is_empty()
        && parts.iter().all(is_plain)
        && joined.join("/") == source
        && !source.contains(['\\', ':'])
        && !source.chars().any(char::is_control)
}

/// The path below the set's folder of each fragment, as `ingest` would resolve it; `None` when one leads out.
fn fragment_targets(file: &ArticleFile) -> Option<Vec<String>> {
    let folder: Vec<&str> = file.source.split('/').rev().skip(1).collect::<Vec<_>>().into_iter().rev().collect();
    let target = |path: &str| {
        let (mut parts, written) = match path.strip_prefix("~/") {
            Some(below) => (Vec::new(), below),
            None => (folder.clone(), path),
        };
        if written.starts_with('/') {
            return None;
        }
        for part in written.split('/') {
            match part {
                "" | "." => (),
                ".." => drop(parts.pop()?),
                part => parts.push(part),
            }
        }
        Some(parts.join("/")).filter(|target| is_below(target))
    };
    file.fragments.iter().map(|fragment| target(&fragment.path)).collect()
}

#[cfg(test)]
mod tests {
    use candor::ids::{ArticleId, Ids};
    use candor::knowledge::parse::Fragment;
    use proptest::prelude::*;

    use super::*;

    fn stored(source: &str, body: &str, fragments: &[(&str, &str)]) -> PublishedFile {
        let fragment = |(path, text): &(&str, &str)| Fragment { path: (*path).into(), text: (*text).into() };
        let fragments: Vec<Fragment> = fragments.iter().map(fragment).collect();
        let file = ArticleFile { source: source.into(), bytes: body.into(), fragments: fragments.clone() };
        let article = ArticleId::new(&Ids::Random, 0);
        PublishedFile { article, source: source.into(), body: body.into(), fragments, digest: file.digest() }
    }

    #[test]
    fn an_article_is_read_in_sections_with_its_fragments() {
        let body = "# Returns\n\nSend it back. It is free.\n\n## How long\n\n[!INCLUDE [x](../shared/days.md)]\n";
        let fragments = [("../shared/days.md", "You have 30 days.")];
        let article = Article::read(stored("orders/returns.md", body, &fragments)).unwrap();
        assert_eq!((article.title.as_str(), article.headings().len()), ("Returns", 1));
        assert_eq!(article.sections[0].sentences, ["Send it back.", "It is free."]);
        assert_eq!(article.sections[1].sentences, ["You have 30 days."]);
        let targets: Vec<_> = article.fragments().collect();
        assert_eq!(targets, [("shared/days.md".to_owned(), "You have 30 days.")]);
    }

    #[test]
    fn what_cannot_be_laid_out_is_left_out() {
        let left_out = |stored| Article::read(stored).unwrap_err();
        for source in ["../a.md", "/a.md", "a/../../b.md", "a//b.md", ".hidden/a.md", "a\\b.md", "c:a.md", "a\nb.md"] {
            assert_eq!(left_out(stored(source, "# A\n\nText.", &[])), LeftOut::Path, "{source:?}");
        }
        for path in ["../../a.md", "/etc/passwd", "../../../a", "~/../a.md"] {
            assert_eq!(left_out(stored("a/b.md", "Text.", &[(path, "x")])), LeftOut::Path, "{path}");
        }
        let lossy = PublishedFile { digest: "of other bytes".into(), ..stored("a.md", "Text.", &[]) };
        assert_eq!(left_out(lossy), LeftOut::NotItsBytes);
        assert_eq!(left_out(stored("a.md", " ", &[])), LeftOut::Unreadable);
    }

    proptest! {
        #[test]
        fn no_source_leads_out_of_the_folder(source in "[a./\\\\:~ ]{0,12}", path in "[a./~]{0,12}") {
            let root = Path::new("/set/articles");
            if let Ok(article) = Article::read(stored(&source, "Text.", &[(&path, "x")])) {
                for target in article.fragments().map(|(target, _)| target).chain([source.clone()]) {
                    let joined = root.join(&target);
                    prop_assert!(joined.starts_with(root) && joined != root, "{target:?}");
                    prop_assert!(joined.components().all(|part| part != Component::ParentDir), "{target:?}");
                }
            }
        }
    }
}
