//! Files that commands leave: whole or not at all.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use tempfile::NamedTempFile;

/// Finds out before hours of work whether `path` can be written at its end.
///
/// # Errors
/// A sentence that names the path.
pub fn check(path: &Path) -> Result<()> {
    if path.is_dir() {
        bail!("{} is a folder; name a file in it", path.display());
    }
    NamedTempFile::new_in(folder(path)).with_context(|| unwritten(path)).map(drop)
}

/// Refuses two names of one file.
///
/// # Errors
/// A sentence that names the file.
pub fn check_different(paths: &[&PathBuf]) -> Result<()> {
    let place = |path: &PathBuf| fs::canonicalize(folder(path)).ok().zip(path.file_name().map(ToOwned::to_owned));
    for (number, path) in paths.iter().enumerate() {
        if paths[..number].iter().any(|other| place(other) == place(path)) {
            bail!("{} is named twice; give each file a name of its own", path.display());
        }
    }
    Ok(())
}

/// Puts `contents` in the place of what is at `path`, if anything is; never a part of it.
///
/// # Errors
/// A sentence that names the path; then what was there is still there.
pub fn write(path: &Path, contents: impl AsRef<[u8]>) -> Result<()> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let partial = folder(path).join(format!(".{name}.{}.partial", std::process::id()));
    let written = (|| {
        let mut file = File::create(&partial)?;
        if let Ok(there) = fs::metadata(path) {
            file.set_permissions(there.permissions())?;
        }
        file.write_all(contents.as_ref())?;
        file.sync_all()?;
        fs::rename(&partial, path)
    })();
    if written.is_err() {
        // What is left of it is of no use; that it stays is no further harm.
        let _ = fs::remove_file(&partial);
    }
    written.with_context(|| unwritten(path))
}

/// JSON as it is written to files: one question a line, so that two reports can be compared line by line.
///
/// # Errors
/// Never for what commands write.
pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    let mut value = serde_json::to_value(value)?;
    let mut text = String::new();
    let reports: Vec<&mut serde_json::Value> = match &mut value {
        serde_json::Value::Array(reports) => reports.iter_mut().collect(),
        report => vec![report],
    };
    let mut lines = Vec::new();
    for report in reports {
        let questions = report.get_mut("questions").map(serde_json::Value::take);
        if let Some(serde_json::Value::Array(questions)) = questions {
            let questions: Vec<String> = questions.iter().map(|question| format!("    {question}")).collect();
            report["questions"] = PLACE.into();
            lines.push(format!("[\n{}\n  ]", questions.join(",\n")));
        }
    }
    for part in serde_json::to_string_pretty(&value)?.split(&format!("\"{PLACE}\"")) {
        text.push_str(part);
        if !lines.is_empty() {
            text.push_str(&lines.remove(0));
        }
    }
    Ok(text + "\n")
}

/// Stands where the questions go, and in no text that people write.
const PLACE: &str = "\u{e000}questions\u{e000}";

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

fn unwritten(path: &Path) -> String {
    format!("{} cannot be written", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_a_bad_place_is_found_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        check(&path).unwrap();
        assert!(!path.exists());
        write(&path, "one").unwrap();
        write(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(check(folder.path()).unwrap_err().to_string().contains("is a folder"));
        let same = folder.path().join("../").join(folder.path().file_name().unwrap()).join("report.json");
        assert!(check_different(&[&path, &same]).is_err());
        assert!(check_different(&[&path, &folder.path().join("other.json")]).is_ok());
        let nowhere = folder.path().join("no/such/report.json");
        assert!(check(&nowhere).is_err() && write(&nowhere, "x").is_err());
    }

    #[test]
    fn questions_stand_one_a_line_and_read_back() {
        let report = json!({ "dataset": "a", "questions": [{ "_id": 1 }, { "_id": 2 }], "run": { "seed": 1 } });
        let text = json(&report).unwrap();
        assert!(text.contains("\n    {\"_id\":1},\n    {\"_id\":2}\n"), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), report);
        let both = json!([report, report]);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json(&both).unwrap()).unwrap(), both);
        let none = json!({ "a": 1 });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json(&none).unwrap()).unwrap(), none);
    }
}
