//! The machine that a figure was measured on, as far as the system tells.

use std::fs;

use serde::{Deserialize, Serialize};

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hardware {
    /// The processor's name; `unknown` where the system does not tell.
    pub processor: String,
    /// Processor cores that this program may use.
    pub cores: usize,
    /// Instruction sets that matter to the embedding model: int8 results differ in the last digits between them.
    pub instructions: Vec<String>,
    pub memory_mib: Option<u64>,
    /// Operating system and architecture.
    pub system: String,
}

impl Hardware {
    /// This machine.
    #[must_use]
    pub fn here() -> Self {
        let line = |file: &str, field: &str| -> Option<String> {
            let text = fs::read_to_string(file).ok()?;
            let line = text.lines().find(|line| line.starts_with(field))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let kib = line("/proc/meminfo", "MemTotal").and_then(|told| told.split(' ').next()?.parse::<u64>().ok());
        Self {
            processor: line("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            instructions: instructions(),
            memory_mib: kib.map(|kib| kib / 1_024),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn instructions() -> Vec<String> {
    let sets = [
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512vnni", std::arch::is_x86_feature_detected!("avx512vnni")),
    ];
    sets.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name.to_owned()).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn instructions() -> Vec<String> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_core_and_a_system() {
        let here = Hardware::here();
        assert!(here.cores >= 1 && here.system.contains(std::env::consts::ARCH));
    }
}
