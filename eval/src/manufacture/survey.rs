//! What is known of all articles together: which words are rare, which sentences and headings stand in one article only.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use candor::knowledge::sentences;

use crate::manufacture::article::{Article, LeftOut};
use crate::manufacture::table_rows::TableRow;
use crate::matching::normalised_words;

/// A heading that more than one article in so many has is a part of the house's form, as "More information" is, and not
/// something that a customer asks for. Of the 2,459 Office articles, those go that more than twelve have: "Procedure" and what
/// is more frequent.
const ARTICLES_TO_ONE_OF_A_FORM: usize = 200;
/// So many articles may share a heading in any case: of a few articles each would be a large share.
const SHARED_BY_MAX: usize = 3;

/// Counts over all articles of a workspace.
#[derive(Debug, Default)]
pub struct Survey {
    /// The digest of each article that can be in the set, by its source.
    pub digests: BTreeMap<String, String>,
    /// The title of each, without its case and punctuation.
    pub titles: BTreeMap<String, Vec<String>>,
    /// How many articles are left out, and why.
    pub left_out: BTreeMap<LeftOut, usize>,
    /// Where the fragments of all articles lie.
    pub fragments: BTreeSet<String>,
    /// In how many articles a word stands.
    words: HashMap<String, u32>,
    /// How often a word stands in lower case, and how often with a capital where no sentence begins.
    cases: HashMap<String, [u32; 2]>,
    /// In how many articles a sentence stands, by its words.
    sentences: HashMap<u64, u32>,
    /// The same with every number alike: "Original KB number: 3184240" is of the house's form.
    patterns: HashMap<u64, u32>,
    /// In how many articles a table says the same of the same.
    rows: HashMap<u64, u32>,
    /// In how many articles something is a title or a heading, by its words that say something.
    topics: HashMap<Vec<String>, u32>,
    /// How many articles have a title of the same words, and a title that is the same when it is spoken.
    titles_of: HashMap<Vec<String>, u32>,
    short_titles: HashMap<Vec<String>, u32>,
    /// Fragments that have been counted.
    known_fragments: HashSet<u64>,
}

impl Survey {
    /// Counts an article.
    pub fn add(&mut self, article: &Article) {
        let source = article.source().to_owned();
        self.digests.insert(source.clone(), article.file.digest());
        self.titles.insert(source, normalised_words(&article.title));
        *self.titles_of.entry(topic_words(&article.title)).or_default() += 1;
        *self.short_titles.entry(normalised_words(short(&article.title))).or_default() += 1;
        let topics: BTreeSet<Vec<String>> =
            article.headings().into_iter().chain([article.title.as_str()]).map(topic_words).collect();
        for topic in topics {
            *self.topics.entry(topic).or_default() += 1;
        }
        let words: BTreeSet<String> = normalised_words(&article.text).into_iter().collect();
        for word in words {
            *self.words.entry(word).or_default() += 1;
        }
        self.count_cases(&article.text);
        for row in article.rows.iter().map(row_fingerprint).collect::<BTreeSet<u64>>() {
            *self.rows.entry(row).or_default() += 1;
        }
        let sentences: BTreeSet<&str> =
            article.sections.iter().flat_map(|section| &section.sentences).map(String::as_str).collect();
        self.count_sentences(&sentences);
        for (target, text) in article.fragments() {
            self.fragments.insert(target);
            // Laid out beside the articles, it can be found and cited like one of them.
            if self.known_fragments.insert(fingerprint(text)) {
                self.count_sentences(&sentences::split(text).into_iter().map(|span| &text[span]).collect());
            }
        }
    }

    /// Counts an article that cannot be in the set.
    pub fn leave_out(&mut self, why: LeftOut) {
        *self.left_out.entry(why).or_default() += 1;
    }

    fn count_sentences(&mut self, sentences: &BTreeSet<&str>) {
        let of = |print: fn(&str) -> u64| sentences.iter().map(|sentence| print(sentence)).collect::<BTreeSet<u64>>();
        for sentence in of(fingerprint) {
            *self.sentences.entry(sentence).or_default() += 1;
        }
        for pattern in of(without_numbers) {
            *self.patterns.entry(pattern).or_default() += 1;
        }
    }

    fn count_cases(&mut self, text: &str) {
        let mut before = "";
        for piece in text.split_whitespace() {
            let word = piece.trim_matches(|letter: char| !letter.is_alphanumeric());
            let goes_on = before.ends_with(char::is_alphanumeric) && piece.starts_with(char::is_alphanumeric);
            if word.starts_with(char::is_lowercase) {
                self.cases.entry(word.to_owned()).or_default()[0] += 1;
            } else if word.starts_with(char::is_uppercase) && goes_on {
                self.cases.entry(word.to_lowercase()).or_default()[1] += 1;
            }
            before = piece;
        }
    }

    /// Whether a sentence stands in no other article, nor others of its form in many.
    #[must_use]
    pub fn is_of_one_article(&self, sentence: &str) -> bool {
        self.sentences.get(&fingerprint(sentence)).is_none_or(|count| *count <= 1)
            && self.patterns.get(&without_numbers(sentence)).is_none_or(|count| *count as usize <= self.shared_by_max())
    }

    /// Whether no table of another article says the same of the same.
    #[must_use]
    pub fn is_row_of_one_article(&self, row: &TableRow) -> bool {
        self.rows.get(&row_fingerprint(row)).is_none_or(|count| *count <= 1)
    }

    fn shared_by_max(&self) -> usize {
        (self.digests.len() / ARTICLES_TO_ONE_OF_A_FORM).max(SHARED_BY_MAX)
    }

    /// Whether a heading belongs to the form of the articles.
    #[must_use]
    pub fn is_form(&self, heading: &str) -> bool {
        self.shared_by(heading) > self.shared_by_max()
    }

    /// How many articles have a title or a heading of the same words.
    #[must_use]
    pub fn shared_by(&self, topic: &str) -> usize {
        self.topics.get(&topic_words(topic)).map_or(0, |count| *count as usize)
    }

    /// Whether a title tells its article from all others.
    #[must_use]
    pub fn names_one_article(&self, title: &str) -> bool {
        self.titles_of.get(&topic_words(title)).is_none_or(|count| *count <= 1)
    }

    /// The title as somebody would say it: what stands before a dash or a bar, where no other article is called so.
    #[must_use]
    pub fn spoken_title<'a>(&self, title: &'a str) -> &'a str {
        let short = short(title);
        let is_taken = self.short_titles.get(&normalised_words(short)).is_some_and(|count| *count > 1);
        if is_taken { title } else { short }
    }

    /// How rare a word is: 0 in every article, more the fewer have it.
    #[must_use]
    pub fn rarity(&self, word: &str) -> f64 {
        let having = self.words.get(word).copied().unwrap_or(0);
        ((1.0 + self.digests.len() as f64) / (1.0 + f64::from(having))).ln().max(0.0)
    }

    /// Whether the word is a name: where no sentence begins it has a capital more often than not.
    #[must_use]
    pub fn is_name(&self, word: &str) -> bool {
        self.cases.get(&word.to_lowercase()).is_some_and(|[lower, capital]| capital > lower)
    }
}

/// The title without its second part.
fn short(title: &str) -> &str {
    let ends = [" – ", " — ", " - ", " | ", " ("].iter().filter_map(|mark| title.find(mark));
    let short = ends.min().map_or(title, |end| title[..end].trim());
    if content_words(short).is_empty() { title } else { short }
}

/// The words that say something, without order and repeats: titles that share them mean the same.
fn topic_words(text: &str) -> Vec<String> {
    let words: BTreeSet<String> = content_words(text).into_iter().collect();
    if words.is_empty() { normalised_words(text) } else { words.into_iter().collect() }
}

/// The words of a text but those that stand in every English text.
#[must_use]
pub fn content_words(text: &str) -> Vec<String> {
    normalised_words(text).into_iter().filter(|word| !is_stop_word(word)).collect()
}

/// Words that stand in every English text, normalised. Numbers are not among them: they are what customers ask for.
const STOP_WORDS: [&str; 106] = [
    "about", "after", "again", "all", "also", "am", "and", "another", "any", "are", "as", "at", "be", "been", "before",
    "but", "by", "can", "cant", "could", "did", "do", "does", "doesnt", "dont", "each", "else", "every", "for", "from",
    "get", "go", "had", "has", "have", "he", "her", "here", "his", "how", "i", "if", "im", "in", "into", "is", "isnt",
    "it", "its", "just", "know", "may", "me", "more", "must", "my", "no", "nor", "not", "of", "on", "or", "other",
    "our", "out", "own", "she", "should", "so", "some", "such", "tell", "than", "that", "their", "them", "then",
    "there", "these", "they", "this", "those", "to", "too", "up", "us", "very", "was", "we", "were", "what", "when",
    "where", "which", "while", "who", "why", "will", "with", "would", "you", "your", "youre", "yours", "only", "over",
];

/// Whether a normalised word stands in every English text.
#[must_use]
pub fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.contains(&word)
}

/// How much of a heading the title says already: 0 to 1, of the words that say something.
#[must_use]
pub fn overlap(heading: &str, title: &str) -> f64 {
    let (heading, title) = (topic_words(heading), topic_words(title));
    let shared = heading.iter().filter(|word| title.contains(word)).count();
    shared as f64 / heading.len().max(1) as f64
}

fn without_numbers(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    for word in normalised_words(text) {
        if word.contains(|letter: char| letter.is_ascii_digit()) {
            "0".hash(&mut hasher);
        } else {
            word.hash(&mut hasher);
        }
    }
    hasher.finish()
}

fn row_fingerprint(row: &TableRow) -> u64 {
    fingerprint(&[row.label.as_str(), &row.column, &row.cell].join(" | "))
}

fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    normalised_words(text).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manufacture::samples::article;

    #[test]
    fn what_stands_in_two_articles_is_told_from_what_stands_in_one() {
        let mut survey = Survey::default();
        survey.add(&article(
            "a.md",
            "# Heron – charging\n\nThe charger of a Heron is grey. Pull the handle.\n\n## Prices\n\nOne.\n",
        ));
        survey.add(&article(
            "b.md",
            "# Dray – charging\n\nThe charger of a Heron is grey. Tilt the seat.\n\n## Prices\n\nTwo.\n",
        ));
        assert!(survey.is_of_one_article("Pull the handle."));
        assert!(!survey.is_of_one_article("the charger of Heron is GREY"));
        assert_eq!((survey.shared_by("The prices"), survey.shared_by("Heron – charging")), (2, 1));
        assert!(survey.rarity("handle") > survey.rarity("grey"));
        assert!(survey.is_name("Heron") && !survey.is_name("Charger") && !survey.is_name("Tilt"));
        assert_eq!(survey.spoken_title("Heron – charging"), "Heron");
        assert!(!survey.is_form("Prices"));
    }

    #[test]
    fn a_heading_of_many_articles_is_form() {
        let mut survey = Survey::default();
        for number in 0..=SHARED_BY_MAX {
            survey.add(&article(&format!("{number}.md"), &format!("# T{number}\n\n## See also\n\nText {number}.\n")));
        }
        assert!(survey.is_form("See also"));
        assert!(!survey.is_of_one_article("Text 3."), "others differ in a number only");
    }
}
