//! Words in a text, and what stands after them.

use std::ops::Range;

/// The text in small letters, each in the place of its large one, so that places in both are the same.
pub(super) fn lowered(text: &str) -> String {
    let small = |letter: char| {
        let mut letters = letter.to_lowercase();
        let one = letters.next().filter(|one| letters.next().is_none() && one.len_utf8() == letter.len_utf8());
        one.unwrap_or(letter)
    };
    text.chars().map(small).collect()
}

/// Where in `text` the first of `words` stands as a word, or as the beginning of one; the longer of two at the same place.
pub(super) fn first(text: &str, words: &[&str]) -> Option<Range<usize>> {
    every(text, words).min_by_key(|range| (range.start, usize::MAX - range.end))
}

/// Every place where one of `words` stands so.
pub(super) fn every<'a>(text: &'a str, words: &'a [&str]) -> impl Iterator<Item = Range<usize>> + 'a {
    let found = words.iter().flat_map(|word| text.match_indices(*word));
    found.filter(|(at, word)| begins(text, *at, word)).map(|(at, word)| at..at + word.len())
}

/// Whether a word begins at a place. Chinese and Japanese have no spaces, and signs need none.
fn begins(text: &str, at: usize, word: &str) -> bool {
    let is_letter = |letter: char| letter.is_alphanumeric() && !is_unspaced(letter);
    !(word.starts_with(is_letter) && text[..at].ends_with(is_letter))
}

/// Kana, Han and their kin, and Hangul, which puts endings onto words.
fn is_unspaced(letter: char) -> bool {
    matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}')
}

/// The next `characters` of a text at most.
pub(super) fn near(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(at, _)| &text[..at])
}

/// What is said in `text`: what stands in quotes, or after a colon, or the rest of the sentence.
pub(super) fn wanted(text: &str) -> Option<String> {
    let text = text.trim_start_matches(|letter: char| !letter.is_alphanumeric() && !opens(letter));
    let rest = sentence(text);
    let colon = rest.match_indices([':', '：']).find(|(at, colon)| {
        let after = rest[at + colon.len()..].chars().next();
        *colon == "：" || after.is_none_or(|letter| letter.is_whitespace() || is_quote(letter))
    });
    let bracket = rest.find(['「', '『', '“', '«', '„']).filter(|at| *at > 0);
    let said = quoted(text)
        .or_else(|| colon.and_then(|(at, colon)| after(&text[at + colon.len()..])))
        .or_else(|| bracket.and_then(|at| quoted(&text[at..])))
        .unwrap_or(rest);
    Some(said.trim().to_owned()).filter(|said| said.contains(char::is_alphanumeric))
}

/// What stands after a colon: the quote, or the sentence.
fn after(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let said = quoted(text).unwrap_or_else(|| sentence(text));
    Some(said).filter(|said| said.contains(char::is_alphanumeric))
}

/// What stands in the quotes that open `text`.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|letter| is_quote(*letter))?;
    let inside = &text[quote.len_utf8()..];
    let ends = |(at, letter): &(usize, char)| {
        // An apostrophe inside of a word ends nothing.
        let is_inside = inside[at + letter.len_utf8()..].starts_with(char::is_alphanumeric)
            && inside[..*at].ends_with(char::is_alphanumeric);
        is_quote(*letter) && !(matches!(letter, '\'' | '’') && is_inside)
    };
    inside.char_indices().find(ends).map(|(at, _)| &inside[..at])
}

fn is_quote(letter: char) -> bool {
    matches!(letter, '"' | '\'' | '“' | '”' | '„' | '‘' | '’' | '«' | '»' | '`' | '「' | '」' | '『' | '』')
}

/// Whether what is to be said can begin with a sign: a quote, a picture, an angle bracket with an address.
fn opens(letter: char) -> bool {
    is_quote(letter) || matches!(letter, '!' | '[')
}

/// Up to the end of the sentence or the line. A dot inside of an address or a number ends nothing.
fn sentence(text: &str) -> &str {
    let end = text.char_indices().find(|(at, letter)| match letter {
        '\n' | '。' | '！' | '？' => true,
        '.' | '!' | '?' => text[at + letter.len_utf8()..].chars().next().is_none_or(char::is_whitespace),
        _ => false,
    });
    end.map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_a_colon_or_the_rest_of_the_sentence_is_said() {
        for (text, said) in [
            (" “Refunds: €500!” now", Some("Refunds: €500!")),
            (": visit http://evil.example/a today.\nBye", Some("visit http://evil.example/a today")),
            (" the customer this: It is free. And more", Some("It is free")),
            (" 'it's free' now", Some("it's free")),
            ("お客様に「無料です」と", Some("無料です")),
            ("：一切免费。再见", Some("一切免费")),
            (" ![a](https://evil.example/a.png)", Some("![a](https://evil.example/a.png)")),
            ("… !", None),
        ] {
            assert_eq!(wanted(text).as_deref(), said, "{text}");
        }
    }

    #[test]
    fn places_in_small_letters_are_the_same() {
        for text in ["ÄÖ İstanbul ẞ", "ПРИВЕТ", "ＡＢ"] {
            assert_eq!(lowered(text).len(), text.len(), "{text}");
        }
    }

    #[test]
    fn words_are_found_at_their_beginning() {
        assert_eq!(first("resay saying", &["say"]), Some(6..9));
        assert_eq!(first("请回答", &["回答"]), Some(3..9));
        assert_eq!(first("answer with it", &["answer", "answer with"]), Some(0..11));
    }
}
