//! A message as its words can be compared: without case, accents, stretched letters and signs.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// Letters that are written once however long a customer stretches them, from this many in a row.
const STRETCHED_FROM: usize = 3;

/// Lower case, without accents and vowel points, in one form where Unicode has several.
#[must_use]
pub fn folded(text: &str) -> String {
    let plain =
        text.nfkd().filter(|char| !is_accent(*char)).flat_map(char::to_lowercase).filter(|char| !is_accent(*char));
    let plain: String = plain.flat_map(unaccented).nfc().collect();
    unstretched(&plain)
}

/// The clauses of a message, each as its folded words. Signs end a clause and are gone.
#[must_use]
pub fn clauses(text: &str) -> Vec<Vec<String>> {
    let ends = |char: char| ".,;:!?…\n()。，！？、；：؟،।–—".contains(char);
    folded(text)
        .split(ends)
        .map(|clause| clause.unicode_words().map(str::to_owned).collect::<Vec<_>>())
        .filter(|words| !words.is_empty())
        .collect()
}

/// Whether the words differ by one letter at most: left out, too many, another one, or two in the wrong order.
#[must_use]
pub fn is_slip_of(written: &[char], meant: &[char]) -> bool {
    let same = written.iter().zip(meant).take_while(|(one, other)| one == other).count();
    match (&written[same..], &meant[same..]) {
        ([first, second, rest @ ..], [other, another, end @ ..])
            if first == another && second == other && rest == end =>
        {
            true
        }
        ([_, rest @ ..], [_, end @ ..]) if rest == end => true,
        ([_, rest @ ..], meant) if rest == meant => true,
        (written, [_, end @ ..]) if written == end => true,
        (written, meant) => written.is_empty() && meant.is_empty(),
    }
}

/// Marks above and below Latin, Greek and Cyrillic letters, and the points and the stretching of Arabic ones.
fn is_accent(char: char) -> bool {
    matches!(char, '\u{300}'..='\u{36f}' | '\u{64b}'..='\u{655}' | '\u{640}' | '\u{200c}'..='\u{200f}')
}

/// Letters with an accent that is a part of them.
fn unaccented(char: char) -> impl Iterator<Item = char> {
    let letters: [Option<char>; 2] = match char {
        'ß' => [Some('s'), Some('s')],
        'ı' => [Some('i'), None],
        'ł' => [Some('l'), None],
        'ø' => [Some('o'), None],
        'æ' => [Some('a'), Some('e')],
        'œ' => [Some('o'), Some('e')],
        'ة' => [Some('ه'), None],
        'ى' => [Some('ي'), None],
        '’' | '‘' | '`' | '´' | 'ʼ' => [Some('\''), None],
        '_' | '/' | '-' => [Some(' '), None],
        char => [Some(char), None],
    };
    letters.into_iter().flatten()
}

fn unstretched(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let runs = letters.chunk_by(|one, next| one == next);
    let is_stretched = |run: &[char]| run.len() >= STRETCHED_FROM && run[0].is_alphabetic();
    runs.flat_map(|run| if is_stretched(run) { &run[..1] } else { run }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accents_case_width_and_stretching_make_no_difference() {
        for (one, other) in [
            ("SCHÖNEN Tag", "schonen tag"),
            ("Ｈｉ", "hi"),
            ("heyyyy", "hey"),
            ("Teşekkürler", "tesekkurler"),
            ("İnsan", "insan"),
            ("dziękuję", "dziekuje"),
            ("don’t", "don't"),
            ("ａｇｅｎｔ", "agent"),
            ("أريد", "اريد"),
            ("안녕하세요", "안녕하세요"),
        ] {
            assert_eq!(folded(one), folded(other), "{one}");
        }
    }

    fn is_slip(written: &str, meant: &str) -> bool {
        is_slip_of(&written.chars().collect::<Vec<_>>(), &meant.chars().collect::<Vec<_>>())
    }

    #[test]
    fn a_slip_is_one_letter() {
        for written in ["human", "humna", "humann", "humn", "humam", "uhman"] {
            assert!(is_slip(written, "human"), "{written}");
        }
        for written in ["hum", "humane being", "nahum", "hmuna"] {
            assert!(!is_slip(written, "human"), "{written}");
        }
    }

    proptest! {
        #[test]
        fn a_slip_goes_both_ways_and_never_over_two_letters(one in "\\PC{0,5}", other in "[ab]{0,4}", another in "[ab]{0,4}") {
            prop_assert!(is_slip(&one, &one));
            prop_assert_eq!(is_slip(&other, &another), is_slip(&another, &other));
            let longer = one.clone() + "xy";
            prop_assert!(!is_slip(&longer, &one));
        }

        #[test]
        fn folding_never_fails_and_clauses_have_words(text in "\\PC{0,60}") {
            for clause in clauses(&text) {
                prop_assert!(clause.iter().all(|word| !word.is_empty()));
            }
        }
    }
}
