//! A circuit breaker: an upstream that fails again and again is left alone for a while, so that nobody waits for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::gauge;

use crate::telemetry;

/// Failures in a row that open the circuit.
const FAILURES_MAX: u32 = 5;
/// How long an open circuit stays open before one call may try.
const OPEN_FOR: Duration = Duration::from_secs(30);

/// Guards the calls to one upstream; cheap to clone.
#[derive(Clone, Debug)]
pub struct Breaker {
    upstream: Option<&'static str>,
    circuit: Arc<Mutex<Circuit>>,
}

/// Where a circuit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Circuit {
    /// Calls go through; so many have failed in a row.
    Closed { failures: u32 },
    /// None does until then.
    Open { until: Instant },
    /// One call tries, since then.
    HalfOpen { since: Instant },
}

/// What a call that was let through must tell at its end.
#[derive(Debug)]
pub struct Passage {
    breaker: Breaker,
    told: bool,
}

impl Breaker {
    /// A closed circuit to `upstream`, which names it in `circuit_state`.
    #[must_use]
    pub fn new(upstream: &'static str) -> Self {
        let breaker = Self { upstream: Some(upstream), ..Self::unnamed() };
        breaker.publish(Circuit::Closed { failures: 0 });
        breaker
    }

    /// A closed circuit that `circuit_state` does not show.
    #[must_use]
    pub fn unnamed() -> Self {
        Self { upstream: None, circuit: Arc::new(Mutex::new(Circuit::Closed { failures: 0 })) }
    }

    /// Lets a call through, or `None`: the upstream is left alone.
    #[must_use]
    pub fn pass(&self) -> Option<Passage> {
        self.change(|circuit| circuit.asked(Instant::now())).then(|| Passage { breaker: self.clone(), told: false })
    }

    /// Whether the next call goes through. Brings `circuit_state` up to date too: nothing else tells that a wait is over.
    #[must_use]
    pub fn is_passable(&self) -> bool {
        let circuit = *self.circuit.lock().unwrap_or_else(PoisonError::into_inner);
        self.publish(circuit);
        !matches!(circuit, Circuit::Open { until } if Instant::now() < until)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Circuit) -> T) -> T {
        let mut circuit = self.circuit.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *circuit;
        let outcome = change(&mut circuit);
        if before != *circuit {
            self.publish(*circuit);
        }
        outcome
    }

    fn publish(&self, circuit: Circuit) {
        let Some(upstream) = self.upstream else { return };
        let state = match circuit {
            Circuit::Closed { .. } => 0.0,
            Circuit::Open { until } if Instant::now() < until => 2.0,
            Circuit::Open { .. } | Circuit::HalfOpen { .. } => 1.0,
        };
        gauge!(telemetry::CIRCUIT_STATE, "upstream" => upstream).set(state);
    }
}

impl Passage {
    /// The upstream did what it should.
    pub fn succeeded(mut self) {
        self.told = true;
        self.breaker.change(|circuit| *circuit = Circuit::Closed { failures: 0 });
    }

    /// It did not; `alone_for` says for how long it is certain to fail, where that is known.
    pub fn failed(mut self, alone_for: Option<Duration>) {
        self.told = true;
        self.breaker.change(|circuit| circuit.failed(Instant::now(), alone_for));
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        // Whoever asked went away before the end: that says nothing, and the next call may try.
        if !self.told {
            self.breaker.change(|circuit| circuit.given_up(Instant::now()));
        }
    }
}

impl Circuit {
    /// Whether a call may go through.
    fn asked(&mut self, now: Instant) -> bool {
        let may_try = match *self {
            Self::Closed { .. } => return true,
            Self::Open { until } => now >= until,
            // A call that has tried for that long has been forgotten.
            Self::HalfOpen { since } => now >= since + OPEN_FOR,
        };
        if may_try {
            *self = Self::HalfOpen { since: now };
        }
        may_try
    }

    fn failed(&mut self, now: Instant, alone_for: Option<Duration>) {
        *self = match (alone_for, *self) {
            (Some(alone_for), _) => Self::Open { until: now + alone_for },
            (None, Self::Closed { failures }) if failures + 1 < FAILURES_MAX => Self::Closed { failures: failures + 1 },
            (None, Self::Open { until }) => Self::Open { until },
            (None, Self::Closed { .. } | Self::HalfOpen { .. }) => Self::Open { until: now + OPEN_FOR },
        };
    }

    fn given_up(&mut self, now: Instant) {
        if matches!(self, Self::HalfOpen { .. }) {
            *self = Self::Open { until: now };
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failed(times: u32, now: Instant) -> Circuit {
        let mut circuit = Circuit::Closed { failures: 0 };
        for _ in 0..times {
            assert!(circuit.asked(now));
            circuit.failed(now, None);
        }
        circuit
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_call_try_later() {
        let now = Instant::now();
        let mut circuit = failed(FAILURES_MAX, now);
        assert!(!circuit.asked(now + OPEN_FOR / 2));
        assert!(circuit.asked(now + OPEN_FOR));
        assert!(!circuit.asked(now + OPEN_FOR), "one call tries, and no second beside it");
    }

    #[test]
    fn a_call_that_was_given_up_lets_the_next_one_try() {
        let now = Instant::now();
        let mut circuit = failed(FAILURES_MAX, now);
        assert!(circuit.asked(now + OPEN_FOR));
        circuit.given_up(now + OPEN_FOR);
        assert!(circuit.asked(now + OPEN_FOR));
    }

    #[test]
    fn a_passage_that_is_dropped_says_nothing() {
        let breaker = Breaker::new("test");
        for _ in 0..2 * FAILURES_MAX {
            drop(breaker.pass());
        }
        assert!(breaker.is_passable());
        for _ in 0..FAILURES_MAX {
            breaker.pass().unwrap().failed(None);
        }
        assert!(!breaker.is_passable() && breaker.pass().is_none());
    }

    proptest! {
        /// Whatever happens, a call may try again at the latest when the longest wait has passed.
        #[test]
        fn no_history_closes_the_way_for_good(history in proptest::collection::vec(0_u8..4, 0..60)) {
            let mut now = Instant::now();
            let mut circuit = Circuit::Closed { failures: 0 };
            for event in history {
                now += Duration::from_secs(3);
                match event {
                    0 => { circuit.asked(now); }
                    1 => circuit.failed(now, None),
                    2 => circuit.failed(now, Some(OPEN_FOR)),
                    _ => circuit.given_up(now),
                }
            }
            prop_assert!(circuit.asked(now + OPEN_FOR));
        }
    }
}
