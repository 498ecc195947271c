//! The program: what it says, and that it answers.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::client::{http, question};

/// Cargo puts it beside the folder of the tests. Its own way of saying so, a variable with the program's name, does not
/// get through the compiler's wrapper: a shell drops variables that have a hyphen in their name.
fn program() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.parent().and_then(Path::parent).unwrap().join(format!("fake-gemini{}", std::env::consts::EXE_SUFFIX))
}

#[tokio::test]
async fn it_prints_its_address_says_that_it_is_a_fake_and_answers() {
    let mut running = Command::new(program())
        .args(["--listen", "127.0.0.1:0", "--scenario", "503,ok_json", "--key", "k", "--model", "m"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(running.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let client = http();
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let url = format!("{}/v1beta/models/m:generateContent", url.trim_end());
        let response = client.post(url).header("x-goog-api-key", "k").json(&question()).send().await.unwrap();
        statuses.push(response.status().as_u16());
    }
    running.kill().unwrap();
    running.wait().unwrap();
    let mut said = String::new();
    running.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(statuses, [503, 200]);
    assert!(said.contains("a fake for tests, not a model"), "{said}");
}

#[test]
fn its_help_lists_every_scenario() {
    let help = Command::new(program()).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for (name, meaning) in fake_gemini::Scenario::catalogue() {
        assert!(help.contains(name), "{name}: {meaning}");
    }
}
