//! Wording that tells what a sentence or a section is for, in English and German: articles say the customer's symptom first, in the
//! customer's words, and what helps after it.

use std::sync::LazyLock;

use regex::Regex;

static REASONS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(because|caused? by|due to|occurs? (if|when)|happens? (if|when)|(to|can) (resolve|fix|work around|avoid|prevent|solve|correct) (this|the|that|it|these)|by design|expected behaviou?r|liegt daran|um .{3,40} zu (beheben|lösen|vermeiden))\b",
    )
});

static ANSWERS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(causes?|reason|resolution|resolve|solutions?|workaround|work around|fix|answer|what to do|remedy|ursachen?|lösung(en)?|abhilfe)\b",
    )
});

static SYMPTOMS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(symptoms?|problem|issue|description|summary|introduction|overview|applies to|references?|status|symptome?|beschreibung|übersicht)\b",
    )
});

static ASKS_FOR_NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(how (many|much|long|often|old|far|big|large|fast|soon|late|early|high|heavy)|when|(which|what) (version|year|date|day|time|size|price|percentage|number)|limits?|maximum|minimum|at (most|least)|wie ?(viele?|lange?|oft|weit|groß|alt|hoch|schnell|schwer)|wann|(welche|ab welcher) version)\b",
    )
});

static ASKS_FOR_STEPS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b(how (do|can|could|should|would|to)|steps|(to|i|we|you|please) set up|walk me|wie (kann|könnte|mache|richte|soll)|anleitung)\b",
    )
});

/// Whether a question asks for something that is told in numbers: an amount, a time, a version.
#[must_use]
pub fn asks_for_number(question: &str) -> bool {
    ASKS_FOR_NUMBER.is_match(question)
}

/// Whether a question asks how something is done, in the words that customers use for it.
#[must_use]
pub fn asks_for_steps(question: &str) -> bool {
    ASKS_FOR_STEPS.is_match(question)
}

/// A constant pattern, whatever the letters' case.
pub(super) fn pattern(pattern: &str) -> Regex {
    #[expect(clippy::expect_used, reason = "a constant")]
    Regex::new(&format!("(?i){pattern}")).expect("a pattern that compiles")
}

/// Whether a sentence says why something is so, or how it is mended.
#[must_use]
pub fn says_why(sentence: &str) -> bool {
    REASONS.is_match(sentence)
}

/// What the section under a heading is for, as far as its words tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// What the cause is, or what helps.
    Answer,
    /// What the customer sees, or what the article is about.
    Symptom,
    /// Anything.
    Other,
}

impl Section {
    /// The section under the last of `heading_path`.
    #[must_use]
    pub fn under(heading_path: &[String]) -> Self {
        match heading_path.last() {
            Some(heading) if ANSWERS.is_match(heading) => Self::Answer,
            Some(heading) if SYMPTOMS.is_match(heading) => Self::Symptom,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_question_asks_for_is_told_by_its_words() {
        for question in
            ["How many days do I have?", "When does it close?", "Wie lange dauert das?", "Is there a limit?"]
        {
            assert!(asks_for_number(question), "{question}");
        }
        assert!(!asks_for_number("Why does it stop?") && !asks_for_number("How can I return it?"));
        for question in ["How do I pair it?", "I want to set up a rule", "Wie kann ich zahlen?"] {
            assert!(asks_for_steps(question), "{question}");
        }
        assert!(!asks_for_steps("It was set up in 2022, why is it slow?") && !asks_for_steps("How many?"));
    }

    #[test]
    fn sentences_and_headings_tell_what_they_are_for() {
        assert!(says_why("This occurs if the cache is full.") && says_why("To resolve this, restart it."));
        assert!(!says_why("The cache is full."));
        for (heading, section) in [
            ("Cause", Section::Answer),
            ("How to fix the issue", Section::Answer),
            ("Symptoms", Section::Symptom),
            ("Lösung", Section::Answer),
            ("Prices", Section::Other),
        ] {
            assert_eq!(Section::under(&["Errors".to_owned(), heading.to_owned()]), section, "{heading}");
        }
        assert_eq!(Section::under(&[]), Section::Other);
    }
}
