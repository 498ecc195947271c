//! Ways to make a sentence false against its context, as models do.

mod claims;
mod names;
mod values;
mod wording;

use crate::labelled::draw::Draw;
use crate::labelled::scene::Scene;

/// What is made false.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Kind {
    /// A number, by one that the context has not.
    Number,
    /// A name, by one of another group that the context has not.
    Name,
    /// A negation, put in or taken out.
    Negation,
    /// A claim of another group is added.
    AddedClaim,
    /// A word for how many, how often or how surely: "some" becomes "all".
    Generalisation,
    /// A condition is dropped.
    Condition,
    /// Two names or two numbers change places.
    Relation,
    /// A name or a number, by another of the context.
    Misplaced,
    /// The unit of a number.
    Unit,
    /// A word, by its opposite.
    Opposite,
    /// What is said of something is said of what another sentence of the context speaks of.
    Predicate,
    /// A word, by another that the context has not.
    Word,
}

impl Kind {
    /// What files call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Name => "name",
            Self::Negation => "negation",
            Self::AddedClaim => "added_claim",
            Self::Generalisation => "generalisation",
            Self::Condition => "condition",
            Self::Relation => "relation",
            Self::Misplaced => "misplaced",
            Self::Unit => "unit",
            Self::Opposite => "opposite",
            Self::Predicate => "predicate",
            Self::Word => "word",
        }
    }
}

/// Makes `sentence`, which may be a rewording of the scene's, false against the scene; `None` where this kind cannot.
pub fn corrupted(kind: Kind, sentence: &str, scene: &Scene, draw: &mut Draw) -> Option<String> {
    let corrupted = match kind {
        Kind::Number => values::number(sentence, scene, draw),
        Kind::Unit => values::unit(sentence, scene, draw),
        Kind::Name => names::foreign(sentence, scene, draw),
        Kind::Relation => names::swapped(sentence, draw),
        Kind::Misplaced => names::misplaced(sentence, scene, draw),
        Kind::Negation => wording::negation(sentence, draw),
        Kind::Generalisation => wording::generalisation(sentence, draw),
        Kind::Condition => wording::condition(sentence),
        Kind::Opposite => wording::opposite(sentence, draw),
        Kind::Word => wording::word(sentence, scene, draw),
        Kind::AddedClaim => claims::added(sentence, scene, draw),
        Kind::Predicate => claims::predicate(sentence, scene, draw),
    }?;
    // What the context says as well is not false.
    (corrupted != sentence && !scene.source.context.contains(corrupted.trim_end_matches('.'))).then_some(corrupted)
}
