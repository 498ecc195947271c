//! `eval tokens`: how small the vectors of tokens can be made, and what that costs.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use candor::config::Config;
use candor::ids::ChunkId;
use candor::index::Signal;
use candor::inference::token_projection::{self, WHITENING};
use candor::knowledge::chunk::Chunking;
use candor::knowledge::points::told;
use candor::search::fuse::{WEIGHTS, mean};
use candor::search::token_weights;
use comfy_table::{Table, presets};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};

use crate::study::directions::Directions;
use crate::study::ranked::Quality;
use crate::study::{Asked, Candidates, Sets};
use crate::{progress, written};

/// Ranks by token vectors of several sizes and shows what each costs in bytes, time and quality.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  eval tokens --dataset datasets/tarnwheel
  eval tokens --dataset squad2-dev --dataset wixqa-expert --limit 300
  eval tokens --dataset squad2-dev --dataset wixqa-expert --fit projection.f32

All signals are counted as in the product; the rows differ in what the tokens are compared by. Directions are those of the given
sets' own tokens. The time is that of all candidates of a question in plain loops on one core.")]
pub struct TokensArguments {
    #[command(flatten)]
    sets: Sets,
    /// Fits the projection of the product to the tokens of these sets and writes it; no table is made.
    #[arg(long, value_name = "FILE.f32")]
    fit: Option<PathBuf>,
}

/// Tokens of each set that directions are fitted to.
const FITTED_TOKENS_MAX: usize = 20_000;

/// A set with the model's states of its candidates and its questions.
struct Stated {
    asked: Asked,
    /// By chunk.
    passages: HashMap<ChunkId, States>,
    /// In the order of the questions: each token's unit state and what it counts.
    questions: Vec<(Vec<Vec<f32>>, Vec<f32>)>,
}

/// The unit states of a passage.
struct States {
    /// Of each token.
    tokens: Vec<Vec<f32>>,
    /// Of each word with a letter or a digit.
    words: Vec<Vec<f32>>,
}

/// A way to keep a passage's tokens.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    /// Each word with a letter or a digit once, and not each token.
    words: bool,
    reduction: Reduction,
    bytes_a_float: usize,
}

#[derive(Clone, Copy)]
enum Reduction {
    /// All floats of the model.
    None,
    /// The directions of the largest spread, whitened so far.
    Principal(usize, f64),
    /// Directions of chance.
    Random(usize),
}

/// From the floats of the model to those that are kept.
type Reduce = Box<dyn Fn(&[f32]) -> Vec<f32>>;

/// Runs the command.
///
/// # Errors
/// A sentence that says what could not be done.
pub async fn run(config: &Config, arguments: &TokensArguments) -> Result<ExitCode> {
    if let Some(path) = &arguments.fit {
        written::check(path)?;
    }
    let mut sets = Vec::new();
    for root in &arguments.sets.dataset {
        sets.push(stated(config, arguments, root).await?);
    }
    let directions = Directions::fit(&sample(&sets, arguments.sets.seed));
    if let Some(path) = &arguments.fit {
        let floats = directions.first(token_projection::DIMENSION, WHITENING).concat();
        let bytes: Vec<u8> = directions.mean().into_iter().chain(floats).flat_map(f32::to_le_bytes).collect();
        written::write(path, &bytes)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new();
    let heading = sets.iter().map(|set| format!("{}: {}", set.asked.name, Quality::HEADING));
    let first = ["kept of a passage", "bytes a chunk", "µs a question"].map(str::to_owned);
    table.load_style(presets::ASCII_MARKDOWN).set_header(first.into_iter().chain(heading));
    for way in ways() {
        let measured: Vec<Measured> = sets.iter().map(|set| Measured::of(set, way, &directions)).collect();
        let count = measured.len().max(1) as f64;
        let bytes = measured.iter().map(|measured| measured.bytes).sum::<f64>() / count;
        let micros = measured.iter().map(|measured| measured.micros).sum::<f64>() / count;
        let cells = measured.iter().map(|measured| measured.quality.to_string());
        let first = [way.name.to_owned(), format!("{bytes:.0}"), format!("{micros:.0}")];
        table.add_row(first.into_iter().chain(cells));
    }
    println!("{table}");
    Ok(ExitCode::SUCCESS)
}

fn ways() -> Vec<Way> {
    let way = |name, words, reduction, bytes_a_float| Way { name, words, reduction, bytes_a_float };
    let principal = |dimension| Reduction::Principal(dimension, WHITENING);
    vec![
        way("nothing: no late interaction", true, Reduction::Principal(0, 0.0), 0),
        way("each token, 384 floats", false, Reduction::None, 4),
        way("each word, 384 floats", true, Reduction::None, 4),
        way("each word, 384 floats of 2 bytes", true, Reduction::None, 2),
        way("each word, 128 whitened directions, 2 bytes", true, principal(128), 2),
        way("each word, 96 whitened directions, 2 bytes", true, principal(96), 2),
        way("each word, 64 whitened directions, 2 bytes (ships)", true, principal(token_projection::DIMENSION), 2),
        way("each word, 64 directions as they are, 2 bytes", true, Reduction::Principal(64, 0.0), 2),
        way("each word, 64 random directions, 2 bytes", true, Reduction::Random(64), 2),
        way("each word, 64 whitened directions, 1 byte", true, principal(64), 1),
        way("each token, 64 whitened directions, 2 bytes", false, principal(64), 2),
        way("each word, 48 whitened directions, 2 bytes", true, principal(48), 2),
        way("each word, 32 whitened directions, 2 bytes", true, principal(32), 2),
        way("each word, 16 whitened directions, 2 bytes", true, principal(16), 2),
    ]
}

async fn stated(config: &Config, arguments: &TokensArguments, root: &Path) -> Result<Stated> {
    let asked = arguments.sets.asked(config, root, Chunking::SHIPPED).await?;
    let embedder = asked.library.engine.embedder();
    let mut passages: HashMap<ChunkId, States> = HashMap::new();
    let mut questions = Vec::with_capacity(asked.questions.len());
    let bar = progress::bar(&format!("{}: reading tokens", asked.name), asked.questions.len());
    for candidates in &asked.questions {
        for (_, passage) in &candidates.passages {
            if passages.contains_key(&passage.chunk) {
                continue;
            }
            let text = told(&passage.title, &passage.heading_path, &passage.text);
            let states = embedder.token_states(text.clone()).await?;
            let tokens = states.of_text().map(|(state, _)| unit(state.to_vec())).collect();
            let words = states.whole_words(&text).into_iter().map(unit).collect();
            passages.insert(passage.chunk, States { tokens, words });
        }
        let text = &candidates.question.text;
        let states = embedder.token_states(text.clone()).await?;
        let (tokens, words): (Vec<Vec<f32>>, Vec<Range<usize>>) =
            states.of_text().map(|(state, word)| (unit(state.to_vec()), word)).unzip();
        let weights = token_weights(asked.library.engine.bm25(), &candidates.terms, text, words.iter());
        questions.push((tokens, weights));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(Stated { asked, passages, questions })
}

/// Some of the tokens of each set, the same ones for the same seed.
fn sample(sets: &[Stated], seed: u64) -> Vec<&[f32]> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut sample: Vec<&[f32]> = Vec::new();
    for set in sets {
        // A map has another order in each process.
        let mut chunks: Vec<(&ChunkId, &States)> = set.passages.iter().collect();
        chunks.sort_by_key(|(chunk, states)| (states.tokens.len(), **chunk));
        let all: Vec<&[f32]> = chunks.iter().flat_map(|(_, states)| states.tokens.iter().map(Vec::as_slice)).collect();
        let share = FITTED_TOKENS_MAX as f64 / all.len().max(1) as f64;
        sample.extend(all.into_iter().filter(|_| random.random::<f64>() < share));
    }
    sample
}

/// What a way costs on one set.
struct Measured {
    quality: Quality,
    /// Of the vectors of a chunk, on average.
    bytes: f64,
    /// Of comparing a question with all of its candidates, on average.
    micros: f64,
}

impl Measured {
    fn of(set: &Stated, way: Way, directions: &Directions) -> Self {
        let reduce = way.reduction.over(directions);
        let kept: HashMap<ChunkId, Vec<Vec<f32>>> = set
            .passages
            .iter()
            .map(|(chunk, states)| {
                let vectors = if way.words { &states.words } else { &states.tokens };
                (*chunk, vectors.iter().map(|vector| rounded(reduce(vector), way.bytes_a_float)).collect())
            })
            .collect();
        let floats: usize = kept.values().flatten().map(Vec::len).sum();
        let mut seconds = 0.0;
        let mut scores: HashMap<&str, HashMap<ChunkId, f32>> = HashMap::new();
        for (candidates, (tokens, weights)) in set.asked.questions.iter().zip(&set.questions) {
            let tokens: Vec<Vec<f32>> = tokens.iter().map(|token| reduce(token)).collect();
            let began = Instant::now();
            let of_passages = candidates
                .passages
                .iter()
                .map(|(_, passage)| (passage.chunk, nearest(&tokens, weights, &kept[&passage.chunk])))
                .collect();
            seconds += began.elapsed().as_secs_f64();
            scores.insert(&candidates.question.id, of_passages);
        }
        let rescored = |candidates: &Candidates| {
            let of_tokens = &scores[candidates.question.id.as_str()];
            let fused = candidates.passages.iter().map(|(_, passage)| {
                let mut scores = passage.signals.scores();
                scores[Signal::Tokens] = of_tokens[&passage.chunk];
                mean(&scores, &WEIGHTS)
            });
            fused.collect()
        };
        Self {
            quality: Quality::of(&set.asked, rescored),
            bytes: (floats * way.bytes_a_float) as f64 / kept.len().max(1) as f64,
            micros: seconds * 1e6 / set.questions.len().max(1) as f64,
        }
    }
}

impl Reduction {
    fn over(self, directions: &Directions) -> Reduce {
        match self {
            Self::None => Box::new(<[f32]>::to_vec),
            Self::Principal(dimension, whitening) => {
                let (centre, kept) = (directions.mean(), directions.first(dimension, whitening));
                Box::new(move |vector| projected(vector, &centre, &kept))
            }
            Self::Random(dimension) => {
                let mut random = Xoshiro256PlusPlus::seed_from_u64(0);
                let centre = directions.mean();
                let kept = (0..dimension)
                    .map(|_| centre.iter().map(|_| if random.random::<bool>() { 1.0 } else { -1.0 }).collect())
                    .collect::<Vec<Vec<f32>>>();
                Box::new(move |vector| projected(vector, &vec![0.0; centre.len()], &kept))
            }
        }
    }
}

fn projected(vector: &[f32], centre: &[f32], directions: &[Vec<f32>]) -> Vec<f32> {
    let centred: Vec<f32> = vector.iter().zip(centre).map(|(float, centre)| float - centre).collect();
    unit(directions.iter().map(|direction| product(direction, &centred)).collect())
}

/// For each token the product with the nearest of `kept`, by what the tokens count.
fn nearest(tokens: &[Vec<f32>], weights: &[f32], kept: &[Vec<f32>]) -> f32 {
    let best = |token: &Vec<f32>| kept.iter().map(|other| product(token, other)).reduce(f32::max).unwrap_or(0.0);
    tokens.iter().zip(weights).map(|(token, weight)| weight * best(token)).sum()
}

/// The vector as it comes back from floats of so many bytes.
fn rounded(vector: Vec<f32>, bytes_a_float: usize) -> Vec<f32> {
    // Half floats have eleven bits, a byte has seven and one for the sign; these vectors have length 1.
    let steps = match bytes_a_float {
        1 => 127.0,
        2 => 2048.0,
        _ => return vector,
    };
    let most = vector.iter().fold(f32::MIN_POSITIVE, |most, float| most.max(float.abs()));
    vector.into_iter().map(|float| (float / most * steps).round() / steps * most).collect()
}

fn product(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

fn unit(vector: Vec<f32>) -> Vec<f32> {
    let length = product(&vector, &vector).sqrt();
    if length > 0.0 { vector.into_iter().map(|float| float / length).collect() } else { vector }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_counts_by_its_nearest_and_by_its_weight() {
        let kept = [vec![1.0, 0.0], vec![0.6, 0.8]];
        let score = nearest(&[vec![0.0, 1.0], vec![1.0, 0.0]], &[0.25, 0.75], &kept);
        assert!((score - (0.25 * 0.8 + 0.75)).abs() < 1e-6);
        assert!(nearest(&[vec![1.0, 0.0]], &[1.0], &[]).abs() < 1e-6);
    }

    #[test]
    fn rounding_loses_little_and_less_with_more_bytes() {
        let vector = vec![0.123_456, -0.5, 0.857_321];
        let lost = |bytes| {
            let kept = rounded(vector.clone(), bytes);
            kept.iter().zip(&vector).map(|(one, other)| (one - other).abs()).fold(0.0_f32, f32::max)
        };
        assert!(lost(1) < 0.01 && lost(2) < 0.001 && lost(4) == 0.0);
        assert!(lost(2) < lost(1));
    }
}
