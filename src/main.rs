//! The server and the commands that set it up: argv in, exit code out.

mod commands;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Answers a company's customers from the company's own articles, and says so when it can't.
#[derive(Parser)]
#[command(
    version,
    after_help = "Examples:
  candor workspace create 'Tarnwheel'
  candor key create --workspace 0192f3a4-… --scopes chat,tickets
  candor serve --listen 127.0.0.1:8080
  curl -s localhost:8080/chat/query -H 'X-API-Key: pk_…' -H 'Content-Type: application/json' \\
       -d '{\"sessionId\": \"visitor-'$(date +%s)'\", \"message\": \"How do I return my bike?\"}'

Settings come from candor.toml, the environment and flags: `candor config print` shows them."
)]
struct Arguments {
    /// The folder of the database and the index.
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answers questions over HTTP until it is told to stop.
    Serve {
        /// The address to listen at, as in 127.0.0.1:8080.
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<String>,
    },
    /// Brings the database's schema up to date.
    Migrate,
    /// Builds the index again from the database, beside the old one, and switches to it.
    Reindex {
        /// Copies the embedded index of the data folder to the Qdrant server that QDRANT_URL names, instead of embedding every
        /// article again.
        #[arg(long, value_enum, value_name = "ENGINE")]
        from: Option<commands::From>,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Copies the database into a new folder, also while a server answers, and prints the folder's name.
    ///
    /// The index is not in it: it is derived from the database and made again. Settings, secrets, the embedding model and the
    /// article files are not in it either. Whoever can read the folder can read what customers wrote.
    #[command(after_help = "Examples:
  candor backup /backups
  DATABASE_URL=postgres://candor@db/candor candor backup /backups      # with pg_dump

A folder whose name ends in .partial was cut off and can be removed.")]
    Backup {
        /// Where the backup's own folder, candor-<UTC time>, is made.
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Makes an empty installation, the one that the settings name, into what a backup holds: exit code 1 when it is not what it
    /// was.
    #[command(after_help = "Examples:
  candor restore /backups/candor-20261121T093351Z

Whether a backup can be restored, tried in a place that is thrown away:
  candor --data-dir /tmp/try restore \"$(candor backup /backups)\" --verify
  rm -r /tmp/try

The same with PostgreSQL, whose database must be there; the index is made in the folder:
  createdb try && env -u QDRANT_URL DATABASE_URL=postgres:///try candor --data-dir /tmp/try restore BACKUP --verify
  dropdb try; rm -r /tmp/try")]
    Restore {
        /// A folder that `candor backup` made.
        #[arg(value_name = "BACKUP")]
        folder: PathBuf,
        /// Looks whether the index has every passage, and asks for some of the articles.
        #[arg(long)]
        verify: bool,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Looks for what is wrong with this installation, and says for each thing why and what to do: exit code 0 when all is well, 1
    /// when something is wrong, 2 when nothing is wrong that could be looked at and something could not.
    ///
    /// Nothing is changed. While a server runs, it is asked for what only it can see; while none runs, the data folder is held for
    /// the moment that looking takes.
    #[command(after_help = "Examples:
  candor doctor
  candor --data-dir /var/lib/candor doctor
  candor doctor --json | jq '.checks[] | select(.outcome != \"well\")'
  candor doctor --json | jq '.index.workspaces[] | select(.missing + .left_over > 0)'")]
    Doctor {
        /// Prints JSON, with the index against SQL in each workspace.
        #[arg(long)]
        json: bool,
    },
    /// Asks the server on this machine whether it answers questions: exit code 0 when it does. For containers.
    Healthcheck {
        /// Only whether it lives.
        #[arg(long)]
        live: bool,
    },
    /// Shows the settings.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Workspaces: one company's articles, keys, sessions and tickets each.
    #[command(subcommand)]
    Workspace(commands::WorkspaceCommand),
    /// API keys: how widgets and integrations say who they are.
    #[command(subcommand)]
    Key(commands::KeyCommand),
    /// Workspaces' own calibrations: what may be promised about their answers.
    #[command(subcommand)]
    Calibration(commands::CalibrationCommand),
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Prints every setting, its value and where it came from; secrets hidden.
    Print {
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut flags: Vec<(&str, String)> = Vec::new();
    flags.extend(arguments.data_dir.map(|folder| ("data_dir", folder)));
    let done = match arguments.command {
        Command::Doctor { json } => match commands::doctor(&flags, json).await {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::Restore { folder, verify, json } => match commands::restore(&flags, &folder, verify, json).await {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::Backup { folder, json } => commands::backup(&flags, &folder, json).await,
        Command::Serve { listen } => {
            flags.extend(listen.map(|address| ("listen", address)));
            serve::serve(&flags).await
        }
        Command::Migrate => commands::migrate(&flags).await,
        Command::Reindex { from, json } => commands::reindex(&flags, from, json).await,
        Command::Healthcheck { live } => commands::healthcheck(&flags, live).await,
        Command::Config(ConfigCommand::Print { json }) => commands::print_config(&flags, json),
        Command::Workspace(command) => commands::workspace(&flags, command).await,
        Command::Key(command) => commands::key(&flags, command).await,
        Command::Calibration(command) => commands::calibration(&flags, command).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("candor: {error:#}");
            ExitCode::from(2)
        }
    }
}
