//! Answers as server-sent events: what is heard holds, is never taken back, and can be heard again.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Response, StatusCode};
use candor::ids::Ids;
use fake_gemini::{FakeGemini, Moment, Plain, Scenario, Script};
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::app::{Call, QUESTION_OF_BIKES, SECRET_OF_BIKES, TestApp, eventually, publish};
use crate::gemini::{KEY, fake, trace};

/// One event as it came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: Value,
}

/// What was heard of an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard(pub(crate) Vec<Event>);

impl Heard {
    pub(crate) fn read(text: &str) -> Self {
        let frames = text.split("\n\n").filter(|frame| !frame.is_empty() && !frame.starts_with(':'));
        let field = |frame: &str, name: &str| {
            let of_name = |line: &str| line.strip_prefix(name).map(str::to_owned);
            frame.lines().find_map(of_name).unwrap_or_else(|| panic!("{name} in {frame:?}"))
        };
        Self(
            frames
                .map(|frame| Event {
                    id: field(frame, "id: "),
                    name: field(frame, "event: "),
                    data: serde_json::from_str(&field(frame, "data: ")).unwrap(),
                })
                .collect(),
        )
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.0.iter().map(|event| event.name.as_str()).collect()
    }

    /// All words, in their order.
    fn words(&self) -> String {
        self.0.iter().filter(|event| event.name == "token").map(|event| event.data["text"].as_str().unwrap()).collect()
    }

    fn citations(&self) -> Vec<Value> {
        let citations = self.0.iter().filter(|event| event.name == "citation").enumerate();
        citations
            .map(|(number, event)| {
                let mut citation = event.data.clone();
                assert_eq!(citation.as_object_mut().unwrap().remove("index"), Some(json!(number)));
                citation
            })
            .collect()
    }

    /// What the last event says, where it is an answer of which all was heard that it has.
    pub(crate) fn reply(&self) -> Value {
        let last = self.0.last().unwrap();
        assert_eq!(last.name, "final", "{self:?}");
        assert_eq!(last.data["answer"], self.words(), "{self:?}");
        assert_eq!(last.data["citations"], json!(self.citations()), "{self:?}");
        last.data.clone()
    }
}

fn asking(app: &TestApp, key: &str, session: &str, message: &str) -> Call {
    let body = json!({ "sessionId": session, "message": message });
    app.post("/chat/query", &body).key(key).header("accept", "text/event-stream")
}

/// Asks and hears all of it.
pub(crate) async fn hear(app: &TestApp, key: &str, session: &str, message: &str) -> Heard {
    let reply = asking(app, key, session, message).send().await;
    assert_eq!((reply.status, reply.header("content-type")), (StatusCode::OK, "text/event-stream"), "{}", reply.text());
    assert_eq!((reply.header("cache-control"), reply.header("x-accel-buffering")), ("no-cache", "no"));
    Heard::read(&reply.text())
}

/// A stream that is read by and by.
struct Reader {
    body: BodyDataStream,
    text: String,
}

impl Reader {
    fn of(response: Response<Body>) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// Reads until an event of this name has come, and gives all so far.
    async fn until(&mut self, name: &str) -> Heard {
        loop {
            let whole = self.text.rfind("\n\n").map_or("", |end| &self.text[..end]);
            let heard = Heard::read(whole);
            if heard.names().contains(&name) {
                return heard;
            }
            let piece = self.body.next().await.unwrap_or_else(|| panic!("no {name} in {}", self.text)).unwrap();
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }
}

async fn app(fake: &FakeGemini) -> TestApp {
    TestApp::with_ids(Ids::Random, |config| {
        config.gemini_url = fake.url();
        config.gemini_api_key = Some(KEY.to_owned().into());
        config.generation_seconds_max = 5;
    })
    .await
}

/// A question that the model answers in several sentences.
const SEVERAL: &str = "What must I do with the cargo trailer battery before winter storage?";

async fn with_several(app: &TestApp) {
    let text = "# Cargo trailer\n\nBefore winter storage charge the cargo trailer battery to 60 percent. Then take the \
                cargo trailer battery out before winter. Keep the cargo trailer battery dry in winter storage.";
    publish(&app.engine, &app.bikes, "trailer.md", text).await;
}

async fn messages(app: &TestApp, session: &str) -> Vec<Value> {
    let path = format!("/chat/sessions/{session}/messages");
    let reply = app.get(&path).key(&app.bikes.secret).send().await;
    if reply.status == StatusCode::NOT_FOUND {
        return Vec::new();
    }
    reply.json()["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn quoted_sentences_a_friendly_word_and_a_ticket_are_heard_too() {
    let app = TestApp::start().await;
    let answered = hear(&app, &app.bikes.secret, "visitor-1", QUESTION_OF_BIKES).await;
    assert_eq!(answered.names(), ["thinking", "thinking", "citation", "token", "final"], "{answered:?}");
    let reply = answered.reply();
    assert_eq!((&reply["decision"], &reply["responseType"]), (&json!("answered"), &json!("extractive")));
    let whole = app.ask(&app.bikes, "visitor-2", QUESTION_OF_BIKES).await;
    for field in ["answer", "citations", "confidence", "decision"] {
        assert_eq!(reply[field], whole[field], "{field}");
    }
    let friendly = hear(&app, &app.bikes.secret, "visitor-3", "Hello!").await;
    assert_eq!(friendly.names(), ["thinking", "token", "final"]);
    assert_eq!(friendly.reply()["decision"], "smalltalk");
    let ticket = hear(&app, &app.empty.secret, "visitor-4", QUESTION_OF_BIKES).await;
    assert_eq!(ticket.names(), ["thinking", "thinking", "token", "final"]);
    assert!(ticket.words().contains(ticket.reply()["ticketId"].as_str().unwrap()));
    assert!(ticket.reply()["sessionToken"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sentence_is_heard_as_soon_as_it_is_written() {
    let fake = fake().await;
    let app = app(&fake).await;
    with_several(&app).await;
    // A piece of some 24 characters each 100 ms: there is a second between two sentences.
    fake.set_scenario("pace=10/100".parse::<Script>().unwrap());
    let mut reader = Reader::of(asking(&app, &app.bikes.secret, "visitor", SEVERAL).open().await);
    let heard = reader.until("token").await;
    assert_eq!(heard.names(), ["thinking", "thinking", "thinking", "citation", "token"], "{heard:?}");
    let stages: Vec<&Value> = heard.0[..3].iter().map(|event| &event.data["stage"]).collect();
    assert_eq!(stages, ["reading", "searching", "writing"]);
    assert!(messages(&app, "visitor").await.is_empty(), "the turn is stored at its end");
    let heard = reader.until("final").await;
    assert_eq!(heard.names()[5..], ["citation", "token", "citation", "token", "final"], "{heard:?}");
    let reply = heard.reply();
    assert_eq!((&reply["decision"], &reply["responseType"]), (&json!("answered"), &json!("ai")), "{reply}");
    let stored = messages(&app, "visitor").await;
    assert_eq!((stored.len(), &stored[1]["text"]), (2, &reply["answer"]));
    // The same in one piece.
    fake.set_scenario(Plain::OkJson);
    let whole = app.ask(&app.bikes, "visitor-2", SEVERAL).await;
    assert_eq!((&whole["answer"], &whole["citations"]), (&reply["answer"], &reply["citations"]));
    assert!((whole["confidence"].as_f64().unwrap() - reply["confidence"].as_f64().unwrap()).abs() < 1e-9);
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_stream_breaks_off_what_was_heard_stands_and_a_person_sees_to_the_rest() {
    let fake = fake().await;
    let mut app = app(&fake).await;
    with_several(&app).await;
    fake.set_scenario(Plain::OkJson);
    let whole = hear(&app, &app.bikes.secret, "whole", SEVERAL).await.words();
    let (mut begun, mut fell_back) = (0, 0);
    for chunks in 0..40 {
        fake.set_scenario(Scenario::Disconnect(Moment::AfterChunks(chunks)));
        let before = fake.requests().len();
        let heard = hear(&app, &app.bikes.secret, &format!("visitor-{chunks}"), SEVERAL).await;
        let (reply, attempts) = (heard.reply(), fake.requests().len() - before);
        match (reply["decision"].as_str().unwrap(), reply["responseType"].as_str().unwrap()) {
            ("answered", "fallback") => {
                // Nothing was heard: so it was tried again, and then the articles' own sentences were sent.
                assert_eq!(attempts, 3, "{chunks}: {heard:?}");
                fell_back += 1;
            }
            ("escalated", "ai") => {
                assert_eq!((attempts, &reply["reason"]), (1, &json!("provider_failure")), "{chunks}: {heard:?}");
                let (said, rest) = heard.words().split_once("\n\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
                assert!(whole.starts_with(&said) && !said.is_empty(), "{chunks}: {said}");
                assert!(rest.contains(reply["ticketId"].as_str().unwrap()), "{chunks}: {rest}");
                assert!(!heard.citations().is_empty());
                let trace = trace(&app, &reply).await;
                assert_eq!(trace["model"]["result"], "unavailable", "{trace}");
                assert!(trace["model"]["usage"]["answer"].as_u64() > Some(0), "what was heard was paid for: {trace}");
                begun += 1;
            }
            ("answered", "ai") => {
                assert_eq!(reply["answer"], whole);
                break;
            }
            other => panic!("{chunks}: {other:?} {heard:?}"),
        }
        if !app.engine.generators().first().unwrap().is_called() {
            app = self::app(&fake).await;
            with_several(&app).await;
        }
    }
    assert!(begun > 2 && fell_back > 2, "{begun} {fell_back}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_too_slow_is_given_up_before_anything_was_heard_and_behind_it() {
    let fake = fake().await;
    let app = TestApp::with_ids(Ids::Random, |config| {
        config.gemini_url = fake.url();
        config.gemini_api_key = Some(KEY.to_owned().into());
        config.generation_seconds_max = 2;
    })
    .await;
    with_several(&app).await;
    for (pace, decision, response_type) in
        [("pace=10/1500", "answered", "fallback"), ("pace=10/150", "escalated", "ai")]
    {
        fake.set_scenario(pace.parse::<Script>().unwrap());
        let heard = hear(&app, &app.bikes.secret, decision, SEVERAL).await;
        let reply = heard.reply();
        assert_eq!(
            (&reply["decision"], &reply["responseType"]),
            (&json!(decision), &json!(response_type)),
            "{heard:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_happens_the_connection_is_kept_alive() {
    let fake = fake().await;
    let app = TestApp::with_ids(Ids::Random, |config| {
        config.gemini_url = fake.url();
        config.gemini_api_key = Some(KEY.to_owned().into());
        config.generation_seconds_max = 6;
    })
    .await;
    fake.set_scenario(Scenario::SlowTtft(Duration::from_secs(30)));
    let reply = asking(&app, &app.bikes.secret, "visitor", QUESTION_OF_BIKES).send().await;
    assert!(reply.text().contains("\n\n:\n\n"), "{}", reply.text());
    assert_eq!(Heard::read(&reply.text()).reply()["responseType"], "fallback");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_first_model_fails_the_second_is_heard() {
    let (first, second) = (fake().await, fake().await);
    let app = TestApp::with_ids(Ids::Random, |config| {
        config.gemini_url = first.url();
        config.gemini_api_key = Some(KEY.to_owned().into());
        config.openai_url = format!("{}/v1", second.url());
        config.openai_api_key = Some(KEY.to_owned().into());
        config.openai_model = Some("gemini-3.8-flash".to_owned());
        config.second_model = Some("openai/gemini-3.8-flash".to_owned());
    })
    .await;
    with_several(&app).await;
    first.set_scenario(Plain::MidStreamError);
    second.set_scenario("pace=10/60".parse::<Script>().unwrap());
    let heard = hear(&app, &app.bikes.secret, "visitor", SEVERAL).await;
    assert_eq!(heard.names().iter().filter(|name| **name == "token").count(), 3, "{heard:?}");
    let trace = trace(&app, &heard.reply()).await;
    assert_eq!(
        (&trace["model"]["provider"], &trace["failedModels"][0]["result"]),
        (&json!("openai"), &json!("unavailable"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_first_messages_at_once_one_makes_the_session_and_the_other_is_told_so() {
    let app = TestApp::with_ids(Ids::Random, |_| ()).await;
    let key = &app.bikes.publishable;
    let ask = async || asking(&app, key, "visitor", QUESTION_OF_BIKES).send().await;
    let (one, other) = tokio::join!(ask(), ask());
    let mut ends: Vec<String> =
        [one, other].iter().map(|reply| Heard::read(&reply.text()).0.last().unwrap().name.clone()).collect();
    ends.sort_unstable();
    // Or one came so late that the session was there.
    assert!(ends == ["error", "final"] || ends.len() == 1, "{ends:?}");
    assert_eq!(messages(&app, "visitor").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_passage_carries_is_not_heard() {
    let fake = fake().await;
    let app = app(&fake).await;
    with_several(&app).await;
    fake.set_scenario(Plain::UnsupportedClaim);
    let heard = hear(&app, &app.bikes.secret, "visitor", SEVERAL).await;
    let (reply, trace) = (heard.reply(), trace(&app, &heard.reply()).await);
    assert_eq!(reply["responseType"], "ai", "{reply}");
    for sentence in trace["model"]["sentences"].as_array().unwrap() {
        let was_heard = heard.words().contains(sentence["text"].as_str().unwrap());
        assert_eq!(was_heard, sentence["fault"].is_null(), "{sentence} {reply}");
    }
    assert!(!heard.words().contains("euros"), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_finds_the_turn_stored_and_hears_the_rest_where_they_come_back() {
    let fake = fake().await;
    let app = app(&fake).await;
    with_several(&app).await;
    fake.set_scenario("pace=10/60".parse::<Script>().unwrap());
    let key = &app.bikes.publishable;
    let mut reader = Reader::of(asking(&app, key, "visitor", SEVERAL).open().await);
    let before = reader.until("token").await;
    drop(reader);
    let last = before.0.last().unwrap().id.clone();

    // Back while it is written: what was missed, and then what comes, without another question to the model.
    let resumed = asking(&app, key, "visitor", SEVERAL).header("last-event-id", &last).send().await;
    let after = Heard::read(&resumed.text());
    let whole = Heard([before.0.clone(), after.0].concat());
    let reply = whole.reply();
    assert_eq!(reply["decision"], "answered", "{whole:?}");
    assert_eq!(fake.requests().len(), 1);
    let stored = messages(&app, "visitor").await;
    assert_eq!((stored.len(), &stored[1]["text"]), (2, &reply["answer"]));

    // Back after its end, from the first event on: the token of the session comes with it, which nobody has got yet.
    let first = before.0[0].id.clone();
    let again = asking(&app, key, "visitor", SEVERAL).header("last-event-id", &first).send().await;
    assert_eq!(Heard::read(&again.text()).0, whole.0[1..]);
    assert!(reply["sessionToken"].is_string());
    assert_eq!((messages(&app, "visitor").await.len(), fake.requests().len()), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_stored_though_nobody_ever_comes_back() {
    let fake = fake().await;
    let app = app(&fake).await;
    fake.set_scenario("pace=200/10".parse::<Script>().unwrap());
    drop(asking(&app, &app.bikes.secret, "visitor", QUESTION_OF_BIKES).open().await);
    let stored = eventually("the turn is stored", async || {
        Some(messages(&app, "visitor").await).filter(|stored| !stored.is_empty())
    })
    .await;
    assert!(stored[1]["text"].as_str().unwrap().contains(SECRET_OF_BIKES), "{stored:?}");
    app.engine.live().ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_heard_again_only_by_who_asked() {
    let app = TestApp::with_ids(Ids::Random, |_| ()).await;
    let heard = hear(&app, &app.bikes.publishable, "visitor", QUESTION_OF_BIKES).await;
    let id = heard.0[0].id.clone();
    let (stream, _) = id.split_once('.').unwrap();
    assert!(stream.len() >= 40, "{stream}");
    for (key, session, message, id) in [
        (&app.bread.publishable, "visitor", QUESTION_OF_BIKES, id.as_str()),
        (&app.bikes.publishable, "visitor-2", QUESTION_OF_BIKES, &id),
        (&app.bikes.publishable, "visitor", "Something else?", &id),
        (&app.bikes.publishable, "visitor", QUESTION_OF_BIKES, "nonsense"),
        (&app.bikes.publishable, "visitor", QUESTION_OF_BIKES, "nonsense.1"),
    ] {
        let reply = asking(&app, key, session, message).header("last-event-id", id).send().await;
        reply.problem(410, "stream_gone");
    }
    let beyond = format!("{stream}.{}", usize::MAX);
    let reply =
        asking(&app, &app.bikes.publishable, "visitor", QUESTION_OF_BIKES).header("last-event-id", beyond).send().await;
    assert_eq!((reply.status, reply.text().as_str()), (StatusCode::OK, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_request_is_a_problem_and_no_stream() {
    let app = TestApp::with_ids(Ids::Random, |_| ()).await;
    asking(&app, &app.bikes.secret, "visitor", "?!").send().await.problem(422, "message_empty");
    asking(&app, &app.bikes.secret, "a b", QUESTION_OF_BIKES).send().await.problem(422, "session_id_invalid");
    app.ask(&app.bikes, "visitor", QUESTION_OF_BIKES).await;
    let stolen = asking(&app, &app.bikes.publishable, "visitor", QUESTION_OF_BIKES).send().await;
    stolen.problem(401, "session_token_needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_later_is_the_last_event() {
    let app = TestApp::with_ids(Ids::Random, |_| ()).await;
    let response = asking(&app, &app.bikes.secret, "visitor", QUESTION_OF_BIKES).open().await;
    app.engine.database().close().await;
    let heard = Reader::of(response).until("error").await;
    let problem = &heard.0.last().unwrap().data;
    assert_eq!((&problem["code"], &problem["status"]), (&json!("dependency_unavailable"), &json!(503)), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_slows_nobody_and_misses_nothing() {
    let fake = fake().await;
    let app = app(&fake).await;
    with_several(&app).await;
    fake.set_scenario("pace=10/20".parse::<Script>().unwrap());
    let mut slow = Reader::of(asking(&app, &app.bikes.secret, "slow", SEVERAL).open().await);
    // It reads nothing while its turn and another are taken and stored.
    hear(&app, &app.bikes.secret, "quick", SEVERAL).await.reply();
    eventually("the slow reader's turn is stored", async || {
        Some(messages(&app, "slow").await).filter(|stored| stored.len() == 2)
    })
    .await;
    let mut pieces = 0;
    while let Some(piece) = slow.body.next().await {
        slow.text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        pieces += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let heard = Heard::read(&slow.text);
    assert_eq!((heard.reply()["decision"].as_str(), pieces), (Some("answered"), heard.0.len()), "{heard:?}");
}
