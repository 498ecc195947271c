//! What the stores promise, on SQLite, and on PostgreSQL when `TEST_POSTGRES_URL` names a server.
//!
//! Each promise is a plain function that takes a [`Database`]; the list at the end stamps it out for both.

use std::sync::atomic::{AtomicU32, Ordering};

use candor::answer::decide::{Decision, Reason};
use candor::answer::in_force::OwnCalibrations;
use candor::answer::language::Language;
use candor::answer::settings::{Changed, Drafter};
use candor::answer::store as settings;
use candor::answer::{Answer, AnswerSettings, Draft, Hashes, ResponseType, Trace, TracedPassage, Versions};
use candor::chat::store as sessions;
use candor::chat::{Sender, SessionName, Visitor};
use candor::database::{Database, DatabaseError};
use candor::desk::store as tickets;
use candor::desk::{Evidence, Line};
use candor::ids::{
    AccuracyId, ApiKeyId, ArticleId, ChunkId, Ids, MessageId, SessionId, TicketId, VersionId, WorkspaceId,
};
use candor::insight::{self, AccuracyRecord};
use candor::knowledge::article::{Filter, SourceKind, Status};
use candor::knowledge::store::articles as people_articles;
use candor::knowledge::store::generations::GenerationRow;
use candor::knowledge::store::{self as articles, NewChunk, NewVersion};
use candor::people::store::{self as people, Workspace};
use candor::people::{KeyKind, Scope, key};
use candor::search::Signals;
use candor::vault::Vault;
use secrecy::SecretString;
use serde_json::json;
use tempfile::TempDir;

use crate::app::NOW_MS;

const IDS: Ids = Ids::Random;

pub(crate) async fn workspace(database: &Database) -> WorkspaceId {
    let id = WorkspaceId::new(&IDS, NOW_MS);
    let mut transaction = database.begin().await.unwrap();
    people::insert_workspace(&mut transaction, &Workspace { id, name: "Bikes".into() }, NOW_MS).await.unwrap();
    transaction.commit().await.unwrap();
    id
}

async fn session(database: &Database, workspace: WorkspaceId, name: &str) -> Result<SessionId, DatabaseError> {
    let (id, name): (_, SessionName) = (SessionId::new(&IDS, NOW_MS), name.parse().unwrap());
    let visitor = Visitor {
        user_meta: Some(json!({ "plan": "größer" })),
        language: Some("de".into()),
        user_agent: Some("browser".into()),
    };
    let vault = Vault::default();
    let mut transaction = database.begin().await?;
    sessions::insert_session(&mut transaction, &vault, workspace, id, &name, b"digest", &visitor, NOW_MS).await?;
    transaction.commit().await?;
    Ok(id)
}

fn new_ticket(session: Option<SessionId>, reason: Reason) -> tickets::NewTicket<'static> {
    let id = TicketId::new(&IDS, NOW_MS);
    tickets::NewTicket { id, session, reason, title: "Lost", description: "It is lost.", contact: None, evidence: None }
}

async fn generation(database: &Database, number: u32, is_active: bool) -> GenerationRow {
    let row = GenerationRow {
        id: format!("{number}-model"),
        embedding: "model".into(),
        tokenizer: "words".into(),
        chunker: "sections".into(),
        dimension: 3,
    };
    let mut transaction = database.begin().await.unwrap();
    articles::generations::insert(&mut transaction, &row, NOW_MS).await.unwrap();
    if is_active {
        assert!(articles::generations::activate(&mut transaction, &row.id, NOW_MS).await.unwrap());
    }
    transaction.commit().await.unwrap();
    row
}

async fn knowledge_version(database: &Database, workspace: WorkspaceId) -> i64 {
    articles::standing(database, workspace).await.unwrap().unwrap().knowledge_version
}

fn new_version<'a>(source: &'a str, text: &'a str, digest: &'a str, tags: &'a [String]) -> NewVersion<'a> {
    NewVersion {
        id: VersionId::new(&IDS, NOW_MS),
        source,
        title: "Größen",
        tags,
        language: Some("de"),
        url: None,
        body: text,
        fragments: &[],
        plain_text: text,
        digest,
        at_ms: NOW_MS,
    }
}

fn chunk(version: VersionId, generation: &str, ordinal: usize, place: std::ops::Range<i64>) -> NewChunk {
    NewChunk {
        id: ChunkId::of(version, generation, ordinal),
        ordinal: i64::try_from(ordinal).unwrap(),
        heading_path: vec!["Rad".into(), "Akku".into()],
        start_char: place.start,
        end_char: place.end,
        terms: vec![1, 0, 0, 0],
    }
}

/// Publishes `text` as one chunk and returns it with what it replaced.
async fn publish(
    database: &Database,
    workspace: WorkspaceId,
    generation: &str,
    source: &str,
    text: &str,
) -> (ChunkId, Vec<ChunkId>) {
    let tags = ["rad".to_owned()];
    let version = new_version(source, text, text, &tags);
    let chunk = chunk(version.id, generation, 0, 0..i64::try_from(text.chars().count()).unwrap());
    let id = chunk.id;
    let mut transaction = database.begin().await.unwrap();
    let article = ArticleId::new(&IDS, NOW_MS);
    let replaced =
        articles::publish(&mut transaction, workspace, article, &version, generation, &[chunk]).await.unwrap();
    transaction.commit().await.unwrap();
    (id, replaced)
}

async fn a_key_is_found_as_it_was_stored_until_it_is_revoked(database: &Database) {
    let workspace = workspace(database).await;
    let scopes = vec![Scope::Chat, Scope::KnowledgeRead];
    let (mut stored, _) = key::new_key(&IDS, NOW_MS, workspace, "site", KeyKind::Secret, scopes.clone());
    stored.expires_at_ms = Some(NOW_MS + 1);
    let mut transaction = database.begin().await.unwrap();
    people::insert_key(&mut transaction, &stored, NOW_MS).await.unwrap();
    transaction.commit().await.unwrap();
    let found = people::key(database, stored.id).await.unwrap().unwrap();
    assert_eq!((found.workspace, found.name.as_str(), found.kind), (workspace, "site", KeyKind::Secret));
    assert_eq!((found.scopes, &found.secret_sha256), (scopes, &stored.secret_sha256));
    assert_eq!((found.expires_at_ms, found.revoked_at_ms), (Some(NOW_MS + 1), None));
    assert!(people::key(database, ApiKeyId::new(&IDS, NOW_MS)).await.unwrap().is_none());

    let other = self::workspace(database).await;
    for (workspace, expected) in [(other, false), (workspace, true), (workspace, false)] {
        let mut transaction = database.begin().await.unwrap();
        let revoked = people::revoke_key(&mut transaction, workspace, stored.id, NOW_MS + 5).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(revoked, expected);
    }
    assert_eq!(people::key(database, stored.id).await.unwrap().unwrap().revoked_at_ms, Some(NOW_MS + 5));
    assert_eq!(people::workspace_ids(database).await.unwrap().len(), 2);
}

async fn a_conflict_is_told_apart_from_a_failure(database: &Database) {
    let workspace = workspace(database).await;
    session(database, workspace, "visitor-1").await.unwrap();
    let again = session(database, workspace, "visitor-1").await.unwrap_err();
    assert!(matches!(again, DatabaseError::Conflict(_)), "{again:?}");
    let elsewhere = self::workspace(database).await;
    session(database, elsewhere, "visitor-1").await.unwrap();
    let nowhere = session(database, WorkspaceId::new(&IDS, NOW_MS), "visitor-1").await.unwrap_err();
    assert!(matches!(nowhere, DatabaseError::Internal(_)), "{nowhere:?}");

    let row = Workspace { id: workspace, name: "again".into() };
    let mut transaction = database.begin().await.unwrap();
    let taken = people::insert_workspace(&mut transaction, &row, NOW_MS).await.unwrap_err();
    assert!(matches!(taken, DatabaseError::Conflict(_)), "{taken:?}");
}

async fn what_is_not_committed_never_happened(database: &Database) {
    let id = WorkspaceId::new(&IDS, NOW_MS);
    let mut transaction = database.begin().await.unwrap();
    people::insert_workspace(&mut transaction, &Workspace { id, name: "half".into() }, NOW_MS).await.unwrap();
    drop(transaction);
    // The next writer comes after the rollback.
    database.begin().await.unwrap().commit().await.unwrap();
    assert!(people::workspaces(database).await.unwrap().is_empty());
}

async fn a_message_survives_the_round_trip_in_any_script(database: &Database) {
    let (vault, workspace) = (Vault::default(), workspace(database).await);
    let session_id = session(database, workspace, "visitor-1").await.unwrap();
    let found = sessions::session_by_name(database, workspace, &"visitor-1".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(
        (found.id, found.token_sha256.as_slice(), found.status.as_str()),
        (session_id, &b"digest"[..], "active")
    );
    assert!(sessions::session_by_name(database, workspace, &"visitor".parse().unwrap()).await.unwrap().is_none());

    let metadata = json!({ "decision": "answered", "quote": "„Ölwechsel“" });
    let texts = ["Grüße 👋🏽", "日本語 العربية", "'; drop table messages; --", "\u{0}nul"];
    let senders = [Sender::User, Sender::Bot, Sender::Agent, Sender::User];
    let mut transaction = database.begin().await.unwrap();
    let first = sessions::take_sequence(&mut transaction, workspace, session_id, 4, NOW_MS + 7).await.unwrap();
    assert_eq!(first, 1);
    for (number, (text, sender)) in (first..).zip(texts.into_iter().zip(senders)) {
        let message = sessions::NewMessage {
            id: MessageId::new(&IDS, NOW_MS),
            sender,
            sequence: number,
            text,
            metadata: (number % 2 == 0).then_some(&metadata),
            confidence: (number % 2 == 0).then_some(0.25),
        };
        sessions::insert_message(&mut transaction, &vault, workspace, session_id, &message, NOW_MS + 7).await.unwrap();
    }
    sessions::mark_needs_human(&mut transaction, workspace, session_id).await.unwrap();
    transaction.commit().await.unwrap();

    let stored = sessions::messages_after(database, &vault, workspace, session_id, sessions::After::default(), 100)
        .await
        .unwrap();
    assert_eq!(stored.iter().map(|message| message.text.as_str()).collect::<Vec<_>>(), texts);
    assert_eq!(stored.iter().map(|message| message.sender).collect::<Vec<_>>(), senders);
    assert_eq!(stored[1].metadata.as_ref(), Some(&metadata));
    assert_eq!((stored[0].confidence, stored[1].confidence), (None, Some(0.25)));
    assert_eq!((stored[0].created_at_ms, stored[0].read_at_ms), (NOW_MS + 7, None));
    let last = sessions::last_messages(database, &vault, workspace, session_id, 2).await.unwrap();
    assert_eq!(last.iter().map(|message| message.sequence).collect::<Vec<_>>(), [3, 4]);
    for after in [sessions::After { sequence: 1, skipped: 0 }, sessions::After { sequence: 0, skipped: 1 }] {
        let middle = sessions::messages_after(database, &vault, workspace, session_id, after, 2).await.unwrap();
        assert_eq!(middle.iter().map(|message| message.sequence).collect::<Vec<_>>(), [2, 3]);
    }
    for (counted_max, counted) in [(3, 3), (100, 4)] {
        let count = sessions::count_messages(database, workspace, session_id, counted_max).await.unwrap();
        assert_eq!(count, counted);
    }
    let other = self::workspace(database).await;
    assert_eq!(sessions::count_messages(database, other, session_id, 100).await.unwrap(), 0);
    assert!(sessions::last_messages(database, &vault, other, session_id, 2).await.unwrap().is_empty());
    let found = sessions::session_by_name(database, workspace, &"visitor-1".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(found.status, "needs_human");
}

async fn twenty_turns_at_once_number_their_messages_without_a_gap(database: &Database) {
    let workspace = workspace(database).await;
    let session_id = session(database, workspace, "crowd").await.unwrap();
    let turns: Vec<_> = (0..20)
        .map(|_| {
            let database = database.clone();
            tokio::spawn(async move {
                let vault = Vault::default();
                let mut transaction = database.begin().await.unwrap();
                let first = sessions::take_sequence(&mut transaction, workspace, session_id, 2, NOW_MS).await.unwrap();
                for (sequence, sender) in [(first, Sender::User), (first + 1, Sender::Bot)] {
                    let id = MessageId::new(&IDS, NOW_MS);
                    let (text, metadata, confidence) = ("text", None, None);
                    let message = sessions::NewMessage { id, sender, sequence, text, metadata, confidence };
                    sessions::insert_message(&mut transaction, &vault, workspace, session_id, &message, NOW_MS)
                        .await
                        .unwrap();
                }
                transaction.commit().await.unwrap();
            })
        })
        .collect();
    for turn in turns {
        turn.await.unwrap();
    }
    let stored =
        sessions::messages_after(database, &Vault::default(), workspace, session_id, sessions::After::default(), 100)
            .await
            .unwrap();
    assert_eq!(stored.iter().map(|message| message.sequence).collect::<Vec<_>>(), (1..=40).collect::<Vec<_>>());
    // A turn's question and reply stand together.
    assert!(stored.chunks(2).all(|turn| turn[0].sender == Sender::User && turn[1].sender == Sender::Bot));
}

async fn a_session_has_one_open_ticket_a_reason_however_many_are_opened_at_once(database: &Database) {
    let workspace = workspace(database).await;
    let session_id = session(database, workspace, "crowd").await.unwrap();
    let openings: Vec<_> = (0..20)
        .map(|number| {
            let database = database.clone();
            let reason = if number % 2 == 0 { Reason::NoEvidence } else { Reason::LowConfidence };
            tokio::spawn(async move {
                let vault = Vault::default();
                let ticket = new_ticket(Some(session_id), reason);
                let mut transaction = database.begin().await.unwrap();
                let is_new =
                    tickets::insert_if_none_open(&mut transaction, &vault, workspace, &ticket, NOW_MS).await.unwrap();
                let open = tickets::open_ticket(&mut transaction, workspace, Some(session_id), reason).await.unwrap();
                assert_eq!(is_new, open == ticket.id);
                transaction.commit().await.unwrap();
                open
            })
        })
        .collect();
    let mut open = Vec::new();
    for opening in openings {
        open.push(opening.await.unwrap());
    }
    open.sort_unstable();
    open.dedup();
    assert_eq!(open.len(), 2);

    // Tickets of no session do not share one.
    let vault = Vault::default();
    let mut transaction = database.begin().await.unwrap();
    for _ in 0..2 {
        let ticket = new_ticket(None, Reason::CustomerRequest);
        assert!(tickets::insert_if_none_open(&mut transaction, &vault, workspace, &ticket, NOW_MS).await.unwrap());
    }
    transaction.commit().await.unwrap();
}

async fn a_ticket_survives_the_round_trip_in_its_own_workspace_only(database: &Database) {
    let (vault, workspace) = (Vault::default(), workspace(database).await);
    let session_id = session(database, workspace, "visitor-1").await.unwrap();
    let version = VersionId::new(&IDS, NOW_MS);
    let passage = TracedPassage {
        chunk: ChunkId::of(version, "1", 0),
        article: ArticleId::new(&IDS, NOW_MS),
        version,
        source: "a.md".into(),
        title: "Größen".into(),
        text: "S, M, L".into(),
        signals: Signals { cosine: 0.5, bm25: 0.25, ..Signals::default() },
        score: 0.75,
    };
    let transcript = vec![Line { sender: Sender::User, text: "Welche Größe?".into() }];
    let evidence = Evidence { transcript: transcript.clone(), passages: vec![passage] };
    let ticket =
        tickets::NewTicket { evidence: Some(&evidence), ..new_ticket(Some(session_id), Reason::LowConfidence) };
    let mut transaction = database.begin().await.unwrap();
    assert!(tickets::insert_if_none_open(&mut transaction, &vault, workspace, &ticket, NOW_MS + 3).await.unwrap());
    for (text, at_ms) in [("one", NOW_MS + 4), ("two", NOW_MS + 5)] {
        let id = MessageId::new(&IDS, at_ms);
        tickets::insert_message(&mut transaction, &vault, workspace, ticket.id, id, Sender::User, text, at_ms)
            .await
            .unwrap();
        // A contact that came later is kept when what comes next has none.
        let contact = (text == "one").then_some("mia@example.com");
        tickets::touch(&mut transaction, &vault, workspace, ticket.id, contact, at_ms).await.unwrap();
    }
    transaction.commit().await.unwrap();

    let found = tickets::ticket(database, &vault, workspace, ticket.id).await.unwrap().unwrap();
    assert_eq!((found.id, found.session_name.as_deref()), (ticket.id, Some("visitor-1")));
    assert_eq!((found.reason.as_str(), found.status.as_str()), ("low_confidence", "open"));
    assert_eq!((found.title.as_str(), found.description.as_str()), ("Lost", "It is lost."));
    assert_eq!(found.contact.as_deref(), Some("mia@example.com"));
    assert_eq!((found.created_at_ms, found.updated_at_ms), (NOW_MS + 3, NOW_MS + 5));
    let kept = found.evidence.unwrap();
    assert_eq!((kept.transcript, kept.passages[0].title.as_str()), (transcript, "Größen"));
    assert_eq!(tickets::messages(database, &vault, workspace, ticket.id).await.unwrap(), ["one", "two"]);

    let other = self::workspace(database).await;
    assert!(tickets::ticket(database, &vault, other, ticket.id).await.unwrap().is_none());
    assert!(tickets::messages(database, &vault, other, ticket.id).await.unwrap().is_empty());
}

async fn an_accuracy_record_keeps_a_draft_that_was_not_sent(database: &Database) {
    const SQL: &str = "select sent, decision, reason, confidence, latency_ms from accuracy_records where id = $1";
    let (vault, workspace) = (Vault::default(), workspace(database).await);
    let session_id = session(database, workspace, "visitor-1").await.unwrap();
    let message = sessions::NewMessage {
        id: MessageId::new(&IDS, NOW_MS),
        sender: Sender::Bot,
        sequence: 1,
        text: "text",
        metadata: None,
        confidence: None,
    };
    let versions = Versions {
        candor: "0".into(),
        generation: "1".into(),
        embedding: "model".into(),
        generator: "none".into(),
        guarantee: "none".into(),
        hashes: Hashes::default(),
    };
    let trace = Trace {
        cached: None,
        stages_ms: Vec::new(),
        searched_for: Some("a question".into()),
        questions: Vec::new(),
        rewrite: None,
        passages: Vec::new(),
        model: None,
        failed_models: Vec::new(),
        contradiction: None,
        features: Vec::new(),
        logit: Some(0.0),
        place: None,
        threshold: 0.5,
        settings: None,
        versions,
    };
    let answer = Answer {
        decision: Decision::Escalated(Reason::LowConfidence),
        draft: Draft { text: "a draft".into(), ..Draft::default() },
        response_type: ResponseType::Extractive,
        confidence: 0.125,
        heard: None,
        options: None,
        language: Language::English,
        trace,
    };
    let id = AccuracyId::new(&IDS, NOW_MS);
    let record = AccuracyRecord { id, session: session_id, message: message.id, answer: &answer, latency_ms: 12 };
    let mut transaction = database.begin().await.unwrap();
    sessions::insert_message(&mut transaction, &vault, workspace, session_id, &message, NOW_MS).await.unwrap();
    insight::store::insert_accuracy(&mut transaction, &vault, workspace, &record, NOW_MS).await.unwrap();
    transaction.commit().await.unwrap();

    let row: (bool, String, Option<String>, f64, i64) =
        candor::read!(database, |pool: D| sqlx::query_as(SQL).bind(id.to_string()).fetch_one(pool)).unwrap();
    assert_eq!(row, (false, "escalated".into(), Some("low_confidence".into()), 0.125, 12));
}

async fn settings_survive_the_round_trip_in_their_own_workspace_only(database: &Database) {
    let (here, there) = (workspace(database).await, workspace(database).await);
    assert_eq!(settings::settings(database, here).await.unwrap(), AnswerSettings::default());
    let changed = Changed { by: ApiKeyId::new(&IDS, NOW_MS), at_ms: NOW_MS + 3 };
    let full = AnswerSettings {
        version: 1,
        enabled: false,
        provider: Some(Drafter::Model(candor::inference::Provider::Gemini)),
        model: Some("gemini-3.8-flash".into()),
        temperature: Some(0.25),
        tokens_max: Some(u32::MAX),
        system_prompt: Some("Größen nennen wir „Maße“ 🔧".into()),
        language: Some(Language::Chinese),
        threshold: Some(0.125),
        changed: Some(changed),
        own_calibrations: OwnCalibrations::default(),
    };
    let bare = AnswerSettings { version: 2, changed: Some(changed), ..AnswerSettings::default() };
    for stored in [full, bare] {
        let mut transaction = database.begin().await.unwrap();
        settings::put_settings(&mut transaction, here, &stored, changed).await.unwrap();
        assert_eq!(settings::settings_in(&mut transaction, here).await.unwrap(), stored);
        transaction.commit().await.unwrap();
        assert_eq!(settings::settings(database, here).await.unwrap(), stored);
        assert_eq!(settings::settings(database, there).await.unwrap(), AnswerSettings::default());
    }
}

async fn twelve_changes_of_settings_at_once_are_made_one_after_the_other(database: &Database) {
    let workspace = workspace(database).await;
    let changes: Vec<_> = (0..12)
        .map(|_| {
            let database = database.clone();
            tokio::spawn(async move {
                let changed = Changed { by: ApiKeyId::new(&IDS, NOW_MS), at_ms: NOW_MS };
                let mut transaction = database.begin().await.unwrap();
                people::touch_workspace(&mut transaction, workspace, NOW_MS).await.unwrap();
                let mut stored = settings::settings_in(&mut transaction, workspace).await.unwrap();
                stored.version += 1;
                settings::put_settings(&mut transaction, workspace, &stored, changed).await.unwrap();
                transaction.commit().await.unwrap();
            })
        })
        .collect();
    for change in changes {
        change.await.unwrap();
    }
    assert_eq!(settings::settings(database, workspace).await.unwrap().version, 12);
}

async fn a_session_is_a_person_s_from_the_request_until_it_is_handed_back(database: &Database) {
    let (vault, workspace, other) =
        (Vault::default(), self::workspace(database).await, self::workspace(database).await);
    let session_id = session(database, workspace, "visitor-1").await.unwrap();
    let is_with_agent = async || {
        let name: SessionName = "visitor-1".parse().unwrap();
        sessions::session_by_name(database, workspace, &name).await.unwrap().unwrap().is_with_agent
    };
    let newest = new_ticket(Some(session_id), Reason::LowConfidence);
    let asked = new_ticket(Some(session_id), Reason::CustomerRequest);
    let mut transaction = database.begin().await.unwrap();
    assert_eq!(tickets::latest_open_ticket(&mut transaction, workspace, session_id).await.unwrap(), None);
    for (ticket, at_ms) in [(&asked, NOW_MS), (&newest, NOW_MS + 5)] {
        assert!(tickets::insert_if_none_open(&mut transaction, &vault, workspace, ticket, at_ms).await.unwrap());
    }
    let found = tickets::latest_open_ticket(&mut transaction, workspace, session_id).await.unwrap();
    assert_eq!(found, Some(asked.id));
    assert_eq!(tickets::latest_open_ticket(&mut transaction, other, session_id).await.unwrap(), None);
    transaction.commit().await.unwrap();
    assert!(!is_with_agent().await, "a ticket alone is no request in the conversation");

    let mut transaction = database.begin().await.unwrap();
    sessions::mark_needs_human(&mut transaction, workspace, session_id).await.unwrap();
    sessions::mark_person_asked(&mut transaction, workspace, session_id, NOW_MS).await.unwrap();
    assert!(!sessions::hand_back(&mut transaction, other, session_id, NOW_MS).await.unwrap());
    transaction.commit().await.unwrap();
    assert!(is_with_agent().await);

    let mut transaction = database.begin().await.unwrap();
    assert!(sessions::hand_back(&mut transaction, workspace, session_id, NOW_MS).await.unwrap());
    transaction.commit().await.unwrap();
    assert!(!is_with_agent().await);
    let name: SessionName = "visitor-1".parse().unwrap();
    let found = sessions::session_by_name(database, workspace, &name).await.unwrap().unwrap();
    assert_eq!(found.status, "active");
    let last = sessions::last_message_of(database, &vault, workspace, session_id, Sender::Bot).await.unwrap();
    assert!(last.is_none());
}

async fn a_published_chunk_is_seen_with_its_own_words(database: &Database) {
    let (here, there) = (workspace(database).await, workspace(database).await);
    let generation = generation(database, 1, true).await.id;
    let text = "Ölwechsel 🔧: alle 日 1000 km.";
    let tags = ["rad".to_owned(), "öl".to_owned()];
    let version = new_version("guides/öl.md", text, "digest", &tags);
    let chunks = [chunk(version.id, &generation, 0, 0..9), chunk(version.id, &generation, 1, 10..11)];
    let ids: Vec<ChunkId> = chunks.iter().map(|chunk| chunk.id).collect();
    let mut transaction = database.begin().await.unwrap();
    let article = ArticleId::new(&IDS, NOW_MS);
    let replaced = articles::publish(&mut transaction, here, article, &version, &generation, &chunks).await.unwrap();
    transaction.commit().await.unwrap();
    assert!(replaced.is_empty());

    let mut seen = articles::visible_chunks(database, here, &generation, &ids).await.unwrap();
    seen.sort_by_key(|chunk| chunk.start_char);
    // Places are code points, on both engines.
    assert_eq!(seen.iter().map(|chunk| chunk.text.as_str()).collect::<Vec<_>>(), ["Ölwechsel", "🔧"]);
    let first = &seen[0];
    assert_eq!((first.article, first.version, first.source.as_str()), (article, version.id, "guides/öl.md"));
    assert_eq!((first.title.as_str(), first.language.as_deref()), ("Größen", Some("de")));
    assert_eq!((&first.tags[..], first.heading_path.join("/").as_str()), (&tags[..], "Rad/Akku"));
    assert_eq!((first.start_char, first.end_char, &first.url), (0, 9, &None));
    assert!(articles::visible_chunks(database, there, &generation, &ids).await.unwrap().is_empty());
    assert!(articles::visible_chunks(database, here, "another", &ids).await.unwrap().is_empty());
    assert!(articles::visible_chunks(database, here, &generation, &[]).await.unwrap().is_empty());

    assert_eq!(articles::chunk_ids(database, here, &generation).await.unwrap().len(), 2);
    assert_eq!(articles::term_frequencies(database, here, &generation).await.unwrap().chunks(), 2);
    assert_eq!(articles::term_frequencies(database, there, &generation).await.unwrap().chunks(), 0);
    let known = articles::known_files(database, here).await.unwrap();
    assert_eq!((known.len(), known[0].source.as_str(), known[0].digest.as_str()), (1, "guides/öl.md", "digest"));
    assert_eq!(articles::count_published(database).await.unwrap(), 1);
}

async fn a_new_version_takes_the_place_of_the_old_one_at_once(database: &Database) {
    let workspace = workspace(database).await;
    let generation = generation(database, 1, true).await.id;
    assert_eq!(knowledge_version(database, workspace).await, 0);
    let (old, _) = publish(database, workspace, &generation, "a.md", "old").await;
    let (new, replaced) = publish(database, workspace, &generation, "a.md", "new").await;
    assert_eq!(replaced, [old]);
    let seen = articles::visible_chunks(database, workspace, &generation, &[old, new]).await.unwrap();
    assert_eq!(seen.iter().map(|chunk| chunk.text.as_str()).collect::<Vec<_>>(), ["new"]);
    assert_eq!(knowledge_version(database, workspace).await, 2);

    for expected in [Some(vec![new]), None] {
        let mut transaction = database.begin().await.unwrap();
        let withdrawn = articles::withdraw(&mut transaction, workspace, "a.md", NOW_MS).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(withdrawn, expected);
    }
    assert!(articles::visible_chunks(database, workspace, &generation, &[old, new]).await.unwrap().is_empty());
    assert_eq!(knowledge_version(database, workspace).await, 3);
    assert!(articles::known_files(database, workspace).await.unwrap().is_empty());
    let nowhere = WorkspaceId::new(&IDS, NOW_MS);
    assert_eq!(articles::standing(database, nowhere).await.unwrap(), None);
}

async fn published_files_come_in_pages_of_their_own_workspace(database: &Database) {
    let (here, there) = (workspace(database).await, workspace(database).await);
    let generation = generation(database, 1, true).await.id;
    for (workspace, source) in [(here, "c.md"), (there, "x.md"), (here, "a.md"), (here, "b.md")] {
        publish(database, workspace, &generation, source, source).await;
    }
    publish(database, here, &generation, "a.md", "edited").await;
    let mut transaction = database.begin().await.unwrap();
    articles::withdraw(&mut transaction, here, "b.md", NOW_MS).await.unwrap();
    transaction.commit().await.unwrap();

    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = articles::published_files(database, here, after, 1).await.unwrap();
        let Some(file) = page.first() else { break };
        assert_eq!(page.len(), 1);
        after = Some(file.article);
        found.push((file.source.clone(), file.body.clone(), file.digest.clone()));
    }
    found.sort();
    let file = |source: &str, text: &str| (source.to_owned(), text.to_owned(), text.to_owned());
    assert_eq!(found, [file("a.md", "edited"), file("c.md", "c.md")]);
}

async fn articles_are_listed_narrowed_and_revised_on_both_engines(database: &Database) {
    let (here, there) = (workspace(database).await, workspace(database).await);
    let tags = ["öl".to_owned(), "50%_\\".to_owned()];
    let write = async |workspace: WorkspaceId, number: i64, text: &'static str| {
        let id = ArticleId::new(&IDS, NOW_MS + number);
        let mut transaction = database.begin().await.unwrap();
        people_articles::insert_article(&mut transaction, workspace, id, &format!("{id}.md"), NOW_MS).await.unwrap();
        let version = NewVersion { body: text, ..new_version("", text, "digest", &tags) };
        articles::insert_version(&mut transaction, workspace, &id.to_string(), &version).await.unwrap();
        transaction.commit().await.unwrap();
        (id, version.id)
    };
    let (first, version) = write(here, 0, "100% Wasser_dicht").await;
    write(here, 1, "100 Boote").await;
    write(there, 2, "100% Wasser").await;
    let listed = async |filter: Filter| {
        let counted = people_articles::count_articles(database, here, &filter, 100).await.unwrap();
        let found = people_articles::articles(database, here, &filter, 0, 10).await.unwrap();
        assert_eq!(counted, i64::try_from(found.len()).unwrap());
        found.len()
    };
    let text = |text: &str| Filter { text: Some(text.to_owned()), ..Filter::default() };
    let tag = |tag: &str| Filter { tag: Some(tag.to_owned()), ..Filter::default() };
    assert_eq!(listed(Filter::default()).await, 2);
    for (filter, expected) in [
        (text("100%"), 1),
        (text("wasser_"), 1),
        (text("\\"), 0),
        (tag("50%_\\"), 2),
        (tag("50"), 0),
        (Filter { status: Some(Status::Published), ..Filter::default() }, 0),
        (Filter { source_kind: Some(SourceKind::Manual), ..Filter::default() }, 2),
    ] {
        assert_eq!(listed(filter.clone()).await, expected, "{filter:?}");
    }
    let set = async |revision: i64, status: Option<Status>| {
        let mut transaction = database.begin().await.unwrap();
        let current = status.filter(|status| *status == Status::Published).map(|_| version);
        let is_set =
            people_articles::set_status(&mut transaction, here, first, revision, status, current, NOW_MS).await;
        transaction.commit().await.unwrap();
        is_set.unwrap()
    };
    assert!(!set(7, Some(Status::Published)).await && set(0, Some(Status::Published)).await);
    assert!(!set(0, Some(Status::Archived)).await);
    let article = people_articles::article(database, here, first).await.unwrap().unwrap();
    assert_eq!((article.revision, article.status, article.version.number), (1, Status::Published, 1));
    assert_eq!((article.version.tags, article.version.body.as_str()), (tags.to_vec(), "100% Wasser_dicht"));
    assert_eq!(people_articles::article(database, there, first).await.unwrap(), None);
    assert_eq!(people_articles::versions(database, there, first, i64::MAX, 5).await.unwrap(), []);
    assert!(set(1, None).await && !set(2, Some(Status::Draft)).await, "what was removed stays so");
    assert_eq!(people_articles::article(database, here, first).await.unwrap(), None);
}

async fn twelve_writers_of_one_article_leave_one_version_to_be_seen(database: &Database) {
    let workspace = workspace(database).await;
    let generation = generation(database, 1, true).await.id;
    let writers: Vec<_> = (0..12)
        .map(|number| {
            let (database, generation) = (database.clone(), generation.clone());
            tokio::spawn(async move {
                publish(&database, workspace, &generation, "a.md", &format!("text {number}")).await.0
            })
        })
        .collect();
    let mut chunks = Vec::new();
    for writer in writers {
        chunks.push(writer.await.unwrap());
    }
    let seen = articles::visible_chunks(database, workspace, &generation, &chunks).await.unwrap();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(articles::chunk_ids(database, workspace, &generation).await.unwrap(), [seen[0].id]);
    assert_eq!(knowledge_version(database, workspace).await, 12);
}

async fn a_generation_is_switched_to_only_when_it_is_complete(database: &Database) {
    let workspace = workspace(database).await;
    let first = generation(database, 1, true).await;
    publish(database, workspace, &first.id, "a.md", "alpha").await;
    let second = generation(database, 2, false).await;
    assert_eq!(articles::generations::count(database).await.unwrap(), 2);
    assert_eq!(articles::generations::active(database).await.unwrap().as_ref(), Some(&first));

    let mut transaction = database.begin().await.unwrap();
    assert!(!articles::generations::activate(&mut transaction, &second.id, NOW_MS).await.unwrap());
    transaction.commit().await.unwrap();
    let missing = articles::generations::unchunked(database, &second.id, 10).await.unwrap();
    assert_eq!((missing.len(), missing[0].plain_text.as_str(), missing[0].source.as_str()), (1, "alpha", "a.md"));
    assert_eq!((missing[0].workspace, &missing[0].tags[..]), (workspace, &["rad".to_owned()][..]));

    let version = missing[0].version;
    let chunk = chunk(version, &second.id, 0, 0..5);
    let article = missing[0].article.to_string();
    let mut transaction = database.begin().await.unwrap();
    articles::insert_chunks(&mut transaction, workspace, &article, version, &second.id, std::slice::from_ref(&chunk))
        .await
        .unwrap();
    assert!(articles::generations::activate(&mut transaction, &second.id, NOW_MS).await.unwrap());
    transaction.commit().await.unwrap();
    assert!(articles::generations::unchunked(database, &second.id, 10).await.unwrap().is_empty());
    assert_eq!(articles::generations::active(database).await.unwrap().as_ref(), Some(&second));
    let seen = articles::visible_chunks(database, workspace, &second.id, &[chunk.id]).await.unwrap();
    assert_eq!(seen[0].text, "alpha");
}

async fn an_article_of_thousands_of_chunks_is_written(database: &Database) {
    const CHUNKS: usize = 2_500;
    let workspace = workspace(database).await;
    let generation = generation(database, 1, true).await.id;
    let text = "x".repeat(CHUNKS);
    let version = new_version("long.md", &text, "digest", &[]);
    let place = |ordinal: usize| i64::try_from(ordinal).unwrap()..i64::try_from(ordinal + 1).unwrap();
    let chunks: Vec<NewChunk> =
        (0..CHUNKS).map(|ordinal| chunk(version.id, &generation, ordinal, place(ordinal))).collect();
    let mut transaction = database.begin().await.unwrap();
    let article = ArticleId::new(&IDS, NOW_MS);
    articles::publish(&mut transaction, workspace, article, &version, &generation, &chunks).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(articles::chunk_ids(database, workspace, &generation).await.unwrap().len(), CHUNKS);
}

/// A fresh SQLite database.
pub(crate) async fn sqlite() -> (Database, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = SecretString::from(format!("sqlite:{}", folder.path().join("test.sqlite").display()));
    let database = Database::open(&url).await.unwrap();
    database.migrate(&folder.path().join("migrate.lock")).await.unwrap();
    (database, folder)
}

/// The database that `TEST_POSTGRES_URL` names.
#[expect(clippy::disallowed_methods, reason = "this is no setting of the product")]
pub(crate) fn postgres_url() -> Option<String> {
    std::env::var("TEST_POSTGRES_URL").ok()
}

/// A fresh schema in the PostgreSQL at `url`, as a URL that stays in it.
pub(crate) async fn fresh_schema(url: &str) -> SecretString {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let schema = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
    let administration = sqlx::PgPool::connect(url).await.unwrap();
    for statement in [format!("drop schema if exists {schema} cascade"), format!("create schema {schema}")] {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&administration).await.unwrap();
    }
    administration.close().await;
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}options[search_path]={schema}").into()
}

pub(crate) async fn postgres(url: &str) -> Database {
    let database = Database::open(&fresh_schema(url).await).await.unwrap();
    database.migrate(std::path::Path::new("")).await.unwrap();
    database
}

/// Stamps each promise out for both engines, where it stands beside [`sqlite`], [`postgres`] and [`postgres_url`].
macro_rules! contract_tests {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    let (database, _folder) = super::sqlite().await;
                    super::$name(&database).await;
                }
            )*
        }

        mod on_postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    let Some(url) = super::postgres_url() else {
                        eprintln!("skipped: TEST_POSTGRES_URL is not set");
                        return;
                    };
                    super::$name(&super::postgres(&url).await).await;
                }
            )*
        }
    };
}

pub(crate) use contract_tests;

contract_tests! {
    a_key_is_found_as_it_was_stored_until_it_is_revoked,
    a_conflict_is_told_apart_from_a_failure,
    what_is_not_committed_never_happened,
    a_message_survives_the_round_trip_in_any_script,
    twenty_turns_at_once_number_their_messages_without_a_gap,
    a_session_has_one_open_ticket_a_reason_however_many_are_opened_at_once,
    a_ticket_survives_the_round_trip_in_its_own_workspace_only,
    an_accuracy_record_keeps_a_draft_that_was_not_sent,
    settings_survive_the_round_trip_in_their_own_workspace_only,
    twelve_changes_of_settings_at_once_are_made_one_after_the_other,
    a_session_is_a_person_s_from_the_request_until_it_is_handed_back,
    a_published_chunk_is_seen_with_its_own_words,
    a_new_version_takes_the_place_of_the_old_one_at_once,
    published_files_come_in_pages_of_their_own_workspace,
    articles_are_listed_narrowed_and_revised_on_both_engines,
    twelve_writers_of_one_article_leave_one_version_to_be_seen,
    a_generation_is_switched_to_only_when_it_is_complete,
    an_article_of_thousands_of_chunks_is_written,
}
