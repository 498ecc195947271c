//! A folder of articles as it lies on a disk.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use crate::knowledge::parse::{Format, Fragment, ParseError, fragments};
use crate::knowledge::sync::ArticleFile;

/// The files below the given paths that can be articles.
#[derive(Debug, Default)]
pub struct Scan {
    /// Each file by its source: its path below the folder that was given, with `/` between the parts.
    pub files: BTreeMap<String, Located>,
    /// Files of formats that are no articles: how many of each extension.
    pub passed_over: BTreeMap<String, usize>,
    /// Files and folders that could not be looked at, with why.
    pub failed: Vec<(String, String)>,
}

/// Where a file is, and the folder that its includes may come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    path: PathBuf,
    root: PathBuf,
}

/// Paths that cannot be ingested.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// Nothing is there, or it may not be read.
    #[error("{path} cannot be read: {why}")]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// Two of the given folders have a file of the same name.
    #[error("{source_name} is in two of the given folders; ingest their common parent instead")]
    Twice {
        /// The name that both have.
        source_name: String,
    },
}

/// Finds the article files below `paths`, which are folders or single files.
///
/// Hidden files and folders are left out, and symbolic links are not followed: what lies behind one was not given.
///
/// # Errors
/// [`ScanError`].
pub fn scan(paths: &[PathBuf]) -> Result<Scan, ScanError> {
    let mut scan = Scan::default();
    for path in paths {
        let unreadable = |why| ScanError::Unreadable { path: path.clone(), why };
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        let root = if metadata.is_dir() { path.clone() } else { path.parent().map(Path::to_owned).unwrap_or_default() };
        std::fs::read_dir(if root.as_os_str().is_empty() { Path::new(".") } else { &root }).map_err(unreadable)?;
        for entry in WalkBuilder::new(path).standard_filters(false).hidden(metadata.is_dir()).build() {
            match entry {
                Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => scan.take(entry.path(), &root)?,
                Ok(_) => (),
                Err(error) => scan.failed.push((path.display().to_string(), error.to_string())),
            }
        }
    }
    Ok(scan)
}

impl Scan {
    /// The parts of the one folder that all files were found in; none when there are several.
    #[must_use]
    pub fn folder(&self) -> Vec<String> {
        let mut roots: Vec<&Path> = self.files.values().map(|located| located.root.as_path()).collect();
        roots.dedup();
        let [root] = roots[..] else { return Vec::new() };
        // A path without a folder, as in `faq.md`, lies in the working directory.
        let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
        let Ok(root) = root.canonicalize() else { return Vec::new() };
        let parts = root.components().filter_map(|part| match part {
            std::path::Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
            _ => None,
        });
        parts.collect()
    }

    /// The same files, named as the workspace has the folder `prefix`.
    #[must_use]
    pub fn below(mut self, prefix: &str) -> Self {
        self.files = self.files.into_iter().map(|(source, located)| (format!("{prefix}{source}"), located)).collect();
        self
    }

    fn take(&mut self, path: &Path, root: &Path) -> Result<(), ScanError> {
        let below = path.strip_prefix(root).unwrap_or(path);
        let Some(source) = below.to_str().map(|below| below.replace(std::path::MAIN_SEPARATOR, "/")) else {
            self.failed.push((below.display().to_string(), "its name is not UTF-8".into()));
            return Ok(());
        };
        if Format::of_file_name(&source).is_none() {
            let extension = below
                .extension()
                .map_or_else(|| "no extension".into(), |extension| extension.to_string_lossy().to_lowercase());
            *self.passed_over.entry(extension).or_default() += 1;
            return Ok(());
        }
        let located = Located { path: path.to_owned(), root: root.to_owned() };
        match self.files.insert(source.clone(), located.clone()) {
            Some(other) if other != located => Err(ScanError::Twice { source_name: source }),
            _ => Ok(()),
        }
    }
}

impl Located {
    /// Reads the file and what it includes, each up to `bytes_max`: one that is larger is not read.
    ///
    /// # Errors
    /// What the system says, as when the file has gone since, or [`io::ErrorKind::FileTooLarge`].
    pub fn read(&self, source: &str, bytes_max: usize) -> io::Result<ArticleFile> {
        let bytes = read_at_most(&self.path, bytes_max)?;
        let fragments = self.fragments(&bytes, bytes_max);
        Ok(ArticleFile { source: source.to_owned(), bytes, fragments })
    }

    fn fragments(&self, bytes: &[u8], bytes_max: usize) -> Vec<Fragment> {
        let folder = self.path.parent().unwrap_or(&self.root);
        fragments(bytes, &|path| {
            // `~/` is the root in Microsoft Learn's repositories.
            let target = path.strip_prefix("~/").map_or_else(|| folder.join(path), |below| self.root.join(below));
            let target = target.canonicalize().ok()?;
            // An article must not bring in what lies outside of the folder that was given.
            if !target.starts_with(self.root.canonicalize().ok()?) {
                return None;
            }
            String::from_utf8(read_at_most(&target, bytes_max).ok()?).ok()
        })
    }
}

fn read_at_most(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let file = std::fs::File::open(path)?;
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let length = file.metadata()?.len();
    if length <= limit {
        // It may grow while it is read.
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX).max(bytes.len());
    if length > bytes_max {
        let too_large = ParseError::TooLarge { bytes: length, bytes_max };
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, too_large));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn articles_are_found_and_other_files_counted() {
        let folder = folder(&[("a/one.md", "x"), ("two.TXT", "x"), ("logo.png", "x"), (".git/x.md", "x")]);
        let scan = scan(&[folder.path().to_owned()]).unwrap();
        assert_eq!(scan.files.keys().collect::<Vec<_>>(), ["a/one.md", "two.TXT"]);
        assert_eq!(scan.passed_over, BTreeMap::from([("png".to_owned(), 1)]));
    }

    #[test]
    fn a_single_file_is_named_by_itself() {
        let folder = folder(&[("a/one.md", "x")]);
        let scan = scan(&[folder.path().join("a/one.md")]).unwrap();
        assert_eq!(scan.files.keys().collect::<Vec<_>>(), ["one.md"]);
    }

    #[test]
    fn the_same_name_in_two_folders_is_refused() {
        let (one, other) = (folder(&[("a.md", "x")]), folder(&[("a.md", "y")]));
        let error = scan(&[one.path().to_owned(), other.path().to_owned()]).unwrap_err();
        assert!(matches!(error, ScanError::Twice { source_name } if source_name == "a.md"));
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_it() {
        let error = scan(&[PathBuf::from("/nowhere/at/all")]).unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/at/all cannot be read"));
    }

    #[test]
    fn includes_come_from_inside_of_the_folder_only() {
        let outside = folder(&[("secret.md", "secret")]);
        let secret = outside.path().join("secret.md");
        let article = format!("[!INCLUDE [a](../part.md)]\n\n[!INCLUDE [b]({})]\n", secret.display());
        let folder = folder(&[("a/one.md", &article), ("part.md", "shared words")]);
        let found = scan(&[folder.path().to_owned()]).unwrap();
        let file = found.files["a/one.md"].read("a/one.md", 1_000).unwrap();
        assert_eq!(file.fragments, [Fragment { path: "../part.md".into(), text: "shared words".into() }]);
    }

    #[test]
    fn a_file_beyond_the_limit_is_not_read() {
        let folder = folder(&[("log.txt", "12345")]);
        let located = scan(&[folder.path().to_owned()]).unwrap().files["log.txt"].clone();
        assert_eq!(located.read("log.txt", 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(located.read("log.txt", 5).unwrap().bytes, b"12345");
    }

    #[test]
    fn an_edited_fragment_changes_the_digest() {
        let folder = folder(&[("one.md", "[!INCLUDE [a](part.md)]"), ("part.md", "old")]);
        let located = scan(&[folder.path().to_owned()]).unwrap().files["one.md"].clone();
        let before = located.read("one.md", 1_000).unwrap().digest();
        std::fs::write(folder.path().join("part.md"), "new").unwrap();
        assert_ne!(located.read("one.md", 1_000).unwrap().digest(), before);
    }
}
