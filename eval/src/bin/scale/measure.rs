//! One index filled, put in order and asked.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use candor::ids::WorkspaceId;
use candor::index::{Index, IndexError, IndexQuery, Point, Segments, Signal, Terms};

use crate::corpus::Corpus;
use crate::exact::{Exact, NEAREST};
use crate::footprint::{Memory, Watched};
use crate::progress;

/// Candidates that each signal brings, as the product asks for them.
const CANDIDATES: usize = 24;
/// Questions that are asked before the clock runs.
const WARM_UP: usize = 20;
/// How often a server that is too busy to answer in time is sent the same points again.
const UPSERT_ATTEMPTS: usize = 30;
/// How often a server is asked whether it is done, and how often in a row it must say so: between two of its steps it is idle.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const LOOKS_IN_A_ROW: u32 = 6;
/// How long a server may take to put the points in order.
const OPTIMISED_WITHIN: Duration = Duration::from_secs(6 * 3_600);

/// What was measured.
pub struct Figures {
    points: usize,
    written_points_a_second: f64,
    written_again: usize,
    optimised_seconds: f64,
    segments: Segments,
    small: Asked,
    huge: Asked,
    memory: Option<Memory>,
    disk_bytes: Option<u64>,
}

/// What asking one workspace gave.
struct Asked {
    chunks: usize,
    milliseconds: Vec<f64>,
    recall: f64,
}

/// A row of the table: its name and how its cell is written.
type Row = (&'static str, fn(&Figures) -> String);

impl Figures {
    /// The rows of the table.
    pub const ROWS: &[Row] = &[
        ("writing, points/s", |figures| {
            let again = figures.written_again;
            let note = if again == 0 { String::new() } else { format!(" ({again} calls made again)") };
            format!("{:.0}{note}", figures.written_points_a_second)
        }),
        ("until optimised", |figures| format!("{:.1} s", figures.optimised_seconds)),
        ("segments / indexed vectors", |figures| {
            format!("{} / {}", figures.segments.count, figures.segments.indexed_vectors)
        }),
        ("an ordinary workspace has", |figures| format!("{} chunks", figures.small.chunks)),
        ("search in it, p50 / p95 / p99", |figures| figures.small.times()),
        ("its recall@10 against exact search", |figures| format!("{:.3}", figures.small.recall)),
        ("the huge workspace has", |figures| format!("{} chunks", figures.huge.chunks)),
        ("search in it, p50 / p95 / p99", |figures| figures.huge.times()),
        ("its recall@10 against exact search", |figures| format!("{:.3}", figures.huge.recall)),
        ("memory, anonymous / file-mapped", |figures| {
            shown(figures.memory, |memory| format!("{:.0} / {:.0} MiB", memory.anonymous_mib, memory.file_mapped_mib))
        }),
        ("on the disk", |figures| shown(figures.disk_bytes, |bytes| format!("{:.0} MB", bytes as f64 / 1e6))),
        ("on the disk, a chunk", |figures| {
            shown(figures.disk_bytes, |bytes| format!("{:.1} kB", bytes as f64 / 1e3 / figures.points as f64))
        }),
    ];
}

fn shown<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), show)
}

impl Asked {
    fn times(&self) -> String {
        let mut sorted = self.milliseconds.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100) - 1];
        format!("{:.1} / {:.1} / {:.1} ms", at(50), at(95), at(99))
    }
}

/// Fills `index` with the chunks of `corpus`, waits until it is in order, and asks `questions` questions of each of two workspaces.
pub async fn measure(index: &Index, corpus: &Corpus, questions: usize, watched: &Watched) -> Result<Figures> {
    let mut asked = [Corpus::SMALL, Corpus::HUGE].map(|workspace| Questions::new(corpus, workspace, questions));
    let (mut writing, mut written_again) = (Duration::ZERO, 0);
    let bar = progress::bar("writing", corpus.points());
    for batch in corpus.batches() {
        let points = corpus.make(&batch);
        for questions in asked.iter_mut().filter(|questions| questions.number == batch.workspace) {
            for point in &points {
                questions.exact.see(point.chunk, &point.dense);
            }
        }
        bar.inc(points.len() as u64);
        let began = Instant::now();
        written_again += write(index, corpus.workspace(batch.workspace), points).await?;
        writing += began.elapsed();
    }
    bar.finish_and_clear();
    let began = Instant::now();
    let segments = settled(index).await?;
    // A server is looked at until it has been idle for a while, which is none of its work.
    let looked_on = if matches!(index, Index::Server(_)) { LOOK_EVERY * (LOOKS_IN_A_ROW - 1) } else { Duration::ZERO };
    let optimised_seconds = began.elapsed().saturating_sub(looked_on).as_secs_f64();

    let [small, huge] = asked;
    let (small, huge) = (small.ask(index).await?, huge.ask(index).await?);
    Ok(Figures {
        points: corpus.points(),
        written_points_a_second: corpus.points() as f64 / writing.as_secs_f64(),
        written_again,
        optimised_seconds,
        segments,
        small,
        huge,
        memory: watched.memory()?,
        disk_bytes: watched.disk_bytes(),
    })
}

/// Writes until it has worked, and says how often it had not.
async fn write(index: &Index, workspace: WorkspaceId, points: Vec<Point>) -> Result<usize> {
    for failures in 0..UPSERT_ATTEMPTS {
        match index.upsert(workspace, points.clone()).await {
            Ok(()) => return Ok(failures),
            Err(IndexError::Unreachable { .. }) => tokio::time::sleep(Duration::from_secs(2)).await,
            Err(error) => return Err(error.into()),
        }
    }
    bail!("the server has not taken the same points {UPSERT_ATTEMPTS} times")
}

/// Comes back when nothing is left to be optimised.
async fn settled(index: &Index) -> Result<Segments> {
    let spinner = indicatif::ProgressBar::new_spinner().with_message("until optimised");
    spinner.enable_steady_tick(LOOK_EVERY);
    index.settle().await?;
    let (began, mut looks) = (Instant::now(), 0);
    loop {
        let segments = index.segments().await;
        let is_done = segments.as_ref().is_ok_and(|segments| segments.pending.is_none());
        looks = if is_done { looks + 1 } else { 0 };
        if looks == LOOKS_IN_A_ROW || matches!(index, Index::Edge(_)) {
            spinner.finish_and_clear();
            return segments.context("the index does not say how it is");
        }
        if began.elapsed() > OPTIMISED_WITHIN {
            bail!("the server is not done after {} hours: {segments:?}", OPTIMISED_WITHIN.as_secs() / 3_600);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Questions of one workspace, with what exact search finds.
struct Questions {
    number: usize,
    workspace: WorkspaceId,
    chunks: usize,
    asked: Vec<IndexQuery>,
    exact: Exact,
}

impl Questions {
    fn new(corpus: &Corpus, number: usize, count: usize) -> Self {
        let asked: Vec<IndexQuery> = (0..count).map(|question| corpus.question(number, question, CANDIDATES)).collect();
        let exact = Exact::new(asked.iter().map(|query| query.dense.clone()));
        Self { number, workspace: corpus.workspace(number), chunks: corpus.chunks(number), asked, exact }
    }

    async fn ask(self, index: &Index) -> Result<Asked> {
        let mut recall = 0.0;
        for (number, query) in self.asked.iter().enumerate() {
            // By meaning alone: candidates that words bring would make up for a graph that misses them.
            let query = IndexQuery { terms: Terms::default(), tokens: Vec::new(), ..query.clone() };
            let mut found = index.search(self.workspace, query).await?;
            found.sort_unstable_by(|one, other| other.scores[Signal::Meaning].total_cmp(&one.scores[Signal::Meaning]));
            let found: Vec<_> = found.iter().take(NEAREST).map(|candidate| candidate.chunk).collect();
            recall += self.exact.recall(number, &found) / self.asked.len() as f64;
        }
        for query in self.asked.iter().rev().take(WARM_UP) {
            index.search(self.workspace, query.clone()).await?;
        }
        let bar = progress::bar("asking", self.asked.len());
        let mut milliseconds = Vec::with_capacity(self.asked.len());
        for query in self.asked {
            let began = Instant::now();
            index.search(self.workspace, query).await?;
            milliseconds.push(began.elapsed().as_secs_f64() * 1_000.0);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(Asked { chunks: self.chunks, milliseconds, recall })
    }
}
