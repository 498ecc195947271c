//! What is refused, in which words.

use serde_json::{Value, json};

use crate::client::{KEY, TestClient, http, question, schema, send};

#[tokio::test]
async fn a_key_is_needed_and_must_be_one_that_is_valid() {
    let client = TestClient::start().await;
    let url = format!("{}/v1beta/models/gemini-3.8-flash:generateContent", client.gemini.url());
    let http = http();
    let missing = send(http.post(&url).json(&question())).await.error(403, "PERMISSION_DENIED");
    assert!(missing["message"].as_str().unwrap().starts_with("Method doesn't allow unregistered callers"));
    let wrong = send(http.post(&url).header("x-goog-api-key", "guess").json(&question())).await;
    assert_eq!(wrong.error(400, "INVALID_ARGUMENT")["details"][0]["reason"], "API_KEY_INVALID");
    send(http.get(format!("{}/v1beta/models", client.gemini.url()))).await.error(403, "PERMISSION_DENIED");
    let open = TestClient::with(|settings| settings.keys.clear()).await;
    assert_eq!(open.answer().await.status, 200, "without a list every key is valid");
}

#[tokio::test]
async fn a_body_that_the_api_does_not_take_is_refused() {
    let thoughts = |config: Value| json!({ "thinkingConfig": config });
    let cases = [
        ("/contents", json!([]), "* GenerateContentRequest.contents: contents is not specified\n"),
        (
            "/contents",
            json!([{ "role": "user", "parts": [] }]),
            "* GenerateContentRequest.contents[0].parts: contents.parts must not be empty.\n",
        ),
        (
            "/contents",
            json!([{ "parts": [{ "thought": false }] }]),
            "* GenerateContentRequest.contents[0].parts[0].data: required oneof field 'data' must have one initialized \
             field\n",
        ),
        ("/contents/0/role", json!("assistant"), "Please use a valid role: user, model."),
        ("/messages", json!([]), "Invalid JSON payload received. Unknown name \"messages\": Cannot find field."),
        (
            "/generationConfig",
            json!({ "maxTokens": 1 }),
            "Invalid JSON payload received. Unknown name \"maxTokens\" at 'generation_config': Cannot find field.",
        ),
        (
            "/generationConfig",
            thoughts(json!({ "thinkingLevel": "LOW", "thinkingBudget": 0 })),
            "You can only set only one of thinking budget and thinking level.",
        ),
        (
            "/generationConfig",
            thoughts(json!({ "thinkingLevel": "MINIMAL" })),
            "Thinking level is not supported for this model.",
        ),
        (
            "/generationConfig/responseSchema",
            schema(),
            "Only one of response_schema and response_json_schema can be set.",
        ),
        (
            "/generationConfig/responseMimeType",
            Value::Null,
            "* GenerateContentRequest.generation_config.response_mime_type: `application/json` or `text/x.enum` is \
             needed with response_json_schema.\n",
        ),
        (
            "/generationConfig/responseJsonSchema",
            json!({ "type": "array" }),
            "* GenerateContentRequest.generation_config.response_json_schema: fake-gemini answers in objects: `type` \
             must be object.\n",
        ),
        (
            "/generationConfig/responseJsonSchema",
            json!({ "type": "object", "properties": {}, "required": ["answer"] }),
            "* GenerateContentRequest.generation_config.response_json_schema: `required` names \"answer\", which is \
             not in `properties`.\n",
        ),
        (
            "/generationConfig/responseJsonSchema/required",
            json!(["sentences", "sources"]),
            "* GenerateContentRequest.generation_config.response_json_schema: `required` names \"sources\", which is \
             not in `properties`.\n",
        ),
        (
            "/generationConfig/temperature",
            json!(2.5),
            "* GenerateContentRequest.generation_config.temperature: temperature must be in the range [0.0, 2.0].\n",
        ),
    ];
    let client = TestClient::start().await;
    for (place, value, sentence) in cases {
        let mut body = question();
        set(&mut body, place, value);
        assert_eq!(client.ask(&body).await.refusal(), sentence, "{place}");
    }
    let text = send(client.post("gemini-3.8-flash", &Value::Null).body("{\"contents\": NaN}")).await;
    assert_eq!(text.refusal(), "Invalid JSON payload received. Unexpected token.");
    assert!(client.gemini.requests().iter().all(|request| request.scenario.is_none()));
}

/// Puts `value` at a JSON pointer, whose last member need not be there.
fn set(body: &mut Value, pointer: &str, value: Value) {
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[member] = value;
}

#[tokio::test]
async fn unknown_fields_name_their_place_in_the_details() {
    let mut body = question();
    body["stream"] = true.into();
    body["generationConfig"]["max_tokens"] = 1.into();
    let error = TestClient::start().await.ask(&body).await.error(400, "INVALID_ARGUMENT");
    let violations = error["details"][0]["fieldViolations"].as_array().unwrap();
    let mut places: Vec<_> = violations.iter().map(|violation| violation["field"].as_str()).collect();
    places.sort();
    assert_eq!(places, [None, Some("generation_config")]);
    assert_eq!(error["message"].as_str().unwrap().lines().count(), 2);
}

#[tokio::test]
async fn a_schema_that_the_answer_does_not_fit_is_refused_and_says_where() {
    let mut body = question();
    let sentence = "/generationConfig/responseJsonSchema/properties/sentences/items/properties/text";
    set(&mut body, sentence, json!({ "type": "integer" }));
    let refusal = TestClient::start().await.ask(&body).await.refusal();
    assert!(refusal.contains("\"/sentences/0/text\" is not \"integer\""), "{refusal}");
}

#[tokio::test]
async fn what_the_real_one_takes_is_taken() {
    let client = TestClient::start().await;
    let mut loose = question();
    let text = loose["contents"][0]["parts"][0].take();
    // One turn without a role, one part without a list, nulls, names in snake_case, a schema that names its dialect.
    loose["contents"] = json!([{ "role": "model", "parts": { "text": "Hello!" } }, { "parts": text }]);
    loose["toolConfig"] = Value::Null;
    let mut with_dialect = schema();
    with_dialect["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    loose["generation_config"] = json!({
        "response_mime_type": "application/json",
        "response_json_schema": with_dialect,
        "thinking_config": { "thinking_level": "low", "include_thoughts": false },
    });
    loose.as_object_mut().unwrap().remove("generationConfig");
    assert_eq!(client.ask(&loose).await.answer()["evidence"], "sufficient");
    let mut capitals = question();
    let config = capitals["generationConfig"].as_object_mut().unwrap();
    config.remove("responseJsonSchema");
    config.insert("responseSchema".to_owned(), json!({ "type": "OBJECT" }));
    assert_eq!(client.ask(&capitals).await.answer()["evidence"], "sufficient");
}

#[tokio::test]
async fn a_level_of_thinking_is_for_models_that_know_levels() {
    let client = TestClient::with(|settings| settings.models = vec!["gemini-2.5-flash".to_owned()]).await;
    for (config, status) in [(json!({ "thinkingLevel": "LOW" }), 400), (json!({ "thinkingBudget": 0 }), 200)] {
        let mut body = question();
        body["generationConfig"]["thinkingConfig"] = config;
        assert_eq!(send(client.post("gemini-2.5-flash", &body)).await.status, status);
    }
}

#[tokio::test]
async fn unknown_models_scenarios_methods_and_addresses_are_told_apart() {
    let client = TestClient::start().await;
    for model in ["gemini-1.0-pro", "fake-nothing"] {
        let error = send(client.post(model, &question())).await.error(404, "NOT_FOUND");
        let begin = format!("models/{model} is not found for API version v1beta, or is not supported for");
        assert!(error["message"].as_str().unwrap().starts_with(&begin), "{error}");
    }
    let header = send(client.post("gemini-3.8-flash", &question()).header("x-fake-scenario", "nothing")).await;
    assert_eq!(header.refusal(), "fake-gemini: no scenario is called \"nothing\".");
    let url = format!("{}/v1beta/models/gemini-3.8-flash:embedContent", client.gemini.url());
    let method = http().post(url).header("x-goog-api-key", KEY).json(&question());
    send(method).await.error(501, "UNIMPLEMENTED");
    assert_eq!(send(client.get("/v2/models")).await.status, 404);
}
