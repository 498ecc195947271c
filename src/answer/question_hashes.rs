//! Which questions a calibration has learned from, without their words.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

/// Bytes kept of each hash. Two different questions share 40 bits with a chance of 1 in 10¹²: among a test's ten thousand
/// questions and as many that were learned from, one is taken for known in one of ten thousand such tests.
const BYTES: usize = 5;

/// The questions of a data set as the first 40 bits of the SHA-256 of each one's words, rising and without repeats.
///
/// Written as one base64 string of all of them; empty where they are not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QuestionHashes(Vec<[u8; BYTES]>);

/// A string that is no list of hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("question_hashes is not the base64 of rising 40-bit hashes")]
pub struct QuestionHashesError;

impl QuestionHashes {
    /// The hashes of these questions. Two that differ in case or white space only are one.
    pub fn of<'text>(questions: impl IntoIterator<Item = &'text str>) -> Self {
        let hashes: BTreeSet<[u8; BYTES]> = questions.into_iter().map(hash).collect();
        Self(hashes.into_iter().collect())
    }

    /// Whether the question is among them.
    #[must_use]
    pub fn holds(&self, question: &str) -> bool {
        self.0.binary_search(&hash(question)).is_ok()
    }
}

fn hash(question: &str) -> [u8; BYTES] {
    let words: Vec<&str> = question.split_whitespace().collect();
    let digest = Sha256::digest(words.join(" ").to_lowercase());
    std::array::from_fn(|place| digest[place])
}

impl TryFrom<String> for QuestionHashes {
    type Error = QuestionHashesError;

    fn try_from(text: String) -> Result<Self, QuestionHashesError> {
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| QuestionHashesError)?;
        let (hashes, rest) = bytes.as_chunks::<BYTES>();
        if rest.is_empty() && hashes.is_sorted_by(|one, next| one < next) {
            Ok(Self(hashes.to_vec()))
        } else {
            Err(QuestionHashesError)
        }
    }
}

impl From<QuestionHashes> for String {
    fn from(hashes: QuestionHashes) -> Self {
        BASE64_STANDARD.encode(hashes.0.as_flattened())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_question_is_found_whatever_its_case_and_spaces() {
        let hashes = QuestionHashes::of(["How do I reset it?", "Wie groß?"]);
        assert!(hashes.holds("  how do\tI  RESET it?\n") && hashes.holds("wie GROß?"));
        assert!(!hashes.holds("How do I reset it") && !QuestionHashes::default().holds(""));
    }

    #[test]
    fn it_is_the_start_of_sha_256_in_base64() {
        // echo -n abc | sha256sum: ba7816bf8f…
        let hashes = QuestionHashes::of(["ABC ", "abc"]);
        assert_eq!(hashes.0, [[0xba, 0x78, 0x16, 0xbf, 0x8f]]);
        assert_eq!(serde_json::to_string(&hashes).unwrap(), r#""ungWv48=""#);
        assert_eq!(serde_json::to_string(&QuestionHashes::default()).unwrap(), r#""""#);
    }

    #[test]
    fn a_string_that_is_no_list_is_refused() {
        let falling = BASE64_STANDARD.encode([2, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
        let twice = BASE64_STANDARD.encode([1, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
        for text in ["ungWv4", "ungW", "?", &falling, &twice] {
            assert_eq!(QuestionHashes::try_from(text.to_owned()), Err(QuestionHashesError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn all_are_found_again_after_writing(questions in prop::collection::vec(".{0,20}", 0..20)) {
            let hashes = QuestionHashes::of(questions.iter().map(String::as_str));
            let read: QuestionHashes = serde_json::from_str(&serde_json::to_string(&hashes).unwrap()).unwrap();
            prop_assert_eq!(&read, &hashes);
            prop_assert!(questions.iter().all(|question| read.holds(question)));
        }
    }
}
