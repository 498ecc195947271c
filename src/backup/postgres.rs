//! PostgreSQL's own programs: `pg_dump` and `pg_restore`.
//!
//! They are told where the database is by their environment, which only their owner can read, and never by their arguments.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::backup::BackupError;
use crate::database::DatabaseError;

/// Where Debian's packages put the programs, in a folder a version.
const INSTALLED: &str = "/usr/lib/postgresql";

/// Variables that would lead elsewhere than the URL does.
const MISLEADING: [&str; 3] = ["PGSERVICE", "PGHOSTADDR", "PGSSLNEGOTIATION"];

/// Variables of the connection, with their values.
type Environment = Vec<(&'static str, String)>;

/// Writes the rows of `tables` as they were at the moment `snapshot` into the file `to`.
pub(super) async fn dump(
    url: &SecretString,
    snapshot: &str,
    namespace: Option<&str>,
    tables: &[&str],
    to: &Path,
) -> Result<(), BackupError> {
    let mut arguments: Vec<OsString> =
        ["--format=custom", "--no-owner", "--no-privileges", "--no-password"].map(OsString::from).to_vec();
    arguments.push(format!("--snapshot={snapshot}").into());
    for table in tables {
        // In quotes a name is a name and no pattern.
        arguments.push(format!("--table=\"{}\".\"{table}\"", quoted(namespace.unwrap_or("public"))).into());
    }
    arguments.push(in_file("--file=", to));
    run("pg_dump", environment(url)?, arguments).await
}

/// Makes the tables of the file `from` and fills them, all or nothing.
pub(super) async fn restore(url: &SecretString, from: &Path) -> Result<(), BackupError> {
    let environment = environment(url)?;
    let database = environment.iter().find(|(name, _)| *name == "PGDATABASE").map_or("", |(_, value)| value);
    let mut arguments: Vec<OsString> =
        ["--no-owner", "--no-privileges", "--no-password", "--exit-on-error", "--single-transaction"]
            .map(OsString::from)
            .to_vec();
    // Without a name it would print what it is to do; and a bare name with a `=` in it would be a connection.
    arguments.push(format!("--dbname=dbname='{}'", database.replace('\\', "\\\\").replace('\'', "\\'")).into());
    arguments.push(std::path::absolute(from).unwrap_or_else(|_| from.to_owned()).into());
    run("pg_restore", environment, arguments).await
}

fn quoted(name: &str) -> String {
    name.replace('"', "\"\"")
}

fn in_file(argument: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(argument);
    argument.push(path);
    argument
}

/// The connection that the URL means, as PostgreSQL's own library reads it.
fn environment(url: &SecretString) -> Result<Environment, BackupError> {
    let options = PgConnectOptions::from_str(url.expose_secret()).map_err(DatabaseError::from)?;
    let host = options.get_socket().map_or_else(|| options.get_host().into(), |socket| socket.display().to_string());
    let sslmode = match options.get_ssl_mode() {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require => "require",
        PgSslMode::VerifyCa => "verify-ca",
        PgSslMode::VerifyFull => "verify-full",
    };
    let mut environment = vec![
        ("PGAPPNAME", "candor backup".to_owned()),
        ("PGHOST", host),
        ("PGPORT", options.get_port().to_string()),
        ("PGUSER", options.get_username().to_owned()),
        ("PGDATABASE", options.get_database().unwrap_or_else(|| options.get_username()).to_owned()),
        ("PGSSLMODE", sslmode.to_owned()),
    ];
    environment.extend(options.get_options().map(|options| ("PGOPTIONS", options.to_owned())));
    // The password, wherever it comes from, is nowhere else to be had.
    if let Some(password) = options.to_url_lossy().password() {
        environment.push(("PGPASSWORD", percent_decode_str(password).decode_utf8_lossy().into_owned()));
    }
    let url = reqwest::Url::parse(url.expose_secret()).map_err(DatabaseError::internal)?;
    for (name, value) in url.query_pairs() {
        let variable = match &*name {
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => "PGSSLROOTCERT",
            "sslcert" | "ssl-cert" => "PGSSLCERT",
            "sslkey" | "ssl-key" => "PGSSLKEY",
            _ => continue,
        };
        environment.push((variable, value.into_owned()));
    }
    Ok(environment)
}

async fn run(program: &'static str, environment: Environment, arguments: Vec<OsString>) -> Result<(), BackupError> {
    let running = tokio::task::spawn_blocking(move || output(program, &environment, &arguments));
    let output = match running.await.map_err(DatabaseError::internal)? {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(BackupError::NoProgram { program }),
        Err(error) => return Err(BackupError::Program { program, said: error.to_string() }),
    };
    if output.status.success() {
        return Ok(());
    }
    let mut said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if said.contains("version mismatch") || said.contains("unsupported version") {
        said.push_str("; install PostgreSQL's client programs of the server's version or a newer one");
    }
    Err(BackupError::Program { program, said })
}

/// Runs the program that the search path has, else the newest that Debian has installed.
fn output(program: &str, environment: &Environment, arguments: &[OsString]) -> std::io::Result<Output> {
    let mut outcome = Err(ErrorKind::NotFound.into());
    for path in [PathBuf::from(program)].into_iter().chain(installed(program)) {
        let mut command = Command::new(path);
        for variable in MISLEADING {
            command.env_remove(variable);
        }
        let ran = command
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .args(arguments)
            .stdin(Stdio::null())
            .output();
        match ran {
            Err(error) if error.kind() == ErrorKind::NotFound => outcome = Err(error),
            ran => return ran,
        }
    }
    outcome
}

/// Where Debian's packages have the program, the newest version first.
fn installed(program: &str) -> Vec<PathBuf> {
    let Ok(folders) = std::fs::read_dir(INSTALLED) else { return Vec::new() };
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<f32>().ok();
    let mut folders: Vec<(f32, PathBuf)> =
        folders.flatten().filter_map(|folder| Some((version(&folder.path())?, folder.path()))).collect();
    folders.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    folders.into_iter().map(|(_, folder)| folder.join("bin").join(program)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_are_led_where_the_url_leads() {
        let url = "postgres://cand%6Fr:p%2Bw%20%C3%B6%26@db.example:6543/my%20db?sslmode=verify-full&sslrootcert=/ca.pem\
                   &options[search_path]=desk";
        let environment = environment(&url.into()).unwrap();
        let value = |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        let expected = [
            ("PGHOST", "db.example"),
            ("PGPORT", "6543"),
            ("PGUSER", "candor"),
            ("PGPASSWORD", "p+w ö&"),
            ("PGDATABASE", "my db"),
            ("PGSSLMODE", "verify-full"),
            ("PGSSLROOTCERT", "/ca.pem"),
            ("PGOPTIONS", "-c search_path=desk"),
        ];
        for (name, expected) in expected {
            assert_eq!(value(name), Some(expected), "{name}");
        }
    }

    #[test]
    fn a_socket_is_a_host() {
        let environment = environment(&"postgres://candor@localhost/postgres?host=/run/pg".into()).unwrap();
        assert!(environment.contains(&("PGHOST", "/run/pg".to_owned())));
        assert!(environment.contains(&("PGDATABASE", "postgres".to_owned())));
    }
}
