//! What OpenAI's API refuses, and where it says that the mistake is.

use serde_json::{Value, json};

use crate::client::{TestClient, schema, send};
use crate::openai_client::{completion, strict};

#[tokio::test]
async fn mistakes_of_a_client_are_refused() {
    let format = |name: &str, schema: Value, strict: bool| json!({ "type": "json_schema", "json_schema": { "name": name, "schema": schema, "strict": strict } });
    let mut optional = strict(schema());
    optional["required"] = json!(["sentences", "evidence", "unanswered"]);
    let cases = [
        ("top_p", json!(0.9), "Unrecognized request argument supplied: top_p"),
        ("contents", json!([]), "Unrecognized request argument supplied: contents"),
        ("model", Value::Null, "Missing required parameter: 'model'."),
        ("messages", Value::Null, "Missing required parameter: 'messages'."),
        ("messages", json!([]), "Invalid 'messages': empty array."),
        ("messages", json!([{ "role": "model", "content": "x" }]), "Invalid type: unknown variant `model`"),
        ("messages", json!([{ "role": "user", "content": " " }]), "Invalid 'messages[0].content'"),
        ("messages", json!([{ "role": "user" }]), "Invalid type: missing field `content`"),
        ("messages", json!([{ "role": "user", "content": "x", "parts": [] }]), "Invalid type: unknown field `parts`"),
        (
            "messages",
            json!([{ "role": "system", "content": "x" }]),
            "fake-gemini: there is no message of the role user.",
        ),
        ("temperature", json!(2.5), "Invalid 'temperature': decimal above maximum value."),
        ("temperature", json!(-1), "Invalid 'temperature': decimal below minimum value."),
        ("max_tokens", json!(0), "Invalid 'max_tokens': integer below minimum value."),
        ("max_tokens", json!("many"), "Invalid type"),
        ("stop", json!(["a", "b", "c", "d", "e"]), "Invalid 'stop': array too long."),
        ("stream_options", json!({ "include_usage": true }), "The 'stream_options' parameter is only allowed when"),
        ("response_format", json!({ "type": "json" }), "Invalid type: unknown variant `json`"),
        ("response_format", json!({ "type": "json_object" }), "'messages' must contain the word 'json'"),
        ("response_format", json!({ "type": "json_schema", "schema": {} }), "Invalid type: unknown field `schema`"),
        ("response_format", format("an answer", schema(), false), "Invalid 'response_format.json_schema.name'"),
        ("response_format", format("a", json!({ "type": "array" }), false), "Invalid schema for response_format 'a'"),
        (
            "response_format",
            format("a", schema(), true),
            "Invalid schema for response_format 'a': 'additionalProperties'",
        ),
        (
            "response_format",
            format("a", optional, true),
            "Invalid schema for response_format 'a': 'required' is required",
        ),
    ];
    let client = TestClient::start().await;
    for (name, value, begin) in cases {
        let mut body = completion();
        body[name] = value;
        let reply = client.complete(&body).await;
        let message = reply.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(reply.status == 400 && message.starts_with(begin), "{name}: {message}");
        assert_eq!(reply.json()["error"]["type"], "invalid_request_error");
    }
    let mut both = completion();
    both["max_tokens"] = 5.into();
    both["max_completion_tokens"] = 5.into();
    client.complete(&both).await.openai_error(400, Some("invalid_parameter_combination"));
    let no_json = client.post_completion(&Value::Null).body("{\"model\": NaN}");
    assert!(send(no_json).await.json()["error"]["message"].as_str().unwrap().starts_with("We could not parse"));
    assert!(client.gemini.requests().iter().all(|request| request.scenario.is_none()));
}

#[tokio::test]
async fn unknown_models_and_scenarios_and_schemas_that_do_not_fit_are_refused() {
    let client = TestClient::start().await;
    for model in ["gpt-1", "fake-nothing"] {
        let mut body = completion();
        body["model"] = model.into();
        client.complete(&body).await.openai_error(404, Some("model_not_found"));
    }
    let unknown = send(client.post_completion(&completion()).header("x-fake-scenario", "nothing")).await;
    assert_eq!(unknown.openai_error(400, None)["message"], "fake-gemini: no scenario is called \"nothing\".");
    let mut misfit = completion();
    let text = "/response_format/json_schema/schema/properties/sentences/items/properties/text/type";
    *misfit.pointer_mut(text).unwrap() = "integer".into();
    let error = client.complete(&misfit).await.openai_error(400, None);
    assert!(error["message"].as_str().unwrap().contains("\"/sentences/0/text\" is not \"integer\""), "{error}");
}
