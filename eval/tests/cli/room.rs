//! A temporary folder, and the programs that are run in it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The repository's folder, where the sample set, the model and the runtime library lie.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The sample set.
pub fn sample() -> String {
    repository().join("datasets/tarnwheel").display().to_string()
}

/// A folder for a test, with its own data and runs.
pub struct Room {
    folder: TempDir,
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ran {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { status, stdout: text(stdout), stderr: text(stderr) }
    }

    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn succeeds(self) -> Self {
        self.ends_with(0)
    }
}

impl Room {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and the folders above it.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_eval")).with_file_name(program);
        assert!(
            program.is_file(),
            "{} is not there: build the whole workspace first, as `cargo build --release --workspace` does",
            program.display()
        );
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("CANDOR_DATA_DIR", self.path("data"))
            .env("CANDOR_MODELS_DIR", repository().join("models"))
            .env("CANDOR_RUNTIME_LIBRARY", repository().join(".runtime/libonnxruntime.so"))
            .env("CANDOR_LISTEN", "127.0.0.1:0")
            .env("CANDOR_METRICS_LISTEN", "127.0.0.1:0")
            .env("CANDOR_LOG_FORMAT", "json");
        command
    }

    pub fn eval(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command("eval", arguments))
    }

    pub fn candor(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command("candor", arguments))
    }
}

/// A report as scripts read it.
pub fn report(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// `candor serve`; killed when the test is done with it.
pub struct Serving {
    child: Child,
    pub url: String,
}

impl Serving {
    pub fn start(room: &Room, listen: &str) -> Self {
        let mut command = room.command("candor", &["serve"]);
        command.env("CANDOR_LISTEN", listen).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let line: Value = serde_json::from_str(&line).ok()?;
            let address = line["fields"]["listen"].as_str()?.to_owned();
            (line["fields"]["message"] == "ready for questions").then(|| format!("http://{address}"))
        });
        // Somebody must read on, or the server waits for room in the pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { child, url: url.expect("the server says where it listens") }
    }

    /// Ends it at once, as a crash does.
    pub fn crash(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
