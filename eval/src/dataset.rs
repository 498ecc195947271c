//! Reads an evaluation set, in either of the two layouts, into one type.
//!
//! A retrieval set is a folder with `corpus.jsonl`, `queries.jsonl` and `qrels.tsv` (BEIR); a support set is a
//! folder with `questions.jsonl` and `dataset.json`, which names the folder of its articles. Fields that this
//! file does not know are ignored.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A set of questions and the articles that they are asked of.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// The name of the set's folder.
    pub name: String,
    pub source: Articles,
    /// In the order of the file; ids are unique.
    pub questions: Vec<Question>,
    /// SHA-256, in hexadecimal, of the set's own files joined in name order: what
    /// `cat corpus.jsonl qrels.tsv queries.jsonl | sha256sum` prints, or
    /// `cat dataset.json questions.jsonl | sha256sum`. The article folder of a support set is not part of it.
    pub sha256: String,
}

/// Where the articles of a set are.
#[derive(Debug, Clone, PartialEq)]
pub enum Articles {
    /// A folder of files (support set), to be read as `ingest` reads it. Absolute, and it exists.
    Folder(PathBuf),
    /// The articles themselves (retrieval set), in the order of the file; ids are unique.
    Entries(Vec<Entry>),
}

/// One article of a retrieval set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    #[serde(rename = "_id")]
    pub id: String,
    /// Empty where the set has none.
    #[serde(default)]
    pub title: String,
    pub text: String,
}

/// One question and what a right answer to it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    pub id: String,
    pub text: String,
    /// Whether the articles hold an answer. Where the set does not say, whether it names a gold article.
    pub answerable: bool,
    /// The articles that answer it, without repeats: ids (retrieval set) or paths inside the article folder
    /// (support set). They need not exist: an article that is missing can only be missed.
    pub gold: Vec<String>,
    /// Gold answers, any one of which marks a right answer.
    pub answers: Vec<String>,
    /// Sentences of the gold articles that hold the answer, verbatim.
    pub support: Vec<String>,
    pub kind: Option<String>,
    pub subset: Option<String>,
    pub intent: Option<String>,
    /// The turns before the question, oldest first.
    pub history: Vec<Turn>,
    /// Questions of one group are not independent: every split and every bootstrap keeps a group together.
    /// The set's own `group`, else the first gold article, else `passage_id`, else the question's id.
    pub group: String,
}

/// One earlier message of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// As the set writes it, such as `user` or `bot`.
    pub sender: String,
    pub text: String,
}

/// Why a set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    #[error(
        "{} is not a data set: it has neither queries.jsonl (retrieval set) nor questions.jsonl (support set)",
        .0.display()
    )]
    UnknownLayout(PathBuf),
    #[error("{} has both queries.jsonl and questions.jsonl; a set has one layout", .0.display())]
    TwoLayouts(PathBuf),
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}, line {line}: {problem}", path.display())]
    Malformed {
        path: PathBuf,
        /// From 1.
        line: usize,
        problem: String,
    },
    #[error("{}: {problem}", path.display())]
    Unusable { path: PathBuf, problem: String },
}

impl Dataset {
    /// Reads the set in the folder `root`, telling the layout by the files in it.
    ///
    /// # Errors
    /// A `DatasetError` that names the file, the line and what is wrong with it. Besides broken lines, refused
    /// are an empty or repeated id, an empty question, a set without questions, a retrieval set without
    /// articles, and a support set whose article folder does not exist.
    pub fn read(root: &Path) -> Result<Self, DatasetError> {
        let root = canonical(root)?;
        match (root.join("queries.jsonl").is_file(), root.join("questions.jsonl").is_file()) {
            (true, false) => read_retrieval_set(&root),
            (false, true) => read_support_set(&root),
            (true, true) => Err(DatasetError::TwoLayouts(root)),
            (false, false) => Err(DatasetError::UnknownLayout(root)),
        }
    }

    /// How many different groups the questions fall into.
    #[must_use]
    pub fn group_count(&self) -> usize {
        let groups: HashSet<&str> = self.questions.iter().map(|question| question.group.as_str()).collect();
        groups.len()
    }
}

/// A line of `queries.jsonl` or `questions.jsonl`.
#[derive(Deserialize)]
struct QuestionLine {
    #[serde(rename = "_id")]
    id: String,
    text: String,
    answerable: Option<bool>,
    #[serde(default)]
    gold: Vec<String>,
    #[serde(default)]
    answers: Vec<String>,
    #[serde(default)]
    support: Vec<String>,
    kind: Option<String>,
    subset: Option<String>,
    intent: Option<String>,
    #[serde(default)]
    history: Vec<Turn>,
    group: Option<String>,
    passage_id: Option<String>,
}

impl QuestionLine {
    fn into_question(self, gold: Vec<String>) -> Question {
        let gold = without_repeats(gold);
        let group = self.group.or_else(|| gold.first().cloned()).or(self.passage_id).unwrap_or_else(|| self.id.clone());
        Question {
            answerable: self.answerable.unwrap_or(!gold.is_empty()),
            id: self.id,
            text: self.text,
            gold,
            answers: self.answers,
            support: self.support,
            kind: self.kind,
            subset: self.subset,
            intent: self.intent,
            history: self.history,
            group,
        }
    }
}

/// `dataset.json` of a support set.
#[derive(Deserialize)]
struct SupportSet {
    /// The folder of articles, relative to the set.
    docs: PathBuf,
}

// Both readers take their files in name order, because the digest runs over them as they are read.

fn read_retrieval_set(root: &Path) -> Result<Dataset, DatasetError> {
    let mut digest = Sha256::new();
    let corpus = root.join("corpus.jsonl");
    let mut entries: Vec<Entry> = Vec::new();
    let mut ids = HashSet::new();
    each_line(&corpus, &mut digest, |_, line| {
        let entry: Entry = parse(line)?;
        check_id(&entry.id, &mut ids)?;
        entries.push(entry);
        Ok(())
    })?;
    if entries.is_empty() {
        return Err(unusable(&corpus, "it holds no article"));
    }
    let mut gold = read_judgements(&root.join("qrels.tsv"), &mut digest)?;
    let questions =
        read_questions(&root.join("queries.jsonl"), &mut digest, |line| gold.remove(&line.id).unwrap_or_default())?;
    Ok(Dataset { name: folder_name(root), source: Articles::Entries(entries), questions, sha256: hexadecimal(digest) })
}

fn read_support_set(root: &Path) -> Result<Dataset, DatasetError> {
    let mut digest = Sha256::new();
    let settings_path = root.join("dataset.json");
    let settings = fs::read(&settings_path).map_err(|source| unreadable(&settings_path, source))?;
    digest.update(&settings);
    let settings: SupportSet = serde_json::from_slice(&settings).map_err(|error| DatasetError::Malformed {
        path: settings_path.clone(),
        line: error.line(),
        problem: error.to_string(),
    })?;
    let docs = root.join(&settings.docs);
    if !docs.is_dir() {
        let problem = format!("\"docs\" names {}, which is not a folder", docs.display());
        return Err(unusable(&settings_path, problem));
    }
    let questions = read_questions(&root.join("questions.jsonl"), &mut digest, |line| std::mem::take(&mut line.gold))?;
    Ok(Dataset {
        name: folder_name(root),
        source: Articles::Folder(canonical(&docs)?),
        questions,
        sha256: hexadecimal(digest),
    })
}

/// Reads the questions of either layout; `gold` says which articles answer a line.
fn read_questions(
    path: &Path,
    digest: &mut Sha256,
    mut gold: impl FnMut(&mut QuestionLine) -> Vec<String>,
) -> Result<Vec<Question>, DatasetError> {
    let mut questions = Vec::new();
    let mut ids = HashSet::new();
    each_line(path, digest, |_, line| {
        let mut line: QuestionLine = parse(line)?;
        check_id(&line.id, &mut ids)?;
        if line.text.trim().is_empty() {
            return Err(format!("question \"{}\" has an empty \"text\"", line.id));
        }
        let gold = gold(&mut line);
        questions.push(line.into_question(gold));
        Ok(())
    })?;
    if questions.is_empty() {
        return Err(unusable(path, "it holds no question"));
    }
    Ok(questions)
}

/// Reads the gold articles of each question id from a BEIR file: question id, article id, score.
///
/// A score of 0 or below means "judged, and not an answer". Judgements of questions that the set does not hold
/// are allowed, as BEIR sets share one file of questions between splits.
fn read_judgements(path: &Path, digest: &mut Sha256) -> Result<HashMap<String, Vec<String>>, DatasetError> {
    let mut gold: HashMap<String, Vec<String>> = HashMap::new();
    each_line(path, digest, |number, line| {
        let fields: Vec<&str> = line.split('\t').map(str::trim).collect();
        let &[question, article, score] = fields.as_slice() else {
            return Err(format!("it has {} columns instead of 3, split at tabs", fields.len()));
        };
        if number == 1 && question == "query-id" {
            return Ok(());
        }
        let score: f64 = score.parse().map_err(|_| format!("the score \"{score}\" is not a number"))?;
        if question.is_empty() || article.is_empty() {
            return Err("an id is empty".to_owned());
        }
        if score > 0.0 {
            gold.entry(question.to_owned()).or_default().push(article.to_owned());
        }
        Ok(())
    })?;
    Ok(gold)
}

/// Hands each line that is not blank to `take`, with its number from 1, and adds every byte to `digest`.
fn each_line(
    path: &Path,
    digest: &mut Sha256,
    mut take: impl FnMut(usize, &str) -> Result<(), String>,
) -> Result<(), DatasetError> {
    let mut reader = BufReader::new(File::open(path).map_err(|source| unreadable(path, source))?);
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).map_err(|source| unreadable(path, source))? == 0 {
            break;
        }
        digest.update(&bytes);
        let malformed = |problem| DatasetError::Malformed { path: path.to_owned(), line: number, problem };
        let line = std::str::from_utf8(&bytes).map_err(|error| malformed(format!("it is not UTF-8: {error}")))?;
        let line = line.strip_prefix('\u{feff}').unwrap_or(line).trim_end_matches(['\r', '\n']);
        if !line.trim().is_empty() {
            take(number, line).map_err(malformed)?;
        }
    }
    Ok(())
}

fn parse<'line, T: Deserialize<'line>>(line: &'line str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|error| {
        // the line that serde counts is always 1 here and would contradict the file's
        let problem = error.to_string();
        let problem = problem.split(" at line ").next().unwrap_or_default().to_owned();
        format!("{problem} (column {})", error.column())
    })
}

fn check_id(id: &str, seen: &mut HashSet<String>) -> Result<(), String> {
    if id.trim().is_empty() {
        return Err("\"_id\" is empty".to_owned());
    }
    if seen.insert(id.to_owned()) { Ok(()) } else { Err(format!("\"_id\" \"{id}\" stands in an earlier line as well")) }
}

fn without_repeats(ids: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    ids.into_iter().filter(|id| seen.insert(id.clone())).collect()
}

fn canonical(path: &Path) -> Result<PathBuf, DatasetError> {
    fs::canonicalize(path).map_err(|source| unreadable(path, source))
}

fn folder_name(root: &Path) -> String {
    root.file_name().unwrap_or(root.as_os_str()).to_string_lossy().into_owned()
}

fn hexadecimal(digest: Sha256) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    digest.finalize().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unreadable(path: &Path, source: io::Error) -> DatasetError {
    DatasetError::Unreadable { path: path.to_owned(), source }
}

fn unusable(path: &Path, problem: impl Into<String>) -> DatasetError {
    DatasetError::Unusable { path: path.to_owned(), problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const CORPUS: &str = concat!(
        "{\"_id\": \"a\", \"title\": \"Returns\", \"text\": \"Within 30 days.\", \"url\": \"ignored\"}\n",
        "{\"_id\": \"b\", \"text\": \"No title here.\"}\n",
    );
    const QUERIES: &str = concat!(
        "{\"_id\": \"q1\", \"text\": \"How long?\", \"answers\": [\"30 days\"], \"answerable\": true, \"passage_id\": \"z\"}\n",
        "{\"_id\": \"q2\", \"text\": \"Who?\", \"answers\": [], \"answerable\": false, \"passage_id\": \"a\", \"why\": 1}\n",
        "\n",
        "{\"_id\": \"q3\", \"text\": \"What?\"}\r\n",
    );
    const JUDGEMENTS: &str = "query-id\tcorpus-id\tscore\nq1\tb\t1\nq1\ta\t2\nq1\tb\t1\nq2\ta\t0\nelsewhere\ta\t1\n";

    fn retrieval_set(files: &[(&str, &str)]) -> TempDir {
        let folder = TempDir::new().unwrap();
        let usual = [("corpus.jsonl", CORPUS), ("queries.jsonl", QUERIES), ("qrels.tsv", JUDGEMENTS)];
        for (name, text) in usual.iter().chain(files) {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn support_set(questions: &str, docs: &str) -> TempDir {
        let folder = TempDir::new().unwrap();
        fs::create_dir_all(folder.path().join("articles")).unwrap();
        fs::create_dir_all(folder.path().join("set")).unwrap();
        fs::write(folder.path().join("set/questions.jsonl"), questions).unwrap();
        fs::write(folder.path().join("set/dataset.json"), format!("{{\"docs\": \"{docs}\"}}\n")).unwrap();
        folder
    }

    fn refusal(root: &Path) -> String {
        Dataset::read(root).unwrap_err().to_string()
    }

    #[test]
    fn reads_a_retrieval_set() {
        let folder = retrieval_set(&[]);
        let set = Dataset::read(folder.path()).unwrap();
        let Articles::Entries(entries) = &set.source else { panic!("{:?}", set.source) };
        assert_eq!(entries[0].title, "Returns");
        assert_eq!(entries[1], Entry { id: "b".into(), title: String::new(), text: "No title here.".into() });
        assert_eq!(set.name, folder.path().file_name().unwrap().to_str().unwrap());
        assert_eq!(set.questions.len(), 3);
        assert_eq!(set.questions[0].gold, ["b", "a"]);
        assert_eq!(set.questions[0].answers, ["30 days"]);
        assert!(set.questions[0].answerable && !set.questions[1].answerable && !set.questions[2].answerable);
        assert_eq!(set.questions[1].gold, [""; 0]);
        let groups: Vec<&str> = set.questions.iter().map(|question| question.group.as_str()).collect();
        assert_eq!(groups, ["b", "a", "q3"]);
        assert_eq!(set.group_count(), 3);
    }

    #[test]
    fn reads_a_support_set() {
        let line = r#"{"_id": "q9", "text": "And then?", "answerable": true, "gold": ["x/y.md", "z.md"], "answers": ["a key"], "support": ["Press a key."], "kind": "howto", "history": [{"sender": "user", "text": "Hi"}, {"sender": "bot", "text": "Hello"}], "intent": "greeting", "group": "own", "subset": "followup", "checked": "(?i)x"}"#;
        let folder = support_set(line, "../articles");
        let set = Dataset::read(&folder.path().join("set")).unwrap();
        assert_eq!(set.name, "set");
        assert_eq!(set.source, Articles::Folder(fs::canonicalize(folder.path().join("articles")).unwrap()));
        let expected = Question {
            id: "q9".into(),
            text: "And then?".into(),
            answerable: true,
            gold: vec!["x/y.md".into(), "z.md".into()],
            answers: vec!["a key".into()],
            support: vec!["Press a key.".into()],
            kind: Some("howto".into()),
            subset: Some("followup".into()),
            intent: Some("greeting".into()),
            history: vec![
                Turn { sender: "user".into(), text: "Hi".into() },
                Turn { sender: "bot".into(), text: "Hello".into() },
            ],
            group: "own".into(),
        };
        assert_eq!(set.questions, [expected]);
    }

    #[test]
    fn digests_the_files_joined_in_name_order() {
        let folder = retrieval_set(&[]);
        let joined = format!("{CORPUS}{JUDGEMENTS}{QUERIES}");
        assert_eq!(Dataset::read(folder.path()).unwrap().sha256, hexadecimal(Sha256::new_with_prefix(joined)));

        let question = "{\"_id\": \"q\", \"text\": \"t\"}";
        let folder = support_set(question, "../articles");
        let joined = format!("{{\"docs\": \"../articles\"}}\n{question}");
        assert_eq!(
            Dataset::read(&folder.path().join("set")).unwrap().sha256,
            hexadecimal(Sha256::new_with_prefix(joined))
        );
    }

    #[test]
    fn the_digest_is_sha_256() {
        assert_eq!(
            hexadecimal(Sha256::new_with_prefix("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn names_file_line_and_problem() {
        let cases = [
            ("queries.jsonl", "{\"_id\": \"q\", \"text\": \"t\"}\n{\"_id\": \"r\"}\n", "line 2: missing field `text`"),
            ("queries.jsonl", "{\"_id\": \"q\", \"text\": \"t\"}\n\n{\"_id\"\n", "line 3: EOF while parsing"),
            ("queries.jsonl", "{\"_id\": \"q\", \"text\": \" \"}\n", "line 1: question \"q\" has an empty \"text\""),
            ("queries.jsonl", "{\"_id\": \"\", \"text\": \"t\"}\n", "line 1: \"_id\" is empty"),
            (
                "queries.jsonl",
                "{\"_id\": \"q\", \"text\": \"t\"}\n{\"_id\": \"q\", \"text\": \"u\"}\n",
                "line 2: \"_id\" \"q\" stands in an earlier line as well",
            ),
            ("queries.jsonl", "\n", "it holds no question"),
            ("corpus.jsonl", "", "it holds no article"),
            ("corpus.jsonl", "[]\n", "line 1: "),
            ("qrels.tsv", "q1\ta\t1\nq1 a 1\n", "line 2: it has 1 columns instead of 3"),
            ("qrels.tsv", "q1\ta\tyes\n", "line 1: the score \"yes\" is not a number"),
            ("qrels.tsv", "q1\t\t1\n", "line 1: an id is empty"),
        ];
        for (file, text, expected) in cases {
            let folder = retrieval_set(&[(file, text)]);
            let refusal = refusal(folder.path());
            assert!(refusal.contains(file) && refusal.contains(expected), "{refusal}");
        }
    }

    #[test]
    fn refuses_text_that_is_not_utf8_by_line() {
        let folder = retrieval_set(&[]);
        fs::write(folder.path().join("corpus.jsonl"), [CORPUS.as_bytes(), b"\xff\n"].concat()).unwrap();
        assert!(refusal(folder.path()).contains("corpus.jsonl, line 3: it is not UTF-8"));
    }

    #[test]
    fn reads_a_file_that_starts_with_a_byte_order_mark() {
        let folder = retrieval_set(&[("queries.jsonl", &format!("\u{feff}{QUERIES}"))]);
        assert_eq!(Dataset::read(folder.path()).unwrap().questions.len(), 3);
    }

    #[test]
    fn refuses_a_folder_that_is_no_set() {
        let folder = TempDir::new().unwrap();
        assert!(refusal(folder.path()).contains("is not a data set"));
        assert!(refusal(&folder.path().join("absent")).contains("cannot be read"));
        let both = retrieval_set(&[("questions.jsonl", "")]);
        assert!(refusal(both.path()).contains("one layout"));
        let no_corpus = retrieval_set(&[]);
        fs::remove_file(no_corpus.path().join("corpus.jsonl")).unwrap();
        assert!(refusal(no_corpus.path()).contains("corpus.jsonl: cannot be read"));
    }

    #[test]
    fn refuses_a_support_set_without_its_articles() {
        let folder = support_set("{\"_id\": \"q\", \"text\": \"t\"}", "../absent");
        assert!(refusal(&folder.path().join("set")).contains("dataset.json: \"docs\" names"));
        fs::write(folder.path().join("set/dataset.json"), "{\n\"doc\": 1}").unwrap();
        assert!(refusal(&folder.path().join("set")).contains("dataset.json, line 2: missing field `docs`"));
    }
}
