//! `make scale`: what the index costs as it grows, on made-up chunks that lie together as real ones do.
//!
//! It goes through the product's own index and asks as the product asks, with all signals. Chunks are made while they are
//! written and never kept, so that a million of them take no more memory than ten thousand. Linux only.

mod corpus;
mod exact;
mod footprint;
mod measure;
#[path = "../../progress.rs"]
mod progress;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use candor::ids::Ids;
use candor::index::{EdgeIndex, Index, ServerAddress, ServerIndex, free_bytes, remove_collections};
use clap::{Parser, ValueEnum};
use comfy_table::{Table, presets};

use crate::corpus::{Corpus, DIMENSIONS, Shape};
use crate::footprint::Watched;
use crate::measure::Figures;

/// Prints what searching, writing and keeping 10,000 and 100,000 made-up chunks takes, as a table for the README.
///
/// A workspace of ordinary size and a huge one are asked, among many. The same chunks and questions are made in every run.
#[derive(Parser)]
#[command(
    name = "scale",
    after_help = "Examples:
  scale                                        # 10,000 and 100,000 chunks, embedded
  scale --points 10000 --questions 50
  scale --qdrant http://127.0.0.1:6334         # the same, and then on a server
  scale --points 1000000 --on server --qdrant http://127.0.0.1:6334 \\
        --qdrant-process 4711 --qdrant-storage /qdrant/storage

A million chunks are about 20 GB on the disk, and twice that while they are being optimised. The server's collection is the
benchmark's own and is removed at the end. Exit code 2: it could not be measured."
)]
struct Arguments {
    /// How many chunks; a column each.
    #[arg(long, num_args = 1.., default_values_t = [10_000, 100_000], value_name = "N")]
    points: Vec<usize>,
    /// Which engines; a server only where its address is known.
    #[arg(long, value_enum, num_args = 1.., default_values_t = [Engine::Edge, Engine::Server], value_name = "ENGINE")]
    on: Vec<Engine>,
    /// The gRPC address of a Qdrant server.
    #[arg(long, env = "QDRANT_TEST_URL", value_name = "URL")]
    qdrant: Option<String>,
    /// The server's process on this machine, for its memory.
    #[arg(long, value_name = "PID")]
    qdrant_process: Option<u32>,
    /// The server's storage folder on this machine, for its bytes on the disk.
    #[arg(long, value_name = "FOLDER")]
    qdrant_storage: Option<PathBuf>,
    /// Where the embedded index is made; it is removed at the end.
    #[arg(long, value_name = "FOLDER", default_value_os_t = std::env::temp_dir())]
    folder: PathBuf,
    /// Workspaces that the chunks are spread over.
    #[arg(long, default_value_t = 50)]
    workspaces: usize,
    /// What share of the chunks the huge one of them has.
    #[arg(long, default_value_t = 0.3)]
    huge: f64,
    /// Questions for each of the two workspaces that are asked.
    #[arg(long, default_value_t = 200)]
    questions: usize,
    /// Another number makes other chunks.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// In this process.
    Edge,
    /// On the Qdrant server of `--qdrant`.
    Server,
}

/// Bytes that a chunk takes on the disk, as measured with 100,000; doubled, because optimising writes a segment anew before the old
/// one goes.
const BYTES_A_CHUNK_MAX: u64 = 2 * 20_500;
/// What an index needs before its first chunk: write-ahead logs and files that are made in advance.
const BYTES_OF_AN_INDEX: u64 = 1 << 30;

#[tokio::main]
async fn main() -> ExitCode {
    match scale(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scale: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn scale(arguments: &Arguments) -> Result<()> {
    check(arguments)?;
    let mut columns: Vec<(String, Figures)> = Vec::new();
    for engine in &arguments.on {
        for points in &arguments.points {
            let shape = Shape {
                points: *points,
                workspaces: arguments.workspaces,
                huge_share: arguments.huge,
                seed: arguments.seed,
            };
            let corpus = Corpus::new(&shape);
            let (name, figures) = match (engine, &arguments.qdrant) {
                (Engine::Edge, _) => ("embedded", on_edge(arguments, &corpus).await?),
                (Engine::Server, Some(url)) => ("on a server", on_server(arguments, url, &corpus).await?),
                (Engine::Server, None) => continue,
            };
            columns.push((format!("{points} chunks {name}"), figures));
        }
    }
    let mut table = Table::new();
    let heading = std::iter::once("what".to_owned()).chain(columns.iter().map(|(name, _)| name.clone()));
    table.load_style(presets::ASCII_MARKDOWN).set_header(heading);
    for (what, cell) in Figures::ROWS {
        table.add_row(std::iter::once((*what).to_owned()).chain(columns.iter().map(|(_, figures)| cell(figures))));
    }
    println!("{table}");
    Ok(())
}

/// Says what cannot work before anything is made.
fn check(arguments: &Arguments) -> Result<()> {
    if arguments.workspaces < 2 || !(0.0..1.0).contains(&arguments.huge) {
        bail!("there must be two workspaces or more, and the huge one's share must be less than 1");
    }
    if arguments.points.iter().any(|points| *points < arguments.workspaces * 20) || arguments.questions == 0 {
        bail!("there must be 20 chunks or more for each workspace, and a question");
    }
    let edge = arguments.on.contains(&Engine::Edge).then_some(&arguments.folder);
    let server = arguments.qdrant_storage.as_ref().filter(|_| arguments.on.contains(&Engine::Server));
    let most = arguments.points.iter().max().copied().unwrap_or_default() as u64;
    for folder in [edge, server].into_iter().flatten() {
        let free = free_bytes(folder).with_context(|| format!("{} cannot be looked at", folder.display()))?;
        let wanted = most * BYTES_A_CHUNK_MAX + BYTES_OF_AN_INDEX;
        let gigabytes = |bytes: u64| bytes as f64 / 1e9;
        if free < wanted {
            bail!(
                "{most} chunks may take {:.1} GB while they are optimised, and {} has {:.1} GB free: name another folder or fewer chunks",
                gigabytes(wanted),
                folder.display(),
                gigabytes(free)
            );
        }
    }
    if arguments.on == [Engine::Server] && arguments.qdrant.is_none() {
        bail!("name the server's gRPC address with --qdrant");
    }
    Ok(())
}

async fn on_edge(arguments: &Arguments, corpus: &Corpus) -> Result<Figures> {
    let folder = tempfile::Builder::new().prefix("candor-scale-").tempdir_in(&arguments.folder)?;
    let index = Index::Edge(EdgeIndex::open(&folder.path().join("index"), DIMENSIONS)?);
    let watched = Watched { process: Some(std::process::id()), folder: Some(folder.path().to_owned()) };
    measure::measure(&index, corpus, arguments.questions, &watched).await
}

async fn on_server(arguments: &Arguments, url: &str, corpus: &Corpus) -> Result<Figures> {
    let address = ServerAddress { url: url.to_owned(), key: None };
    let collection = format!("scale-{}", Ids::Random.short());
    let server = ServerIndex::new(&address, &collection, DIMENSIONS)?;
    server.prepare().await?;
    let storage = arguments.qdrant_storage.as_ref();
    let watched = Watched {
        process: arguments.qdrant_process,
        folder: storage.map(|folder| folder.join("collections").join(&collection)),
    };
    let figures = measure::measure(&Index::Server(server), corpus, arguments.questions, &watched).await;
    // A million chunks may take longer to remove than a server is waited for: what was measured is not lost for that.
    if let Err(error) = remove_collections(&address, std::slice::from_ref(&collection)).await {
        eprintln!("scale: the collection {collection} may still be on the server ({error})");
    }
    figures
}
