//! A text in the pieces in which a stream brings it.

/// How many characters a piece has at least.
const CHARACTERS_MIN: usize = 2;

/// Cuts `text` into pieces of 2 to `characters_max` characters; the last may be shorter. An empty text has none.
///
/// Where the cuts are depends on `seed` alone, so that a request that comes again is cut in the same way, and the first
/// pieces of a text do not depend on how it goes on.
pub(crate) fn deltas<'a>(text: &'a str, seed: &'a [u8], characters_max: usize) -> impl Iterator<Item = &'a str> {
    let span = characters_max.saturating_sub(CHARACTERS_MIN) + 1;
    // Without a seed every piece is as short as can be.
    let sizes = seed.iter().cycle().map(move |byte| CHARACTERS_MIN + usize::from(*byte) % span);
    let mut sizes = sizes.chain(std::iter::repeat(CHARACTERS_MIN));
    let mut left = text;
    std::iter::from_fn(move || {
        let size = sizes.next().filter(|_| !left.is_empty())?;
        let end = left.char_indices().nth(size).map_or(left.len(), |(at, _)| at);
        let (piece, rest) = left.split_at(end);
        left = rest;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_add_up_and_end_between_characters() {
        let text = "{\"text\": \"Größe und Länge, 北京\"}";
        for seed in [&[][..], &[0], &[255, 3, 17]] {
            let pieces: Vec<_> = deltas(text, seed, 9).collect();
            assert_eq!(pieces.concat(), text);
            let sizes: Vec<_> = pieces.iter().map(|piece| piece.chars().count()).collect();
            assert!(sizes.len() > 2 && sizes.iter().all(|size| (1..=9).contains(size)), "{sizes:?}");
            let begun: String = deltas(text, seed, 9).take(2).collect();
            assert_eq!(deltas(&begun, seed, 9).collect::<Vec<_>>(), pieces[..2]);
        }
        assert_eq!(deltas("", &[1], 9).count(), 0);
    }
}
