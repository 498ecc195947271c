//! SQL of the queue.

use sqlx::QueryBuilder;

use crate::database::{Database, DatabaseError, Transaction};
use crate::ids::{JobId, WorkspaceId};
use crate::jobs::{Job, JobError, Kind, NewJob, Queued, State};
use crate::vault::{Place, Sealed, Vault};
use crate::{execute, read, run};

/// Where a payload is sealed for.
const PAYLOAD: &str = "jobs.payload_sealed";

/// A job that a worker has.
#[derive(Clone, Debug)]
pub struct Taken {
    pub id: JobId,
    pub kind: Kind,
    pub workspace: Option<WorkspaceId>,
    /// What is to be done, or that this program cannot read it.
    pub job: Result<Job, JobError>,
    pub idempotency_key: String,
    /// From 1.
    pub attempt: i64,
    /// The number of the lease.
    pub epoch: i64,
}

/// A job as it is stored, without what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredJob {
    pub id: JobId,
    pub workspace: Option<WorkspaceId>,
    pub kind: String,
    pub state: String,
    pub attempts: i64,
    pub run_at_ms: i64,
    pub lease_until_ms: Option<i64>,
    pub progress_done: i64,
    pub progress_total: i64,
    /// Why the last attempt that failed did.
    pub failure: Option<String>,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
}

/// Whose a job is, to a worker that had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The worker's.
    Ours,
    /// Nobody's: it was cancelled.
    Cancelled,
    /// Another's, or it has ended under another.
    TakenOver,
}

/// How an attempt ends.
#[derive(Clone, Debug)]
pub enum Ending {
    /// The job is done, and what it was about is forgotten.
    Done,
    /// It is tried again.
    Again { run_at_ms: i64, failure: String },
    /// It is given up; what it was about is kept for who looks into it.
    Failed { failure: String },
    /// It is as if it had not been taken.
    GivenBack,
}

/// Queues a job, unless there is one of its kind with its idempotency key, in whatever state.
pub async fn insert(
    transaction: &mut Transaction,
    vault: &Vault,
    id: JobId,
    new: &NewJob<'_>,
    at_ms: i64,
) -> Result<Queued, DatabaseError> {
    const INSERT: &str = "
        insert into jobs
            (id, workspace_id, kind, state, payload_sealed, idempotency_key, attempts, lease_epoch, run_at_ms,
             progress_done, progress_total, created_at_ms, updated_at_ms)
        values ($1, $2, $3, 'queued', $4, $5, 0, 0, $6, 0, 0, $7, $7)
        on conflict (kind, idempotency_key) do nothing";
    const THE_SAME: &str = "select id from jobs where kind = $1 and idempotency_key = $2";
    let row = id.to_string();
    let kind = new.job.kind().name();
    // A job without a key of its own has its id, so that its effects always have one to carry.
    let key = new.idempotency_key.unwrap_or(&row);
    let payload = vault.seal(Place { column: PAYLOAD, row: &row }, new.job)?;
    let inserted = execute!(
        transaction,
        sqlx::query(INSERT)
            .bind(&row)
            .bind(new.workspace.map(|workspace| workspace.to_string()))
            .bind(kind)
            .bind(&payload)
            .bind(key)
            .bind(new.run_at_ms)
            .bind(at_ms)
    )?;
    if inserted > 0 {
        return Ok(Queued { id, is_new: true });
    }
    let there: String =
        run!(transaction, |connection: D| sqlx::query_scalar(THE_SAME).bind(kind).bind(key).fetch_one(connection))?;
    Ok(Queued { id: there.parse().map_err(DatabaseError::internal)?, is_new: false })
}

/// When the next job is due, or was; `None` when nothing waits and nothing runs.
pub async fn next_due_ms(database: &Database) -> Result<Option<i64>, DatabaseError> {
    const SQL: &str = "
        select min(case when state = 'queued' then run_at_ms else lease_until_ms end)
        from jobs
        where state in ('queued', 'running')";
    read!(database, |pool: D| sqlx::query_scalar(SQL).fetch_one(pool))
}

/// Gives up jobs of `kind` whose last attempt said nothing more: a job that ends its process each time must not go on for ever.
pub async fn bury_lost(transaction: &mut Transaction, kind: Kind, now_ms: i64) -> Result<u64, DatabaseError> {
    const SQL: &str = "
        update jobs
        set state = 'failed', failure = $3, lease_until_ms = null, updated_at_ms = $4
        where state = 'running' and kind = $1 and attempts >= $2 and lease_until_ms <= $4";
    const FAILURE: &str = "the worker of the last attempt was never heard of again";
    execute!(transaction, sqlx::query(SQL).bind(kind.name()).bind(kind.attempts_max()).bind(FAILURE).bind(now_ms))
}

/// Takes the job of one of these kinds that has been due for longest: one that waits, or one whose lease has run out.
pub async fn take(
    transaction: &mut Transaction,
    vault: &Vault,
    kinds: &[Kind],
    now_ms: i64,
    until_ms: i64,
) -> Result<Option<Taken>, DatabaseError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        id: String,
        kind: String,
        workspace_id: Option<String>,
        payload_sealed: Sealed,
        idempotency_key: Option<String>,
        attempts: i64,
        lease_epoch: i64,
    }
    // SQLite has one writer. On PostgreSQL each takes a row that no other is about to take; without this, two would take one.
    let skip_taken = matches!(transaction, Transaction::Postgres(_)).then_some(" for update skip locked");
    let row: Option<Row> = run!(transaction, |connection: D| async {
        let mut query = QueryBuilder::<D>::new("update jobs set state = 'running', lease_until_ms = ");
        query.push_bind(until_ms).push(", updated_at_ms = ").push_bind(now_ms);
        query.push(
            ", attempts = attempts + 1, lease_epoch = lease_epoch + 1 \
             where id = (select id from jobs where kind in (",
        );
        let mut listed = query.separated(", ");
        for kind in kinds {
            listed.push_bind(kind.name());
        }
        query.push(") and (state = 'queued' and run_at_ms <= ").push_bind(now_ms);
        query.push(" or state = 'running' and lease_until_ms <= ").push_bind(now_ms);
        query.push(") order by run_at_ms, id limit 1").push(skip_taken.unwrap_or_default());
        query.push(") returning id, kind, workspace_id, payload_sealed, idempotency_key, attempts, lease_epoch");
        query.build_query_as().fetch_optional(connection).await
    })?;
    let Some(row) = row else { return Ok(None) };
    let job = vault.open(Place { column: PAYLOAD, row: &row.id }, &row.payload_sealed);
    Ok(Some(Taken {
        id: row.id.parse().map_err(DatabaseError::internal)?,
        kind: Kind::named(&row.kind)
            .ok_or_else(|| DatabaseError::internal("a job of a kind that was not asked for"))?,
        workspace: row.workspace_id.map(|id| id.parse().map_err(DatabaseError::internal)).transpose()?,
        // The reader's own words would repeat what the payload holds.
        job: job.map_err(|_| JobError::Permanent("what the job is about cannot be read".to_owned())),
        idempotency_key: row.idempotency_key.unwrap_or(row.id),
        attempt: row.attempts,
        epoch: row.lease_epoch,
    }))
}

/// Has the lease run out later.
pub async fn renew(
    transaction: &mut Transaction,
    taken: &Taken,
    until_ms: i64,
    at_ms: i64,
) -> Result<Standing, DatabaseError> {
    const SQL: &str = "
        update jobs
        set lease_until_ms = $3, updated_at_ms = $4
        where id = $1 and lease_epoch = $2 and state = 'running'";
    let id = taken.id.to_string();
    let written = execute!(transaction, sqlx::query(SQL).bind(&id).bind(taken.epoch).bind(until_ms).bind(at_ms))?;
    standing(transaction, taken, written).await
}

/// Keeps how much is done, and has the lease run out later.
pub async fn report(
    transaction: &mut Transaction,
    taken: &Taken,
    done: i64,
    total: i64,
    until_ms: i64,
    at_ms: i64,
) -> Result<Standing, DatabaseError> {
    const SQL: &str = "
        update jobs
        set progress_done = $3, progress_total = $4, lease_until_ms = $5, updated_at_ms = $6
        where id = $1 and lease_epoch = $2 and state = 'running'";
    let id = taken.id.to_string();
    let written = execute!(
        transaction,
        sqlx::query(SQL).bind(&id).bind(taken.epoch).bind(done).bind(total).bind(until_ms).bind(at_ms)
    )?;
    standing(transaction, taken, written).await
}

/// Ends an attempt.
pub async fn end(
    transaction: &mut Transaction,
    vault: &Vault,
    taken: &Taken,
    ending: &Ending,
    at_ms: i64,
) -> Result<Standing, DatabaseError> {
    const SQL: &str = "
        update jobs
        set state = $3, run_at_ms = coalesce($4, run_at_ms), failure = coalesce($5, failure),
            payload_sealed = coalesce($6, payload_sealed), attempts = attempts - $7, lease_until_ms = null,
            updated_at_ms = $8
        where id = $1 and lease_epoch = $2 and state = 'running'";
    let id = taken.id.to_string();
    let (state, run_at_ms, failure) = match ending {
        Ending::Done => (State::Done, None, None),
        Ending::Again { run_at_ms, failure } => (State::Queued, Some(*run_at_ms), Some(failure)),
        Ending::Failed { failure } => (State::Failed, None, Some(failure)),
        Ending::GivenBack => (State::Queued, None, None),
    };
    let payload = matches!(ending, Ending::Done).then(|| forgotten(vault, &id)).transpose()?;
    let written = execute!(
        transaction,
        sqlx::query(SQL)
            .bind(&id)
            .bind(taken.epoch)
            .bind(state.name())
            .bind(run_at_ms)
            .bind(failure)
            .bind(&payload)
            .bind(i64::from(matches!(ending, Ending::GivenBack)))
            .bind(at_ms)
    )?;
    standing(transaction, taken, written).await
}

/// Cancels a job that has not ended, and forgets what it was about; says whether there was one.
pub async fn cancel(
    transaction: &mut Transaction,
    vault: &Vault,
    id: JobId,
    at_ms: i64,
) -> Result<bool, DatabaseError> {
    const SQL: &str = "
        update jobs
        set state = 'cancelled', payload_sealed = $2, lease_until_ms = null, updated_at_ms = $3
        where id = $1 and state in ('queued', 'running')";
    let id = id.to_string();
    let payload = forgotten(vault, &id)?;
    let cancelled = execute!(transaction, sqlx::query(SQL).bind(&id).bind(&payload).bind(at_ms))?;
    Ok(cancelled > 0)
}

/// What is left of a payload that nobody will read again: addresses and tokens stay in no row for longer than they are needed.
fn forgotten(vault: &Vault, row: &str) -> Result<Sealed, DatabaseError> {
    Ok(vault.seal(Place { column: PAYLOAD, row }, &())?)
}

/// Whose a job is after a statement that changed `written` rows.
async fn standing(transaction: &mut Transaction, taken: &Taken, written: u64) -> Result<Standing, DatabaseError> {
    const SQL: &str = "select state from jobs where id = $1";
    if written > 0 {
        return Ok(Standing::Ours);
    }
    let id = taken.id.to_string();
    let state: Option<String> =
        run!(transaction, |connection: D| sqlx::query_scalar(SQL).bind(&id).fetch_optional(connection))?;
    let is_cancelled = state.is_some_and(|state| state == State::Cancelled.name());
    Ok(if is_cancelled { Standing::Cancelled } else { Standing::TakenOver })
}

/// Finds a job.
pub async fn job(database: &Database, id: JobId) -> Result<Option<StoredJob>, DatabaseError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        workspace_id: Option<String>,
        kind: String,
        state: String,
        attempts: i64,
        run_at_ms: i64,
        lease_until_ms: Option<i64>,
        progress_done: i64,
        progress_total: i64,
        failure: Option<String>,
        created_at_ms: i64,
        updated_at_ms: i64,
    }
    const SQL: &str = "
        select workspace_id, kind, state, attempts, run_at_ms, lease_until_ms, progress_done, progress_total, failure,
            created_at_ms, updated_at_ms
        from jobs
        where id = $1";
    let row: Option<Row> = read!(database, |pool: D| sqlx::query_as(SQL).bind(id.to_string()).fetch_optional(pool))?;
    row.map(|row| {
        Ok(StoredJob {
            id,
            workspace: row.workspace_id.map(|id| id.parse().map_err(DatabaseError::internal)).transpose()?,
            kind: row.kind,
            state: row.state,
            attempts: row.attempts,
            run_at_ms: row.run_at_ms,
            lease_until_ms: row.lease_until_ms,
            progress_done: row.progress_done,
            progress_total: row.progress_total,
            failure: row.failure,
            created_at_ms: row.created_at_ms,
            updated_at_ms: row.updated_at_ms,
        })
    })
    .transpose()
}

/// How many jobs of each kind wait, run and were given up, in all workspaces, for the operator's figures.
pub async fn count_unfinished(database: &Database) -> Result<Vec<(String, String, i64)>, DatabaseError> {
    const SQL: &str = "
        select kind, state, count(*)
        from jobs
        where state in ('queued', 'running', 'failed')
        group by kind, state";
    read!(database, |pool: D| sqlx::query_as(SQL).fetch_all(pool))
}
