//! What of a text fits into the limits of a request.
//!
//! Tokens are counted by words: no test may depend on a real tokenizer, and every sum has to add up.

/// Why a text ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was all said, or a stop sequence came.
    Stop,
    /// The tokens were used up.
    Length,
}

/// What a request allows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits<'a> {
    /// Empty ones stop nothing.
    pub(crate) stops: &'a [String],
    /// For thoughts and text together; none is no limit.
    pub(crate) tokens_max: Option<u64>,
}

impl Limits<'_> {
    /// What of `text` comes before a stop sequence and fits beside the tokens of thoughts, and why it ends.
    pub(crate) fn cut(&self, text: &str, thoughts: u64) -> (String, End) {
        let stops = self.stops.iter().filter(|stop| !stop.is_empty());
        let end = stops.filter_map(|stop| text.find(stop.as_str())).min().unwrap_or(text.len());
        let text = &text[..end];
        match self.tokens_max {
            Some(limit) if tokens(text) + thoughts > limit => {
                (first_words(text, words_of(limit.saturating_sub(thoughts))).to_owned(), End::Length)
            }
            _ => (text.to_owned(), End::Stop),
        }
    }
}

/// Three words count as four tokens.
pub(crate) fn tokens(text: &str) -> u64 {
    text.split_whitespace().count() as u64 * 4 / 3
}

/// The first half of `text`, which ends at a character's end.
pub(crate) fn first_half(text: &str) -> &str {
    &text[..text.floor_char_boundary(text.len() / 2)]
}

/// The most words that count as `tokens` or fewer.
fn words_of(tokens: u64) -> usize {
    usize::try_from((tokens.saturating_mul(3).saturating_add(2)) / 4).unwrap_or(usize::MAX)
}

fn first_words(text: &str, words: usize) -> &str {
    let begins = |(at, letter): &(usize, char)| !letter.is_whitespace() && !text[..*at].ends_with(is_letter);
    text.char_indices().filter(begins).nth(words).map_or(text, |(at, _)| text[..at].trim_end())
}

fn is_letter(character: char) -> bool {
    !character.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_kept_to_the_token() {
        let text = "one two three four five";
        assert_eq!(tokens(text), 6);
        for limit in 0..=6 {
            let kept = first_words(text, words_of(limit));
            assert!(tokens(kept) <= limit, "{limit}: {kept}");
        }
        assert_eq!(first_words(text, words_of(4)), "one two three");
        assert_eq!(first_words(text, words_of(6)), text);
    }

    #[test]
    fn the_first_stop_ends_the_text() {
        let stops = ["four", "two", ""].map(str::to_owned);
        let limits = Limits { stops: &stops, tokens_max: None };
        assert_eq!(limits.cut("one two three four", 0), ("one ".to_owned(), End::Stop));
    }

    #[test]
    fn a_half_ends_between_characters() {
        assert_eq!(first_half("aüb"), "a");
    }
}
