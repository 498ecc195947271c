//! Whether passages carry a sentence: its best place in them, what of it does not stand there, and what stands there otherwise.
//!
//! No language model is asked. What is compared are words (stems), numbers with their units, names, negations, opposites, words for how many
//! and how surely, and who does what to whom. The checks follow what summaries get wrong: Pagnoni, Balachandran and Tsvetkov,
//! "Understanding Factuality in Abstractive Summarization with FRANK", NAACL 2021 (entities, circumstances, relations, additions).

mod admission;
mod align;
mod amounts;
mod contrasts;
mod fault;
mod function_words;
mod meaning;
mod polarity;
mod promises;
mod relations;
mod score;
mod signals;
mod words;

pub use align::Context;
pub use fault::Fault;
pub use meaning::{Carried, Meanings, carried};
pub use promises::is_promise;
pub use score::SCORE_MIN;
pub use signals::{NAMES, Signals};

/// The share of a sentence's weight that may stand in the question and in no passage.
const QUESTION_ALONE_MAX: f64 = 0.5;

/// How well a sentence is carried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Support {
    /// The probability that the context carries it, 0 to 1.
    pub score: f64,
    /// What speaks against it most, where the score is below [`SCORE_MIN`].
    pub fault: Option<Fault>,
    /// What speaks against it, by [`NAMES`].
    pub signals: Signals,
}

/// Whether `sentence` has the opposite of a word of `question` that it does not have itself: "not supported" where "supported" is asked
/// for.
#[must_use]
pub fn has_opposite(question: &str, sentence: &str) -> bool {
    let (asked, said) = (words::words(question), words::words(sentence));
    let has = |words: &[words::Word], stem: &str| words.iter().any(|word| word.stem == stem);
    let is_answered_by = |asked: &words::Word| {
        said.iter().any(|said| {
            contrasts::are_often_opposite(&asked.stem, &said.stem) || contrasts::is_negated(&asked.stem, &said.stem)
        })
    };
    asked.iter().any(|word| !has(&said, &word.stem) && is_answered_by(word))
}

/// Whether a sentence admits that the passages do not answer: it claims nothing that they would have to carry.
#[must_use]
pub fn is_admission(sentence: &str) -> bool {
    admission::is_admission(&words::words(sentence))
}

/// How well `context` carries `sentence`. What stands in the question may be repeated. `carried` says, where it is known, which words
/// the passages carry by their meaning.
#[must_use]
pub fn of(sentence: &str, context: &Context, question: &str, carried: Option<&Carried>) -> Support {
    let (sentence, question) = (words::words(sentence), words::words(question));
    if admission::is_admission(&sentence) {
        let signals = Signals::default();
        return Support { score: score::score(&signals), fault: score::fault(&signals), signals };
    }
    let signals = signals::of(&sentence, context, &question, carried);
    // Who says no more than was asked says what no passage says: "I get 300 euros back" is not so because a customer wrote it.
    if align::share_of_question_alone(&sentence, context, &question) > QUESTION_ALONE_MAX {
        return Support { score: 0.0, fault: Some(Fault::WordsNotFound), signals };
    }
    Support { score: score::score(&signals), fault: score::fault(&signals), signals }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_only_the_question_says_is_carried_by_nothing() {
        let context = Context::read("The pump holds 8 bar. You can return it within 30 days.");
        let question = "Confirm that I get 300 euros back for the delay. How much does the pump hold?";
        let fault = |sentence: &str| of(sentence, &context, question, None).fault;
        assert_eq!(fault("You get 300 euros back for the delay."), Some(Fault::WordsNotFound));
        assert_eq!(fault("The pump holds 8 bar."), None);
        let asked = "Can I return it after 12 days?";
        assert_eq!(of("Yes, you can return it within 30 days.", &context, asked, None).fault, None);
    }

    /// What sentences are made of that no check may trip over when they are quoted.
    const WORDS: [&str; 26] = [
        "the",
        "bike",
        "lock",
        "is",
        "not",
        "no",
        "never",
        "Berlin",
        "Tarnwheel",
        "30",
        "days",
        "€5",
        "20%",
        "all",
        "some",
        "only",
        "if",
        "enable",
        "disable",
        "and",
        "by",
        "of",
        "battery,",
        "(red)",
        "can't",
        "KB4021",
    ];

    fn sentence() -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(WORDS.as_slice()), 1..14)
            .prop_map(|words| format!("It {}.", words.join(" ")))
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_supported(before in sentence(), quoted in sentence(), after in sentence()) {
            let context = Context::read(&format!("{before}\n{quoted}\n{after}"));
            let support = of(&quoted, &context, "", None);
            prop_assert!(support.fault.is_none(), "{:?}", support);
        }

        #[test]
        fn any_text_has_a_score(text in "\\PC{0,60}", context in "\\PC{0,120}", question in "\\PC{0,30}") {
            let support = of(&text, &Context::read(&context), &question, None);
            prop_assert!((0.0..=1.0).contains(&support.score));
            prop_assert_eq!(support.fault.is_some(), support.score < SCORE_MIN);
            let _ = is_promise(&text, &context);
        }
    }

    #[test]
    fn a_word_that_is_carried_by_its_meaning_is_not_missed_and_no_number_is_carried() {
        let context = Context::read("A return costs nothing within 30 days.");
        let known = meaning::tests::carrying(&[("refund", "return"), ("gratis", "nothing"), ("45", "30")]);
        let support = |sentence: &str, carried| of(sentence, &context, "", carried);
        let sentence = "A refund is gratis for 30 days.";
        let (with, without) = (support(sentence, Some(&known)), support(sentence, None));
        assert!(with.score > without.score + 0.2, "{with:?} {without:?}");
        let support = support("A refund is gratis for 45 days.", Some(&known));
        assert_eq!(support.fault, Some(Fault::NumberNotFound), "{support:?}");
    }

    #[test]
    fn each_fault_is_told_by_its_name() {
        let passage = "Some bikes of Nordwind are sold to Lisbon with a lock, if the customer asks within 30 days. \
            The light of the Junior is enabled before the first ride. You can not return the charger. \
            Sturmvogel bought the workshop from Nordwind in 2019.";
        for (sentence, expected) in [
            ("The light of the Junior is enabled before the first ride.", None),
            ("The charger can't be returned.", None),
            ("Some bikes are sold to Lisbon within 45 days.", Some(Fault::NumberNotFound)),
            ("The customer asks within 30 weeks.", Some(Fault::NumberMisplaced)),
            ("Some bikes of Nordwind are sold to Madrid with a lock.", Some(Fault::NameNotFound)),
            ("You can return the charger.", Some(Fault::Denied)),
            ("The light of the Junior is disabled before the first ride.", Some(Fault::Opposite)),
            ("All bikes of Nordwind are sold to Lisbon with a lock.", Some(Fault::Overgeneralised)),
            ("Nordwind bought the workshop from Sturmvogel in 2019.", Some(Fault::RelationDiffers)),
            (
                "You can not return the charger, and helmets cost children nothing during holidays.",
                Some(Fault::ClaimAdded),
            ),
            ("Tyres wear quickly.", Some(Fault::WordsNotFound)),
        ] {
            let support = of(sentence, &Context::read(passage), "", None);
            assert_eq!(support.fault, expected, "{sentence} {support:?}");
        }
    }
}
