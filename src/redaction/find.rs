//! Where a text holds personal data.

use std::collections::HashSet;
use std::ops::Range;

use crate::redaction::{Kind, card, email, iban, phone, placeholder};

/// Times that a text is searched. The second finds nothing in nearly every text: it is there because a value that is
/// replaced can uncover its neighbour, and redacting twice shall be redacting once.
const PASSES_MAX: usize = 4;

/// A value where a text has it; the bytes are on character boundaries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub kind: Kind,
    pub bytes: Range<usize>,
}

/// Finds all values of a text, in order, none overlapping another.
///
/// `phone_digits` are the digits of phone numbers known already, which need no further evidence.
///
/// Each kind is looked for between the placeholders and what was found before it, as if the text ended there: so a
/// text and its redacted form are searched alike. The kinds with the surest evidence come first.
pub(super) fn find(text: &str, phone_digits: &HashSet<String>) -> Vec<Found> {
    let mut closed: Vec<Range<usize>> = placeholder::ours(text).collect();
    let mut all = Vec::new();
    for _ in 0..PASSES_MAX {
        let before = all.len();
        for kind in [Kind::Email, Kind::Iban, Kind::Card, Kind::Phone] {
            let found: Vec<Range<usize>> = open(text, &closed)
                .into_iter()
                .flat_map(|piece| {
                    let within = find_kind(kind, &text[piece.clone()], phone_digits);
                    within.into_iter().map(move |bytes| piece.start + bytes.start..piece.start + bytes.end)
                })
                .collect();
            all.extend(found.iter().map(|bytes| Found { kind, bytes: bytes.clone() }));
            closed.extend(found);
            closed.sort_unstable_by_key(|bytes| bytes.start);
        }
        if all.len() == before {
            break;
        }
    }
    all.sort_unstable_by_key(|found| found.bytes.start);
    all
}

/// The values of one kind in a piece of text.
fn find_kind(kind: Kind, piece: &str, phone_digits: &HashSet<String>) -> Vec<Range<usize>> {
    match kind {
        Kind::Email => email::find(piece),
        Kind::Iban => iban::find(piece),
        Kind::Card => card::find(piece),
        Kind::Phone => phone::find(piece, phone_digits),
    }
}

/// What is left of a text between closed ranges, which are in order.
fn open(text: &str, closed: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut pieces = Vec::with_capacity(closed.len() + 1);
    let mut start = 0;
    for range in closed {
        pieces.push(start..range.start);
        start = range.end;
    }
    pieces.push(start..text.len());
    pieces.retain(|piece| !piece.is_empty());
    pieces
}
