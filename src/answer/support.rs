//! Whether passages carry a sentence: its best place in them, what of it does not stand there, and what stands there otherwise.
//!
//! No model is asked. What is compared are words (stems), numbers with their units, names, negations, opposites, words for how many
//! and how surely, and who does what to whom. The checks follow what summaries get wrong: Pagnoni, Balachandran and Tsvetkov,
//! "Understanding Factuality in Abstractive Summarization with FRANK", NAACL 2021 (entities, circumstances, relations, additions).

mod admission;
mod align;
mod amounts;
mod contrasts;
mod fault;
mod function_words;
mod polarity;
mod promises;
mod relations;
mod score;
mod signals;
mod words;

pub use align::Context;
pub use fault::Fault;
pub use promises::is_promise;
pub use score::SCORE_MIN;
pub use signals::{Carried, NAMES, Signals};

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

/// How well `context` carries `sentence`. What stands in the question may be repeated. `carried` says, where it is known, how well
/// the passages carry a word by its meaning.
#[must_use]
pub fn of(sentence: &str, context: &Context, question: &str, carried: Option<Carried>) -> Support {
    let sentence = words::words(sentence);
    let signals = if admission::is_admission(&sentence) {
        Signals::default()
    } else {
        signals::of(&sentence, context, &words::words(question), carried)
    };
    Support { score: score::score(&signals), fault: score::fault(&signals), signals }
}
