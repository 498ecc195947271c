//! Made-up chunks: unit vectors in clusters, words by Zipf's law, many workspaces of which one is huge.

use std::ops::Range;

use candor::ids::{ChunkId, Ids, VersionId, WorkspaceId};
use candor::index::{Dimensions, IndexQuery, Point, Terms};
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

/// As the product's model and its token projection have them.
pub const DIMENSIONS: Dimensions = Dimensions { dense: 384, tokens: 64 };

/// What is talked about, in all workspaces together.
const CLUSTERS: usize = 1_000;
/// What is talked about in an ordinary workspace.
const CLUSTERS_OF_A_WORKSPACE: usize = 20;
/// Directions that the points of one cluster differ in, of [`DIRECTIONS`] that there are.
const RANK: usize = 16;
const DIRECTIONS: usize = 256;
/// How far a point lies from its cluster's centre along those directions, and anywhere: two points of a cluster have a cosine of
/// about 0.6.
const SPREAD: f32 = 0.8;
const NOISE: f32 = 0.3;
/// How far a question lies from the chunk that it is about: a cosine of about 0.85.
const DISTANCE_OF_A_QUESTION: f32 = 0.6;

/// Token vectors that there are, and those that one cluster's chunks are made of.
const TOKENS: usize = 20_000;
const TOKENS_OF_A_CLUSTER: usize = 600;
const TOKENS_A_CHUNK: Range<usize> = 60..121;
const TOKENS_A_QUESTION: usize = 10;
const SENTENCES_A_CHUNK: usize = 5;
/// Chunks of one article, which share a title.
const CHUNKS_AN_ARTICLE: usize = 6;

/// Words that there are; the most frequent ones are stop words, which are no terms.
const VOCABULARY: f32 = 30_000.0;
const STOP_WORDS: f32 = 20.0;
const WORDS_A_CHUNK: Range<usize> = 50..100;
const WORDS_A_TITLE: usize = 5;
const WORDS_A_QUESTION: usize = 6;
/// BM25's k1, as the product's engine has it.
const SATURATION: f32 = 1.2;

/// Chunks that are written in one call, all of one workspace.
const BATCH_CHUNKS: usize = 256;

/// What to make.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Chunks in all.
    pub points: usize,
    /// Workspaces in all.
    pub workspaces: usize,
    /// What share of the chunks the first workspace has; the others have the same number each.
    pub huge_share: f64,
    /// Another number makes other chunks.
    pub seed: u64,
}

/// Chunks that are made when they are asked for, the same in every run.
pub struct Corpus {
    seed: u64,
    /// Each workspace with the version that its chunks are of, and their number; the huge one is the first.
    workspaces: Vec<(WorkspaceId, VersionId, usize)>,
    centres: Vec<Vec<f32>>,
    directions: Vec<Vec<f32>>,
    tokens: Vec<Vec<f32>>,
}

/// Some chunks of one workspace, by their places in it.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Its number.
    pub workspace: usize,
    /// The chunks' places.
    pub places: Range<usize>,
}

impl Corpus {
    /// The number of the huge workspace.
    pub const HUGE: usize = 0;
    /// The number of one of the others.
    pub const SMALL: usize = 1;

    pub fn new(shape: &Shape) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(shape.seed);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
        let huge = (shape.points as f64 * shape.huge_share) as usize;
        let (ids, others) = (Ids::counted(), shape.workspaces - 1);
        let workspaces = (0..shape.workspaces).map(|number| {
            let rest = shape.points - huge;
            let chunks = if number == Self::HUGE { huge } else { rest / others + usize::from(number <= rest % others) };
            (WorkspaceId::new(&ids, 1), VersionId::new(&ids, 1), chunks)
        });
        Self {
            seed: shape.seed,
            workspaces: workspaces.collect(),
            centres: units(&mut random, CLUSTERS, DIMENSIONS.dense),
            directions: units(&mut random, DIRECTIONS, DIMENSIONS.dense),
            tokens: units(&mut random, TOKENS, DIMENSIONS.tokens),
        }
    }

    /// How many chunks there are in all.
    pub fn points(&self) -> usize {
        self.workspaces.iter().map(|(.., chunks)| chunks).sum()
    }

    /// The id of the workspace with this number.
    pub fn workspace(&self, number: usize) -> WorkspaceId {
        self.workspaces[number].0
    }

    /// How many chunks the workspace with this number has.
    pub fn chunks(&self, workspace: usize) -> usize {
        self.workspaces[workspace].2
    }

    /// All chunks in the order that they are written in: the workspaces mixed, as companies come and write.
    pub fn batches(&self) -> Vec<Batch> {
        let mut batches: Vec<Batch> = Vec::new();
        for (workspace, (.., chunks)) in self.workspaces.iter().enumerate() {
            let begins = (0..*chunks).step_by(BATCH_CHUNKS);
            batches.extend(begins.map(|begin| Batch { workspace, places: begin..(begin + BATCH_CHUNKS).min(*chunks) }));
        }
        batches.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(self.seed));
        batches
    }

    /// The chunks of `batch`.
    pub fn make(&self, batch: &Batch) -> Vec<Point> {
        batch.places.clone().map(|place| self.point(batch.workspace, place)).collect()
    }

    fn point(&self, workspace: usize, place: usize) -> Point {
        let mut random = self.random(workspace, place, 0);
        let cluster = self.cluster(workspace, place);
        let dense = self.dense(workspace, place);
        let (words_here, tokens) = (random.random_range(WORDS_A_CHUNK), random.random_range(TOKENS_A_CHUNK));
        let terms = words(&mut random, cluster, words_here);
        let sentences = (0..SENTENCES_A_CHUNK).map(|_| moved(&mut random, &dense, DISTANCE_OF_A_QUESTION)).collect();
        let tokens = (0..tokens).map(|_| self.token(&mut random, cluster).to_owned()).collect();
        // The title is the article's: chunks of one article have the same.
        let mut of_article = self.random(workspace, place / CHUNKS_AN_ARTICLE, 1);
        let title = moved(&mut of_article, &self.centres[cluster], DISTANCE_OF_A_QUESTION);
        let title_terms = counted(words(&mut of_article, cluster, WORDS_A_TITLE), |_| 1.0);
        Point {
            chunk: ChunkId::of(self.workspaces[workspace].1, "scale", place),
            dense,
            tokens,
            sentences,
            title,
            terms: counted(terms, |count| count * (SATURATION + 1.0) / (count + SATURATION)),
            title_terms,
            tags: Vec::new(),
        }
    }

    /// A question about some chunk of the workspace, with all that the product asks with.
    pub fn question(&self, workspace: usize, number: usize, limit: usize) -> IndexQuery {
        let mut random = self.random(workspace, number, 2);
        let place = random.random_range(0..self.chunks(workspace));
        let cluster = self.cluster(workspace, place);
        let Point { dense, terms, .. } = self.point(workspace, place);
        let mut ids = terms.ids;
        ids.shuffle(&mut random);
        ids.truncate(WORDS_A_QUESTION);
        ids.sort_unstable();
        // As inverse document frequencies are: from 1 for a common word to 8 for a rare one.
        let mut weight = || 1.0 + 7.0 * random.random::<f32>();
        let weights = ids.iter().map(|_| weight()).collect();
        let lengths: Vec<f32> = (0..TOKENS_A_QUESTION).map(|_| weight()).collect();
        let tokens = lengths.into_iter().map(|length| {
            let token = self.token(&mut random, cluster);
            token.iter().map(|float| float * length).collect()
        });
        let tokens = tokens.collect();
        let dense = moved(&mut random, &dense, DISTANCE_OF_A_QUESTION);
        IndexQuery { dense, tokens, terms: Terms { ids, weights }, tags: Vec::new(), limit }
    }

    /// The same numbers for the same chunk, in whichever order chunks are made.
    fn random(&self, workspace: usize, place: usize, what: u64) -> Xoshiro256PlusPlus {
        let of_place = (workspace as u64) << 40 | (place as u64) << 2 | what;
        Xoshiro256PlusPlus::seed_from_u64(of_place.wrapping_add(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// What a chunk is about; the chunks of an article are about the same.
    fn cluster(&self, workspace: usize, place: usize) -> usize {
        let mut random = self.random(workspace, place / CHUNKS_AN_ARTICLE, 3);
        if workspace == Self::HUGE {
            return random.random_range(0..CLUSTERS);
        }
        (workspace * CLUSTERS_OF_A_WORKSPACE + random.random_range(0..CLUSTERS_OF_A_WORKSPACE)) % CLUSTERS
    }

    fn dense(&self, workspace: usize, place: usize) -> Vec<f32> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.random(workspace, place, 0).random());
        let cluster = self.cluster(workspace, place);
        let mut dense = self.centres[cluster].clone();
        // A uniform number between -0.5 and 0.5 has a variance of 1/12.
        let step = SPREAD * (12.0 / RANK as f32).sqrt();
        for axis in 0..RANK {
            let along = step * (random.random::<f32>() - 0.5);
            for (float, direction) in dense.iter_mut().zip(&self.directions[(cluster * 7 + axis * 31) % DIRECTIONS]) {
                *float += along * direction;
            }
        }
        moved(&mut random, &dense, NOISE)
    }

    fn token(&self, random: &mut Xoshiro256PlusPlus, cluster: usize) -> &[f32] {
        &self.tokens[(cluster * 97 + random.random_range(0..TOKENS_OF_A_CLUSTER)) % TOKENS]
    }
}

/// Numbers of words, most of them of few words: half of them are everybody's, half the cluster's own.
fn words(random: &mut Xoshiro256PlusPlus, cluster: usize, count: usize) -> Vec<u32> {
    let word = |place: usize| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank in the vocabulary")]
        let rank = (STOP_WORDS * (VOCABULARY / STOP_WORDS).powf(random.random::<f32>())) as u32;
        #[expect(clippy::cast_possible_truncation, reason = "a thousand clusters")]
        let own = if place.is_multiple_of(2) { 0 } else { 40_000 + 37 * cluster as u32 };
        // An odd factor: no two words have the same number, and the numbers lie all over, as hashes do.
        (rank + own).wrapping_mul(0x9e37_79b1)
    };
    (0..count).map(word).collect()
}

/// Distinct terms in ascending order, weighted by how often each occurs.
fn counted(mut words: Vec<u32>, weight: impl Fn(f32) -> f32) -> Terms {
    words.sort_unstable();
    let mut terms = Terms::default();
    for same in words.chunk_by(|one, other| one == other) {
        terms.ids.push(same[0]);
        terms.weights.push(weight(same.len() as f32));
    }
    terms
}

fn units(random: &mut Xoshiro256PlusPlus, count: usize, floats: usize) -> Vec<Vec<f32>> {
    (0..count).map(|_| moved(random, &vec![0.0; floats], 1.0)).collect()
}

/// The unit vector in the direction of `from` after a step of about `distance` in a random one.
fn moved(random: &mut Xoshiro256PlusPlus, from: &[f32], distance: f32) -> Vec<f32> {
    let step = distance * (12.0 / from.len() as f32).sqrt();
    let mut vector: Vec<f32> = from.iter().map(|float| float + step * (random.random::<f32>() - 0.5)).collect();
    let length = vector.iter().map(|float| float * float).sum::<f32>().sqrt();
    for float in &mut vector {
        *float /= length;
    }
    vector
}
