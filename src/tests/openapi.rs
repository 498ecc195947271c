//! The document that clients are made from.

use std::collections::HashSet;

use axum::http::StatusCode;
use serde_json::Value;

use crate::app::TestApp;
use crate::tenancy::operations;

fn statuses(operation: &Value) -> Vec<&str> {
    operation["responses"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_who_may_call_it() {
    let document = serde_json::to_value(candor::http::openapi()).unwrap();
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    let mut names = HashSet::new();
    for (method, path, operation) in operations() {
        let name = operation["operationId"].as_str().unwrap_or_default().to_owned();
        assert!(!name.is_empty() && names.insert(name), "{method} {path}: {operation}");
        assert!(operation["tags"].as_array().is_some_and(|tags| !tags.is_empty()), "{method} {path} has no tag");
        assert!(operation["summary"].is_string(), "{method} {path} does not say what it does");
        let needs_key = operation["security"].as_array().is_some_and(|needs| !needs.is_empty());
        let statuses = statuses(&operation);
        if needs_key {
            for status in ["401", "403", "503"] {
                assert!(statuses.contains(&status), "{method} {path} does not document {status}: {statuses:?}");
            }
            for need in operation["security"].as_array().unwrap() {
                assert!(need.as_object().unwrap().keys().all(|scheme| schemes.contains_key(scheme)), "{need}");
            }
        } else {
            assert_eq!(operation["tags"][0], "operations", "{method} {path} is open to everybody");
        }
        if operation.get("requestBody").is_some() {
            for status in ["400", "413", "415", "422"] {
                assert!(statuses.contains(&status), "{method} {path} does not document {status}: {statuses:?}");
            }
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            if status.starts_with('4') {
                let content = response["content"].as_object().unwrap();
                assert!(content.contains_key("application/problem+json"), "{method} {path} {status}: {response}");
            }
        }
    }
    // Both families of clients find a server.
    let servers: Vec<&str> =
        document["servers"].as_array().unwrap().iter().map(|server| server["url"].as_str().unwrap()).collect();
    assert_eq!(servers, ["/", "/api"]);
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => (),
        }
    }
    let document = serde_json::to_value(candor::http::openapi()).unwrap();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} is elsewhere"));
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn the_routes_and_their_statuses_are_as_they_were() {
    let mut lines: Vec<String> = operations()
        .iter()
        .map(|(method, path, operation)| {
            let name = operation["operationId"].as_str().unwrap();
            format!("{} {path} ({name}) → {}", method.to_uppercase(), statuses(operation).join(" "))
        })
        .collect();
    lines.sort_unstable();
    let settings = {
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_snapshot_path(".");
        settings
    };
    settings.bind(|| insta::assert_snapshot!("openapi", lines.join("\n")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documentation_is_served_and_needs_no_other_host() {
    let app = TestApp::start().await;
    let served = app.get("/openapi.json").send().await;
    assert_eq!(served.status, StatusCode::OK);
    assert_eq!(served.json(), serde_json::to_value(candor::http::openapi()).unwrap());
    assert_eq!(app.get("/api/openapi.json").send().await.status, StatusCode::OK);

    let page = app.get("/docs/").send().await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.header("content-type").starts_with("text/html"), "{:?}", page.headers);
    assert!(page.header("content-security-policy").contains("default-src 'self'"), "{:?}", page.headers);
    let mut linked = Vec::new();
    for attribute in ["src=\"", "href=\""] {
        for rest in page.text().split(attribute).skip(1) {
            linked.push(rest.split('"').next().unwrap().to_owned());
        }
    }
    assert!(!linked.is_empty(), "{}", page.text());
    for link in linked {
        assert!(!link.contains("//") && !link.starts_with("data:"), "{link} is elsewhere");
        let path = format!("/docs/{}", link.trim_start_matches("./"));
        assert_eq!(app.get(&path).send().await.status, StatusCode::OK, "{path}");
    }
    // The page's script asks for the document here, and for nothing elsewhere.
    let script = app.get("/docs/swagger-initializer.js").send().await.text();
    assert!(script.contains("/openapi.json") && !script.contains("http"), "{script}");

    let index = app.get("/").send().await.text();
    assert!(!index.contains("https://") && !index.contains("http://"), "{index}");
}
