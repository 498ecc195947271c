//! The last figures of `eval`, left in a file for a server to show: `eval_figure{dataset,figure}`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use metrics::gauge;

use crate::telemetry;

/// Sets whose figures are shown: each is a label's value, and labels are bounded.
pub const DATASETS_MAX: usize = 50;
/// Figures of one set that are shown.
pub const FIGURES_MAX: usize = 100;
/// The largest file that is read.
const BYTES_MAX: u64 = 1 << 20;

/// By set, each figure by its name as in the report: `retrieval.hit_at_1`.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LastFigures(pub BTreeMap<String, BTreeMap<String, f64>>);

impl LastFigures {
    /// Where `eval` leaves them in its folder.
    #[must_use]
    pub fn path(folder: &Path) -> PathBuf {
        folder.join("figures.json")
    }

    /// Reads them; none where no file is.
    ///
    /// # Errors
    /// A file that is not what `eval` writes.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let path = Self::path(folder);
        match std::fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
            Ok(file) if file.len() > BYTES_MAX => return Err(io::Error::other("it is too large")),
            Ok(_) => (),
        }
        Ok(serde_json::from_slice(&std::fs::read(path)?)?)
    }

    /// Sets the gauges. What was shown before and is not there any more becomes NaN, which no dashboard draws; what is beyond
    /// the limits is left out.
    pub fn show(&self) {
        let mut shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
        for (dataset, figures) in self.0.iter().take(DATASETS_MAX) {
            for figure in figures.keys().take(FIGURES_MAX) {
                // For as long as the server runs: a label that was given once is never forgotten by who scrapes.
                if shown.len() < DATASETS_MAX * FIGURES_MAX {
                    shown.insert((dataset.clone(), figure.clone()));
                }
            }
        }
        for (dataset, figure) in shown.iter() {
            let value = self.0.get(dataset).and_then(|figures| figures.get(figure)).copied().unwrap_or(f64::NAN);
            gauge!(telemetry::EVAL_FIGURE, "dataset" => dataset.clone(), "figure" => figure.clone()).set(value);
        }
    }
}

/// Sets and figures that have been shown.
static SHOWN: Mutex<BTreeSet<(String, String)>> = Mutex::new(BTreeSet::new());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_nothing_and_what_is_something_else_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(LastFigures::read(folder.path()).unwrap(), LastFigures::default());
        std::fs::write(LastFigures::path(folder.path()), r#"{"squad": {"retrieval.hit_at_1": 0.5}}"#).unwrap();
        assert!((LastFigures::read(folder.path()).unwrap().0["squad"]["retrieval.hit_at_1"] - 0.5).abs() < 1e-9);
        std::fs::write(LastFigures::path(folder.path()), "[]").unwrap();
        assert!(LastFigures::read(folder.path()).is_err());
    }
}
