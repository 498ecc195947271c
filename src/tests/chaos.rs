//! A language model's provider that fails at random: every question ends with an answer or with exactly one ticket.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use candor::ids::Ids;
use fake_gemini::{FakeGemini, Moment, Plain, Scenario, Settings};
use rand::seq::IndexedRandom as _;
use rand::{SeedableRng as _, rngs::Xoshiro256PlusPlus};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::app::{QUESTION_OF_BIKES, TestApp};

const KEY: &str = "key-of-the-test";
const QUESTIONS: usize = 500;
const SESSIONS: usize = 100;
const AT_ONCE: usize = 8;

/// What is asked: two that the articles answer, and one that they do not.
const MESSAGES: [&str; 3] = [
    QUESTION_OF_BIKES,
    "How long until the battery charges?",
    "Which colours does the tandem trailer for llamas have?",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_fails_at_random_leaves_nobody_without_an_answer_or_a_ticket() {
    let fake = FakeGemini::start(Settings { keys: vec![KEY.to_owned()], ..Settings::default() }).await.unwrap();
    let app = TestApp::with_ids(Ids::Random, |config| {
        config.gemini_url = fake.url();
        config.gemini_api_key = Some(KEY.to_owned().into());
        config.generation_seconds_max = 1;
    });
    let app = Arc::new(app.await);
    let mut scenarios: Vec<Scenario> = Plain::ALL.iter().map(|plain| Scenario::Plain(*plain)).collect();
    scenarios.extend([Scenario::Disconnect(Moment::BeforeHead), Scenario::Disconnect(Moment::MidBody)]);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut replies: Vec<(usize, Value)> = Vec::new();
    let mut asking = JoinSet::new();
    for number in 0..QUESTIONS {
        // Half of the time it works, or the breaker would keep it from being asked at all.
        let scenario = [*scenarios.choose(&mut random).unwrap(), Scenario::Plain(Plain::OkJson)];
        fake.set_scenario(scenario[number % 2]);
        let (app, message) = (Arc::clone(&app), MESSAGES[number % MESSAGES.len()]);
        let session = number % SESSIONS;
        asking.spawn(async move { (session, app.ask(&app.bikes, &format!("visitor-{session}"), message).await) });
        if asking.len() == AT_ONCE {
            replies.push(asking.join_next().await.unwrap().unwrap());
        }
    }
    while let Some(reply) = asking.join_next().await {
        replies.push(reply.unwrap());
    }
    assert_eq!(replies.len(), QUESTIONS);
    let mut tickets: HashMap<(usize, String), HashSet<String>> = HashMap::new();
    let mut made = HashSet::new();
    for (session, reply) in &replies {
        made.insert(reply["responseType"].as_str().unwrap().to_owned());
        match reply["decision"].as_str().unwrap() {
            "answered" => {
                assert!(
                    reply.get("ticketId").is_none() && !reply["citations"].as_array().unwrap().is_empty(),
                    "{reply}"
                );
            }
            "escalated" => {
                let (ticket, reason) = (reply["ticketId"].as_str().unwrap(), reply["reason"].as_str().unwrap());
                tickets.entry((*session, reason.to_owned())).or_default().insert(ticket.to_owned());
            }
            "clarify" => assert!(reply.get("ticketId").is_none() && reply["options"].is_array(), "{reply}"),
            other => panic!("{other}: {reply}"),
        }
    }
    assert!(tickets.values().all(|tickets| tickets.len() == 1), "one ticket a session and reason: {tickets:?}");
    let all: HashSet<&String> = tickets.values().flatten().collect();
    assert_eq!(all.len(), tickets.len(), "no ticket stands for two");
    assert!(made.contains("ai") && made.contains("fallback"), "{made:?}");
}
