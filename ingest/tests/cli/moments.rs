//! When a program is killed: at random, and again at the same moments with the same seed.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, Instant, UNIX_EPOCH};

use crate::look::{Hold, Look};
use crate::site::{Site, until};

/// A moment to kill a program at, in what can be seen of it from outside.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// So long after it was started: it opens, compares and mends.
    Starting(Duration),
    /// So long after so many articles were published. Eight are on their way at once, each somewhere else: being embedded, its
    /// points written, its rows committed, its replaced points deleted.
    Publishing(i64, Duration),
    /// As soon as so many articles can be seen to be published: the points that the last of them replaced are still there.
    Committed(i64),
    /// After so many articles no other can be committed, and so long after the next two might have been: their points are there
    /// and their rows are not.
    Held(i64, Duration),
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting(wait) => write!(formatter, "{} ms after its start", wait.as_millis()),
            Self::Publishing(articles, wait) => write!(formatter, "{} ms after article +{articles}", wait.as_millis()),
            Self::Committed(articles) => write!(formatter, "at the commit of article +{articles}"),
            Self::Held(articles, wait) => {
                write!(formatter, "commits held after article +{articles}, for two more and {} ms", wait.as_millis())
            }
        }
    }
}

impl Moment {
    /// Waits for it. `before` is what [`Look::changes`] was before the program was started. Comes back early when the program
    /// `has_ended`. What it gives is to be kept until the program is killed.
    pub fn wait(self, site: &Site, (look, before): (&Look, i64), mut has_ended: impl FnMut() -> bool) -> Option<Hold> {
        let mut are_published = |articles: i64| look.changes() >= before + articles || has_ended();
        let mut wait_for = |articles: i64| {
            until("enough articles are published", || are_published(articles).then_some(()));
        };
        match self {
            Self::Starting(wait) => std::thread::sleep(wait),
            Self::Publishing(articles, wait) => {
                wait_for(articles);
                std::thread::sleep(wait);
            }
            Self::Committed(articles) => {
                wait_for(articles - 1);
                let next = look.changes() - before + 1;
                // Without a pause: what is to be caught takes a few milliseconds.
                while !are_published(next) {}
            }
            Self::Held(articles, wait) => {
                wait_for(articles - 1);
                let began = Instant::now();
                wait_for(articles);
                // On a busy machine as on an idle one, the next article has been embedded and its points are written.
                let pace = began.elapsed();
                let hold = Hold::on(site);
                std::thread::sleep(2 * pace + wait);
                return Some(hold);
            }
        }
        None
    }
}

/// What all moments of this run follow from: `CRASH_SEED`, or another one each time.
pub fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| match std::env::var("CRASH_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => UNIX_EPOCH.elapsed().unwrap().as_secs(),
    })
}

/// Numbers that look random and follow from a seed (SplitMix64).
pub struct Dice {
    state: u64,
}

impl Dice {
    /// From the seed of this run; with the same seed, `who` throws others than anybody else.
    pub fn thrown_by(who: &str) -> Self {
        let seed = seed();
        eprintln!("{who}: the moments are those of CRASH_SEED={seed}");
        let state = who.bytes().fold(seed, |state, byte| state.wrapping_mul(31).wrapping_add(u64::from(byte)));
        Self { state }
    }

    /// One of the whole numbers from `low` to `high`.
    pub fn throw(&mut self, low: u64, high: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        low + (mixed ^ (mixed >> 31)) % (high - low + 1)
    }

    pub fn milliseconds(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.throw(low, high))
    }

    /// Twenty moments: some of each kind, in any order.
    pub fn twenty_moments(&mut self) -> Vec<Moment> {
        let mut moments: Vec<Moment> = (0..20)
            .map(|number| {
                let articles = i64::try_from(self.throw(1, 2)).unwrap();
                match number {
                    // The model is loaded after about 300 ms; then comes the comparison.
                    0..2 => Moment::Starting(self.milliseconds(0, 700)),
                    2..8 => Moment::Committed(articles + 1),
                    8..12 => Moment::Held(articles + 1, self.milliseconds(50, 150)),
                    _ => Moment::Publishing(articles, self.milliseconds(0, 70)),
                }
            })
            .collect();
        for place in (1..moments.len()).rev() {
            let other = self.throw(0, u64::try_from(place).unwrap());
            moments.swap(place, usize::try_from(other).unwrap());
        }
        moments
    }
}
