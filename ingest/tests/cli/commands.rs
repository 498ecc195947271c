//! `candor` itself: settings, keys, and what it says when it cannot start.

use std::net::TcpListener;

use crate::site::{Asker, Ran, Site};

#[test]
fn a_secret_in_the_settings_is_never_printed() {
    let site = Site::new();
    for arguments in [&["config", "print"][..], &["config", "print", "--json"]] {
        let mut command = site.candor_command(arguments);
        command.env("DATABASE_URL", "postgres://candor:hunter2@db.example/candor");
        let ran = Ran::of(&mut command).succeeds();
        assert!(ran.stdout.contains("(hidden)") && !ran.stdout.contains("hunter2"), "{}", ran.stdout);
        assert!(ran.stdout.contains("DATABASE_URL"), "{}", ran.stdout);
    }
}

#[test]
fn a_secret_is_not_printed_when_the_database_cannot_be_reached() {
    let site = Site::new();
    let mut command = site.candor_command(&["workspace", "list"]);
    command.env("DATABASE_URL", "postgres://candor:hunter2@127.0.0.1:1/candor");
    let ran = Ran::of(&mut command).ends_with(2).says(&["the database cannot be reached"]);
    assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
}

#[test]
fn a_setting_that_is_misspelt_is_named() {
    let site = Site::new();
    let mut command = site.candor_command(&["config", "print"]);
    Ran::of(command.env("CANDOR_LISTN", "127.0.0.1:1")).ends_with(2).says(&["listn"]);
    let mut command = site.candor_command(&["config", "print"]);
    Ran::of(command.env("CANDOR_LISTEN", "everywhere")).ends_with(2).says(&["CANDOR_LISTEN"]);
}

#[test]
fn a_publishable_key_cannot_have_a_scope_for_knowledge() {
    let site = Site::new();
    for scope in ["knowledge:read", "chat,knowledge:write", "admin:read", "admin:write"] {
        let arguments = ["key", "create", "--workspace", &site.workspace, "--scopes", scope];
        site.candor(&arguments).ends_with(2).says(&["publishable key", "--kind secret"]);
    }
    site.key("secret", "knowledge:read,knowledge:write");
}

#[test]
fn a_key_for_a_workspace_that_is_not_there_is_refused() {
    let site = Site::new();
    let arguments = ["key", "create", "--workspace", "0192f3a4-0000-7000-8000-000000000000"];
    site.candor(&arguments).ends_with(2).says(&["there is no workspace 0192f3a4"]);
}

#[test]
fn a_revoked_key_is_refused_at_once() {
    let site = Site::new();
    let key = site.key("publishable", "chat");
    let server = site.serve();
    let asker = Asker::new(&server.url, key["key"].as_str().unwrap());
    asker.ask("How is a bell rung?");
    let revoke = ["key", "revoke", "--workspace", &site.workspace, key["id"].as_str().unwrap()];
    site.candor(&revoke).succeeds();
    let (status, problem) = asker.try_ask("How is a bell rung?").unwrap();
    assert_eq!((status, problem["code"].as_str()), (401, Some("key_invalid")));
    site.candor(&revoke).ends_with(2).says(&["has no key", "that could be revoked"]);
}

#[test]
fn a_taken_port_is_named_with_what_to_change() {
    let site = Site::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for variable in ["CANDOR_LISTEN", "CANDOR_METRICS_LISTEN"] {
        let mut command = site.candor_command(&["serve"]);
        command.env(variable, &address);
        Ran::of(&mut command).ends_with(2).says(&[&format!("cannot listen at {address}"), variable_hint(variable)]);
    }
    let mut command = site.candor_command(&["serve", "--listen", &address]);
    Ran::of(command.env_remove("CANDOR_LISTEN")).ends_with(2).says(&["--listen"]);
}

fn variable_hint(variable: &str) -> &str {
    if variable == "CANDOR_LISTEN" { "--listen" } else { variable }
}

#[test]
fn a_reader_who_closes_the_pipe_is_no_failure() {
    let site = Site::new();
    for arguments in [&["config", "print"][..], &["config", "print", "--json"], &["workspace", "list"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = site.candor_command(arguments);
        let child = command.stdout(writer).stderr(std::process::Stdio::piped()).spawn().unwrap();
        drop(command);
        Ran::from(child.wait_with_output().unwrap()).succeeds();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let site = Site::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = site.candor_command(&["config", "print"]);
    let child = command.stdout(full).stderr(std::process::Stdio::piped()).spawn().unwrap();
    drop(command);
    Ran::from(child.wait_with_output().unwrap()).ends_with(2).says(&["standard output"]);
}
