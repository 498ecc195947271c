//! A retrieval set: a folder with `corpus.jsonl`, `qrels.tsv` and `queries.jsonl`, as BEIR has them.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use sha2::Sha256;

use super::lines::{each_line, parse};
use super::problem::{Problems, counted, quoted};
use super::question::{Given, Questions};
use super::{Articles, Entry};

/// What is judged of one question.
struct Judged {
    /// Where it stands first.
    line: usize,
    /// Its gold articles.
    articles: Vec<String>,
}

/// Reads the files in name order, because the digest runs over them as they are read.
pub(super) fn read(root: &Path, digest: &mut Sha256, problems: &mut Problems) -> (Articles, Questions) {
    let (entries, articles) = read_corpus(&root.join("corpus.jsonl"), digest, problems);
    let qrels = root.join("qrels.tsv");
    let judged = read_judgements(&qrels, articles.as_ref(), digest, problems);
    let mut questions = Questions::of(root.join("queries.jsonl"));
    let path = questions.file.clone();
    questions.whole = each_line(&path, digest, problems, |number, line, problems| {
        let mut given: Given = parse(line)?;
        given.gold = judged.get(&given.id).map(|judged| judged.articles.clone()).unwrap_or_default();
        questions.add(Some(number), given, problems);
        Ok(())
    });
    if questions.whole {
        let mut strangers: Vec<(usize, &str)> =
            judged.iter().filter(|(id, _)| !questions.has(id)).map(|(id, judged)| (judged.line, id.as_str())).collect();
        strangers.sort_unstable();
        for (line, id) in strangers {
            problems.error(
                &qrels,
                line,
                format!("it judges question {}, which queries.jsonl does not hold", quoted(id)),
            );
        }
    }
    (Articles::Entries(entries), questions)
}

/// The articles and their ids; no ids where a broken line may hide some.
fn read_corpus(path: &Path, digest: &mut Sha256, problems: &mut Problems) -> (Vec<Entry>, Option<HashSet<String>>) {
    let mut entries = Vec::new();
    let mut lines: HashMap<String, usize> = HashMap::new();
    let whole = each_line(path, digest, problems, |number, line, problems| {
        let entry: Entry = parse(line)?;
        if entry.id.trim().is_empty() {
            problems.error(path, number, "its id is empty");
        } else if let Some(earlier) = lines.get(&entry.id) {
            let what = format!("the id {} stands in line {earlier} as well", quoted(&entry.id));
            problems.error(path, number, what);
        } else {
            lines.insert(entry.id.clone(), number);
        }
        entries.push(entry);
        Ok(())
    });
    if whole && entries.is_empty() {
        problems.error(path, None, "it holds no article");
    }
    (entries, whole.then(|| lines.into_keys().collect()))
}

/// Reads what is judged of each question id from lines of question id, article id and score.
///
/// A score of 0 or below means "judged, and not an answer".
fn read_judgements(
    path: &Path,
    articles: Option<&HashSet<String>>,
    digest: &mut Sha256,
    problems: &mut Problems,
) -> HashMap<String, Judged> {
    let mut all: HashMap<String, Judged> = HashMap::new();
    each_line(path, digest, problems, |number, line, problems| {
        let fields: Vec<&str> = line.split('\t').map(str::trim).collect();
        let &[question, article, score] = fields.as_slice() else {
            return Err(format!("it has {} instead of 3, split at tabs", counted(fields.len(), "column")));
        };
        if number == 1 && question == "query-id" {
            let heading = "the heading line is query-id, corpus-id, score, split at tabs";
            return if [article, score] == ["corpus-id", "score"] { Ok(()) } else { Err(heading.to_owned()) };
        }
        if question.is_empty() || article.is_empty() {
            return Err("an id is empty".to_owned());
        }
        let judged = all.entry(question.to_owned()).or_insert_with(|| Judged { line: number, articles: Vec::new() });
        let number_of = |score: &str| score.parse().ok().filter(|score: &f64| score.is_finite());
        let score = number_of(score).ok_or_else(|| format!("the score {} is not a number", quoted(score)))?;
        if articles.is_some_and(|articles| !articles.contains(article)) {
            let what = format!("it judges article {}, which corpus.jsonl does not hold", quoted(article));
            problems.error(path, number, what);
        }
        if score > 0.0 {
            judged.articles.push(article.to_owned());
        }
        Ok(())
    });
    all
}

#[cfg(test)]
mod tests {
    use sha2::Digest;
    use tempfile::TempDir;

    use super::super::{Dataset, Question, examine};
    use super::*;
    use crate::fixtures;

    const CORPUS: &str = concat!(
        "{\"_id\": \"a\", \"title\": \"Returns\", \"text\": \"Within 30 days.\", \"url\": \"ignored\"}\n",
        "{\"_id\": \"b\", \"text\": \"No title here.\"}\n",
    );
    const QUERIES: &str = concat!(
        "{\"_id\": \"q1\", \"text\": \"How long?\", \"answers\": [\"30 days\"], \"answerable\": true, \"passage_id\": \"z\"}\n",
        "{\"_id\": \"q2\", \"text\": \"Who?\", \"answers\": [], \"answerable\": false, \"passage_id\": \"a\", \"why\": 1}\n",
        "\n",
        "{\"_id\": \"q3\", \"text\": \"What?\", \"tags\": [\"x\"], \"language\": \"en\"}\r\n",
    );
    const JUDGEMENTS: &str = "query-id\tcorpus-id\tscore\nq1\tb\t1\nq1\ta\t2\nq1\tb\t1\nq2\ta\t0\n";

    fn set(files: &[(&str, &str)]) -> TempDir {
        let usual = [("corpus.jsonl", CORPUS), ("queries.jsonl", QUERIES), ("qrels.tsv", JUDGEMENTS)];
        fixtures::folder(&[&usual, files].concat())
    }

    #[test]
    fn is_read() {
        let folder = set(&[]);
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
        let Question { tags, language, .. } = &set.questions[2];
        assert_eq!((tags.as_slice(), language.as_deref()), (["x".to_owned()].as_slice(), Some("en")));
        let groups: Vec<&str> = set.questions.iter().map(|question| question.group.as_str()).collect();
        assert_eq!(groups, ["b", "a", "q3"]);
        assert_eq!(set.group_count(), 3);
    }

    #[test]
    fn the_digest_is_that_of_the_files_joined_in_name_order() {
        let joined = format!("{CORPUS}{JUDGEMENTS}{QUERIES}");
        assert_eq!(Dataset::read(set(&[]).path()).unwrap().sha256, hex::encode(Sha256::digest(joined)));
    }

    #[test]
    fn edited_articles_leave_the_digest_of_the_questions() {
        let edited = CORPUS.replace("Within", "In");
        let [one, other] =
            [set(&[]), set(&[("corpus.jsonl", &edited)])].map(|folder| Dataset::read(folder.path()).unwrap());
        assert_ne!(one.sha256, other.sha256);
        assert_eq!(one.questions_sha256, other.questions_sha256);
    }

    #[test]
    fn file_line_and_problem_are_named() {
        let cases = [
            (
                "queries.jsonl",
                "{\"_id\": \"q\", \"text\": \"t\"}\n{\"_id\": \"r\"}\n",
                ":2: error: missing field `text`",
            ),
            ("queries.jsonl", "{\"_id\": \"q\", \"text\": \"t\"}\n\n{\"_id\"\n", ":3: error: EOF while parsing"),
            ("queries.jsonl", "{\"_id\": \"q\", \"text\": \" \"}\n", ":1: error: question \"q\" has an empty text"),
            ("queries.jsonl", "{\"_id\": \"\", \"text\": \"t\"}\n", ":1: error: its id is empty"),
            ("queries.jsonl", "{\"_id\": 7, \"text\": \"t\"}\n", ":1: error: invalid type: integer `7`"),
            (
                "queries.jsonl",
                "{\"_id\": \"q\", \"text\": \"t\"}\n{\"_id\": \"q\", \"text\": \"u\"}\n",
                ":2: error: the id \"q\" stands in line 1 as well",
            ),
            ("queries.jsonl", "\n", ": error: it holds no question"),
            ("corpus.jsonl", "", ": error: it holds no article"),
            ("corpus.jsonl", "[]\n", ":1: error: "),
            (
                "corpus.jsonl",
                "{\"_id\": \"a\", \"text\": \"t\"}\n{\"_id\": \"a\", \"text\": \"t\"}\n",
                ":2: error: the id \"a\" stands in line 1 as well",
            ),
            ("corpus.jsonl", "{\"_id\": \" \", \"text\": \"t\"}\n", ":1: error: its id is empty"),
            ("qrels.tsv", "q1\ta\t1\nq1 a 1\n", ":2: error: it has 1 column instead of 3, split at tabs"),
            ("qrels.tsv", "q1\ta\tyes\n", ":1: error: the score \"yes\" is not a number"),
            ("qrels.tsv", "q1\ta\tNaN\n", ":1: error: the score \"NaN\" is not a number"),
            ("qrels.tsv", "q1\t\t1\n", ":1: error: an id is empty"),
            ("qrels.tsv", "query-id\tscore\tcorpus-id\n", ":1: error: the heading line is query-id, corpus-id, score"),
            (
                "qrels.tsv",
                "q1\ta\t1\nq1\tc\t1\n",
                ":2: error: it judges article \"c\", which corpus.jsonl does not hold",
            ),
            ("qrels.tsv", "q1\ta\t1\nqx\ta\t1\n", ":2: error: it judges question \"qx\", which queries.jsonl does not"),
            ("qrels.tsv", "q2\ta\t1\n", "queries.jsonl:2: error: question \"q2\" is marked as not answerable and has"),
        ];
        for (file, text, expected) in cases {
            let folder = set(&[(file, text)]);
            let told = fixtures::told(&examine(folder.path()).unwrap().problems);
            let expected = if expected.starts_with(':') { format!("{file}{expected}") } else { expected.to_owned() };
            assert!(told.contains(&expected), "{expected} is not in {told}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_and_nothing_that_only_follows_from_it() {
        let folder = set(&[
            ("corpus.jsonl", "{\"_id\": \"a\"}\nno\n"),
            ("queries.jsonl", "{\"_id\": 1}\n{\"_id\": \"q1\", \"text\": \"\"}\n"),
        ]);
        let problems = examine(folder.path()).unwrap().problems;
        assert_eq!(problems.errors(), 4, "{}", fixtures::told(&problems));
    }

    #[test]
    fn a_missing_file_is_a_problem() {
        let folder = set(&[]);
        std::fs::remove_file(folder.path().join("qrels.tsv")).unwrap();
        let told = fixtures::told(&examine(folder.path()).unwrap().problems);
        assert!(told.contains("qrels.tsv: error: it cannot be read"), "{told}");
    }

    #[test]
    fn a_byte_order_mark_is_no_content() {
        let folder = set(&[("queries.jsonl", &format!("\u{feff}{QUERIES}"))]);
        assert_eq!(Dataset::read(folder.path()).unwrap().questions.len(), 3);
    }
}
