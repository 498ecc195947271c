//! The question and the passages, as they stand in a prompt.

use serde::Deserialize;

/// What a model is to answer from: one line of JSON in the last user turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Evidence {
    pub(crate) question: String,
    pub(crate) passages: Vec<Passage>,
}

/// A passage that was offered, with the number by which it is cited.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Passage {
    pub(crate) number: u64,
    #[serde(default)]
    pub(crate) title: String,
    /// The headings above it.
    #[serde(default)]
    pub(crate) heading: String,
    pub(crate) text: String,
}

impl Evidence {
    /// The first line of `prompt` that is such an object.
    pub(crate) fn find(prompt: &str) -> Option<Self> {
        prompt.lines().find_map(|line| serde_json::from_str(line.trim()).ok())
    }

    /// Everything that is data and not an instruction of who wrote the prompt, the passages first.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (Option<&Passage>, &str)> {
        let passages = self.passages.iter().flat_map(|passage| {
            [&passage.title, &passage.heading, &passage.text].map(|text| (Some(passage), text.as_str()))
        });
        passages.chain([(None, self.question.as_str())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_is_evidence_is_taken() {
        let prompt = "Answer from this.\n{\"note\": 1}\n  {\"question\": \"Why?\", \"passages\": [{\"number\": 4, \"text\": \
                      \"So.\"}]}\n{\"question\": \"Second?\", \"passages\": []}";
        let passages =
            vec![Passage { number: 4, title: String::new(), heading: String::new(), text: "So.".to_owned() }];
        assert_eq!(Evidence::find(prompt), Some(Evidence { question: "Why?".to_owned(), passages }));
        assert_eq!(Evidence::find("Why?"), None);
    }
}
