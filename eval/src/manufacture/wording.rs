//! A title, a heading or a table's cell as the question of somebody who does not know the article.
//!
//! The sentences are English; what is not becomes a question without them.

mod verbs;
mod voice;

use rand::RngExt as _;
use rand::rngs::Xoshiro256PlusPlus;

use crate::manufacture::survey::Survey;
use crate::manufacture::table_rows::TableRow;

/// A question with what kind it is of, in the words of the shipped sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    pub text: String,
    /// `howto`, `fact`, `limit`, `troubleshooting` or `yesno`.
    pub kind: &'static str,
}

/// Words that stand before the subject of a question.
const AUXILIARIES: [&str; 18] = [
    "is", "are", "was", "were", "do", "does", "did", "can", "could", "may", "must", "should", "will", "would", "has",
    "have", "isn't", "aren't",
];
/// Verbs by which a title tells how something is.
const STATING: [&str; 9] = ["is", "are", "was", "were", "has", "have", "does", "gets", "cannot"];
const QUESTION_WORDS: [&str; 7] = ["what", "when", "where", "which", "who", "why", "how"];
/// What follows "how" in a question for a number.
const AMOUNTS: [&str; 6] = ["long", "much", "many", "far", "often", "old"];
/// Words by which a title tells of something that went wrong.
const TROUBLE: [&str; 24] = [
    "lost",
    "stolen",
    "not",
    "error",
    "errors",
    "fail",
    "fails",
    "failed",
    "failure",
    "crash",
    "crashes",
    "stuck",
    "missing",
    "problem",
    "problems",
    "issue",
    "issues",
    "blocked",
    "broken",
    "unexpected",
    "incorrect",
    "incorrectly",
    "wrong",
    "stops",
];
/// Words that need what stands before them.
const POINTING: [&str; 17] = [
    "it", "its", "they", "them", "this", "that", "these", "those", "there", "here", "one", "ones", "both", "other",
    "others", "another", "same",
];
/// Words with which a part of a sentence begins.
const PREPOSITIONS: [&str; 13] =
    ["for", "in", "on", "at", "by", "with", "without", "from", "to", "if", "after", "before", "as"];
/// Headings of columns that say less than the row does.
const BARE_COLUMNS: [&str; 6] = ["value", "values", "description", "details", "data", "information"];

/// The article that a question is about, where the question has to say it.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The title, as somebody would say it.
    pub title: &'a str,
}

/// The question that a title or a heading makes, one of a few forms.
pub fn of_topic(topic: &str, about: Option<About<'_>>, survey: &Survey, random: &mut Xoshiro256PlusPlus) -> Wording {
    let wording = asked(topic, survey, random);
    match about {
        Some(about) => Wording { text: in_context(&wording.text, about, survey, random), ..wording },
        None => wording,
    }
}

/// The question for a cell of a table.
pub fn of_row(row: &TableRow, about: About<'_>, survey: &Survey, random: &mut Xoshiro256PlusPlus) -> Wording {
    let (label, column) = (lowered(&row.label, survey), lowered(&row.column, survey));
    let column_words = words(&row.column);
    let verb = |noun: &str| if is_plural(noun) { "are" } else { "is" };
    let question = if BARE_COLUMNS.contains(&row.column.to_lowercase().as_str()) {
        let article = if is_name(&row.label, survey) { "" } else { "the " };
        format!("what {} {article}{label}?", verb(&label))
    } else if column_words.first().is_some_and(|word| QUESTION_WORDS.contains(&word.as_str())) {
        format!("{label}: {}", lowered(&of_clause(&row.column, &column_words, survey, random).text, survey))
    } else if !is_noun_phrase(&column) {
        format!("{label}, {column}?")
    } else if is_name(&row.column, survey) && !is_name(&row.label, survey) {
        // A column that is a name stands for the thing, and the row for what is asked of it.
        format!("what {} the {label} for {column}?", verb(&label))
    } else {
        format!("what {} the {column} for {label}?", verb(&column))
    };
    let kind = if row.cell.contains(|letter: char| letter.is_ascii_digit()) { "limit" } else { "fact" };
    Wording { text: in_context(&question, about, survey, random), kind }
}

/// The question for a topic or a cell of an article in another language: only what the article itself says.
#[must_use]
pub fn bare(parts: &[&str]) -> Wording {
    Wording { text: parts.join(": "), kind: "fact" }
}

/// The heading without its number, as in "Step 4: Remove the old server"; `None` when nothing else is in it.
#[must_use]
pub fn without_number(heading: &str) -> Option<&str> {
    const NUMBERED: [&str; 17] = [
        "step",
        "method",
        "scenario",
        "option",
        "solution",
        "resolution",
        "workaround",
        "cause",
        "part",
        "symptom",
        "issue",
        "section",
        "phase",
        "task",
        "procedure",
        "problem",
        "example",
    ];
    let mut rest = heading.trim();
    loop {
        let word = first_word(rest);
        let is_numbered = NUMBERED.contains(&word.as_str()) || NUMBERED.contains(&word.trim_end_matches('s'));
        let after = rest.get(rest.split_whitespace().next().map_or(0, str::len)..).unwrap_or_default().trim_start();
        let number = after.split_whitespace().next().unwrap_or_default();
        let is_number = !number.is_empty()
            && number.trim_end_matches([':', '.', ')', '-']).chars().all(|letter| letter.is_ascii_digit())
            && number.starts_with(|letter: char| letter.is_ascii_digit());
        let is_own_number = word.chars().all(|letter| letter.is_ascii_digit() || letter == '.') && !word.is_empty();
        let cut = if is_numbered && is_number {
            after.get(number.len()..).unwrap_or_default()
        } else if is_own_number || (is_numbered && after.starts_with(['-', '–', ':'])) {
            after
        } else {
            break;
        };
        rest = cut.trim_start_matches([':', '.', ')', '-', '–', '—', ' ']);
    }
    let rest = rest.trim_end_matches([':', '.', ' ']);
    (!rest.is_empty()).then_some(rest)
}

/// Whether a heading cannot be understood without its article's title.
#[must_use]
pub fn needs_context(heading: &str) -> bool {
    let words = words(heading);
    words.iter().any(|word| POINTING.contains(&word.as_str()))
        || words.first().is_some_and(|word| PREPOSITIONS.contains(&word.as_str()))
}

fn asked(topic: &str, survey: &Survey, random: &mut Xoshiro256PlusPlus) -> Wording {
    let words = words(topic);
    let word = |place: usize| words.get(place).map_or("", String::as_str);
    let (first, second) = (word(0), word(1));
    if topic.ends_with('?') {
        return Wording { text: topic.to_owned(), kind: kind_of_question(&words) };
    }
    if first == "how" && second == "to" {
        return how_to(&rest(topic, 2), survey, random);
    }
    if QUESTION_WORDS.contains(&first) {
        return of_clause(topic, &words, survey, random);
    }
    let is_subject = ["i", "you", "we", "my", "your", "the", "a", "an"].contains(&second);
    if AUXILIARIES.contains(&first) && is_subject {
        return Wording { text: format!("{}?", voice::swapped(topic)), kind: "yesno" };
    }
    if ["can't", "cannot", "couldn't", "can’t"].contains(&first) {
        return trouble(&format!("I {}", voice::swapped(&lowered(topic, survey))), random);
    }
    if ["unable", "failed"].contains(&first) && second == "to" {
        return trouble(&format!("I'm unable to {}", voice::swapped(&rest(topic, 2))), random);
    }
    if first == "troubleshoot" {
        return how_to(&lowered(topic, survey), survey, random);
    }
    if let Some(order) = verbs::order(topic, &words) {
        return how_to(&order, survey, random);
    }
    if PREPOSITIONS.contains(&first) {
        return Wording { text: format!("{}?", voice::swapped(topic)), kind: "fact" };
    }
    let has = |some: &[&str]| words.iter().skip(1).any(|word| some.contains(&word.as_str()));
    let is_statement = ["i", "you"].contains(&first) || (has(&STATING) && !has(&["that", "which", "who"]));
    if is_statement
        || words.iter().any(|word| TROUBLE.contains(&word.as_str()) || word.ends_with("n't") || word.ends_with("n’t"))
    {
        return trouble(&voice::swapped(topic), random);
    }
    let topic = voice::swapped(&lowered(topic, survey));
    let forms = ["What should I know about", "Can you tell me about", "What can you tell me about"];
    Wording { text: format!("{} {topic}?", pick(&forms, random)), kind: "fact" }
}

fn how_to(order: &str, survey: &Survey, random: &mut Xoshiro256PlusPlus) -> Wording {
    let order = voice::swapped(&lowered(order, survey));
    let forms = ["How do I", "How can I", "What do I have to do to"];
    Wording { text: format!("{} {order}?", pick(&forms, random)), kind: "howto" }
}

fn trouble(what: &str, random: &mut Xoshiro256PlusPlus) -> Wording {
    let what = what.trim_end_matches('.');
    let forms = ["What can I do?", "How do I fix that?", "Any idea what to do?"];
    Wording { text: format!("{what}. {}", pick(&forms, random)), kind: "troubleshooting" }
}

/// "What you pay", "Who can use it", "How long it takes": a clause in the order of a statement is asked for with a sentence
/// around it, one in that of a question as it stands.
fn of_clause(topic: &str, words: &[String], survey: &Survey, random: &mut Xoshiro256PlusPlus) -> Wording {
    let kind = kind_of_question(words);
    let asks_for_amount = words[0] == "how" && words.get(1).is_some_and(|word| AMOUNTS.contains(&word.as_str()));
    let subject = usize::from(asks_for_amount) + 1;
    let after = words.get(subject).map_or("", String::as_str);
    let is_of_subject = ["who", "what", "which"].contains(&words[0].as_str());
    if AUXILIARIES.contains(&after) || (is_of_subject && words.get(1).is_some_and(|word| word.ends_with('s'))) {
        return Wording { text: format!("{}?", voice::swapped(topic)), kind };
    }
    let clause = voice::swapped(&lowered(topic, survey));
    if ["you", "we"].contains(&after)
        && let Some(verb) = words.get(subject + 1)
        && random.random_bool(0.5)
    {
        let asker = if after == "you" { "I" } else { "you" };
        let tail = voice::swapped(&rest(topic, subject + 1));
        let opening = capitalised(&words[..subject].join(" "));
        let is_auxiliary = AUXILIARIES.contains(&verb.as_str()) && !["do", "have", "did"].contains(&verb.as_str());
        if !is_auxiliary {
            return Wording { text: format!("{opening} do {asker} {tail}?"), kind };
        }
    }
    let forms = ["Can you tell me", "I'd like to know", "Do you know"];
    let form = pick(&forms, random);
    let end = if form == "I'd like to know" { "." } else { "?" };
    Wording { text: format!("{form} {clause}{end}"), kind }
}

/// The question with what it is about.
fn in_context(question: &str, about: About<'_>, survey: &Survey, random: &mut Xoshiro256PlusPlus) -> String {
    let title = about.title.trim_end_matches(['.', '?', '!', ':']);
    let asked = words(question);
    if words(title).iter().all(|word| asked.contains(word)) {
        return capitalised(question);
    }
    let is_thing = is_noun_phrase(title);
    if is_thing && random.random_bool(0.5) {
        return format!("{} It's about {}.", capitalised(question), voice::swapped(&lowered(title, survey)));
    }
    // "Contact us" said by a customer would be "Contact you".
    let is_of_company = words(title).iter().any(|word| ["we", "us", "our"].contains(&word.as_str()));
    let title = if is_of_company { title.to_owned() } else { voice::swapped(title) };
    format!("{title}: {}", lowered(question, survey))
}

fn kind_of_question(words: &[String]) -> &'static str {
    let word = |place: usize| words.get(place).map_or("", String::as_str);
    match (word(0), word(1)) {
        ("how", amount) if AMOUNTS.contains(&amount) => "limit",
        ("how", next) if AUXILIARIES.contains(&next) || next == "to" => "howto",
        (first, _) if AUXILIARIES.contains(&first) => "yesno",
        _ => "fact",
    }
}

/// Whether a phrase is a thing and not an order, a clause or a part of one.
fn is_noun_phrase(phrase: &str) -> bool {
    const FUNCTION: [&str; 20] = [
        "with", "without", "from", "to", "in", "on", "at", "by", "for", "if", "after", "before", "as", "of", "can",
        "you", "we", "and", "or", "not",
    ];
    let words = words(phrase);
    let is_function = |word: Option<&String>| word.is_none_or(|word| FUNCTION.contains(&word.as_str()));
    let has_verb = words.iter().any(|word| {
        AUXILIARIES.contains(&word.as_str())
            || TROUBLE.contains(&word.as_str())
            || word.ends_with("n't")
            || ["comes", "you", "we", "when"].contains(&word.as_str())
    });
    words.len() <= 6
        && !is_function(words.first())
        && !is_function(words.last())
        && !has_verb
        && !QUESTION_WORDS.contains(&words[0].as_str())
        && verbs::order(phrase, &words).is_none()
}

fn is_plural(noun: &str) -> bool {
    let last = noun.split_whitespace().next_back().unwrap_or_default();
    last.ends_with('s') && !last.ends_with("ss") && !last.ends_with("us") && !last.ends_with("is")
}

/// The phrase as it stands in the middle of a sentence: without the capital of its beginning, unless that is a name's.
fn lowered(phrase: &str, survey: &Survey) -> String {
    let first = phrase.split_whitespace().next().unwrap_or_default();
    let word = first.trim_matches(|letter: char| !letter.is_alphanumeric());
    let capitals = word.chars().filter(|letter| letter.is_uppercase()).count();
    let is_code = word.contains(|letter: char| letter.is_ascii_digit());
    let is_asker = word == "I" || word.starts_with("I'") || word.starts_with("I’");
    if capitals != 1 || !word.starts_with(char::is_uppercase) || is_code || is_asker || survey.is_name(word) {
        return phrase.to_owned();
    }
    phrase.replacen(word, &word.to_lowercase(), 1)
}

/// Whether a phrase names something: by a number or a word that is a name.
fn is_name(phrase: &str, survey: &Survey) -> bool {
    let is_named = |word: &str| survey.is_name(word) || word.contains(|letter: char| letter.is_ascii_digit());
    phrase.split_whitespace().next().is_some_and(is_named)
        || words(phrase).iter().any(|word| word.parse::<u32>().is_ok())
}

fn capitalised(phrase: &str) -> String {
    let mut letters = phrase.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The words in lower case, without the punctuation around them.
fn words(phrase: &str) -> Vec<String> {
    let bare = |word: &str| word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase();
    phrase.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect()
}

fn first_word(phrase: &str) -> String {
    words(phrase).into_iter().next().unwrap_or_default()
}

/// The phrase without its first `count` words.
fn rest(phrase: &str, count: usize) -> String {
    phrase.split_whitespace().skip(count).collect::<Vec<_>>().join(" ")
}

fn pick<'a>(forms: &[&'a str], random: &mut Xoshiro256PlusPlus) -> &'a str {
    forms[random.random_range(0..forms.len())]
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::manufacture::samples;

    fn survey() -> Survey {
        let text = "# Words\n\nThe Heron and your Outlook on Settle or our Roam plan, and the Update history of chat with Chat.";
        samples::survey(&[samples::article("a.md", text)])
    }

    /// All forms that a topic can take.
    fn forms(make: impl Fn(&mut Xoshiro256PlusPlus) -> Wording) -> Vec<String> {
        let mut forms: Vec<String> =
            (0..60).map(|seed| make(&mut Xoshiro256PlusPlus::seed_from_u64(seed)).text).collect();
        forms.sort();
        forms.dedup();
        forms
    }

    #[test]
    fn a_title_becomes_a_question() {
        let survey = survey();
        for (title, expected, kind) in [
            ("Change your PIN", "How do I change my PIN?", "howto"),
            ("How to change your user photo", "How do I change my user photo?", "howto"),
            ("Taking the battery out", "How do I take the battery out?", "howto"),
            ("Install and pair the app", "How can I install and pair the app?", "howto"),
            ("Returns policy", "What should I know about returns policy?", "fact"),
            ("What you pay", "What do I pay?", "fact"),
            ("When we charge", "When do you charge?", "fact"),
            ("What is included", "What is included?", "fact"),
            ("Who can use it", "Who can use it?", "fact"),
            ("What happens after a fall", "What happens after a fall?", "fact"),
            ("How long it takes", "Can you tell me how long it takes?", "limit"),
            ("When theft cover does not apply", "Do you know when theft cover does not apply?", "fact"),
            ("May I ride abroad?", "May I ride abroad?", "yesno"),
            ("How do I wash it?", "How do I wash it?", "howto"),
            ("Can't open your files", "I can't open my files. What can I do?", "troubleshooting"),
            (
                "Unable to create a team in Teams",
                "I'm unable to create a team in Teams. What can I do?",
                "troubleshooting",
            ),
            ("Outlook doesn't open", "Outlook doesn't open. How do I fix that?", "troubleshooting"),
            ("My bike has been stolen", "My bike has been stolen. What can I do?", "troubleshooting"),
            ("The charger gets warm", "The charger gets warm. What can I do?", "troubleshooting"),
            ("Terms that were different", "What should I know about terms that were different?", "fact"),
            ("You receive an error", "I receive an error. What can I do?", "troubleshooting"),
            ("For end users", "For end users?", "fact"),
            ("Update history", "What can you tell me about Update history?", "fact"),
            ("Update the app", "How do I update the app?", "howto"),
        ] {
            let forms = forms(|random| of_topic(title, None, &survey, random));
            assert!(forms.iter().any(|form| form.eq_ignore_ascii_case(expected)), "{title}: {forms:?}");
            let wording = of_topic(title, None, &survey, &mut Xoshiro256PlusPlus::seed_from_u64(1));
            assert_eq!(wording.kind, kind, "{title}");
        }
    }

    #[test]
    fn a_heading_of_several_articles_names_its_article() {
        let survey = survey();
        let about = Some(About { title: "Settle plan" });
        let forms = forms(|random| of_topic("What you pay", about, &survey, random));
        assert!(forms.contains(&"Settle plan: what do I pay?".to_owned()), "{forms:?}");
        assert!(forms.contains(&"What do I pay? It's about Settle plan.".to_owned()), "{forms:?}");
        let order = Some(About { title: "Change your bike" });
        let wording = of_topic("Prices", order, &survey, &mut Xoshiro256PlusPlus::seed_from_u64(1));
        assert!(wording.text.starts_with("Change my bike: "), "{wording:?}");
    }

    #[test]
    fn a_cell_is_asked_for_by_its_row_and_column() {
        let survey = survey();
        let about = About { title: "Roam plan" };
        for (label, column, expected) in [
            ("Charger", "Price", "Roam plan: what is the price for charger?"),
            ("Monthly weight", "Heron 2", "Roam plan: what is the monthly weight for Heron 2?"),
            ("Chat", "Hours", "Roam plan: what are the hours for chat?"),
            ("L1", "What to do", "Roam plan: L1: do you know what to do?"),
            ("Worn tyre", "Treated as", "Roam plan: worn tyre, treated as?"),
            ("Weight", "Value", "Roam plan: what is the weight?"),
            ("5.7.1", "Description", "Roam plan: what is 5.7.1?"),
            ("Fleet", "What we repair", "Roam plan: fleet: what do you repair?"),
            ("Price", "Roam plan", "What is the price for Roam plan?"),
        ] {
            let row = TableRow { label: label.into(), column: column.into(), cell: "24 kg".into() };
            let forms = forms(|random| of_row(&row, about, &survey, random));
            assert!(forms.contains(&expected.to_owned()), "{forms:?}");
        }
    }

    #[test]
    fn numbers_of_headings_go() {
        for (heading, expected) in [
            ("Step 4: Remove the old server", Some("Remove the old server")),
            ("Resolution - Method 1", None),
            ("Method 2 - Configure it", Some("Configure it")),
            ("Scenario 1", None),
            ("3. Pull", Some("Pull")),
            ("Prices", Some("Prices")),
            ("365 apps", Some("apps")),
            ("Solution", Some("Solution")),
        ] {
            assert_eq!(without_number(heading), expected, "{heading}");
        }
    }

    #[test]
    fn what_points_elsewhere_needs_its_article() {
        assert!(needs_context("How long it takes") && needs_context("Who can use it?"));
        assert!(!needs_context("What you pay"));
    }
}
