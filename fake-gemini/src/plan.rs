//! Which scenario the next request meets: what its header says, else its model's name, else what the server was told.

use std::collections::HashMap;

use axum::http::{HeaderMap, Method};

use crate::scenario::{Plain, Scenario, UnknownScenario};
use crate::script::Script;

/// The header that names a scenario.
pub(crate) const HEADER: &str = "x-fake-scenario";
/// How the names of models begin that name a scenario.
const MODEL_PREFIX: &str = "fake-";

/// A request for which nothing is planned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unplanned {
    /// Its header names no scenario.
    #[error("fake-gemini: {0}.")]
    Header(UnknownScenario),
    /// Its model's name begins like a scenario's and is none.
    #[error("fake-gemini: {0}.")]
    Model(UnknownScenario),
}

/// The standing script, and how far each script has got.
pub(crate) struct Plan {
    standing: Script,
    /// The key is what asked for the script, so that one in a header and one in a model's name do not meet.
    served: HashMap<String, usize>,
}

impl Plan {
    pub(crate) fn new(standing: Script) -> Self {
        Self { standing, served: HashMap::new() }
    }

    /// The scenario of a request to `model`, and one step further in the script that it is from.
    ///
    /// The standing script is for answers alone: a look-up of models that a program makes when it starts must not use
    /// up a step of it.
    pub(crate) fn next(
        &mut self,
        method: &Method,
        headers: &HeaderMap,
        model: Option<&str>,
    ) -> Result<Scenario, Unplanned> {
        let (source, scenario) = self.ahead(method, headers, model)?;
        if let Some(source) = source {
            *self.served.entry(source).or_default() += 1;
        }
        Ok(scenario)
    }

    /// The scenario that such a request would meet, without a step.
    pub(crate) fn peek(&self, method: &Method, headers: &HeaderMap, model: Option<&str>) -> Option<Scenario> {
        self.ahead(method, headers, model).ok().map(|(_, scenario)| scenario)
    }

    /// The scenario, and what asked for its script, if there is a step to be counted.
    fn ahead(
        &self,
        method: &Method,
        headers: &HeaderMap,
        model: Option<&str>,
    ) -> Result<(Option<String>, Scenario), Unplanned> {
        let header = headers.get(HEADER).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let named = model.and_then(|model| model.strip_prefix(MODEL_PREFIX));
        let (source, script) = match (header, named) {
            (Some(text), _) => {
                let script = text.parse().map_err(Unplanned::Header)?;
                (format!("{method} {HEADER} {text}"), script)
            }
            (None, Some(text)) => (format!("{method} model {text}"), text.parse().map_err(Unplanned::Model)?),
            (None, None) if *method == Method::GET => return Ok((None, Plain::OkJson.into())),
            (None, None) => (String::new(), self.standing.clone()),
        };
        let served = self.served.get(&source).copied().unwrap_or_default();
        Ok((Some(source), script.at(served)))
    }
}

/// Whether a model's name stands for a scenario, whatever models the server knows.
pub(crate) fn names_scenario(model: &str) -> bool {
    model.strip_prefix(MODEL_PREFIX).is_some_and(|name| name.parse::<Script>().is_ok())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_header_goes_before_the_model_and_that_before_the_standing_script() {
        let mut plan = Plan::new([Plain::Internal, Plain::OkJson].into());
        let mut header = HeaderMap::new();
        header.insert(HEADER, HeaderValue::from_static("flaky=1/503"));
        let mut next =
            |method, headers: &HeaderMap, model| plan.next(&method, headers, Some(model)).unwrap().to_string();
        assert_eq!(next(Method::POST, &header, "fake-500"), "503");
        assert_eq!(next(Method::POST, &HeaderMap::new(), "fake-flaky=1/503"), "503");
        assert_eq!(next(Method::GET, &HeaderMap::new(), "gemini"), "ok_json");
        assert_eq!(next(Method::POST, &HeaderMap::new(), "gemini"), "500");
        assert_eq!(next(Method::POST, &header, "gemini"), "ok_json");
        assert_eq!(next(Method::POST, &HeaderMap::new(), "gemini"), "ok_json");
    }
}
