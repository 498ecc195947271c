//! Answers that are given again: only to the very same question, and only while the articles still say so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{Method, StatusCode};
use candor::ids::Ids;
use candor::knowledge::sync;
use fake_gemini::{FakeGemini, Plain};
use serde_json::{Value, json};

use crate::app::{QUESTION_OF_BIKES, TestApp, publish};
use crate::gemini::{KEY, fake, trace};
use crate::streams::hear;

const RETURN: &str = "Within how many days can I return a bicycle?";
const OPENING: &str = "When does the shop open in the morning?";

async fn keeping() -> TestApp {
    TestApp::with_ids(Ids::Random, |config| config.answer_cache_bytes = 1 << 20).await
}

async fn keeping_of(fake: &FakeGemini) -> TestApp {
    TestApp::with_ids(Ids::Random, |config| {
        config.answer_cache_bytes = 1 << 20;
        config.gemini_url = fake.url();
        config.gemini_api_key = Some(KEY.to_owned().into());
        config.generation_seconds_max = 3;
    })
    .await
}

/// Asks in a session of its own.
async fn ask(app: &TestApp, message: &str) -> Value {
    static SESSIONS: AtomicU64 = AtomicU64::new(0);
    let session = format!("visitor-{}", SESSIONS.fetch_add(1, Ordering::Relaxed));
    app.ask(&app.bikes, &session, message).await
}

async fn is_cached(app: &TestApp, message: &str) -> bool {
    let reply = ask(app, message).await;
    assert_eq!(reply["decision"], "answered", "{reply}");
    reply["responseType"] == "cached"
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_question_has_the_same_answer_without_asking_the_model_again() {
    let fake = fake().await;
    let app = keeping_of(&fake).await;
    let first = ask(&app, QUESTION_OF_BIKES).await;
    let second = ask(&app, QUESTION_OF_BIKES).await;
    assert_eq!((&first["responseType"], &second["responseType"]), (&json!("ai"), &json!("cached")));
    for field in ["answer", "citations", "confidence", "decision"] {
        assert_eq!(first[field], second[field], "{field}");
    }
    assert_ne!(first["messageId"], second["messageId"]);
    assert_eq!(fake.requests().len(), 1);
    let trace = trace(&app, &second).await;
    assert_eq!(trace["cached"]["searchedAgain"], false, "{trace}");
    assert_eq!(trace["stagesMs"], json!([]), "nothing was done");
    let heard = hear(&app, &app.bikes.secret, "visitor", QUESTION_OF_BIKES).await;
    assert_eq!(heard.names(), ["thinking", "citation", "token", "final"]);
    assert_eq!(
        (heard.reply()["answer"].clone(), heard.reply()["responseType"].clone()),
        (first["answer"].clone(), json!("cached"))
    );
    assert_eq!(fake.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_heard_is_given_again_whole() {
    let fake = fake().await;
    let app = keeping_of(&fake).await;
    let heard = hear(&app, &app.bikes.secret, "visitor", QUESTION_OF_BIKES).await.reply();
    let again = ask(&app, QUESTION_OF_BIKES).await;
    assert_eq!((&again["responseType"], &again["answer"]), (&json!("cached"), &heard["answer"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_question_another_conversation_and_other_settings_are_answered_anew() {
    let app = keeping().await;
    assert!(!is_cached(&app, RETURN).await);
    assert!(is_cached(&app, RETURN).await && is_cached(&app, &format!("  {RETURN}\n")).await);
    assert!(!is_cached(&app, "Within how many days can I not return a bicycle?").await, "a word that flips it");
    // The same words after something else was said may mean something else.
    app.ask(&app.bikes, "talker", OPENING).await;
    assert_ne!(app.ask(&app.bikes, "talker", RETURN).await["responseType"], "cached");
    // Another company has another answer.
    let other = app.ask(&app.bread, "visitor", RETURN).await;
    assert_ne!(other["responseType"], "cached", "{other}");
    let change = async |change: Value| {
        let reply = app.call(Method::PUT, "/ai/config").json(&change).key(&app.bikes.secret).send().await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    };
    change(json!({ "threshold": 0.05 })).await;
    assert!(!is_cached(&app, RETURN).await);
    change(json!({ "enabled": false })).await;
    assert_eq!(ask(&app, RETURN).await["reason"], "policy");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_takes_the_answers_that_cite_the_article_and_no_others() {
    let app = keeping().await;
    assert!(!is_cached(&app, RETURN).await && !is_cached(&app, OPENING).await);
    let edited = "# Returning a bicycle\n\nYou can return a bicycle within 60 days. The refund is paid to the original \
                  payment method within 14 days after we received the bicycle.\n";
    publish(&app.engine, &app.bikes, "returns.md", edited).await;
    let opening = ask(&app, OPENING).await;
    assert_eq!(opening["responseType"], "cached", "{opening}");
    assert_eq!(trace(&app, &opening).await["cached"]["searchedAgain"], true);
    let opening = ask(&app, OPENING).await;
    assert_eq!(trace(&app, &opening).await["cached"]["searchedAgain"], false, "it was seen to hold");
    let returned = ask(&app, RETURN).await;
    assert!(returned["responseType"] == "extractive" && returned["answer"].as_str().unwrap().contains("60 days"));
    assert!(is_cached(&app, RETURN).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_better_article_and_a_removed_one_take_the_answer_with_them() {
    let app = keeping().await;
    assert!(!is_cached(&app, OPENING).await && !is_cached(&app, RETURN).await);
    let better = "When does the shop open in the morning?\n\nThe shop opens at 7 in the morning.\n";
    publish(&app.engine, &app.bikes, "new-hours.txt", better).await;
    assert_ne!(ask(&app, OPENING).await["responseType"], "cached");
    sync::withdraw(&app.engine, app.bikes.workspace, &["returns.md".to_owned()]).await.unwrap();
    let reply = ask(&app, RETURN).await;
    assert!(reply["responseType"] != "cached" && !reply["answer"].as_str().unwrap().contains("30 days"), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_article_that_now_says_the_opposite_takes_the_answer_with_it() {
    let app = keeping().await;
    let article = |days: u64| format!("# Returning a kayak\n\nYou can return a kayak within {days} days.");
    for source in ["here.md", "there.md"] {
        publish(&app.engine, &app.bikes, source, &article(30)).await;
    }
    let question = "Within how many days can I return a kayak?";
    assert!(!is_cached(&app, question).await && is_cached(&app, question).await);
    // Whichever of the two is cited, the other speaks about the same.
    for source in ["here.md", "there.md"] {
        publish(&app.engine, &app.bikes, source, &article(14)).await;
        let reply = ask(&app, question).await;
        assert_ne!(reply["responseType"], "cached", "{source}: {reply}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_of_the_usual_kind_is_not_kept() {
    let fake = fake().await;
    let app = keeping_of(&fake).await;
    fake.set_scenario(Plain::Overloaded);
    assert_eq!(ask(&app, RETURN).await["responseType"], "fallback");
    fake.set_scenario(Plain::OkJson);
    assert_eq!(ask(&app, RETURN).await["responseType"], "ai", "the model is back");
    let before = fake.requests().len();
    for _ in 0..2 {
        let escalated = ask(&app, "Do you sell submarines to Neptune?").await;
        assert!(escalated["decision"] == "escalated" && escalated["ticketId"].is_string(), "{escalated}");
    }
    assert_eq!(fake.requests().len(), before + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_under_load_never_has_a_stale_answer() {
    const EDITS: u64 = 12;
    let app = Arc::new(keeping().await);
    let article = |days: u64| format!("# Returning a tandem\n\nYou can return a tandem within {days} days.\n");
    // What is published is told before anybody asks: an answer may be newer than what the asker knows, never older.
    let published = Arc::new(AtomicU64::new(100));
    publish(&app.engine, &app.bikes, "tandem.md", &article(100)).await;
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (app, published) = (Arc::clone(&app), Arc::clone(&published));
        askers.spawn(async move {
            let mut cached = 0;
            loop {
                let known = published.load(Ordering::SeqCst);
                let reply = ask(&app, "Within how many days can I return a tandem?").await;
                let answer = reply["answer"].as_str().unwrap();
                let days = answer.split_whitespace().find_map(|word| word.parse::<u64>().ok());
                assert!(days.is_some_and(|days| days >= known), "{known} days are published: {reply}");
                cached += u64::from(reply["responseType"] == "cached");
                if known == 100 + EDITS {
                    return cached;
                }
            }
        });
    }
    for days in 101..=100 + EDITS {
        tokio::time::sleep(std::time::Duration::from_millis(40)).await;
        publish(&app.engine, &app.bikes, "tandem.md", &article(days)).await;
        published.store(days, Ordering::SeqCst);
    }
    let cached: Vec<u64> = askers.join_all().await;
    assert!(cached.iter().sum::<u64>() > 0, "nothing was ever given again: {cached:?}");
}
