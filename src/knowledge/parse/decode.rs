//! Bytes to text: encoding, line ends, control characters, normal form.

use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::ParseError;

/// Stands for a `<` that opens a placeholder and not a tag, while the Markdown is parsed.
/// A noncharacter, so that no honest text holds it; [`decode`] removes it from dishonest ones.
pub(super) const PLACEHOLDER_OPEN: char = '\u{FDD0}';

/// Marks the end of a callout's label ("Note:"), so that the label can join what follows it.
pub(super) const LABEL_END: char = '\u{FDD1}';

/// Stands for a `*` inside of a code span, where it isn't emphasis that has failed.
pub(super) const CODE_ASTERISK: char = '\u{FDD2}';

/// More control characters than this, and more than one byte in fifty, make a file binary. A few
/// are tolerated: exports leave form feeds and stray U+0000 in files that are text otherwise.
const CONTROLS_TOLERATED: usize = 8;

/// The text of a file: decoded, in NFC, with `\n` line ends and without control characters.
///
/// # Errors
/// Every variant of [`ParseError`] that concerns the bytes.
pub(super) fn decode(bytes: &[u8]) -> Result<String, ParseError> {
    let text = match bytes {
        [0xFF, 0xFE, rest @ ..] => from_utf16(rest, u16::from_le_bytes)?,
        [0xFE, 0xFF, rest @ ..] => from_utf16(rest, u16::from_be_bytes)?,
        [0xEF, 0xBB, 0xBF, rest @ ..] => from_utf8(rest, 3)?,
        _ => from_utf8(bytes, 0)?,
    };
    Ok(clean(&text))
}

/// Whether bytes or characters with that many controls among them are no text.
fn is_binary(controls: usize, length: usize) -> bool {
    controls > CONTROLS_TOLERATED && controls > length / 50
}

fn from_utf8(bytes: &[u8], offset: usize) -> Result<String, ParseError> {
    let controls = bytes.iter().filter(|&&byte| is_dropped_control(char::from(byte)) && byte < 0x80);
    if is_binary(controls.count(), bytes.len()) {
        return Err(ParseError::Binary);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(ParseError::NotUtf8 { offset: offset + error.valid_up_to() }),
    }
}

fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, ParseError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len());
    let mut controls = 0;
    let mut units = 0;
    for decoded in char::decode_utf16(pairs.iter().map(|&pair| unit(pair))) {
        // + 2: the byte order mark.
        let letter = decoded.map_err(|_| ParseError::BrokenUtf16 { offset: 2 + 2 * units })?;
        controls += usize::from(is_dropped_control(letter));
        units += letter.len_utf16();
        text.push(letter);
    }
    if is_binary(controls, units) {
        return Err(ParseError::Binary);
    }
    if !rest.is_empty() {
        return Err(ParseError::BrokenUtf16 { offset: 1 + bytes.len() });
    }
    Ok(text)
}

/// Control characters that carry nothing for a reader. PostgreSQL refuses U+0000 altogether.
fn is_dropped_control(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\n' | '\r' | '\t' | '\u{0B}' | '\u{0C}' | '\u{85}')
}

/// Characters no reader sees: controls, marks of byte order, break hints and our own sentinels.
fn is_invisible(letter: char) -> bool {
    is_dropped_control(letter)
        || matches!(
            letter,
            '\u{FEFF}' | '\u{200B}' | '\u{2060}' | '\u{AD}' | PLACEHOLDER_OPEN | LABEL_END | CODE_ASTERISK
        )
}

fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut letters = text.chars().filter(|&letter| !is_invisible(letter)).peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\r' => {
                letters.next_if_eq(&'\n');
                cleaned.push('\n');
            }
            '\u{0B}' | '\u{0C}' | '\u{85}' | '\u{2028}' | '\u{2029}' => cleaned.push('\n'),
            _ => cleaned.push(letter),
        }
    }
    in_nfc(cleaned)
}

/// `text` in Unicode normal form C.
pub(super) fn in_nfc(text: String) -> String {
    if is_nfc(&text) { text } else { text.nfc().collect() }
}
