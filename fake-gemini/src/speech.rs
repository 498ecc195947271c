//! What is said in answer to a prompt, before an API gives it its form.

use serde::Serialize;
use serde_json::Value;

use crate::answer::Answer;
use crate::evidence::Evidence;
use crate::interview::Interview;
use crate::rewriting::{Question, Rewriting};
use crate::scenario::{Plain, Scenario};
use crate::{faults, obey, schema};

/// What goes before an answer when thinking.
pub(crate) const THOUGHT: &str = "**Reading the passages**\n\nI compare the question with each passage and keep the \
                                  sentences that answer it. Then I check that every sentence is in a passage.";

/// How many tokens are thought away when a request sets no limit of its own.
pub(crate) const THOUGHTS_WITHOUT_LIMIT: u64 = 1_024;

/// What of a request decides what is said.
#[derive(Debug)]
pub(crate) struct Prompt<'a> {
    /// The last thing that whoever asks has said.
    pub(crate) text: &'a str,
    pub(crate) system: String,
    /// Whether JSON was asked for.
    pub(crate) json: bool,
    /// What the JSON has to fit.
    pub(crate) schema: Option<&'a Value>,
}

/// An answer that does not fit the schema of its request.
///
/// Silence about it would look like a model's fault and be a mistake in the prompt, so the request is refused.
#[derive(Debug, thiserror::Error)]
#[error("fake-gemini: its answers do not fit the schema of the request: {0}.")]
pub(crate) struct Misfit(String);

impl Prompt<'_> {
    /// The whole text that `scenario` has for this prompt; for those that are about something else that of `ok_json`.
    pub(crate) fn answered(&self, scenario: Scenario) -> Result<String, Misfit> {
        let found = Evidence::find(self.text);
        let nothing = Evidence::default();
        let evidence = found.as_ref().unwrap_or(&nothing);
        let honest = || match &found {
            Some(evidence) => Answer::of(evidence),
            None => Answer::insufficient("There are no passages in this prompt.", 0.0),
        };
        let Scenario::Plain(plain) = scenario else { return self.said(&honest()) };
        match plain {
            Plain::Ok => Ok(honest().prose()),
            Plain::GarbageJson => Ok(faults::GARBAGE_JSON.to_owned()),
            Plain::WrongSchema => Ok(faults::wrong_schema(self.schema).to_string()),
            Plain::InventedPassage => self.said(&faults::invented_passage(evidence)),
            Plain::UnsupportedClaim => match Interview::find(self.text) {
                Some(interview) => self.json_of(&interview.invented()),
                None => self.said(&faults::unsupported_claim(evidence)),
            },
            Plain::Insufficient => {
                self.said(&Answer::insufficient("The passages do not hold what was asked for.", 0.1))
            }
            Plain::Obeys => {
                let rewriting = Rewriting::find(self.text);
                let misled = rewriting.and_then(|rewriting| obey::misled(rewriting.texts(), &self.system));
                match misled {
                    Some(question) => self.json_of(&Question { question }),
                    None => self.said(&obey::obeyed(evidence, &self.system).unwrap_or_else(honest)),
                }
            }
            _ => self.said(&honest()),
        }
    }

    /// The answer in JSON where JSON was asked for, in prose otherwise. Prompts that ask for no answer get what they ask for.
    fn said(&self, answer: &Answer) -> Result<String, Misfit> {
        if let Some(interview) = Interview::find(self.text) {
            return self.json_of(&interview.honest());
        }
        if let Some(rewriting) = Rewriting::find(self.text) {
            return self.json_of(&rewriting.honest());
        }
        if self.json { self.json_of(answer) } else { Ok(answer.prose()) }
    }

    /// What is said as JSON, if it fits the schema of the request.
    fn json_of(&self, said: &impl Serialize) -> Result<String, Misfit> {
        let value = serde_json::to_value(said).map_err(|error| Misfit(error.to_string()))?;
        match self.schema.and_then(|schema| schema::misfit(schema, &value)) {
            Some(misfit) => Err(Misfit(misfit)),
            // Of what is said and not of the value, which would sort the names.
            None => serde_json::to_string(said).map_err(|error| Misfit(error.to_string())),
        }
    }
}
