//! What can be wrong with a sentence of an answer.

/// Why a sentence is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It names no passage that was offered.
    NoPassage,
    /// It has a link or an address that none of its passages has.
    LinkNotFound,
    /// It says that somebody did or will do something, and no passage does. Only code may say that a ticket was opened.
    Promise,
    /// It has a number that neither its passages nor the question have.
    NumberNotFound,
    /// Its number counts something else where its words stand, or stands elsewhere.
    NumberMisplaced,
    /// It has a name that neither its passages nor the question have.
    NameNotFound,
    /// Its name stands elsewhere in the passages, not where its words do.
    NameMisplaced,
    /// It denies what its passage says, or says what it denies.
    Denied,
    /// It says the opposite of a word of its passage: "increase" for "decrease".
    Opposite,
    /// It leaves out a condition, or a doubt: "all" for "some".
    Overgeneralised,
    /// It has the words of its passage in another relation: "A beat B" for "B beat A".
    RelationDiffers,
    /// A part of it stands in no passage.
    ClaimAdded,
    /// Too few of its words stand in its passages.
    WordsNotFound,
    /// Nothing else is wrong with it, and the model that checks too does not think that it follows from its passages.
    NotEntailed,
}
