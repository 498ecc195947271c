//! The report's figures against pytrec_eval, scikit-learn and scipy, in an environment of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::room::{Ran, Room, repository, sample};

/// The interpreter of an environment with the pinned packages; `None` where it cannot be had. It is kept between runs.
fn environment() -> Option<PathBuf> {
    let requirements = repository().join("eval/fixtures/requirements.txt");
    let wanted = std::fs::read_to_string(&requirements).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("references");
    let (python, done) = (folder.join("bin/python"), folder.join("installed.txt"));
    if std::fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Some(python);
    }
    let succeeds = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let made = succeeds(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))
        && succeeds(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(&requirements));
    made.then(|| std::fs::write(&done, wanted).unwrap()).map(|()| python)
}

#[test]
fn a_report_s_figures_are_those_of_independent_programs() {
    let Some(python) = environment() else {
        eprintln!("left out: python3 with venv, or a package index, is not there");
        return;
    };
    let room = Room::new();
    let report = room.path("report.json");
    room.eval(&["run", "--dataset", &sample(), "--out", report.to_str().unwrap()]).succeeds();
    let compared = Ran::of(Command::new(python).arg(repository().join("eval/fixtures/check_report.py")).arg(&report));
    println!("{}", compared.stdout);
    let compared = compared.succeeds();
    assert!(compared.stdout.contains("equal to six digits"), "{}", compared.stdout);
}
