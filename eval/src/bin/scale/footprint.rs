//! What an index takes: memory of its process, bytes of its folder.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The size of the blocks that a file's metadata counts, on every Unix.
const BLOCK_BYTES: u64 = 512;

/// Where to look; what is unknown is not shown.
pub struct Watched {
    /// The process that holds the index.
    pub process: Option<u32>,
    /// The folder that it lies in.
    pub folder: Option<PathBuf>,
}

/// Resident memory in MiB.
#[derive(Clone, Copy)]
pub struct Memory {
    pub anonymous_mib: f64,
    pub file_mapped_mib: f64,
}

impl Watched {
    /// The process's memory now.
    pub fn memory(&self) -> Result<Option<Memory>> {
        let Some(process) = self.process else { return Ok(None) };
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))
            .with_context(|| format!("there is no process {process}"))?;
        let mib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or_default() / 1_024.0
        };
        Ok(Some(Memory { anonymous_mib: mib("RssAnon:"), file_mapped_mib: mib("RssFile:") }))
    }

    /// The bytes that the folder takes on the disk. Files that are mostly holes count by what they hold.
    pub fn disk_bytes(&self) -> Option<u64> {
        self.folder.as_deref().map(allocated)
    }
}

fn allocated(path: &Path) -> u64 {
    // What the engine has just removed counts for nothing.
    let Ok(metadata) = path.symlink_metadata() else { return 0 };
    let inside = path.read_dir().into_iter().flatten().flatten().map(|entry| allocated(&entry.path())).sum::<u64>();
    metadata.blocks() * BLOCK_BYTES + inside
}
