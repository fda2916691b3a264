//! The OpenAPI document, and the operations that need no API key.

use std::{collections::BTreeSet, path::Path};

use serde_json::{Value, json};

use crate::testing::{ApiBench, document};

/// Set to regenerate the document instead of comparing it.
const RENEW: Option<&str> = option_env!("RENEW_OPENAPI");

#[test]
fn the_document_that_is_checked_in_is_the_one_that_is_served() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if RENEW.is_some() {
        std::fs::write(&file, document()).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    let renew = "RENEW_OPENAPI=1 cargo test -p host-api --lib the_document_that_is_checked_in";
    assert!(kept == document(), "docs/openapi.json is outdated; regenerate it with: {renew}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_document_is_served_and_requires_a_key_unless_it_says_otherwise() {
    let bench = ApiBench::new().await;
    let document = bench.raw("GET", "/openapi.json", "", b"").await;
    assert_eq!((document.status, &document.json["openapi"]), (200, &json!("3.1.0")));
    let paths = document.json["paths"].as_object().unwrap();
    assert!(paths.len() >= 12, "{}", paths.len());
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let is_open = operation["security"] == json!([{}]);
            let path = path.replace(['{', '}'], "");
            let answer =
                bench.raw(&method.to_uppercase(), &path, "content-type: application/json\r\n", b"{}").await;
            assert_eq!(answer.status, if is_open { 200 } else { 401 }, "{method} {path}: {answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_ready_while_its_store_answers() {
    let bench = ApiBench::new().await;
    assert_eq!(bench.raw("GET", "/health", "", b"").await.json, json!({"status": "up"}));
    assert_eq!(
        bench.raw("GET", "/ready", "", b"").await.json,
        json!({"status": "ready", "plugins": ["iterable"]})
    );
    bench.parts.store.close().await;
    assert_eq!(bench.raw("GET", "/health", "", b"").await.status, 200);
    let down = bench.raw("GET", "/ready", "", b"").await;
    assert_eq!(down.problem(), (503, "unavailable"));
    assert!(down.headers.contains("retry-after: "), "{down:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_for_webhooks_serves_nothing_else() {
    let bench = ApiBench::with("service.webhook-listen = '127.0.0.1:0'").await;
    for path in ["/api/v1/connection", "/health", "/openapi.json", "/api/v1/plugins"] {
        assert_eq!(bench.at_webhooks(path).await.problem(), (404, "unknown"), "{path}");
    }
}

/// Each operation with its method and path.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let items = paths.iter().flat_map(|(path, item)| {
        item.as_object()
            .unwrap()
            .iter()
            .map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    items.collect()
}

#[test]
fn every_operation_says_what_it_does_and_each_status_that_it_answers_with() {
    let document: Value = serde_json::from_str(&document()).unwrap();
    for (name, operation) in operations(&document) {
        assert!(operation["summary"].is_string(), "{name}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name}");
        for (status, response) in responses {
            assert!(response["description"].is_string(), "{name} {status}");
            let is_problem = response["content"]["application/problem+json"].is_object();
            assert_eq!(is_problem, status.starts_with(['4', '5']), "{name} {status}");
        }
    }
}

#[test]
fn each_operation_has_an_id_of_its_own() {
    let document: Value = serde_json::from_str(&document()).unwrap();
    let operations = operations(&document);
    let ids: BTreeSet<_> =
        operations.iter().map(|(_, operation)| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), operations.len());
}

/// A schema has the name of its type, so the document would show only one of two types with the same name.
#[test]
fn each_schema_has_a_name_of_its_own() {
    let mut names = Vec::new();
    for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/types")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let declared = text.lines().filter_map(|line| {
            let line = line.trim_start();
            line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "))
        });
        let declared = declared.filter(|rest| !rest.starts_with('$'));
        names.extend(declared.map(|rest| rest.split([' ', '<', '(', ';']).next().unwrap().to_owned()));
    }
    assert!(names.len() > 80, "{names:?}");
    let mut seen = BTreeSet::new();
    let twice: Vec<_> = names.iter().filter(|name| !seen.insert(*name)).collect();
    assert!(twice.is_empty(), "these names are used by more than one type: {twice:?}");
    let document: Value = serde_json::from_str(&document()).unwrap();
    for schema in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(names.contains(schema) || schema == "Identity", "{schema} is declared outside of src/types");
    }
}

/// The places of the schemas within `node` that are objects without properties.
fn bare_objects(node: &Value, place: &str, found: &mut Vec<String>) {
    match node {
        Value::Object(members) => {
            let is_object = node["type"] == "object";
            let says = ["properties", "additionalProperties", "allOf", "oneOf", "x-connector-defined"];
            if is_object && !says.iter().any(|word| members.contains_key(*word)) {
                found.push(place.to_owned());
            }
            members.iter().for_each(|(name, member)| bare_objects(member, &format!("{place}/{name}"), found));
        }
        Value::Array(items) => items.iter().for_each(|item| bare_objects(item, place, found)),
        _ => {}
    }
}

#[test]
fn no_object_is_left_without_its_properties() {
    let document: Value = serde_json::from_str(&document()).unwrap();
    let mut found = Vec::new();
    bare_objects(&document, "", &mut found);
    assert_eq!(found, [""; 0]);
}
