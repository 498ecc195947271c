//! The dashboards and the rules on a real Prometheus that scrapes a server under traffic: every query of every panel has data.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use candor::insight::figures::LastFigures;
use serde_json::Value;

use crate::articles;
use crate::site::{Ran, Server, Site, repository, runtime, until};

/// How long there is traffic: enough scrapes, one a second, for every rate.
const TRAFFIC: Duration = Duration::from_secs(12);

/// A program in the background; killed when the test is done with it.
struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// The fake language model, so that the panels about one have something to show.
fn fake_gemini() -> (Background, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_ingest")).with_file_name("fake-gemini");
    let mut command = Command::new(program);
    let mut child =
        command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = said.find_map(|line| line.ok().filter(|line| line.starts_with("http"))).unwrap();
    (Background(child), url)
}

/// Where the server's metrics are.
fn metrics_address(server: &Server) -> String {
    until("the server says where its metrics are", || {
        server.log().lines().find_map(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            Some(line["fields"]["metrics"].as_str()?.to_owned())
        })
    })
}

/// Prometheus with the repository's own configuration, scraping `target` once a second.
fn prometheus(folder: &Path, target: &str) -> (Background, String) {
    let of_repository = repository().join("prometheus");
    std::fs::create_dir_all(folder.join("rules")).unwrap();
    for rule in std::fs::read_dir(of_repository.join("rules")).unwrap() {
        let rule = rule.unwrap().path();
        std::fs::copy(&rule, folder.join("rules").join(rule.file_name().unwrap())).unwrap();
    }
    let config = std::fs::read_to_string(of_repository.join("prometheus.yml")).unwrap();
    let config = config.replace("app:9464", target).replace(": 15s", ": 1s");
    assert!(config.contains(target), "prometheus.yml does not name app:9464 any more");
    let file = folder.join("prometheus.yml");
    std::fs::write(&file, config).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut command = Command::new("prometheus");
    command
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address={address}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let child = Background(command.spawn().unwrap());
    let url = format!("http://{address}");
    let runtime = runtime();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    until("Prometheus is ready", || {
        let ready = runtime.block_on(client.get(format!("{url}/-/ready")).send());
        ready.is_ok_and(|ready| ready.status().is_success()).then_some(())
    });
    (child, url)
}

/// What `eval` leaves in its folder after a run.
fn leave_figures(folder: &Path) {
    let figures = [
        "retrieval.hit_at_1",
        "retrieval.ndcg_at_10",
        "answers.accuracy",
        "abstention.auroc_correct",
        "abstention.coverage",
        "abstention.risk",
    ];
    let figures = figures.into_iter().map(|name| (name.to_owned(), 0.5)).collect();
    let left = LastFigures([("sample".to_owned(), figures)].into());
    std::fs::write(LastFigures::path(folder), serde_json::to_vec(&left).unwrap()).unwrap();
}

fn python(script: &str, arguments: &[&str]) -> Ran {
    Ran::of(Command::new("python3").arg(grafana().join(script)).args(arguments))
}

fn grafana() -> PathBuf {
    repository().join("grafana")
}

#[test]
fn dashboards_are_what_their_program_writes_and_every_fault_would_be_found() {
    python("make.py", &["--check"]).succeeds();
    python("check.py", &[]).succeeds();
    python("check_test.py", &[]).succeeds();
}

#[test]
fn rules_are_sound_and_every_alert_fires_when_it_should_and_only_then() {
    if !is_there("promtool") {
        eprintln!("skipped: promtool is not installed");
        return;
    }
    let folder = repository().join("prometheus");
    let promtool = |arguments: &[&str]| Ran::of(Command::new("promtool").args(arguments).current_dir(&folder));
    promtool(&["check", "config", "prometheus.yml"]).succeeds();
    promtool(&["check", "rules", "--lint=all", "--lint-fatal", "rules/candor.yml"]).succeeds();
    promtool(&["test", "rules", "tests/candor_test.yml", "tests/candor_days_test.yml"]).succeeds();
}

#[test]
fn every_panel_has_data_on_a_prometheus_that_scraped_a_server_under_traffic() {
    if !is_there("prometheus") {
        eprintln!("skipped: Prometheus is not installed");
        return;
    }
    let site = Site::new();
    articles::write(&site, 0..12, 0);
    let (_fake, fake_url) = fake_gemini();
    let folder = tempfile::tempdir().unwrap();
    leave_figures(folder.path());
    let mut command = site.candor_command(&["serve"]);
    command.env("CANDOR_GEMINI_URL", fake_url).env("GEMINI_API_KEY", "any").env("CANDOR_EVAL_DIR", folder.path());
    let server = Server::start(&mut command);
    let (_prometheus, url) = prometheus(folder.path(), &metrics_address(&server));
    site.ingest_all();
    let asker = site.asker(&server);
    // Well between two scrapes, so that rates see each of them.
    let mut ingests = [TRAFFIC / 3, TRAFFIC * 2 / 3].into_iter().zip(1..).peekable();
    let began = Instant::now();
    for number in (0..12).cycle() {
        if began.elapsed() > TRAFFIC {
            break;
        }
        asker.ask(&articles::question(number));
        asker.ask("Does the moon have a harbour master?");
        asker.search("anything at all");
        if let Some((_, time)) = ingests.next_if(|(at, _)| began.elapsed() > *at) {
            articles::write(&site, 3 * (time - 1)..3 * time, 1);
            site.write("broken.md", [0xff, 0xfe, 0x00, 0x01]);
            site.ingest(&["docs"]);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    // The last scrape and the rules that are made from it.
    std::thread::sleep(Duration::from_secs(3));
    let ran = python("check.py", &[&url]);
    assert!(ran.status.success(), "{}\n{}", ran.stdout, ran.stderr);
    println!("{}", ran.stdout);
}
