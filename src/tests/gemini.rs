//! Answers by Gemini, over real HTTP against a fake that fails in every way in which the real one is known to: whatever it does,
//! the customer gets an answer that stands on articles, or a ticket.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use candor::ids::Ids;
use candor::inference::{GenerateError, Generator, Provider};
use fake_gemini::{FakeGemini, Moment, Plain, Scenario, Script, Settings};
use serde_json::{Value, json};

use crate::app::{QUESTION_OF_BIKES, SECRET_OF_BIKES, TestApp, config};
use crate::streams::hear;

pub(crate) const KEY: &str = "key-of-the-test";

pub(crate) async fn fake() -> FakeGemini {
    FakeGemini::start(Settings { keys: vec![KEY.to_owned()], ..Settings::default() }).await.unwrap()
}

/// Candor with the fake as its language model.
async fn app(fake: &FakeGemini) -> TestApp {
    TestApp::with_ids(Ids::Random, |config| {
        config.gemini_url = fake.url();
        config.gemini_api_key = Some(KEY.to_owned().into());
        config.generation_seconds_max = 3;
    })
    .await
}

async fn ask(app: &TestApp, session: &str) -> Value {
    app.ask(&app.bikes, session, QUESTION_OF_BIKES).await
}

/// What the accuracy record of a session's last answer says the language model did.
pub(crate) async fn model_trace(app: &TestApp, message: &Value) -> Value {
    trace(app, message).await["model"].clone()
}

/// The whole trace of a session's last answer.
pub(crate) async fn trace(app: &TestApp, message: &Value) -> Value {
    const SQL: &str = "select trace_sealed from accuracy_records where message_id = $1";
    let message = message["messageId"].as_str().unwrap().to_owned();
    let sealed: Vec<u8> =
        candor::read!(app.engine.database(), |pool: D| sqlx::query_scalar(SQL).bind(message.clone()).fetch_one(pool))
            .unwrap();
    // Nothing is encrypted yet: a version byte, then the JSON.
    serde_json::from_slice(&sealed[1..]).unwrap()
}

/// Every scenario with what came of it, as the README's table shows it.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_model_does_the_customer_gets_an_answer_or_a_ticket() {
    let table = every_scenario(&fake().await, app, Delivery::Whole).await;
    insta::with_settings!({ snapshot_path => "." , prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("gemini", table);
    });
}

/// The same where the customer hears the answer while it is written.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_model_does_the_customer_hears_an_answer_or_of_a_ticket() {
    let table = every_scenario(&fake().await, app, Delivery::Stream).await;
    insta::with_settings!({ snapshot_path => "." , prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("gemini_streams", table);
    });
}

/// How an answer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Whole,
    Stream,
}

/// A row for each scenario: what came of it, by an app with the fake as its language model.
pub(crate) async fn every_scenario(
    fake: &FakeGemini,
    start: impl AsyncFn(&FakeGemini) -> TestApp,
    delivery: Delivery,
) -> String {
    let mut app = start(fake).await;
    let mut scenarios: Vec<Scenario> = Plain::ALL.iter().map(|plain| Scenario::Plain(*plain)).collect();
    scenarios.extend([
        Scenario::SlowTtft(Duration::from_secs(30)),
        Scenario::QuotaPerMinute(Duration::from_millis(100)),
        Scenario::QuotaPerMinute(Duration::from_secs(37)),
        Scenario::Disconnect(Moment::BeforeHead),
        Scenario::Disconnect(Moment::MidBody),
    ]);
    if delivery == Delivery::Stream {
        scenarios.extend([0, 3, 8, 9, 10].map(|chunks| Scenario::Disconnect(Moment::AfterChunks(chunks))));
    }
    let mut table = String::new();
    for (number, scenario) in scenarios.into_iter().enumerate() {
        fake.set_scenario(scenario);
        let began = Instant::now();
        let session = format!("visitor-{number}");
        let reply = match delivery {
            Delivery::Whole => ask(&app, &session).await,
            Delivery::Stream => hear(&app, &app.bikes.secret, &session, QUESTION_OF_BIKES).await.reply(),
        };
        assert!(began.elapsed() < Duration::from_secs(10), "{scenario}: {:?}", began.elapsed());
        let (decision, text) = (reply["decision"].as_str().unwrap(), reply["answer"].as_str().unwrap());
        match decision {
            "answered" => {
                assert!(!reply["citations"].as_array().unwrap().is_empty(), "{scenario}: {reply}");
                assert!(text.contains(SECRET_OF_BIKES), "{scenario}: {reply}");
            }
            "escalated" => {
                let ticket = reply["ticketId"].as_str().unwrap();
                let shown = app.get(&format!("/tickets/{ticket}")).key(&app.bikes.secret).send().await;
                assert_eq!(shown.status, StatusCode::OK, "{scenario}");
                assert!(text.contains(ticket), "{scenario}: {reply}");
            }
            _ => panic!("{scenario}: {reply}"),
        }
        let trace = model_trace(&app, &reply).await;
        let seen = match reply["ticketId"].as_str() {
            Some(ticket) => text.replace(ticket, "…"),
            None => text.to_owned(),
        };
        let decision = reply["reason"].as_str().map_or(decision.to_owned(), |reason| format!("{decision}: {reason}"));
        let (result, kind) = (trace["result"].as_str().unwrap(), reply["responseType"].as_str().unwrap());
        let _ = writeln!(table, "| {scenario} | {result} | {kind} | {decision} | {} |", seen.replace('\n', " "));
        // This is not about the breaker: a success in between closes it, and one that was told to wait begins anew.
        fake.set_scenario(Plain::OkJson);
        ask(&app, &format!("between-{number}")).await;
        if !app.engine.generators().first().unwrap().is_called() {
            app = start(fake).await;
        }
    }
    table
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_is_rewritten_by_the_model_and_by_words_where_that_fails() {
    let fake = fake().await;
    let app = app(&fake).await;
    let followed = async || {
        let history = json!([
            { "sender": "user", "text": "How long until the battery charges?" },
            { "sender": "bot", "text": "The battery charges in 4 hours." },
        ]);
        let asked = json!({ "message": "and where to store it?", "history": history });
        app.post("/ai/test", &asked).key(&app.bikes.secret).send().await.json()["trace"].clone()
    };
    let trace = followed().await;
    assert_eq!(trace["rewrite"]["result"], "ok", "{trace}");
    assert_eq!(trace["searchedFor"], "How long until the battery charges? and where to store it?");
    let by_words = "How long until the battery charges? The battery charges in 4 hours. and where to store it?";
    for scenario in ["500", "garbage_json", "blocked_prompt", "slow_ttft=30000"] {
        fake.set_scenario(scenario.parse::<Script>().unwrap());
        let began = Instant::now();
        let trace = followed().await;
        assert_ne!(trace["rewrite"]["result"], "ok", "{scenario}: {trace}");
        assert_eq!(trace["searchedFor"], by_words, "{scenario}");
        assert!(began.elapsed() < Duration::from_secs(10), "{scenario}: {:?}", began.elapsed());
    }
    // A message that stands alone costs no call.
    fake.set_scenario(Plain::OkJson);
    let before = fake.requests().len();
    ask(&app, "visitor-alone").await;
    assert_eq!(fake.requests().len(), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_passes_is_tried_again_within_the_budget() {
    let fake = fake().await;
    let app = app(&fake).await;
    fake.set_scenario("flaky=2/503".parse::<Script>().unwrap());
    let reply = ask(&app, "visitor-1").await;
    assert_eq!((&reply["responseType"], fake.requests().len()), (&json!("ai"), 3), "{reply}");
    assert_eq!(model_trace(&app, &reply).await["attempts"], 3);

    // A pause that is longer than the budget is not begun.
    fake.set_scenario(Scenario::QuotaPerMinute(Duration::from_secs(30)));
    let began = Instant::now();
    let reply = ask(&app, "visitor-2").await;
    assert_eq!((&reply["responseType"], fake.requests().len()), (&json!("fallback"), 4), "{reply}");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fails_again_and_again_is_left_alone() {
    let fake = fake().await;
    let app = app(&fake).await;
    fake.set_scenario(Plain::BadKey);
    for visitor in 0..5 {
        assert_eq!(ask(&app, &format!("visitor-{visitor}")).await["responseType"], "fallback");
    }
    let asked = fake.requests().len();
    assert_eq!(asked, 5, "a key that is refused is not tried again");
    let reply = ask(&app, "visitor-5").await;
    assert_eq!((&reply["responseType"], fake.requests().len()), (&json!("fallback"), asked), "{reply}");
    let ready = app.get("/readyz").send().await;
    assert_eq!((ready.status, &ready.json()["status"]), (StatusCode::OK, &json!("degraded")), "{}", ready.text());
    assert_eq!(ready.json()["dependencies"]["generator"]["ok"], false, "{}", ready.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_of_a_day_is_not_asked_for_again() {
    let fake = fake().await;
    let app = app(&fake).await;
    fake.set_scenario(Plain::QuotaPerDay);
    for visitor in 0..3 {
        assert_eq!(ask(&app, &format!("visitor-{visitor}")).await["responseType"], "fallback");
    }
    assert_eq!(fake.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thinking_level_that_is_refused_is_left_out_from_then_on() {
    let fake = fake().await;
    let app = app(&fake).await;
    fake.set_scenario(Plain::ThinkingRejected);
    assert_eq!(ask(&app, "visitor-1").await["responseType"], "ai");
    assert_eq!(ask(&app, "visitor-2").await["responseType"], "ai");
    let thinking: Vec<bool> =
        fake.requests().iter().map(|request| request.body["generationConfig"]["thinkingConfig"].is_object()).collect();
    assert_eq!(thinking, [true, false, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_passage_supports_is_not_said() {
    let fake = fake().await;
    let app = app(&fake).await;
    fake.set_scenario(Plain::UnsupportedClaim);
    let reply = ask(&app, "visitor-1").await;
    let trace = model_trace(&app, &reply).await;
    let faults: Vec<&Value> = trace["sentences"].as_array().unwrap().iter().map(|one| &one["fault"]).collect();
    assert!(faults.contains(&&json!("number_not_found")), "{trace}");
    for sentence in trace["sentences"].as_array().unwrap() {
        let said = reply["answer"].as_str().unwrap().contains(sentence["text"].as_str().unwrap());
        assert_eq!(said, sentence["fault"].is_null(), "{sentence} {reply}");
    }

    fake.set_scenario(Plain::InventedPassage);
    let reply = ask(&app, "visitor-2").await;
    let trace = model_trace(&app, &reply).await;
    for sentence in trace["sentences"].as_array().unwrap() {
        let said = reply["answer"].as_str().unwrap().contains(sentence["text"].as_str().unwrap());
        assert_eq!(said, sentence["fault"].is_null(), "{sentence} {reply}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_prompt_holds_only_the_workspaces_own_articles_and_the_key_only_its_header() {
    let fake = fake().await;
    let app = app(&fake).await;
    ask(&app, "visitor-1").await;
    app.ask(&app.bread, "visitor-1", "How long does sourdough rest?").await;
    let requests = fake.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[0].says(SECRET_OF_BIKES) && !requests[0].says("sourdough"));
    assert!(requests[1].says("24 hours") && !requests[1].says(SECRET_OF_BIKES) && !requests[1].says("Zephyrine"));
    for request in &requests {
        assert!(!request.says(KEY) && !request.path.contains(KEY));
        let instruction = request.body["systemInstruction"].to_string();
        assert!(!instruction.contains("Zephyrine") && !instruction.contains("sourdough"), "{instruction}");
    }
    let shown = format!("{:?}", app.engine.generators().first().unwrap());
    assert!(!shown.contains(KEY), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_their_cost_are_kept_with_the_answer() {
    const SQL: &str = "select tokens from accuracy_records where message_id = $1";
    let fake = fake().await;
    let app = app(&fake).await;
    fake.set_scenario(Plain::Thinking);
    let reply = ask(&app, "visitor-1").await;
    let usage = model_trace(&app, &reply).await;
    let count = |kind: &str| usage["usage"][kind].as_f64().unwrap();
    assert!(count("prompt") > 0.0 && count("answer") > 0.0 && count("thoughts") > 0.0, "{usage}");
    let expected = count("prompt") * 0.75e-6 + (count("answer") + count("thoughts")) * 3.75e-6;
    assert!((usage["costUsd"].as_f64().unwrap() - expected).abs() < 1e-9, "{usage}");
    let message = reply["messageId"].as_str().unwrap().to_owned();
    let tokens: i64 =
        candor::read!(app.engine.database(), |pool: D| sqlx::query_scalar(SQL).bind(message.clone()).fetch_one(pool))
            .unwrap();
    assert!(
        (f64::from(u32::try_from(tokens).unwrap()) - count("prompt") - count("answer") - count("thoughts")).abs() < 0.5
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_does_not_exist_and_a_key_that_is_wrong_are_found_at_the_start() {
    let fake = fake().await;
    let folder = tempfile::tempdir().unwrap();
    let model = |model: &str, key: &str| {
        let mut config = config(folder.path());
        config.gemini_url = fake.url();
        config.gemini_api_key = Some(key.to_owned().into());
        config.gemini_model = model.to_owned();
        Generator::of(&config, Provider::Gemini).unwrap().unwrap()
    };
    model("gemini-3.8-flash", KEY).check().await.unwrap();
    for (name, key, part) in [("gemini-1.0-gone", KEY, "not found"), ("gemini-3.8-flash", "wrong", "API key")] {
        let error = model(name, key).check().await.unwrap_err();
        assert!(matches!(&error, GenerateError::Refused(why) if why.contains(part)), "{error}");
    }
    assert!(
        Generator::of(&config(folder.path()), Provider::Gemini).unwrap().is_none(),
        "without a key there is no model"
    );
}
