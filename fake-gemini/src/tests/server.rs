//! Scenarios of a running server, its log, its models, its end.

use std::time::Duration;

use fake_gemini::{Plain, Scenario, Script};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::client::{KEY, MODEL, RETURN, TestClient, question, send};

/// A test that waits longer fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_header_goes_before_the_model_and_that_before_the_setting() {
    let client = TestClient::scripted("500").await;
    let header = |model| client.post(model, &question()).header("x-fake-scenario", "504");
    assert_eq!(send(header("fake-503")).await.status, 504);
    assert_eq!(send(header(MODEL)).await.status, 504);
    assert_eq!(send(client.post("fake-503", &question())).await.status, 503);
    assert_eq!(client.answer().await.status, 500);
}

#[tokio::test]
async fn the_setting_changes_while_the_server_runs_and_may_be_a_sequence() {
    let client = TestClient::start().await;
    assert_eq!(client.answer().await.status, 200);
    client.gemini.set_scenario([Plain::Overloaded, Plain::Internal, Plain::OkJson]);
    for expected in [503, 500, 200, 200] {
        assert_eq!(client.answer().await.status, expected);
    }
    client.gemini.set_scenario(Script::flaky(1, Plain::DeadlineExceeded));
    for expected in [504, 200] {
        assert_eq!(client.answer().await.status, expected);
    }
    client.gemini.set_scenario(vec![Scenario::QuotaPerMinute(Duration::from_secs(1)), Plain::OkJson.into()]);
    for expected in [429, 200] {
        assert_eq!(client.answer().await.status, expected);
    }
}

#[tokio::test]
async fn a_look_up_uses_no_step_of_the_setting() {
    let client = TestClient::scripted("503,ok_json").await;
    assert_eq!(send(client.get("/v1beta/models/gemini-3.8-flash")).await.status, 200);
    assert_eq!(client.answer().await.status, 503);
}

#[tokio::test]
async fn every_request_is_recorded_without_the_key() {
    let client = TestClient::start().await;
    send(client.get("/v1beta/models?pageSize=1&key=secret")).await;
    client.answer().await;
    send(client.post("fake-503", &question()).header("x-server-timeout", "8")).await;
    let requests = client.gemini.requests();
    let seen: Vec<_> = requests.iter().map(|r| (r.method.as_str(), r.path.as_str(), r.status)).collect();
    let expected = [
        ("GET", "/v1beta/models?pageSize=1&key=(hidden)", Some(200)),
        ("POST", "/v1beta/models/gemini-3.8-flash:generateContent", Some(200)),
        ("POST", "/v1beta/models/fake-503:generateContent", Some(503)),
    ];
    assert_eq!(seen, expected);
    assert_eq!((&requests[0].body, &requests[1].body), (&Value::Null, &question()));
    assert_eq!(requests[2].scenario, Some(Plain::Overloaded.into()));
    assert_eq!(
        (requests[2].header("x-server-timeout"), requests[2].header("x-goog-api-key")),
        (Some("8"), Some("(hidden)"))
    );
    assert!(requests[1].says(RETURN) && !requests[1].says("somebody else's"));
    assert!(!format!("{requests:?}").contains(KEY));
}

#[tokio::test]
async fn the_log_is_bounded_and_holds_a_request_that_is_still_in_work() {
    let client = TestClient::with(|settings| settings.requests_max = 2).await;
    for _ in 0..2 {
        client.answer().await;
    }
    let slow = tokio::spawn(client.post("fake-slow_ttft=60000", &question()).send());
    let expected = Some(Scenario::SlowTtft(Duration::from_secs(60)));
    let recorded = async {
        while client.gemini.requests().last().unwrap().scenario != expected {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, recorded).await.unwrap();
    let requests = client.gemini.requests();
    assert_eq!((requests.len(), requests[1].status), (2, None));
    slow.abort();
}

#[tokio::test]
async fn models_are_listed_in_pages_and_looked_up() {
    let client = TestClient::start().await;
    let first = send(client.get("/v1beta/models?pageSize=1")).await.json();
    assert_eq!(first["models"][0]["name"], "models/gemini-3.8-flash");
    let token = first["nextPageToken"].as_str().unwrap();
    let second = send(client.get(&format!("/v1beta/models?pageSize=1&pageToken={token}"))).await.json();
    let name = &second["models"][0]["name"];
    assert_eq!((name, &second["nextPageToken"]), (&json!("models/gemini-3.5-flash-lite"), &Value::Null));
    assert_eq!(send(client.get("/v1beta/models?pageToken=x")).await.status, 400);
    let model = send(client.get("/v1beta/models/gemini-3.8-flash")).await.json();
    assert_eq!(model["supportedGenerationMethods"], json!(["generateContent", "streamGenerateContent"]));
    let gone = send(client.get("/v1beta/models/gemini-1.0-pro")).await.error(404, "NOT_FOUND");
    assert_eq!(gone["message"], "Model is not found: models/gemini-1.0-pro for api version v1beta");
    assert_eq!(send(client.get("/v1beta/models/fake-404_model")).await.status, 404);
    assert_eq!(send(client.get("/v1beta/models/fake-503")).await.status, 503);
}

#[tokio::test]
async fn it_stops_when_it_is_dropped() {
    let client = TestClient::start().await;
    let mut connection = TcpStream::connect(client.address()).await.unwrap();
    // It came after the connection, so that one was accepted too.
    client.answer().await;
    drop(client);
    let read = tokio::time::timeout(PATIENCE, connection.read(&mut [0])).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}
