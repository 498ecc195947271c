//! Other language models than Gemini, over real HTTP against the fake, and what happens when one takes another's place.

use candor::config::Config;
use candor::ids::Ids;
use candor::inference::{GenerateError, Generator, Prompt, Provider};
use fake_gemini::{FakeGemini, Plain, Settings};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::app::{QUESTION_OF_BIKES, SECRET_OF_BIKES, TestApp, article};
use crate::gemini::{Delivery, KEY, every_scenario, fake, model_trace, trace};

const MODEL: &str = "gemini-3.8-flash";

/// The fake's endpoint that answers as OpenAI's does. The fake's models have Gemini's names there too.
fn openai(config: &mut Config, fake: &FakeGemini) {
    config.openai_url = format!("{}/v1", fake.url());
    config.openai_api_key = Some(KEY.to_owned().into());
    config.openai_model = Some(MODEL.to_owned());
    config.generation_seconds_max = 3;
}

async fn app(fake: &FakeGemini) -> TestApp {
    TestApp::with_ids(Ids::Random, |config| openai(config, fake)).await
}

/// Gemini first, and where it fails an endpoint like OpenAI's.
async fn chained(gemini: &FakeGemini, second: &FakeGemini) -> TestApp {
    TestApp::with_ids(Ids::Random, |config| {
        config.gemini_url = gemini.url();
        config.gemini_api_key = Some(KEY.to_owned().into());
        openai(config, second);
        config.second_model = Some(format!("openai/{MODEL}"));
    })
    .await
}

async fn ask(app: &TestApp, session: &str) -> Value {
    app.ask(&app.bikes, session, QUESTION_OF_BIKES).await
}

/// Every scenario with what came of it, as the README's table shows it.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_an_endpoint_like_openai_s_does_the_customer_gets_an_answer_or_a_ticket() {
    let table = every_scenario(&fake().await, app, Delivery::Whole).await;
    insta::with_settings!({ snapshot_path => "." , prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("openai", table);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_an_endpoint_like_openai_s_does_the_customer_hears_an_answer_or_of_a_ticket() {
    let table = every_scenario(&fake().await, app, Delivery::Stream).await;
    insta::with_settings!({ snapshot_path => "." , prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("openai_streams", table);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_first_model_fails_the_second_answers() {
    let (first, second) = (fake().await, fake().await);
    let app = chained(&first, &second).await;
    for (number, scenario) in
        [Plain::Overloaded, Plain::BadKey, Plain::GarbageJson, Plain::QuotaPerDay].into_iter().enumerate()
    {
        first.set_scenario(scenario);
        let reply = ask(&app, &format!("visitor-{number}")).await;
        assert_eq!(
            (&reply["decision"], &reply["responseType"]),
            (&json!("answered"), &json!("ai")),
            "{scenario:?} {reply}"
        );
        assert!(reply["answer"].as_str().unwrap().contains(SECRET_OF_BIKES), "{reply}");
        let trace = trace(&app, &reply).await;
        assert_eq!(
            (&trace["model"]["provider"], &trace["model"]["result"]),
            (&json!("openai"), &json!("ok")),
            "{trace}"
        );
        assert_eq!(trace["failedModels"][0]["provider"], "gemini", "{trace}");
    }
    // Both fail: the articles' own sentences, and the trace says of both why.
    second.set_scenario(Plain::Internal);
    let reply = ask(&app, "visitor-both").await;
    assert_eq!((&reply["decision"], &reply["responseType"]), (&json!("answered"), &json!("fallback")), "{reply}");
    let trace = trace(&app, &reply).await;
    assert_eq!(
        (&trace["model"]["provider"], &trace["failedModels"][0]["provider"]),
        (&json!("openai"), &json!("gemini"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_provider_blocks_no_other_is_asked_about() {
    let (first, second) = (fake().await, fake().await);
    let app = chained(&first, &second).await;
    first.set_scenario(Plain::BlockedPrompt);
    let reply = ask(&app, "visitor").await;
    assert_eq!(reply["reason"], "blocked_by_provider", "{reply}");
    assert!(second.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_endpoint_does_not_know_is_left_out_from_then_on() {
    for (scenario, has) in [
        (Plain::MaxTokensRejected, (|body| body["max_tokens"].is_number()) as fn(&Value) -> bool),
        (Plain::NoJsonSchema, |body| body["response_format"]["type"] == "json_schema"),
    ] {
        let fake = fake().await;
        let app = app(&fake).await;
        fake.set_scenario(scenario);
        assert_eq!(ask(&app, "visitor-1").await["responseType"], "ai");
        assert_eq!(ask(&app, "visitor-2").await["responseType"], "ai");
        let sent: Vec<bool> = fake.requests().iter().map(|request| has(&request.body)).collect();
        assert_eq!(sent, [true, false, false], "{scenario:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_on_a_machine_of_one_s_own_needs_no_key() {
    let fake =
        FakeGemini::start(Settings { models: vec!["qwen3:8b".to_owned()], ..Settings::default() }).await.unwrap();
    let app = TestApp::with_ids(Ids::Random, |config| {
        config.ollama_url = format!("{}/v1/", fake.url());
        config.ollama_model = Some("qwen3:8b".to_owned());
    })
    .await;
    let reply = ask(&app, "visitor").await;
    assert_eq!(reply["responseType"], "ai", "{reply}");
    let trace = model_trace(&app, &reply).await;
    assert_eq!((&trace["provider"], &trace["model"]), (&json!("ollama"), &json!("qwen3:8b")), "{trace}");
    app.engine.generators().first().unwrap().check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_chooses_among_the_providers_that_are_set_up() {
    let fake = FakeGemini::start(Settings {
        keys: vec![KEY.to_owned()],
        models: vec![MODEL.to_owned(), "maker/model:free".to_owned()],
        ..Settings::default()
    })
    .await
    .unwrap();
    let app = TestApp::with_ids(Ids::Random, |config| {
        config.gemini_url = fake.url();
        config.gemini_api_key = Some(KEY.to_owned().into());
        openai(config, &fake);
    })
    .await;
    assert_eq!(model_trace(&app, &ask(&app, "one").await).await["provider"], "gemini");
    let wish = json!({ "provider": "openai", "model": "maker/model:free" });
    let put = |body: Value| app.call(axum::http::Method::PUT, "/ai/config").json(&body).key(&app.bikes.secret).send();
    let changed = put(wish).await.json();
    assert_eq!(
        (&changed["inForce"]["provider"], &changed["inForce"]["model"]),
        (&json!("openai"), &json!("maker/model:free"))
    );
    let trace = model_trace(&app, &ask(&app, "two").await).await;
    assert_eq!((&trace["provider"], &trace["model"]), (&json!("openai"), &json!("maker/model:free")), "{trace}");
    let problem = put(json!({ "provider": "openrouter" })).await.problem(422, "provider_not_set_up");
    assert!(problem["detail"].as_str().unwrap().contains("OPENROUTER_API_KEY"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_not_listed_and_a_key_that_is_wrong_are_found_at_the_start() {
    let fake = fake().await;
    let model = |model: &str, key: &str| {
        let mut config = Config::default();
        openai(&mut config, &fake);
        config.openai_api_key = Some(key.to_owned().into());
        config.openai_model = Some(model.to_owned());
        Generator::of(&config, Provider::OpenAi).unwrap().unwrap()
    };
    model(MODEL, KEY).check().await.unwrap();
    for (name, key) in [("gpt-1-gone", KEY), (MODEL, "wrong")] {
        let error = model(name, key).check().await.unwrap_err();
        assert!(matches!(error, GenerateError::Refused(_)), "{error}");
    }
    let request = fake.requests().into_iter().next().unwrap();
    assert!(!request.says(KEY) && !request.path.contains(KEY), "the key stands in its header only");
}

#[tokio::test(flavor = "multi_thread")]
async fn personal_data_stays_in_the_house_and_the_customer_gets_it_back() {
    let fake = fake().await;
    let app = TestApp::with_ids(Ids::Random, |config| {
        openai(config, &fake);
        config.redact_pii = true;
    })
    .await;
    let text =
        "# The hotline\n\nThe hotline for stolen trailers is +49 30 5550177, and its mail is trailers@bikes.example.";
    candor::knowledge::sync::publish(&app.engine, app.bikes.workspace, article("hotline.md", text)).await.unwrap();
    let question =
        "My mail is jane@customer.example and my card 4111 1111 1111 1111: what is the hotline for stolen trailers?";
    let reply = app.ask(&app.bikes, "visitor", question).await;
    assert_eq!((&reply["decision"], &reply["responseType"]), (&json!("answered"), &json!("ai")), "{reply}");
    assert!(reply["answer"].as_str().unwrap().contains("+49 30 5550177"), "{reply}");
    for request in fake.requests() {
        for personal in ["jane@", "4111", "5550177", "trailers@"] {
            assert!(!request.says(personal), "{personal} left the house: {}", request.body);
        }
        assert!(request.says("[PHONE-1]") && request.says("[CARD-1]"), "{}", request.body);
    }
    let history = app.get("/chat/sessions/visitor/messages").key(&app.bikes.secret).send().await.json();
    assert_eq!(history["items"][0]["text"], question, "what a person reads is what was written");
}

/// An endpoint that answers every request with these bytes, and then keeps the connection open.
async fn stubborn(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 1 << 16];
            let _ = connection.read(&mut request).await;
            connection.write_all(answer).await.unwrap();
            open.push(connection);
        }
    });
    format!("http://{address}/v1")
}

const REPLY: &str = r#"{"a": 1}"#;

/// What a stream of `answer` says, and in how many seconds.
async fn written(answer: &'static [u8]) -> (Result<Value, GenerateError>, f64) {
    let mut config = Config { openai_model: Some(MODEL.to_owned()), generation_seconds_max: 2, ..Config::default() };
    config.openai_url = stubborn(answer).await;
    let generator = Generator::of(&config, Provider::OpenAi).unwrap().unwrap();
    let prompt = Prompt { instruction: "Say a.".into(), data: "{}".into(), schema: json!({ "type": "object" }) };
    let began = std::time::Instant::now();
    let mut writing = generator.write(&prompt);
    while writing.more().await {}
    (writing.end(|text| serde_json::from_str(text)).said, began.elapsed().as_secs_f64())
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_endpoints_are_read_too() {
    let expected: Value = serde_json::from_str(REPLY).unwrap();
    // A byte order mark at the beginning, and a connection that stays open behind the last word.
    let (said, seconds) = written(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n\xef\xbb\xbfdata: {\"choices\": [{\"delta\": {\"content\": \"{\\\"a\\\": 1}\"}}]}\n\n\
          data:{\"choices\": [{\"delta\": {}, \"finish_reason\": \"stop\"}]}\n\ndata: [DONE]\n\n",
    )
    .await;
    assert_eq!(said, Ok(expected.clone()));
    assert!(seconds < 1.0, "{seconds}");
    // No last word: who has said that it stops has said all, once its time is over.
    let (said, seconds) = written(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {\"choices\": [{\"delta\": {\"content\": \"{\\\"a\\\": 1}\"}, \"finish_reason\": \"stop\"}]}\n\n",
    )
    .await;
    assert_eq!(said, Ok(expected.clone()));
    assert!((1.5..4.0).contains(&seconds), "{seconds}");
    // A stream was asked for, and one body came.
    let (said, _) = written(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 78\r\n\r\n\
          {\"choices\": [{\"message\": {\"content\": \"{\\\"a\\\": 1}\"}, \"finish_reason\": \"stop\"}]}",
    )
    .await;
    assert_eq!(said, Ok(expected));
}
