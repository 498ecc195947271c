//! Scenarios in the order in which requests meet them.

use std::fmt;
use std::str::FromStr;

use crate::scenario::{Plain, Scenario, UnknownScenario};

/// More repetitions than any test needs; it keeps a model's name from filling the memory.
const REPETITIONS_MAX: usize = 1_000;

/// One scenario a request; the last one stays.
///
/// As text: scenarios with commas between them, such as `503,429_minute=1s,ok_json`. `flaky=2/503` is short for
/// `503,503,ok_json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// What comes before the last, in order.
    first: Vec<Scenario>,
    last: Scenario,
}

impl Script {
    /// `scenario` for the first `times` requests, at most 1,000, then `ok_json`.
    #[must_use]
    pub fn flaky(times: usize, scenario: impl Into<Scenario>) -> Self {
        Self { first: vec![scenario.into(); times.min(REPETITIONS_MAX)], last: Plain::OkJson.into() }
    }

    /// What the request gets before which this script has served `served` others.
    #[must_use]
    pub fn at(&self, served: usize) -> Scenario {
        self.first.get(served).copied().unwrap_or(self.last)
    }
}

impl Default for Script {
    fn default() -> Self {
        Plain::OkJson.into()
    }
}

impl From<Scenario> for Script {
    fn from(scenario: Scenario) -> Self {
        Self { first: Vec::new(), last: scenario }
    }
}

impl From<Plain> for Script {
    fn from(plain: Plain) -> Self {
        Scenario::Plain(plain).into()
    }
}

/// No scenario at all is `ok_json`.
impl From<Vec<Scenario>> for Script {
    fn from(mut scenarios: Vec<Scenario>) -> Self {
        let last = scenarios.pop().unwrap_or(Scenario::Plain(Plain::OkJson));
        Self { first: scenarios, last }
    }
}

impl<const N: usize> From<[Scenario; N]> for Script {
    fn from(scenarios: [Scenario; N]) -> Self {
        Vec::from(scenarios).into()
    }
}

impl<const N: usize> From<[Plain; N]> for Script {
    fn from(scenarios: [Plain; N]) -> Self {
        Vec::from(scenarios.map(Scenario::Plain)).into()
    }
}

impl fmt::Display for Script {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.iter().try_for_each(|scenario| write!(out, "{scenario},"))?;
        self.last.fmt(out)
    }
}

impl FromStr for Script {
    type Err = UnknownScenario;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut scenarios = Vec::new();
        for step in text.split(',').map(str::trim) {
            match step.strip_prefix("flaky=") {
                None => scenarios.push(step.parse()?),
                Some(flaky) => {
                    let unknown = || UnknownScenario(step.to_owned());
                    let (times, scenario) = flaky.split_once('/').ok_or_else(unknown)?;
                    let times = times.parse().ok().filter(|times| *times <= REPETITIONS_MAX).ok_or_else(unknown)?;
                    scenarios.extend(vec![scenario.parse::<Scenario>()?; times]);
                    scenarios.push(Plain::OkJson.into());
                }
            }
        }
        Ok(scenarios.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_scenario_stays() {
        let script: Script = "503, 500".parse().unwrap();
        let steps: Vec<_> = (0..4).map(|served| script.at(served).to_string()).collect();
        assert_eq!(steps, ["503", "500", "500", "500"]);
    }

    #[test]
    fn flaky_is_short_for_a_sequence() {
        let script: Script = "flaky=2/429_minute=1s".parse().unwrap();
        assert_eq!(script.to_string(), "429_minute=1s,429_minute=1s,ok_json");
        assert_eq!(Script::flaky(1, Plain::Overloaded), [Plain::Overloaded, Plain::OkJson].into());
        for text in ["flaky=2", "flaky=many/503", "flaky=1001/503", "flaky=1/flaky=1/503"] {
            assert!(text.parse::<Script>().is_err(), "{text}");
        }
    }
}
