//! The articles of a set as the files that are ingested.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use candor::knowledge::parse::{Format, ParseError, ParsedArticle, parse};
use candor::knowledge::source::{self, ScanError};
use candor::knowledge::sync::ArticleFile;
use rand::SeedableRng as _;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom as _;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::dataset::{Articles, Dataset, DatasetError, Entry};

/// A set's articles, ready to be published.
#[derive(Debug)]
pub struct Corpus {
    /// By rising source.
    pub files: Vec<ArticleFile>,
    /// The article id of each source that is not its own id, which are those of a retrieval set.
    ids: HashMap<String, String>,
    /// The place in `files` of each article id.
    places: HashMap<String, usize>,
}

/// Why the articles cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// The folder.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// A file or folder inside of it.
    #[error("{path} cannot be read: {problem}")]
    Unreadable {
        /// Its path below the folder.
        path: String,
        /// What the system says.
        problem: String,
    },
    /// A folder of distractors that is a set, but not a readable one.
    #[error(transparent)]
    Distractors(#[from] DatasetError),
    /// Distractors that are none.
    #[error("there is no article among the distractors in {}", .0.display())]
    NoDistractors(PathBuf),
    /// Nothing to ask.
    #[error("the set has no article: there is no .md or .txt file in its folder")]
    Empty,
}

impl Corpus {
    /// Reads the articles: a folder's as `ingest` does, an entry of a retrieval set as a Markdown file.
    ///
    /// Those of `distractors`, which are folders of articles or sets, are added below a folder of their own: they are found,
    /// and answer nothing that is asked.
    ///
    /// # Errors
    /// [`CorpusError`]; a figure over a part of the articles would mean nothing.
    pub fn read(articles: &Articles, distractors: &[PathBuf]) -> Result<Self, CorpusError> {
        let (mut files, ids) = read(articles)?;
        for (number, path) in distractors.iter().enumerate() {
            let is_set = path.is_file()
                || ["queries.jsonl", "questions.jsonl", "dataset.json"].iter().any(|name| path.join(name).is_file());
            let articles = if is_set { Dataset::read(path)?.source } else { Articles::Folder(path.clone()) };
            let added = self::read(&articles)?.0;
            if added.is_empty() {
                return Err(CorpusError::NoDistractors(path.clone()));
            }
            files.extend(
                added
                    .into_iter()
                    .map(|file| ArticleFile { source: format!("distractors-{}/{}", number + 1, file.source), ..file }),
            );
        }
        files.sort_by(|one, other| one.source.cmp(&other.source));
        if files.is_empty() {
            return Err(CorpusError::Empty);
        }
        Ok(Self::of(files, ids))
    }

    fn of(files: Vec<ArticleFile>, ids: HashMap<String, String>) -> Self {
        let place =
            |(place, file): (usize, &ArticleFile)| (ids.get(&file.source).unwrap_or(&file.source).clone(), place);
        let places = files.iter().enumerate().map(place).collect();
        Self { files, ids, places }
    }

    /// Only the articles `kept` and `others` more, which the seed draws.
    #[must_use]
    pub fn sampled(self, kept: &HashSet<&str>, others: usize, seed: u64) -> Self {
        let Self { files, ids, .. } = self;
        let id = |file: &ArticleFile| ids.get(&file.source).unwrap_or(&file.source).clone();
        let (mut sample, mut rest): (Vec<ArticleFile>, Vec<ArticleFile>) =
            files.into_iter().partition(|file| kept.contains(id(file).as_str()));
        rest.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(seed));
        sample.extend(rest.into_iter().take(others));
        sample.sort_by(|one, other| one.source.cmp(&other.source));
        Self::of(sample, ids)
    }

    /// SHA-256, in hexadecimal, over all sources and contents.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        for file in &self.files {
            digest.update(file.source.as_bytes());
            digest.update([0]);
            digest.update(file.digest().as_bytes());
        }
        hex::encode(digest.finalize())
    }

    /// The id by which the set knows the article at `source`.
    #[must_use]
    pub fn article_id<'a>(&'a self, source: &'a str) -> &'a str {
        self.ids.get(source).map_or(source, String::as_str)
    }

    /// Whether there is an article of this id.
    #[must_use]
    pub fn has_id(&self, id: &str) -> bool {
        self.places.contains_key(id)
    }

    /// What a customer reads in the article `id`; `None` when there is none, or it cannot be parsed.
    #[must_use]
    pub fn plain_text(&self, id: &str) -> Option<String> {
        let file = &self.files[*self.places.get(id)?];
        parsed(file)?.ok().map(|article| article.text)
    }

    /// The ids of the articles that cannot be published, with why.
    #[must_use]
    pub fn left_out(&self) -> Vec<(&str, ParseError)> {
        let faults = self.files.par_iter().filter_map(|file| Some((file, parsed(file)?.err()?)));
        faults.map(|(file, error)| (self.article_id(&file.source), error)).collect()
    }
}

/// `None` for a file that is no article.
fn parsed(file: &ArticleFile) -> Option<Result<ParsedArticle, ParseError>> {
    let fragment =
        |path: &str| file.fragments.iter().find(|fragment| fragment.path == path).map(|fragment| fragment.text.clone());
    Some(parse(&file.source, Format::of_file_name(&file.source)?, &file.bytes, &fragment))
}

/// The files of articles, and the ids of those sources that are not their own id.
fn read(articles: &Articles) -> Result<(Vec<ArticleFile>, HashMap<String, String>), CorpusError> {
    Ok(match articles {
        Articles::Folder(root) => (read_folder(root)?, HashMap::new()),
        Articles::Entries(entries) => read_entries(entries),
    })
}

fn read_folder(root: &std::path::Path) -> Result<Vec<ArticleFile>, CorpusError> {
    let scan = source::scan(&[root.to_owned()])?;
    if let Some((path, problem)) = scan.failed.into_iter().next() {
        return Err(CorpusError::Unreadable { path, problem });
    }
    let read = |(source, located): (&String, &source::Located)| {
        located
            .read(source, usize::MAX)
            .map_err(|error| CorpusError::Unreadable { path: source.clone(), problem: error.to_string() })
    };
    scan.files.iter().map(read).collect()
}

fn read_entries(entries: &[Entry]) -> (Vec<ArticleFile>, HashMap<String, String>) {
    let files: Vec<ArticleFile> = entries.iter().map(markdown).collect();
    let ids = files.iter().zip(entries).map(|(file, entry)| (file.source.clone(), entry.id.clone())).collect();
    (files, ids)
}

fn markdown(entry: &Entry) -> ArticleFile {
    let title = entry.title.split_whitespace().collect::<Vec<_>>().join(" ");
    let bytes = if title.is_empty() { entry.text.clone() } else { format!("# {title}\n\n{}", entry.text) };
    ArticleFile { source: file_name(&entry.id), bytes: bytes.into_bytes(), fragments: Vec::new() }
}

/// A file name that no other id has, whatever is in the id: everything but letters, digits, `-` and `_` is written as
/// `%` and its byte.
fn file_name(id: &str) -> String {
    let mut name = String::with_capacity(id.len() + 3);
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            name.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(name, "%{byte:02x}");
        }
    }
    name.push_str(".md");
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, title: &str, text: &str) -> Entry {
        Entry { id: id.into(), title: title.into(), text: text.into() }
    }

    #[test]
    fn an_entry_becomes_a_markdown_file_and_keeps_its_id() {
        let corpus = Corpus::read(
            &Articles::Entries(vec![entry("z/2", "Fees\nand fines", "It costs $5."), entry("a_1", "", "No title.")]),
            &[],
        )
        .unwrap();
        assert_eq!(corpus.files[0].bytes, b"No title.");
        assert_eq!(corpus.files[1].source, "z%2f2.md");
        assert_eq!(corpus.files[1].bytes, b"# Fees and fines\n\nIt costs $5.");
        assert_eq!(corpus.article_id("z%2f2.md"), "z/2");
        assert!(corpus.plain_text("z/2").unwrap().contains("It costs $5."));
        assert_eq!(corpus.plain_text("b"), None);
    }

    #[test]
    fn a_sample_has_what_is_asked_for_and_so_many_others() {
        let entries = (0..20).map(|number| entry(&format!("{number:02}"), "Title", "Text.")).collect();
        let articles = Articles::Entries(entries);
        let sampled = |seed| Corpus::read(&articles, &[]).unwrap().sampled(&HashSet::from(["07", "13"]), 5, seed);
        let sample = sampled(1);
        assert!(sample.files.len() == 7 && sample.has_id("07") && sample.has_id("13"));
        assert!(sample.plain_text("13").is_some() && sample.digest() == sampled(1).digest());
        assert_ne!(sample.digest(), sampled(2).digest());
    }

    #[test]
    fn ids_that_lead_elsewhere_make_plain_names() {
        for (id, name) in [("../x", "%2e%2e%2fx.md"), ("a b", "a%20b.md"), ("a%20b", "a%2520b.md"), ("é", "%c3%a9.md")]
        {
            assert_eq!(file_name(id), name);
        }
    }

    #[test]
    fn a_folder_s_sources_are_its_ids() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/one.md"), "# One\n\nText.").unwrap();
        let corpus = Corpus::read(&Articles::Folder(folder.path().to_owned()), &[]).unwrap();
        assert_eq!(corpus.article_id("a/one.md"), "a/one.md");
        assert!(corpus.plain_text("a/one.md").unwrap().contains("Text."));
    }

    #[test]
    fn an_edited_article_changes_the_digest_and_a_moved_one_too() {
        let digest =
            |id: &str, text: &str| Corpus::read(&Articles::Entries(vec![entry(id, "T", text)]), &[]).unwrap().digest();
        assert_ne!(digest("a", "x"), digest("a", "y"));
        assert_ne!(digest("a", "x"), digest("b", "x"));
        assert_eq!(digest("a", "x"), digest("a", "x"));
    }

    #[test]
    fn distractors_are_searched_and_answer_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.md"), "# Other\n\nText.").unwrap();
        let articles = Articles::Entries(vec![entry("a", "T", "x")]);
        let corpus = Corpus::read(&articles, &[folder.path().to_owned()]).unwrap();
        let sources: Vec<&str> = corpus.files.iter().map(|file| file.source.as_str()).collect();
        assert_eq!(sources, ["a.md", "distractors-1/a.md"]);
        assert_eq!(corpus.article_id("distractors-1/a.md"), "distractors-1/a.md");
        assert_ne!(corpus.digest(), Corpus::read(&articles, &[]).unwrap().digest());
    }

    #[test]
    fn an_article_without_text_is_left_out() {
        let corpus =
            Corpus::read(&Articles::Entries(vec![entry("a b", "", " "), entry("c", "", "Text.")]), &[]).unwrap();
        assert_eq!(corpus.left_out(), [("a b", ParseError::Empty)]);
    }

    #[test]
    fn a_folder_without_articles_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = Corpus::read(&Articles::Folder(folder.path().to_owned()), &[]).unwrap_err();
        assert!(matches!(error, CorpusError::Empty));
    }
}
