//! A workspace whose own labelled questions say what its confidence is worth.

use axum::http::Method;
use candor::answer::confidence::{Calibration, Promise, SplitSizes};
use candor::answer::store::calibrations;
use candor::answer::{answering_hash, extractive};
use candor::ids::WorkspaceId;

use serde_json::{Value, json};

use crate::app::{NOW_MS, QUESTION_OF_BIKES, Tenant, TestApp};

/// What `eval calibrate --risk` would write for answers that are made by `answering_hash`: it sends nothing.
fn artefact(answering_hash: &str) -> Calibration {
    let splits = SplitSizes { fit: 300, curve: 200, threshold: 480 };
    Calibration {
        answering_hash: answering_hash.to_owned(),
        threshold: 0.999,
        guarantee: "At most 10 % of the answers that are sent are wrong.".to_owned(),
        promise: Some(Promise { risk_max: 0.1, delta: 0.05, answered: 260, wrong: 7, splits }),
        ..Calibration::shipped().unwrap()
    }
}

async fn install(app: &TestApp, workspace: WorkspaceId, calibration: &Calibration) {
    put(app, workspace, calibration, &json!(calibration).to_string()).await;
}

async fn put(app: &TestApp, workspace: WorkspaceId, calibration: &Calibration, json: &str) {
    let mut transaction = app.engine.database().begin().await.unwrap();
    calibrations::put(&mut transaction, workspace, calibration, json, NOW_MS).await.unwrap();
    transaction.commit().await.unwrap();
}

async fn in_force(app: &TestApp, tenant: &Tenant) -> Value {
    app.get("/ai/config").key(&tenant.secret).send().await.json()["inForce"].clone()
}

async fn confidence(app: &TestApp) -> String {
    let ready = app.get("/readyz").send().await.json();
    ready["dependencies"]["confidence"]["detail"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_is_judged_by_its_own_calibration_and_no_other_workspace_is() {
    let app = TestApp::start().await;
    let calibration = artefact(&answering_hash(&app.engine, extractive::NAME));
    install(&app, app.bikes.workspace, &calibration).await;
    let own = in_force(&app, &app.bikes).await;
    assert_eq!((&own["calibration"], &own["promise"]), (&json!("workspace"), &json!(calibration.guarantee)));
    assert_eq!(own["threshold"], json!(0.999));
    assert_eq!(in_force(&app, &app.bread).await["calibration"], "default");

    let reply = app.ask(&app.bikes, "one", QUESTION_OF_BIKES).await;
    assert_eq!((&reply["decision"], &reply["reason"]), (&json!("escalated"), &json!("low_confidence")), "{reply}");
    let asked = json!({ "message": QUESTION_OF_BIKES });
    let trace = app.post("/ai/test", &asked).key(&app.bikes.secret).send().await.json()["trace"].clone();
    assert_eq!(trace["place"]["restsOn"], "workspace");
    assert_eq!(trace["versions"]["guarantee"], json!(calibration.guarantee));
    assert!(confidence(&app).await.starts_with("1 workspaces with a calibration of their own, 0 with one"));

    let mut transaction = app.engine.database().begin().await.unwrap();
    assert_eq!(calibrations::remove(&mut transaction, app.bikes.workspace).await.unwrap(), 1);
    transaction.commit().await.unwrap();
    assert_eq!(in_force(&app, &app.bikes).await["calibration"], "default");
    assert_eq!(app.ask(&app.bikes, "two", QUESTION_OF_BIKES).await["decision"], "answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calibration_that_was_made_for_other_answers_gives_way_visibly() {
    let app = TestApp::start().await;
    install(&app, app.bikes.workspace, &artefact("of another search")).await;
    let own = in_force(&app, &app.bikes).await;
    assert_eq!(own["calibration"], "outdated");
    assert_eq!(own["threshold"], json!(app.engine.calibration().threshold()));
    assert!(own["promise"].as_str().unwrap().contains("promises nothing"), "{own}");
    assert_eq!(app.ask(&app.bikes, "one", QUESTION_OF_BIKES).await["decision"], "answered");
    assert!(confidence(&app).await.contains("1 with one that was made for other answers"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calibration_that_this_version_cannot_read_gives_way_visibly() {
    let app = TestApp::start().await;
    let calibration = artefact(&answering_hash(&app.engine, extractive::NAME));
    put(&app, app.bikes.workspace, &calibration, r#"{"weights": "of another version"}"#).await;
    for session in ["one", "two"] {
        assert_eq!(in_force(&app, &app.bikes).await["calibration"], "outdated");
        assert_eq!(app.ask(&app.bikes, session, QUESTION_OF_BIKES).await["decision"], "answered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sets_a_threshold_is_told_that_nothing_is_promised_and_so_is_the_operator() {
    let app = TestApp::start().await;
    assert!(!confidence(&app).await.contains("threshold of their own"));
    app.call(Method::PUT, "/ai/config").json(&json!({ "threshold": 0.5 })).key(&app.bikes.secret).send().await;
    assert!(confidence(&app).await.ends_with("; 1 workspaces have a threshold of their own: no guarantee"));
}
