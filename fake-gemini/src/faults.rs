//! Answers as bad models give them.

use serde_json::{Value, json};

use crate::answer::{Answer, Sentence, Sufficiency};
use crate::evidence::Evidence;
use crate::schema;

/// How far beyond the highest number the invented one lies; one more might be an error of counting.
const INVENTED_BEYOND: u64 = 7;
/// Where the search for a number that no passage has begins.
const UNSUPPORTED_FROM: u64 = 4_711;

/// Text that looks like the JSON of an answer and is not, also without its fence.
pub(crate) const GARBAGE_JSON: &str = "Sure! Here is the answer in JSON:\n```json\n{sentences: [{text: 'It depends.', passages: [1]}], sufficiency: sufficient\n```";

/// JSON that does not fit the schema of the request.
pub(crate) fn wrong_schema(schema: Option<&Value>) -> Value {
    let wrong = [
        json!({ "answer": "It depends.", "sources": "passage 1" }),
        json!({ "sentences": "It depends.", "evidence": "probably", "confidence": "high" }),
        json!(["It depends."]),
    ];
    let misfit = wrong.iter().find(|value| schema.is_none_or(|schema| schema::misfit(schema, value).is_some()));
    misfit.unwrap_or(&Value::Null).clone()
}

/// The answer with a citation of a passage that was not offered.
pub(crate) fn invented_passage(evidence: &Evidence) -> Answer {
    let mut answer = bold(evidence);
    let highest = evidence.passages.iter().map(|passage| passage.number).max().unwrap_or_default();
    if let Some(sentence) = answer.sentences.last_mut() {
        sentence.passages = vec![highest + INVENTED_BEYOND];
    }
    answer
}

/// The answer and a sentence with a number that neither a passage nor the question has.
pub(crate) fn unsupported_claim(evidence: &Evidence) -> Answer {
    let mut answer = bold(evidence);
    let stands_somewhere = |number: &String| evidence.texts().any(|(_, text)| text.contains(number.as_str()));
    let number = (UNSUPPORTED_FROM..u64::from(u32::MAX))
        .map(|number| number.to_string())
        .find(|number| !stands_somewhere(number));
    let text = format!("It costs {} euros.", number.unwrap_or_default());
    let passages = evidence.passages.first().map(|passage| passage.number).into_iter().collect();
    answer.sentences.push(Sentence { text, passages });
    answer
}

/// The answer of `ok_json`, or where that has none a sentence that says nothing: a bad model always answers.
fn bold(evidence: &Evidence) -> Answer {
    let mut answer = Answer::of(evidence);
    if answer.sentences.is_empty() {
        let passages = evidence.passages.first().map(|passage| passage.number).into_iter().collect();
        let text = "This is how it works.".to_owned();
        answer.sentences.push(Sentence { text, passages });
    }
    Answer { sufficiency: Sufficiency::Sufficient, missing: String::new(), confidence: 0.97, ..answer }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Passage;

    #[test]
    fn the_unsupported_number_is_looked_for() {
        let text = "Part 4711 replaces part 4712.".to_owned();
        let passages = vec![Passage { number: 1, title: String::new(), heading: String::new(), text }];
        let answer = unsupported_claim(&Evidence { question: "What replaces 4713?".to_owned(), passages });
        assert_eq!(answer.sentences.last().map(|sentence| sentence.text.as_str()), Some("It costs 4714 euros."));
    }

    #[test]
    fn json_of_the_wrong_schema_fits_no_schema_of_an_object() {
        for schema in [json!({ "type": "object" }), json!({ "type": "object", "required": ["sentences"] })] {
            assert!(schema::misfit(&schema, &wrong_schema(Some(&schema))).is_some(), "{schema}");
        }
    }
}
