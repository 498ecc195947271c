//! What the programs run on: a folder and nothing else, or a PostgreSQL and a Qdrant server beside it.

use std::sync::atomic::{AtomicU32, Ordering};

use candor::index::{ServerAddress, remove_collections};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{AssertSqlSafe, PgPool};

use crate::site::runtime;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// SQLite and Qdrant Edge, both in the data folder.
    Embedded,
    /// The servers that `TEST_POSTGRES_URL` and `QDRANT_TEST_URL` name.
    Servers,
}

impl Stack {
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedded => "SQLite + Edge",
            Self::Servers => "PostgreSQL + Qdrant",
        }
    }
}

/// A place on both servers that no other site uses; it goes with the site.
pub struct Servers {
    /// A URL that stays in a schema of its own.
    pub database: SecretString,
    pub qdrant: ServerAddress,
    schema: String,
    administration: SecretString,
}

impl Servers {
    /// `None`, and says so, where one of them is missing.
    pub fn fresh() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let named = |variable| std::env::var(variable).ok().filter(|url| !url.is_empty());
        let (Some(postgres), Some(qdrant)) = (named("TEST_POSTGRES_URL"), named("QDRANT_TEST_URL")) else {
            eprintln!("left out: TEST_POSTGRES_URL and QDRANT_TEST_URL are not both set");
            return None;
        };
        let schema = format!("site_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let separator = if postgres.contains('?') { '&' } else { '?' };
        let servers = Self {
            database: format!("{postgres}{separator}options[search_path]={schema}").into(),
            qdrant: ServerAddress { url: qdrant, key: None },
            schema,
            administration: postgres.into(),
        };
        runtime().block_on(async {
            let pool = PgPool::connect(servers.administration.expose_secret()).await.unwrap();
            for statement in ["drop schema if exists {} cascade", "create schema {}"] {
                let statement = statement.replace("{}", &servers.schema);
                sqlx::query(AssertSqlSafe(statement)).execute(&pool).await.unwrap();
            }
            pool.close().await;
        });
        Some(servers)
    }

    async fn remove(&self) -> Result<(), Box<dyn std::error::Error>> {
        let Self { schema, .. } = self;
        let pool = PgPool::connect(self.administration.expose_secret()).await?;
        let ids = format!("select id from {schema}.index_generations");
        // There are none where no program has been started yet.
        let generations: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(ids)).fetch_all(&pool).await.unwrap_or_default();
        remove_collections(&self.qdrant, &generations).await?;
        sqlx::query(AssertSqlSafe(format!("drop schema {schema} cascade"))).execute(&pool).await?;
        pool.close().await;
        Ok(())
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        // A test that has failed already must not fail again while it is cleared up after.
        if let Err(error) = runtime().block_on(self.remove()) {
            eprintln!("schema {} and its collections stay: {error}", self.schema);
        }
    }
}
