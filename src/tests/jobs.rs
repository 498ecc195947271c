//! What the queue promises, on SQLite, and on PostgreSQL when `TEST_POSTGRES_URL` names a server.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use candor::clock::Clock;
use candor::database::Database;
use candor::ids::{Ids, JobId, WorkspaceId};
use candor::jobs::store::{self, Standing, StoredJob};
use candor::jobs::{Ended, Job, JobError, Kind, Lease, NewJob, Queue, Queued, Workers};
use candor::mail::{Language, Letter, Mail};
use candor::vault::Vault;
use proptest::prelude::*;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::SqlitePoolOptions;

use crate::app::{NOW_MS, eventually};
use crate::stores::{contract_tests, postgres, postgres_url, sqlite, workspace};

/// More than a lease, in milliseconds.
const AFTER_A_LEASE_MS: i64 = 61_000;
/// More than the longest pause.
const AFTER_ANY_PAUSE_MS: i64 = 7_300_000;

/// A queue whose clock stands at [`NOW_MS`].
fn queue(database: &Database) -> (Queue, Clock) {
    let clock = Clock::fixed(NOW_MS);
    (Queue::new(database.clone(), Vault::default(), clock.clone(), Ids::Random), clock)
}

fn mail_to(address: &str) -> Job {
    let letter = Letter::PasswordReset { token: "token-of-the-link".into(), valid_hours: 1 };
    Job::SendMail(Mail { to: address.into(), name: None, language: Language::English, letter })
}

async fn add(database: &Database, queue: &Queue, run_at_ms: i64, key: Option<&str>) -> Queued {
    add_for(database, queue, None, run_at_ms, key).await
}

async fn add_for(
    database: &Database,
    queue: &Queue,
    workspace: Option<WorkspaceId>,
    run_at_ms: i64,
    key: Option<&str>,
) -> Queued {
    let job = mail_to("ada@example.com");
    let mut transaction = database.begin().await.unwrap();
    let new = NewJob { job: &job, workspace, run_at_ms, idempotency_key: key };
    let queued = queue.add(&mut transaction, &new).await.unwrap();
    transaction.commit().await.unwrap();
    queued
}

async fn take(queue: &Queue) -> Option<Lease> {
    queue.take(&Kind::ALL).await.unwrap().map(|(job, lease)| {
        assert_eq!(job.unwrap(), mail_to("ada@example.com"));
        lease
    })
}

async fn stored(database: &Database, id: JobId) -> StoredJob {
    store::job(database, id).await.unwrap().unwrap()
}

fn later() -> Result<(), JobError> {
    Err(JobError::Retry("it is away".into()))
}

async fn jobs_are_taken_in_the_order_of_their_time_and_not_before_it(database: &Database) {
    let (queue, clock) = queue(database);
    let workspace = workspace(database).await;
    assert!(take(&queue).await.is_none());
    let late = add(database, &queue, NOW_MS + 500, Some("late")).await;
    let second = add(database, &queue, NOW_MS, Some("second")).await;
    let first = add_for(database, &queue, Some(workspace), NOW_MS - 1, None).await;
    assert!(queue.take(&[]).await.unwrap().is_none(), "of no kind there is none");

    let lease = take(&queue).await.unwrap();
    let its_own_key = first.id.to_string();
    assert_eq!((lease.workspace(), lease.idempotency_key()), (Some(workspace), its_own_key.as_str()));
    assert_eq!((lease.kind(), lease.attempt()), (Kind::SendMail, 1));
    let lease = take(&queue).await.unwrap();
    assert_eq!((lease.workspace(), lease.idempotency_key()), (None, "second"));
    assert!(take(&queue).await.is_none());
    clock.advance(499);
    assert!(take(&queue).await.is_none());
    clock.advance(1);
    assert_eq!(take(&queue).await.unwrap().idempotency_key(), "late");
    for (id, run_at_ms) in [(first.id, NOW_MS - 1), (second.id, NOW_MS), (late.id, NOW_MS + 500)] {
        let job = stored(database, id).await;
        assert_eq!((job.state.as_str(), job.attempts, job.run_at_ms), ("running", 1, run_at_ms));
    }
    assert!(store::job(database, JobId::new(&Ids::Random, NOW_MS)).await.unwrap().is_none());
}

async fn a_key_is_one_job_however_often_and_at_once_it_is_queued(database: &Database) {
    let (queue, _clock) = queue(database);
    let adding: Vec<_> = (0..12)
        .map(|_| {
            let (database, queue) = (database.clone(), queue.clone());
            tokio::spawn(async move { add(&database, &queue, NOW_MS, Some("reset/1")).await })
        })
        .collect();
    let mut queued = Vec::new();
    for adding in adding {
        queued.push(adding.await.unwrap());
    }
    assert!(queued.iter().all(|one| one.id == queued[0].id), "{queued:?}");
    assert_eq!(queued.iter().filter(|one| one.is_new).count(), 1);
    let lease = take(&queue).await.unwrap();
    assert!(take(&queue).await.is_none());
    assert_eq!(lease.end(Ok(())).await.unwrap(), Ended::Done);
    let again = add(database, &queue, NOW_MS, Some("reset/1")).await;
    assert_eq!(again, Queued { id: queued[0].id, is_new: false }, "what is done is not done again");
    assert!(take(&queue).await.is_none());
}

async fn what_is_rolled_back_was_never_queued(database: &Database) {
    let (queue, _clock) = queue(database);
    let job = mail_to("ada@example.com");
    let new = NewJob { job: &job, workspace: None, run_at_ms: NOW_MS, idempotency_key: Some("reset/1") };
    let mut transaction = database.begin().await.unwrap();
    assert!(queue.add(&mut transaction, &new).await.unwrap().is_new);
    drop(transaction);
    assert!(take(&queue).await.is_none());
    assert!(add(database, &queue, NOW_MS, Some("reset/1")).await.is_new);
}

async fn many_workers_never_have_one_job_at_once(database: &Database) {
    const JOBS: usize = 60;
    let (queue, _clock) = queue(database);
    for number in 0..JOBS {
        add(database, &queue, NOW_MS, Some(&number.to_string())).await;
    }
    // A queue each, as processes have.
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let (queue, _clock) = self::queue(database);
            tokio::spawn(async move {
                let mut taken = Vec::new();
                // One that finds nothing may have looked while others were about to take what it saw.
                while let Some(lease) = take(&queue).await {
                    taken.push(lease.idempotency_key().to_owned());
                    if taken.len() % 2 == 0 {
                        assert_eq!(lease.end(Ok(())).await.unwrap(), Ended::Done);
                    }
                }
                taken
            })
        })
        .collect();
    let mut taken = Vec::new();
    for worker in workers {
        taken.extend(worker.await.unwrap());
    }
    while let Some(lease) = take(&queue).await {
        taken.push(lease.idempotency_key().to_owned());
    }
    assert_eq!(taken.len(), JOBS);
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), JOBS);
}

async fn a_lease_that_ran_out_is_taken_over_and_who_comes_late_writes_nothing(database: &Database) {
    let (queue, clock) = queue(database);
    let id = add(database, &queue, NOW_MS, Some("reset/1")).await.id;
    let first = take(&queue).await.unwrap();
    clock.advance(50_000);
    assert_eq!(first.renew().await.unwrap(), Standing::Ours);
    clock.advance(50_000);
    assert!(take(&queue).await.is_none(), "it was renewed");
    first.progress(1, 3).await.unwrap();
    clock.advance(AFTER_A_LEASE_MS);

    let second = take(&queue).await.unwrap();
    assert_eq!((second.attempt(), second.idempotency_key()), (2, first.idempotency_key()));
    let before = stored(database, id).await;
    assert_eq!((before.progress_done, before.progress_total), (1, 3));
    assert_eq!(first.renew().await.unwrap(), Standing::TakenOver);
    assert_eq!(first.progress(3, 3).await, Err(JobError::Stopped));
    for outcome in [Ok(()), later(), Err(JobError::Permanent("never".into()))] {
        assert_eq!(first.end(outcome).await.unwrap(), Ended::Stopped);
    }
    assert_eq!(first.give_back().await.unwrap(), Ended::Stopped);
    assert_eq!(stored(database, id).await, before);

    second.progress(2, 3).await.unwrap();
    assert_eq!(second.end(Ok(())).await.unwrap(), Ended::Done);
    let done = stored(database, id).await;
    assert_eq!((done.state.as_str(), done.progress_done, done.attempts), ("done", 2, 2));
    assert_eq!((done.lease_until_ms, done.failure), (None, None));
    // Also after the end there is nothing to write, and nobody to take it over from.
    assert_eq!(second.end(later()).await.unwrap(), Ended::Stopped);
    clock.advance(AFTER_A_LEASE_MS);
    assert!(take(&queue).await.is_none());
}

async fn a_job_that_fails_comes_back_after_its_pause_and_is_given_up_at_last(database: &Database) {
    let (queue, clock) = queue(database);
    let id = add(database, &queue, NOW_MS, None).await.id;
    let attempts_max = Kind::SendMail.attempts_max();
    let mut least = 10;
    for attempt in 1..attempts_max {
        let lease = take(&queue).await.unwrap();
        assert_eq!(lease.attempt(), attempt);
        let Ended::Retried { failure, pause } = lease.end(later()).await.unwrap() else { panic!("attempt {attempt}") };
        assert_eq!(failure, "it is away");
        let least_pause = Duration::from_secs(least);
        assert!(least_pause <= pause && pause <= 2 * least_pause, "attempt {attempt}: {pause:?}");
        let pause_ms = i64::try_from(pause.as_millis()).unwrap();
        let job = stored(database, id).await;
        assert_eq!((job.state.as_str(), job.failure.as_deref()), ("queued", Some("it is away")));
        assert_eq!(job.run_at_ms, clock.now_ms() + pause_ms);
        clock.advance(pause_ms - 1);
        assert!(take(&queue).await.is_none(), "attempt {attempt} comes back too early");
        clock.advance(1);
        least = (least * 2).min(3_600);
    }
    let last = take(&queue).await.unwrap();
    assert_eq!(last.end(later()).await.unwrap(), Ended::Failed { failure: "it is away".into() });
    let dead = stored(database, id).await;
    assert_eq!((dead.state.as_str(), dead.attempts, dead.failure.as_deref()), ("failed", 12, Some("it is away")));
    clock.advance(AFTER_ANY_PAUSE_MS);
    assert!(take(&queue).await.is_none());

    let hopeless = add(database, &queue, NOW_MS, None).await.id;
    let failure = "no such address".to_owned();
    let ended = take(&queue).await.unwrap().end(Err(JobError::Permanent(failure.clone()))).await.unwrap();
    assert_eq!(ended, Ended::Failed { failure });
    assert_eq!(stored(database, hopeless).await.attempts, 1);
    let mut counted = store::count_unfinished(database).await.unwrap();
    counted.sort_unstable();
    assert_eq!(counted, [("send_mail".to_owned(), "failed".to_owned(), 2)]);
}

async fn a_job_that_ends_its_process_each_time_is_given_up_too(database: &Database) {
    let (queue, clock) = queue(database);
    let id = add(database, &queue, NOW_MS, None).await.id;
    for attempt in 1..=Kind::SendMail.attempts_max() {
        assert_eq!(take(&queue).await.unwrap().attempt(), attempt);
        clock.advance(AFTER_A_LEASE_MS);
    }
    assert!(take(&queue).await.is_none());
    let dead = stored(database, id).await;
    assert_eq!((dead.state.as_str(), dead.attempts), ("failed", 12));
    assert!(dead.failure.unwrap().contains("never heard of again"));
}

async fn a_cancelled_job_is_not_taken_and_one_that_runs_hears_of_it(database: &Database) {
    let (queue, clock) = queue(database);
    let waiting = add(database, &queue, NOW_MS, None).await.id;
    assert!(queue.cancel(waiting).await.unwrap());
    assert!(!queue.cancel(waiting).await.unwrap(), "it has ended");
    assert!(take(&queue).await.is_none());
    assert!(!queue.cancel(JobId::new(&Ids::Random, NOW_MS)).await.unwrap(), "there is none");

    let running = add(database, &queue, NOW_MS, None).await.id;
    let lease = take(&queue).await.unwrap();
    lease.progress(1, 2).await.unwrap();
    assert!(queue.cancel(running).await.unwrap());
    assert_eq!(lease.renew().await.unwrap(), Standing::Cancelled);
    assert_eq!(lease.progress(2, 2).await, Err(JobError::Stopped));
    assert_eq!(lease.end(Ok(())).await.unwrap(), Ended::Stopped);
    clock.advance(AFTER_A_LEASE_MS);
    assert!(take(&queue).await.is_none());
    let cancelled = stored(database, running).await;
    assert_eq!((cancelled.state.as_str(), cancelled.progress_done), ("cancelled", 1));
}

async fn a_job_that_is_given_back_is_as_if_it_had_not_been_taken(database: &Database) {
    let (queue, _clock) = queue(database);
    let id = add(database, &queue, NOW_MS, None).await.id;
    let first = take(&queue).await.unwrap();
    assert_eq!(first.give_back().await.unwrap(), Ended::GivenBack);
    let job = stored(database, id).await;
    assert_eq!((job.state.as_str(), job.attempts, job.lease_until_ms), ("queued", 0, None));
    let second = take(&queue).await.unwrap();
    assert_eq!(second.attempt(), 1);
    assert_eq!(first.end(Ok(())).await.unwrap(), Ended::Stopped, "the number of its lease is old all the same");
    assert_eq!(second.end(Ok(())).await.unwrap(), Ended::Done);
}

async fn what_a_job_was_about_is_in_no_row_when_it_has_ended(database: &Database) {
    const SQL: &str = "select payload_sealed from jobs where id = $1";
    let (queue, _clock) = queue(database);
    let done = add(database, &queue, NOW_MS - 1, None).await.id;
    let cancelled = add(database, &queue, NOW_MS, None).await.id;
    take(&queue).await.unwrap().end(Ok(())).await.unwrap();
    queue.cancel(cancelled).await.unwrap();
    for id in [done, cancelled] {
        let payload: Vec<u8> =
            candor::read!(database, |pool: D| sqlx::query_scalar(SQL).bind(id.to_string()).fetch_one(pool)).unwrap();
        let payload = String::from_utf8_lossy(&payload);
        assert!(!payload.contains("ada@") && !payload.contains("token-of"), "{payload}");
    }
}

/// The state of a job once it is this one.
async fn is_in_state(database: &Database, id: JobId, state: &str) -> StoredJob {
    let reached = || async {
        let job = stored(database, id).await;
        (job.state == state).then_some(job)
    };
    eventually(state, reached).await
}

async fn workers_do_what_is_queued_a_few_at_a_time_and_outlive_a_defect(database: &Database) {
    let (queue, _clock) = queue(database);
    let (at_once, most, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::default());
    let ids: Vec<JobId> = {
        let mut ids = Vec::new();
        for number in 0..12 {
            ids.push(add(database, &queue, NOW_MS, Some(&number.to_string())).await.id);
        }
        ids
    };
    let counts = (Arc::clone(&at_once), Arc::clone(&most), Arc::<AtomicUsize>::clone(&done));
    let workers = Workers::start(queue.clone(), Kind::ALL.to_vec(), 3, move |_job, lease: Lease| {
        let (at_once, most, done) = counts.clone();
        async move {
            assert_ne!(lease.idempotency_key(), "5", "a defect");
            most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(10)).await;
            at_once.fetch_sub(1, Ordering::SeqCst);
            done.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    });
    for (number, id) in ids.iter().enumerate().filter(|(number, _)| *number != 5) {
        assert_eq!(is_in_state(database, *id, "done").await.failure, None, "{number}");
    }
    let failure = eventually("the defect is seen", || async { stored(database, ids[5]).await.failure }).await;
    assert!(failure.contains("defect"), "{failure}");
    assert_eq!(done.load(Ordering::SeqCst), 11);
    assert!((1..=3).contains(&most.load(Ordering::SeqCst)), "{most:?}");

    // A worker that waits hears of what this process queues.
    let woken = add(database, &queue, NOW_MS, Some("woken")).await.id;
    queue.wake();
    is_in_state(database, woken, "done").await;
    workers.drained().await;
    let after = add(database, &queue, NOW_MS, Some("after")).await.id;
    queue.wake();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(stored(database, after).await.state, "queued", "it is left to the next process");
}

async fn workers_that_stop_finish_what_they_can_and_give_the_rest_back(database: &Database) {
    let (queue, _clock) = queue(database);
    let short = add(database, &queue, NOW_MS, Some("short")).await.id;
    let endless = add(database, &queue, NOW_MS, Some("endless")).await.id;
    let began = Arc::new(AtomicUsize::new(0));
    let begins = Arc::clone(&began);
    let workers = Workers::start(queue.clone(), Kind::ALL.to_vec(), 2, move |_job, lease: Lease| {
        begins.fetch_add(1, Ordering::SeqCst);
        async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if lease.idempotency_key() == "endless" {
                std::future::pending::<()>().await;
            }
            Ok(())
        }
    });
    eventually("both begin", || async { (began.load(Ordering::SeqCst) == 2).then_some(()) }).await;
    assert!(tokio::time::timeout(Duration::from_millis(500), workers.drained()).await.is_err());
    is_in_state(database, short, "done").await;
    assert_eq!(stored(database, endless).await.state, "running");
    workers.give_back().await;
    let given_back = stored(database, endless).await;
    assert_eq!((given_back.state.as_str(), given_back.attempts), ("queued", 0));
    assert_eq!(take(&queue).await.unwrap().idempotency_key(), "endless", "another process need not wait for the lease");
}

/// Connections of their own to the same database, as another process has.
async fn another(database: &Database) -> Database {
    match database {
        Database::Sqlite { writer, publishing, .. } => {
            let pool = |connections| SqlitePoolOptions::new().max_connections(connections);
            let options = writer.connect_options();
            Database::Sqlite {
                writer: pool(1).connect_with((*options).clone()).await.unwrap(),
                readers: pool(2).connect_with((*options).clone()).await.unwrap(),
                publishing: Arc::clone(publishing),
            }
        }
        Database::Postgres { pool, .. } => {
            let again = || PgPoolOptions::new().max_connections(4).connect_lazy_with((*pool.connect_options()).clone());
            Database::Postgres { pool: again(), publishers: again() }
        }
    }
}

async fn a_process_that_is_killed_leaves_its_jobs_to_another(database: &Database) {
    const JOBS: usize = 20;
    const AT_ONCE: usize = 4;
    const FIRST: usize = 6;
    let (queue, clock) = queue(database);
    let mut ids = Vec::new();
    for (number, run_at_ms) in (0..JOBS).zip(NOW_MS - 1_000..) {
        ids.push(add(database, &queue, run_at_ms, Some(&number.to_string())).await.id);
    }
    // What is done outside of the database: it cannot be taken back, and shows the key.
    let effects = Arc::new(Mutex::new(Vec::new()));

    let (theirs, their_clock, their_effects) = (database.clone(), clock.clone(), Arc::clone(&effects));
    let process = tokio::task::spawn_blocking(move || {
        let process = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        process.block_on(async {
            let database = another(&theirs).await;
            let queue = Queue::new(database, Vault::default(), their_clock, Ids::Random);
            // The first come to their end; the others have their effect and are killed before it is written.
            let workers = Workers::start(queue, Kind::ALL.to_vec(), AT_ONCE, move |_job, lease: Lease| {
                let key = lease.idempotency_key().to_owned();
                let is_first = key.parse::<usize>().unwrap() < FIRST;
                their_effects.lock().unwrap().push(key);
                async move {
                    if !is_first {
                        std::future::pending::<()>().await;
                    }
                    Ok(())
                }
            });
            // They work on without it.
            drop(workers);
        });
        process
    });
    let process = process.await.unwrap();
    eventually("it is in the middle", || async { (effects.lock().unwrap().len() == FIRST + AT_ONCE).then_some(()) })
        .await;
    for id in &ids[..FIRST] {
        is_in_state(database, *id, "done").await;
    }
    tokio::task::spawn_blocking(move || process.shutdown_background()).await.unwrap();

    let our_effects = Arc::clone(&effects);
    let workers = Workers::start(queue.clone(), Kind::ALL.to_vec(), AT_ONCE, move |_job, lease: Lease| {
        our_effects.lock().unwrap().push(lease.idempotency_key().to_owned());
        async { Ok(()) }
    });
    for id in &ids[FIRST + AT_ONCE..] {
        is_in_state(database, *id, "done").await;
    }
    assert_eq!(effects.lock().unwrap().len(), JOBS, "what the dead one had is not touched while its leases last");
    clock.advance(AFTER_A_LEASE_MS);
    queue.wake();
    for id in &ids {
        is_in_state(database, *id, "done").await;
    }
    workers.drained().await;
    let mut counts = HashMap::<String, usize>::new();
    for key in effects.lock().unwrap().drain(..) {
        *counts.entry(key).or_default() += 1;
    }
    assert_eq!(counts.len(), JOBS, "every job had its effect");
    let repeated: Vec<_> = counts.iter().filter(|(_, times)| **times == 2).map(|(key, _)| key).collect();
    assert_eq!((repeated.len(), counts.values().sum::<usize>()), (AT_ONCE, JOBS + AT_ONCE), "{repeated:?}");
}

contract_tests! {
    jobs_are_taken_in_the_order_of_their_time_and_not_before_it,
    a_key_is_one_job_however_often_and_at_once_it_is_queued,
    what_is_rolled_back_was_never_queued,
    many_workers_never_have_one_job_at_once,
    a_lease_that_ran_out_is_taken_over_and_who_comes_late_writes_nothing,
    a_job_that_fails_comes_back_after_its_pause_and_is_given_up_at_last,
    a_job_that_ends_its_process_each_time_is_given_up_too,
    a_cancelled_job_is_not_taken_and_one_that_runs_hears_of_it,
    a_job_that_is_given_back_is_as_if_it_had_not_been_taken,
    what_a_job_was_about_is_in_no_row_when_it_has_ended,
    workers_do_what_is_queued_a_few_at_a_time_and_outlive_a_defect,
    workers_that_stop_finish_what_they_can_and_give_the_rest_back,
    a_process_that_is_killed_leaves_its_jobs_to_another,
}

/// Something that happens to a queue; a number picks one of the leases, or jobs, that there ever were.
#[derive(Clone, Debug)]
enum Happens {
    Add,
    Take,
    Wait(i64),
    Renew(usize),
    Progress(usize),
    Done(usize),
    Later(usize),
    Never(usize),
    GiveBack(usize),
    Cancel(usize),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        2 => Just(Happens::Add),
        5 => Just(Happens::Take),
        3 => prop_oneof![Just(1_000), Just(AFTER_A_LEASE_MS), Just(AFTER_ANY_PAUSE_MS)].prop_map(Happens::Wait),
        2 => any::<usize>().prop_map(Happens::Renew),
        1 => any::<usize>().prop_map(Happens::Progress),
        1 => any::<usize>().prop_map(Happens::Done),
        3 => any::<usize>().prop_map(Happens::Later),
        1 => any::<usize>().prop_map(Happens::Never),
        1 => any::<usize>().prop_map(Happens::GiveBack),
        1 => any::<usize>().prop_map(Happens::Cancel),
    ]
}

/// What is known of the queue by what was seen of it.
#[derive(Default)]
struct Seen {
    jobs: Vec<JobId>,
    leases: Vec<(JobId, Lease)>,
    /// The newest lease of each job that runs.
    running: HashMap<JobId, usize>,
    /// Jobs that have ended, and how.
    ended: HashMap<JobId, &'static str>,
}

impl Seen {
    fn lease(&self, pick: usize) -> Option<(usize, JobId, &Lease)> {
        let at = pick.checked_rem(self.leases.len())?;
        let (job, lease) = &self.leases[at];
        Some((at, *job, lease))
    }

    /// Ends an attempt with `outcome`, which only the newest lease of a job that runs can.
    async fn end(&mut self, pick: usize, outcome: Result<(), JobError>) {
        let Some((at, job, lease)) = self.lease(pick) else { return };
        let is_ours = self.running.get(&job) == Some(&at);
        let ended = lease.end(outcome).await.unwrap();
        assert_eq!(ended != Ended::Stopped, is_ours, "{ended:?}");
        let state = match ended {
            Ended::Done => Some("done"),
            Ended::Failed { .. } => Some("failed"),
            Ended::Retried { .. } | Ended::Stopped | Ended::GivenBack => None,
        };
        if is_ours {
            self.running.remove(&job);
            self.ended.extend(state.map(|state| (job, state)));
        }
    }
}

async fn holds_whatever_happens(happens: Vec<Happens>) {
    let (database, _folder) = sqlite().await;
    let (queue, clock) = queue(&database);
    let mut seen = Seen::default();
    for event in happens {
        match event {
            Happens::Add => {
                let key = seen.jobs.len().to_string();
                seen.jobs.push(add(&database, &queue, clock.now_ms(), Some(&key)).await.id);
            }
            Happens::Take => {
                if let Some(lease) = take(&queue).await {
                    let job = seen.jobs[lease.idempotency_key().parse::<usize>().unwrap()];
                    assert!(!seen.ended.contains_key(&job), "what has ended is never taken");
                    assert!(lease.attempt() <= Kind::SendMail.attempts_max());
                    seen.running.insert(job, seen.leases.len());
                    seen.leases.push((job, lease));
                }
                // One may have been given up for its lease in the meantime.
                for job in seen.running.keys().copied().collect::<Vec<_>>() {
                    if stored(&database, job).await.state == "failed" {
                        seen.running.remove(&job);
                        seen.ended.insert(job, "failed");
                    }
                }
            }
            Happens::Wait(by_ms) => clock.advance(by_ms),
            Happens::Renew(pick) => {
                if let Some((at, job, lease)) = seen.lease(pick) {
                    let is_ours = seen.running.get(&job) == Some(&at);
                    assert_eq!(lease.renew().await.unwrap() == Standing::Ours, is_ours);
                }
            }
            Happens::Progress(pick) => {
                if let Some((at, job, lease)) = seen.lease(pick) {
                    let is_ours = seen.running.get(&job) == Some(&at);
                    assert_eq!(lease.progress(1, 2).await.is_ok(), is_ours);
                }
            }
            Happens::Done(pick) => seen.end(pick, Ok(())).await,
            Happens::Later(pick) => seen.end(pick, later()).await,
            Happens::Never(pick) => seen.end(pick, Err(JobError::Permanent("never".into()))).await,
            Happens::GiveBack(pick) => {
                if let Some((at, job, lease)) = seen.lease(pick) {
                    let is_ours = seen.running.get(&job) == Some(&at);
                    assert_eq!(lease.give_back().await.unwrap() == Ended::GivenBack, is_ours);
                    if is_ours {
                        seen.running.remove(&job);
                    }
                }
            }
            Happens::Cancel(pick) => {
                if let Some(at) = pick.checked_rem(seen.jobs.len()) {
                    let job = seen.jobs[at];
                    assert_eq!(queue.cancel(job).await.unwrap(), !seen.ended.contains_key(&job));
                    seen.running.remove(&job);
                    seen.ended.entry(job).or_insert("cancelled");
                }
            }
        }
        for (job, state) in &seen.ended {
            assert_eq!(stored(&database, *job).await.state, *state, "an end is the end");
        }
    }
    for job in seen.jobs.iter().filter(|job| !seen.ended.contains_key(job)) {
        let stored = stored(&database, *job).await;
        let expected = if seen.running.contains_key(job) { "running" } else { "queued" };
        assert_eq!((stored.state.as_str(), stored.lease_until_ms.is_some()), (expected, expected == "running"));
        assert!((0..=Kind::SendMail.attempts_max()).contains(&stored.attempts), "{stored:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn only_the_newest_lease_writes_and_an_end_is_the_end(happens in prop::collection::vec(happens(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(holds_whatever_happens(happens));
    }
}
