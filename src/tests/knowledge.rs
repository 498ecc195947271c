//! Articles that change while they are asked about, and an index that is lost, damaged or out of step.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use candor::clock::Clock;
use candor::config::{Config, Precision};
use candor::engine::{Engine, OpenError, Unfit};
use candor::ids::{ChunkId, Ids, VersionId};
use candor::index::{Dimensions, EdgeIndex, IndexError, Point};
use candor::inference::{Passage, token_projection};
use candor::knowledge::chunk::Chunking;
use candor::knowledge::generation::{self, Mended};
use candor::knowledge::{store, sync};
use candor::search::{SearchQuery, search};
use candor::telemetry::Stages;

use serde_json::Value;

use crate::app::{
    BIKES, NOW_MS, QUESTION_OF_BIKES, SECRET_OF_BIKES, Tenant, TestApp, article, config, eventually, open, publish,
};

fn texts(passages: &[Value]) -> String {
    passages.iter().map(|passage| passage["text"].as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

/// What is found for each of some questions, with its scores.
async fn found(app: &TestApp) -> Vec<Vec<(String, String)>> {
    let mut all = Vec::new();
    for query in [QUESTION_OF_BIKES, "How long does the battery charge?", "refund", "when does the shop open"] {
        let passages = app.search(&app.bikes, query).await;
        let rounded = |passage: &Value| format!("{:.4}", passage["score"].as_f64().unwrap());
        all.push(passages.iter().map(|it| (it["text"].as_str().unwrap().to_owned(), rounded(it))).collect());
    }
    all
}

async fn chunks_in_sql(engine: &Engine, tenant: &Tenant) -> Vec<ChunkId> {
    let generation = engine.generation();
    let mut chunks = store::chunk_ids(engine.database(), tenant.workspace, &generation.row.id).await.unwrap();
    chunks.sort_unstable();
    chunks
}

async fn chunks_in_index(engine: &Engine, tenant: &Tenant) -> Vec<ChunkId> {
    let mut chunks = engine.generation().index.chunks(tenant.workspace).await.unwrap();
    chunks.sort_unstable();
    chunks
}

#[tokio::test(flavor = "multi_thread")]
async fn an_article_is_found_as_it_now_is_and_no_more_when_it_is_withdrawn() {
    let app = TestApp::start().await;
    let query = "What does the cargo trailer cost?";
    publish(&app.engine, &app.bikes, "trailer.md", "# Cargo trailer\n\nThe cargo trailer costs 111 euros.\n").await;
    assert!(texts(&app.search(&app.bikes, query).await).contains("111 euros"));
    publish(&app.engine, &app.bikes, "trailer.md", "# Cargo trailer\n\nThe cargo trailer costs 222 euros.\n").await;
    let now = texts(&app.search(&app.bikes, query).await);
    assert!(now.contains("222 euros") && !now.contains("111 euros"), "{now}");
    assert!(app.ask(&app.bikes, "price", query).await["answer"].as_str().unwrap().contains("222"));
    assert_eq!(chunks_in_index(&app.engine, &app.bikes).await, chunks_in_sql(&app.engine, &app.bikes).await);

    let sources = ["trailer.md".to_owned(), "never-there.md".to_owned()];
    assert_eq!(sync::withdraw(&app.engine, app.bread.workspace, &sources).await.unwrap(), 0, "another's article stays");
    assert_eq!(sync::withdraw(&app.engine, app.bikes.workspace, &sources).await.unwrap(), 1);
    assert_eq!(sync::withdraw(&app.engine, app.bikes.workspace, &sources).await.unwrap(), 0);
    let gone = texts(&app.search(&app.bikes, query).await);
    assert!(!gone.contains("222 euros") && !gone.contains("111 euros"), "{gone}");
    assert_eq!(chunks_in_index(&app.engine, &app.bikes).await, chunks_in_sql(&app.engine, &app.bikes).await);

    publish(&app.engine, &app.bikes, "trailer.md", "# Cargo trailer\n\nThe cargo trailer costs 333 euros.\n").await;
    assert!(texts(&app.search(&app.bikes, query).await).contains("333 euros"), "it comes back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_leaves_its_article_as_it_was() {
    let app = TestApp::start().await;
    for bytes in [vec![0, 159, 146, 150], Vec::new(), b"---\ntitle: x\n---\n".to_vec()] {
        let file = sync::ArticleFile { bytes, ..article("brakes.md", "") };
        let error = sync::publish(&app.engine, app.bikes.workspace, file).await.unwrap_err();
        assert!(error.is_about_file(), "{error}");
    }
    assert!(texts(&app.search(&app.bikes, QUESTION_OF_BIKES).await).contains(SECRET_OF_BIKES));
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_one_article_many_times_at_once_ends_in_one_current_version() {
    const NUMBERS: &str = "
        select v.version from article_versions v join articles a on a.id = v.article_id
        where a.source = 'gift.md' order by v.version";
    let app = TestApp::start().await;
    let tasks: Vec<_> = (0..12)
        .map(|number| {
            let (engine, tenant) = (app.engine.clone(), app.bikes.clone());
            let text = format!("# Gift card\n\nA gift card is worth EDITION{number} euros.\n\n## More\n\nAsk us.\n");
            tokio::spawn(async move { publish(&engine, &tenant, "gift.md", &text).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let text = texts(&app.search(&app.bikes, "What is a gift card worth?").await);
    assert_eq!(text.matches("EDITION").count(), 1, "{text}");
    let known = store::known_files(app.engine.database(), app.bikes.workspace).await.unwrap();
    assert_eq!(known.iter().filter(|known| known.source == "gift.md").count(), 1);
    assert_eq!(chunks_in_index(&app.engine, &app.bikes).await, chunks_in_sql(&app.engine, &app.bikes).await);
    let numbers: Vec<i64> =
        candor::read!(app.engine.database(), |pool: D| sqlx::query_scalar(NUMBERS).fetch_all(pool)).unwrap();
    assert_eq!(numbers, (1..=12).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_article_that_flips_is_seen_in_one_version_or_the_other_and_never_in_none_or_a_mix() {
    let app = Arc::new(TestApp::start().await);
    // Two sentences that both answer, in chunks of their own.
    let version = |mark: &str| {
        format!(
            "# Warranty\n\nThe warranty of the frame lasts {mark}FRAME years.\n\n{}\n\n\
             ## Battery\n\nThe warranty of the battery lasts {mark}BATTERY years.\n",
            "The frame is made of steel, and steel is real. ".repeat(16)
        )
    };
    let versions = [version("OLD"), version("NEW")];
    publish(&app.engine, &app.bikes, "warranty.md", &versions[0]).await;
    let done = Arc::new(AtomicBool::new(false));
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let askers: Vec<_> = (0..3)
        .map(|asker| {
            let (app, done, seen) = (Arc::clone(&app), Arc::clone(&done), Arc::clone(&seen));
            tokio::spawn(async move {
                while !done.load(Ordering::SeqCst) {
                    let text = if asker == 0 {
                        app.ask(&app.bikes, "flip", "How long does the warranty of the frame last?").await["answer"]
                            .as_str()
                            .unwrap()
                            .to_owned()
                    } else {
                        texts(&app.search(&app.bikes, "How long does the warranty of frame and battery last?").await)
                    };
                    seen.lock().unwrap().push(text);
                }
            })
        })
        .collect();
    for round in 0..30 {
        let before = seen.lock().unwrap().len();
        publish(&app.engine, &app.bikes, "warranty.md", &versions[(round + 1) % 2]).await;
        eventually("a question between two flips", || async {
            (seen.lock().unwrap().len() > before + 1).then_some(())
        })
        .await;
    }
    done.store(true, Ordering::SeqCst);
    for asker in askers {
        asker.await.unwrap();
    }
    let seen = seen.lock().unwrap();
    let marks = |text: &str| {
        (
            text.contains("OLDFRAME") || text.contains("OLDBATTERY"),
            text.contains("NEWFRAME") || text.contains("NEWBATTERY"),
        )
    };
    for text in seen.iter() {
        let (old, new) = marks(text);
        assert!(old != new, "old {old}, new {new}: {text}");
    }
    assert!(seen.iter().any(|text| marks(text).0) && seen.iter().any(|text| marks(text).1), "both were seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_built_anew_while_every_question_is_answered() {
    let app = Arc::new(TestApp::start().await);
    // An article without a body has to end a rebuild too.
    publish(&app.engine, &app.bread, "title-only.md", "# Only a title\n").await;
    let before = found(&app).await;
    let first = app.engine.generation().row.id.clone();
    let done = Arc::new(AtomicBool::new(false));
    let askers: Vec<_> = (0..3)
        .map(|_| {
            let (app, done) = (Arc::clone(&app), Arc::clone(&done));
            tokio::spawn(async move {
                let mut asked = 0;
                while !done.load(Ordering::SeqCst) {
                    let text = texts(&app.search(&app.bikes, QUESTION_OF_BIKES).await);
                    assert!(text.contains(SECRET_OF_BIKES), "after {asked} questions: {text:?}");
                    asked += 1;
                }
                asked
            })
        })
        .collect();
    let mut generations = vec![first];
    for _ in 0..5 {
        let rebuilding = generation::rebuild(&app.engine, |_, _| ());
        let rebuilt = tokio::time::timeout(Duration::from_secs(30), rebuilding).await.expect("a rebuild ends").unwrap();
        assert!(rebuilt.articles >= BIKES.len() && rebuilt.points >= rebuilt.articles, "{rebuilt:?}");
        generations.push(rebuilt.generation);
    }
    done.store(true, Ordering::SeqCst);
    for asker in askers {
        assert!(asker.await.unwrap() > 0);
    }
    generations.dedup();
    assert_eq!(generations.len(), 6, "{generations:?}");
    assert_eq!(&app.engine.generation().row.id, generations.last().unwrap());
    assert_eq!(found(&app).await, before);
    let active = store::generations::active(app.engine.database()).await.unwrap().unwrap();
    assert_eq!(&active.id, generations.last().unwrap());
    assert_eq!(chunks_in_index(&app.engine, &app.bikes).await, chunks_in_sql(&app.engine, &app.bikes).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn articles_published_during_a_rebuild_are_in_the_new_index() {
    let app = Arc::new(TestApp::start().await);
    let publishing = {
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            for number in 0..20 {
                let text = format!("# Colour {number}\n\nColour {number} is called TINT{number}.\n");
                publish(&app.engine, &app.bikes, &format!("colour-{number}.md"), &text).await;
            }
        })
    };
    for _ in 0..3 {
        generation::rebuild(&app.engine, |_, _| ()).await.unwrap();
    }
    publishing.await.unwrap();
    generation::mend(&app.engine, |_| ()).await.unwrap();
    assert_eq!(chunks_in_index(&app.engine, &app.bikes).await, chunks_in_sql(&app.engine, &app.bikes).await);
    for number in [0, 7, 19] {
        let text = texts(&app.search(&app.bikes, &format!("What is colour {number} called?")).await);
        assert!(text.contains(&format!("TINT{number}.")), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_out_of_step_is_mended() {
    let app = TestApp::start().await;
    let engine = &app.engine;
    let before = found(&app).await;
    assert_eq!(generation::mend(engine, |_| ()).await.unwrap(), Mended::default(), "there is nothing to do");

    let index = engine.generation().index.clone();
    let lost = chunks_in_sql(engine, &app.bikes).await;
    index.delete(app.bikes.workspace, &lost[..3]).await.unwrap();
    let orphans: Vec<ChunkId> =
        (0..2).map(|ordinal| ChunkId::of(VersionId::new(&Ids::Random, NOW_MS), "behind", ordinal)).collect();
    let text = "The workshop code for a Zephyrine brake repair is FORGED-0000.";
    let passage = Passage { text: text.to_owned(), sentences: Vec::new() };
    let embedding = engine.embedder().embed_passages(vec![passage]).await.unwrap().remove(0);
    let point = |chunk| Point {
        chunk,
        dense: embedding.dense.clone(),
        tokens: embedding.tokens.clone(),
        sentences: embedding.sentences.clone(),
        title: embedding.dense.clone(),
        terms: engine.bm25().document(text),
        title_terms: engine.bm25().question(text),
        tags: Vec::new(),
    };
    index.upsert(app.bikes.workspace, orphans.iter().copied().map(point).collect()).await.unwrap();
    // SQL decides what is seen, so nobody sees the orphans even before they are swept.
    assert!(!texts(&app.search(&app.bikes, QUESTION_OF_BIKES).await).contains("FORGED"));

    assert_eq!(generation::mend(engine, |_| ()).await.unwrap(), Mended { restored: 3, swept: 2 });
    assert_eq!(chunks_in_index(engine, &app.bikes).await, lost);
    assert_eq!(found(&app).await, before);
    assert_eq!(generation::mend(engine, |_| ()).await.unwrap(), Mended::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_is_opened_once() {
    let app = TestApp::start().await;
    let refused = open(config(app.folder.path()), Unfit::Refuse).await.err().expect("it is in use");
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    assert!(refused.to_string().contains("in use by another Candor process"), "{refused}");
    let folder = app.close().await;
    let again = reopened(folder.path(), Unfit::Refuse).await.unwrap();
    assert!(again.generation().index.total().await.unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn articles_that_were_cut_in_another_way_answer_while_they_are_cut_again() {
    let app = TestApp::start().await;
    let tenant = app.bikes.clone();
    let folder = app.close().await;
    let engine = eventually("the data folder is free", || async {
        let chunking = Chunking { tokens_max: 20, section_tokens_min: 0, ..Chunking::SHIPPED };
        let settings = config(folder.path());
        Engine::open_cutting(settings, Clock::fixed(NOW_MS), Ids::Random, Unfit::Refuse, chunking).await.ok()
    })
    .await;
    assert!(engine.has_other_chunks());
    let before = chunks_in_index(&engine, &tenant).await.len();
    let rebuilding = tokio::spawn({
        let engine = engine.clone();
        async move { generation::rebuild(&engine, |_, _| ()).await.unwrap() }
    });
    loop {
        let query = SearchQuery::new(QUESTION_OF_BIKES, 5);
        let found = search(&engine, tenant.workspace, &query, &mut Stages::default()).await.unwrap();
        assert!(found.passages.iter().any(|passage| passage.text.contains(SECRET_OF_BIKES)));
        if rebuilding.is_finished() {
            break;
        }
    }
    assert_eq!(rebuilding.await.unwrap().generation, engine.generation().row.id);
    assert!(!engine.has_other_chunks());
    assert!(chunks_in_index(&engine, &tenant).await.len() > before, "smaller chunks are more");
    assert_eq!(chunks_in_index(&engine, &tenant).await, chunks_in_sql(&engine, &tenant).await);
}

/// Opens a folder whose engine was dropped a moment ago: its last thread may still hold the lock.
async fn reopened(folder: &Path, unfit: Unfit) -> Result<Engine, OpenError> {
    eventually("the data folder is free", || async {
        match open(config(folder), unfit).await {
            Err(OpenError::InUse { .. } | OpenError::Index(IndexError::InUse { .. })) => None,
            outcome => Some(outcome),
        }
    })
    .await
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// A way to damage an index folder.
type Damage = fn(&Path);

const DIMENSIONS: Dimensions = Dimensions { dense: 384, tokens: token_projection::DIMENSION };

const DAMAGES: [(&str, Damage); 5] = [
    ("its configuration is gone", |folder| std::fs::remove_file(folder.join("edge_config.json")).unwrap()),
    ("its configuration is nonsense", |folder| std::fs::write(folder.join("edge_config.json"), "{nonsense").unwrap()),
    ("its configuration is empty", |folder| std::fs::write(folder.join("edge_config.json"), "").unwrap()),
    ("every file is cut to nothing", |folder| {
        for file in files_below(folder) {
            std::fs::write(file, "").unwrap();
        }
    }),
    ("every file is overwritten", |folder| {
        for file in files_below(folder) {
            let length = usize::try_from(std::fs::metadata(&file).unwrap().len()).unwrap();
            std::fs::write(file, vec![0xab; length.min(1 << 20)]).unwrap();
        }
    }),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_other_settings_is_built_again_even_if_it_cannot_be_read() {
    let app = TestApp::start().await;
    let (tenant, generation_id) = (app.bikes.clone(), app.engine.generation().row.id.clone());
    let folder = app.close().await;
    let path = folder.path().join("index").join(&generation_id);
    eventually("the index is closed", || async { EdgeIndex::open(&path, DIMENSIONS).is_ok().then_some(()) }).await;
    std::fs::write(path.join("edge_config.json"), "{nonsense").unwrap();
    let other = || Config { embedding_precision: Precision::Fp32, ..config(folder.path()) };
    let refused = eventually("the data folder is free", || async {
        match open(other(), Unfit::Refuse).await.err() {
            Some(OpenError::InUse { .. }) => None,
            refused => Some(refused.expect("another model's index was opened")),
        }
    })
    .await;
    assert!(matches!(refused, OpenError::OtherGeneration { .. }), "{refused}");
    let engine = eventually("the data folder is free", || async {
        match open(other(), Unfit::Rebuild).await {
            Err(OpenError::InUse { .. }) => None,
            opened => Some(opened.unwrap_or_else(|error| panic!("{error}"))),
        }
    })
    .await;
    generation::rebuild(&engine, |_, _| ()).await.unwrap();
    let (in_index, in_sql) = (chunks_in_index(&engine, &tenant).await, chunks_in_sql(&engine, &tenant).await);
    assert!(!in_sql.is_empty());
    assert_eq!(in_index, in_sql);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_index_is_named_refused_and_built_again() {
    let app = TestApp::start().await;
    let (tenant, generation_id) = (app.bikes.clone(), app.engine.generation().row.id.clone());
    let expected = chunks_in_sql(&app.engine, &tenant).await.len();
    let mut folder_of_generation = generation_id;
    let folder = app.close().await;
    for (name, damage) in DAMAGES {
        let path = folder.path().join("index").join(&folder_of_generation);
        eventually("the index is closed", || async { EdgeIndex::open(&path, DIMENSIONS).is_ok().then_some(()) }).await;
        damage(&path);

        let refused = reopened(folder.path(), Unfit::Refuse).await.err().unwrap_or_else(|| panic!("{name}: opened"));
        assert!(matches!(refused, OpenError::Index(IndexError::Damaged { .. })), "{name}: {refused:?}");
        let sentence = refused.to_string();
        assert!(sentence.contains("candor reindex") && sentence.contains("nothing is lost"), "{name}: {sentence}");

        let engine = reopened(folder.path(), Unfit::Rebuild).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let rebuilt = generation::rebuild(&engine, |_, _| ()).await.unwrap();
        assert!(rebuilt.articles >= BIKES.len(), "{name}: {rebuilt:?}");
        assert_eq!(chunks_in_index(&engine, &tenant).await, chunks_in_sql(&engine, &tenant).await, "{name}");
        assert_eq!(chunks_in_index(&engine, &tenant).await.len(), expected, "{name}");
        folder_of_generation = rebuilt.generation;
        let query = SearchQuery::new(QUESTION_OF_BIKES, 5);
        let found = search(&engine, tenant.workspace, &query, &mut Stages::default()).await.unwrap();
        assert!(found.passages.iter().any(|passage| passage.text.contains(SECRET_OF_BIKES)), "{name}");
        engine.database().close().await;
    }
}
