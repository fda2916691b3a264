//! The consistent casing, and the spellings of version 0.1.0, which are still accepted.

use serde_json::{Value, json};

use crate::testing::ApiBench;

fn is_snake_case(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The members and enum words that the schemas within `node` declare.
fn spelled(node: &Value, found: &mut Vec<String>) {
    match node {
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member) {
                    ("properties", Value::Object(properties)) => found.extend(properties.keys().cloned()),
                    ("enum", Value::Array(words)) => {
                        found.extend(words.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    _ => {}
                }
                spelled(member, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| spelled(item, found)),
        _ => {}
    }
}

#[test]
fn every_member_and_every_word_of_the_document_is_in_snake_case() {
    let document: Value = serde_json::from_str(&crate::testing::document()).unwrap();
    let mut found = Vec::new();
    spelled(&document["components"]["schemas"], &mut found);
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let of_ours = parameters.filter(|parameter| parameter["in"] != "header");
            found.extend(of_ours.map(|parameter| parameter["name"].as_str().unwrap().to_owned()));
        }
    }
    assert!(found.len() > 300, "{}", found.len());
    found.retain(|word| !is_snake_case(word));
    assert_eq!(found, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_made_and_changed_in_the_spelling_of_version_0_1_0() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let mut draft = bench.connection("acme", "newsletter");
    let host = bench.stand_in.address().to_string();
    draft["webhook-url"] = json!("https://hooks.example.com/newsletter");
    draft["egress"] = json!({"hosts": [host], "loopback": true, "plain-http": true, "denied-operations": ["list-channels"],
        "deadlines": {"total-ms": 30_000}});
    draft["limits"] = json!({"cpu-ms": 500});
    let made = bench.send(&key, "POST", "/api/v1/connection", Some(draft)).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.json["webhook_url"], "https://hooks.example.com/newsletter");
    assert_eq!(made.json["egress"]["denied_operations"], json!(["list-channels"]));
    assert_eq!(made.json["egress"]["deadlines"]["total_ms"], 30_000);
    assert_eq!(made.json["limits"]["cpu_ms"], 500);
    let patch =
        json!({"webhook-url": null, "egress": {"denied-operations": null}, "limits": {"wall-ms": 9_000}});
    let changed = bench.send(&key, "PATCH", "/api/v1/connection/newsletter", Some(patch)).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.json["egress"]["denied_operations"], json!([]));
    let limits = &changed.json["limits"];
    assert_eq!((&limits["cpu_ms"], &limits["wall_ms"]), (&json!(500), &json!(9_000)));
    let twice = json!({"limits": {"wall-ms": 9_000, "wall_ms": 8_000}});
    let twice = bench.send(&key, "PATCH", "/api/v1/connection/newsletter", Some(twice)).await;
    assert_eq!(twice.problem(), (400, "bad-body"), "{twice:?}");
    let slip = json!({"limits": {"wal_ms": null}});
    let slip = bench.send(&key, "PATCH", "/api/v1/connection/newsletter", Some(slip)).await;
    assert_eq!(slip.problem(), (400, "bad-body"), "{slip:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_asked_for_in_either_spelling() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    for state in ["of_no_concern", "of-no-concern"] {
        let listed =
            bench.get(&key, &format!("/api/v1/connection/newsletter/deliveries?state={state}")).await;
        assert_eq!(listed.json, json!({"deliveries": []}), "{listed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_out_of_its_range_is_refused() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    for (path, max) in [
        ("/api/v1/requests", 500),
        ("/api/v1/consent-events", 1_000),
        ("/api/v1/connection/newsletter/deliveries", 500),
    ] {
        for limit in [1, max] {
            assert_eq!(bench.get(&key, &format!("{path}?limit={limit}")).await.status, 200, "{path} {limit}");
        }
        for limit in ["0", "-1", "x", &(max + 1).to_string(), "99999999999"] {
            let refused = bench.get(&key, &format!("{path}?limit={limit}")).await;
            assert_eq!(refused.problem(), (400, "bad-query"), "{path} {limit}");
        }
        let over = bench.get(&key, &format!("{path}?limit={}", max + 1)).await;
        assert!(over.detail().contains(&format!("expected a number from 1 to {max}")), "{over:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opt_out_with_a_member_that_is_not_known_is_taken_as_it_was() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let item = json!({"kind": "channel", "id": "6539", "label": "News"});
    let choice =
        json!({"item": item, "choice": "opt-out", "chosen-at-ms": 1, "source": "Form", "extra": true});
    let body = json!({"identity": {"email": "ada@example.com"}, "preferences": {"items": [choice]}});
    let taken = bench.send(&key, "POST", "/api/v1/connection/newsletter/consent", Some(body)).await;
    assert_eq!(taken.status, 202, "{taken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_can_be_read_and_does_not_suit_is_422() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let choice = json!({"item": {"kind": "channel", "id": "6539"}, "choice": "opt_out", "chosen_at_ms": 1_u64 << 60, "source": "f"});
    let ahead = json!({"identity": {"email": "ada@example.com"}, "preferences": {"items": [choice]}});
    let ahead = bench.send(&key, "POST", "/api/v1/connection/newsletter/consent", Some(ahead)).await;
    assert_eq!(ahead.problem(), (422, "in-the-future"));
    let notice = json!({"id": "n-2", "name": "News", "data_uses": [], "enforcement_level": "system_wide"});
    let misnamed = bench.send(&key, "PUT", "/api/v1/tenants/acme/notices/n-1", Some(notice)).await;
    assert_eq!(misnamed.problem(), (422, "another-name"));
    let toml = format!("authorization: Bearer {key}\r\ncontent-type: application/toml\r\n");
    for file in ["", "item = 17", "{"] {
        let refused = bench.raw("PUT", "/api/v1/connection/newsletter/mapping", &toml, file.as_bytes()).await;
        assert_eq!(refused.problem(), (422, "no-mapping"), "{file:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_an_object_and_no_array_of_its_members() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let path = "/api/v1/connection/newsletter";
    for body in [json!([null, false]), json!({"egress": []}), json!({"egress": {"deadlines": [1, 1, 1, 1]}})]
    {
        let refused = bench.send(&key, "PATCH", path, Some(body.clone())).await;
        assert_eq!(refused.problem(), (400, "bad-body"), "{body}");
    }
    assert_eq!(bench.get(&key, path).await.json["enabled"], true);
}

#[test]
fn a_patch_has_no_defaults_and_an_identity_without_a_value_is_excluded() {
    let document: Value = serde_json::from_str(&crate::testing::document()).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for patch in ["ConnectionPatch", "EgressPatch", "DeadlinesPatch", "LimitsPatch"] {
        let schema = &schemas[patch];
        assert!(schema["properties"].is_object() && !schema.to_string().contains("\"default\""), "{schema}");
    }
    assert!(schemas["Identity"]["not"].is_object());
}

/// The same platforms read the feed and its posts.
#[test]
fn an_event_of_the_feed_is_the_one_that_is_posted() {
    let item =
        json!({"item": {"type": "Channel", "external_id": "1", "name": "News"}, "preference": "opt_out"});
    let notice = json!({"notice_id_map": {"n-1": "opt_in"}});
    for chosen in [item, notice] {
        let mut posted = json!({"id": "e-1", "cursor": 7, "tenant": "acme", "connection": "newsletter",
            "identity_map": {"email": "ada@example.com"}, "event_at": 1, "received_at": 2, "source": "Form", "cause": "c"});
        posted.as_object_mut().unwrap().extend(chosen.as_object().unwrap().clone());
        let event: host_service::consent::feed::FeedEvent = serde_json::from_value(posted.clone()).unwrap();
        assert_eq!(json!(event), posted);
        assert_eq!(json!(crate::types::events::ConsentEvent::from(event)), posted);
    }
}
