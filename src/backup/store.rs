//! SQL of a database as a whole: what is in it at one moment, copying it, and giving an empty one the rows of a copy.

use std::path::Path;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Row as _};

use crate::backup::manifest::Content;
use crate::database::{self, Database, DatabaseError, Transaction};
use crate::knowledge::store::generations::GenerationRow;
use crate::{execute, read, run};

/// Stands in a database from when a restore has begun to write until it has ended. What else is in it then is nobody's.
const MARK: &str = "candor_restoring";

/// The names of the tables of a SQLite file, and of the PostgreSQL schema that the URL leads to.
const SQLITE_TABLES: &str = "select name from sqlite_master where type = 'table'";
const POSTGRES_TABLES: &str = "select tablename::text from pg_tables where schemaname = current_schema()";

/// What became of [`clear`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleared {
    /// There is room for the rows of a backup.
    Yes,
    /// Somebody has workspaces here, so many; nothing was changed.
    No(i64),
}

/// A look at the database as it is at one moment, whoever writes meanwhile.
pub async fn moment(database: &Database) -> Result<Transaction, DatabaseError> {
    Ok(match database {
        Database::Sqlite { readers, .. } => Transaction::Sqlite(readers.begin().await?),
        Database::Postgres { pool, .. } => {
            Transaction::Postgres(pool.begin_with("begin isolation level repeatable read, read only").await?)
        }
    })
}

/// The name by which PostgreSQL lets other programs see the same moment; it holds for as long as the transaction does.
pub async fn exported(moment: &mut Transaction) -> Result<String, DatabaseError> {
    run!(moment, |connection: D| sqlx::query_scalar("select pg_export_snapshot()").fetch_one(connection))
}

/// What is in the database; `None` when nothing of Candor's is.
pub async fn content(moment: &mut Transaction) -> Result<Option<Content>, DatabaseError> {
    const SCHEMA: &str = "select coalesce(max(version), 0) from _sqlx_migrations where success";
    const GENERATION: &str = "
        select id, embedding, tokenizer, chunker, dimension
        from index_generations
        where state = 'active'";
    let tables = tables(moment).await?;
    if !tables.contains(&"_sqlx_migrations") {
        return Ok(None);
    }
    let schema = run!(moment, |connection: D| sqlx::query_scalar(SCHEMA).fetch_one(connection))?;
    let generation: Option<GenerationRow> = if tables.contains(&"index_generations") {
        run!(moment, |connection: D| sqlx::query_as(GENERATION).fetch_optional(connection))?
    } else {
        None
    };
    let sql = counting(&tables);
    let rows: Vec<(String, i64)> =
        run!(moment, |connection: D| sqlx::query_as(AssertSqlSafe(sql)).fetch_all(connection))?;
    let namespace = namespace(moment).await?;
    Ok(Some(Content { schema, namespace, generation, rows: rows.into_iter().collect() }))
}

/// One statement that counts the rows of `tables`, whose names are our own.
fn counting(tables: &[&str]) -> String {
    let counts: Vec<String> =
        tables.iter().map(|table| format!("select '{table}' as name, count(*) as number from {table}")).collect();
    counts.join(" union all ")
}

/// Those of Candor's tables that are there.
async fn tables(transaction: &mut Transaction) -> Result<Vec<&'static str>, DatabaseError> {
    let there = names(transaction).await?;
    Ok(database::tables().into_iter().filter(|table| there.iter().any(|name| name == table)).collect())
}

async fn names(transaction: &mut Transaction) -> Result<Vec<String>, DatabaseError> {
    let sql = match transaction {
        Transaction::Sqlite(_) => SQLITE_TABLES,
        Transaction::Postgres(_) => POSTGRES_TABLES,
    };
    run!(transaction, |connection: D| sqlx::query_scalar(sql).fetch_all(connection))
}

/// The PostgreSQL schema that tables without a schema's name are in.
pub async fn namespace(transaction: &mut Transaction) -> Result<Option<String>, DatabaseError> {
    const SQL: &str = "select current_schema()::text";
    match transaction {
        Transaction::Sqlite(_) => Ok(None),
        Transaction::Postgres(inner) => Ok(sqlx::query_scalar(SQL).fetch_one(&mut **inner).await?),
    }
}

/// Writes a SQLite database, as it is at one moment, into the empty file `path`.
pub async fn copy_to(database: &Database, path: &Path) -> Result<(), DatabaseError> {
    let path = text(path)?;
    read!(database, |pool: D| async { sqlx::query("vacuum into $1").bind(path).execute(pool).await.map(drop) })
}

/// Opens a copy so that it stays as it is.
pub async fn open_copy(path: &Path) -> Result<Database, DatabaseError> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(true);
    let pool: SqlitePool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
    Ok(Database::Sqlite { writer: pool.clone(), readers: pool, publishing: Arc::default() })
}

/// Whether a restore into the database has begun and not ended.
pub async fn is_half_restored(database: &Database) -> Result<bool, DatabaseError> {
    let sql = match database {
        Database::Sqlite { .. } => SQLITE_TABLES,
        Database::Postgres { .. } => POSTGRES_TABLES,
    };
    let names: Vec<String> = read!(database, |pool: D| sqlx::query_scalar(sql).fetch_all(pool))?;
    Ok(names.iter().any(|name| name == MARK))
}

/// Makes room for the rows of a backup, unless somebody has workspaces here: takes Candor's tables away, which hold nothing, or what
/// a restore left that was cut off, and leaves the mark of a restore that has begun.
pub async fn clear(transaction: &mut Transaction) -> Result<Cleared, DatabaseError> {
    const WORKSPACES: &str = "select count(*) from workspaces";
    let is_marked = names(transaction).await?.iter().any(|name| name == MARK);
    let tables = tables(transaction).await?;
    if !is_marked && tables.contains(&"workspaces") {
        // On SQLite the transaction keeps others from writing as it is.
        if let Transaction::Postgres(inner) = transaction {
            sqlx::query("lock table workspaces in access exclusive mode").execute(&mut **inner).await?;
        }
        let workspaces: i64 = run!(transaction, |connection: D| sqlx::query_scalar(WORKSPACES).fetch_one(connection))?;
        if workspaces > 0 {
            return Ok(Cleared::No(workspaces));
        }
    }
    // Children first.
    for table in tables.iter().rev() {
        execute!(transaction, sqlx::query(AssertSqlSafe(format!("drop table {table}"))))?;
    }
    if !is_marked {
        execute!(transaction, sqlx::query(AssertSqlSafe(format!("create table {MARK} (mark bigint)"))))?;
    }
    Ok(Cleared::Yes)
}

/// Takes the mark of a restore away.
pub async fn unmark(transaction: &mut Transaction) -> Result<(), DatabaseError> {
    execute!(transaction, sqlx::query(AssertSqlSafe(format!("drop table {MARK}")))).map(drop)
}

/// Makes the tables of the SQLite file `path` readable to [`fill`], as `backup`.
pub async fn attach(database: &Database, path: &Path) -> Result<(), DatabaseError> {
    // The path is whole, because one that begins with `file:` would mean something else.
    let path = text(&std::path::absolute(path).map_err(DatabaseError::internal)?)?;
    // There is one connection that writes, and the transaction after this is on it.
    if let Database::Sqlite { writer, .. } = database {
        sqlx::query("attach database $1 as backup").bind(path).execute(writer).await?;
    }
    Ok(())
}

/// Makes the tables of the attached backup and copies their rows. Through SQL and not by putting a file in the place of another:
/// it is one transaction, and what other processes have open stays the database.
pub async fn fill(transaction: &mut Transaction) -> Result<(), DatabaseError> {
    const TABLES: &str = "select name, sql from backup.sqlite_master where type = 'table' order by rowid";
    const INDEXES: &str = "
        select tbl_name, sql
        from backup.sqlite_master
        where type = 'index' and sql is not null
        order by rowid";
    let Transaction::Sqlite(inner) = transaction else { return Ok(()) };
    let connection = &mut **inner;
    // A row may come before the one that it names.
    sqlx::query("pragma defer_foreign_keys = on").execute(&mut *connection).await?;
    let ours = database::tables();
    for (sql, has_rows) in [(TABLES, true), (INDEXES, false)] {
        for row in sqlx::query(sql).fetch_all(&mut *connection).await? {
            let (table, sql): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            if !ours.contains(&table.as_str()) {
                continue;
            }
            sqlx::query(AssertSqlSafe(sql)).execute(&mut *connection).await?;
            if has_rows {
                let copy = format!("insert into main.{table} select * from backup.{table}");
                sqlx::query(AssertSqlSafe(copy)).execute(&mut *connection).await?;
            }
        }
    }
    Ok(())
}

/// Gives the active index generation a name of its own and forgets all others, whose indexes are another installation's: under the
/// old names this one would sweep that one's points from a Qdrant server that both are on. Returns the number of its chunks.
pub async fn adopt(transaction: &mut Transaction, name: &str) -> Result<u64, DatabaseError> {
    const COPY: &str = "
        insert into index_generations
            (id, embedding, tokenizer, chunker, dimension, state, created_at_ms, activated_at_ms)
        select $1, embedding, tokenizer, chunker, dimension, 'building', created_at_ms, activated_at_ms
        from index_generations
        where state = 'active'";
    const RENAME: &str = "
        update chunks
        set generation_id = $1
        where generation_id in (select id from index_generations where state = 'active')";
    const FORGET_CHUNKS: &str = "delete from chunks where generation_id <> $1";
    const FORGET: &str = "delete from index_generations where id <> $1";
    const ACTIVATE: &str = "update index_generations set state = 'active' where id = $1";
    execute!(transaction, sqlx::query(COPY).bind(name))?;
    let chunks = execute!(transaction, sqlx::query(RENAME).bind(name))?;
    for sql in [FORGET_CHUNKS, FORGET, ACTIVATE] {
        execute!(transaction, sqlx::query(sql).bind(name))?;
    }
    Ok(chunks)
}

fn text(path: &Path) -> Result<String, DatabaseError> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        DatabaseError::internal(format!("{} is no path that SQLite can be given: use one in UTF-8", path.display()))
    })
}
