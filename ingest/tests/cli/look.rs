//! A look into what is stored from outside, also while the programs run, that changes nothing of it.

use std::collections::BTreeSet;
use std::process::Command;

use candor::database::{Database, Transaction};
use candor::ids::ChunkId;
use candor::{read, run};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use crate::site::{Site, runtime};
use crate::stored::open_index;

/// It changes nothing, not even by being closed.
pub struct Look {
    runtime: tokio::runtime::Runtime,
    database: Database,
    workspace: String,
}

impl Look {
    pub fn into(site: &Site) -> Self {
        let runtime = runtime();
        let database = runtime.block_on(async {
            if site.servers().is_some() {
                return Database::open(&site.database_url()).await.unwrap();
            }
            let options = SqliteConnectOptions::new().filename(site.data().join("candor.sqlite")).read_only(true);
            let readers = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
            Database::Sqlite { writer: readers.clone(), readers, publishing: std::sync::Arc::default() }
        });
        Self { runtime, database, workspace: site.workspace.clone() }
    }

    /// How often what a question can find has changed: goes up by one with each article that is published or removed.
    pub fn changes(&self) -> i64 {
        const SQL: &str = "select knowledge_version from workspaces where id = $1";
        self.runtime.block_on(async {
            read!(&self.database, |pool: D| sqlx::query_scalar(SQL).bind(&self.workspace).fetch_one(pool)).unwrap()
        })
    }

    /// The sources of the published articles.
    pub fn sources(&self) -> Vec<String> {
        const SQL: &str =
            "select source from articles where status = 'published' and workspace_id = $1 order by source";
        self.runtime.block_on(async {
            read!(&self.database, |pool: D| sqlx::query_scalar(SQL).bind(&self.workspace).fetch_all(pool)).unwrap()
        })
    }

    /// The names of the index generations in this state.
    pub fn generations(&self, state: &str) -> Vec<String> {
        const SQL: &str = "select id from index_generations where state = $1 order by id";
        self.runtime.block_on(async {
            read!(&self.database, |pool: D| sqlx::query_scalar(SQL).bind(state).fetch_all(pool)).unwrap()
        })
    }

    /// How many chunks there are in all generations.
    pub fn chunks(&self) -> i64 {
        const SQL: &str = "select count(*) from chunks";
        self.runtime
            .block_on(async { read!(&self.database, |pool: D| sqlx::query_scalar(SQL).fetch_one(pool)).unwrap() })
    }

    /// What a program that was killed has left in the active generation.
    pub fn left(&self, site: &Site) -> Left {
        const SQL: &str = "select id from chunks where generation_id = $1 and workspace_id = $2";
        // A PostgreSQL server ends what a client had begun before it sees that the client is gone: until then the rows may change.
        self.runtime.block_on(async { drop(self.database.quiet().await.unwrap()) });
        let generations = self.generations("active");
        let generation = generations.first().unwrap();
        let rows: Vec<String> = self.runtime.block_on(async {
            read!(&self.database, |pool: D| sqlx::query_scalar(SQL)
                .bind(generation)
                .bind(&self.workspace)
                .fetch_all(pool))
            .unwrap()
        });
        // An embedded index is looked at in a copy: the first to open what the crash has left must be the program under test.
        let copies = tempfile::tempdir().unwrap();
        if site.servers().is_none() {
            let folder = site.data().join("index").join(generation);
            assert!(Command::new("cp").arg("-R").arg(folder).arg(copies.path()).status().unwrap().success());
        }
        let index = open_index(site, copies.path(), generation);
        let points = self.runtime.block_on(index.chunks(site.workspace.parse().unwrap())).unwrap();
        Left { rows: rows.iter().map(|id| id.parse().unwrap()).collect(), points: points.into_iter().collect() }
    }
}

/// What a program that was killed has left for the next start to mend.
pub struct Left {
    /// What the database says that a question can find.
    pub rows: BTreeSet<ChunkId>,
    /// What the index has.
    pub points: BTreeSet<ChunkId>,
}

impl Left {
    /// Rows without a point, which are to be restored.
    pub fn lost(&self) -> BTreeSet<ChunkId> {
        self.rows.difference(&self.points).copied().collect()
    }

    /// Points without a row, which are to be swept.
    pub fn orphans(&self) -> BTreeSet<ChunkId> {
        self.points.difference(&self.rows).copied().collect()
    }
}

/// Keeps a version from being committed for as long as it lives: its points are written, its rows are not.
pub struct Hold {
    runtime: tokio::runtime::Runtime,
    held: Option<(Database, Transaction)>,
}

impl Hold {
    pub fn on(site: &Site) -> Self {
        // Every version that is published ends with its workspace's row, and nothing that a question does wants this lock on it.
        const SQL: &str = "select id from workspaces where id = $1 for no key update";
        let runtime = runtime();
        let held = runtime.block_on(async {
            let database = Database::open(&site.database_url()).await.unwrap();
            // On SQLite this is the one lock for all who write.
            let mut transaction = database.begin().await.unwrap();
            if site.servers().is_some() {
                let _: String = run!(&mut transaction, |connection: D| sqlx::query_scalar(SQL)
                    .bind(&site.workspace)
                    .fetch_one(connection))
                .unwrap();
            }
            (database, transaction)
        });
        Self { runtime, held: Some(held) }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let Some((database, transaction)) = self.held.take() else { return };
        self.runtime.block_on(async {
            drop(transaction);
            database.close().await;
        });
    }
}
