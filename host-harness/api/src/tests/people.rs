//! A person, looked up by an identifier, and revealed from a request.

use serde_json::{Value, json};

use crate::testing::ApiBench;

const FIND: &str = "/api/v1/people/find";

/// Submits a request for ada. Returns its id.
async fn submitted(bench: &ApiBench, key: &str, connection: &str) -> String {
    let erasure = json!({"action": "erasure", "identity": {"email": "ada@example.com"}});
    let path = format!("/api/v1/connection/{connection}/requests");
    bench.send(key, "POST", &path, Some(erasure)).await.json["id"].as_str().unwrap().to_owned()
}

fn ada() -> Value {
    json!({"identity": {"email": " Ada@Example.com "}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_found_at_each_connection_within_reach_and_the_look_up_is_on_record_without_them() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    for (tenant, connection) in [("acme", "newsletter"), ("acme", "shop"), ("other", "mail")] {
        bench.connect(&operator, tenant, connection).await;
    }
    let id = submitted(&bench, &operator, "newsletter").await;
    submitted(&bench, &operator, "mail").await;
    let found = bench.send(&operator, "POST", FIND, Some(ada())).await;
    assert_eq!(found.status, 200, "{found:?}");
    assert!(
        found.headers.contains("cache-control: no-store") && !found.text.contains("xample.com"),
        "{found:?}"
    );
    let places = |found: &Value| -> Vec<String> {
        let at = found["connections"].as_array().unwrap().iter();
        at.map(|at| at["connection"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(places(&found.json), ["newsletter", "mail"]);
    assert_eq!(found.json["connections"][0]["requests"][0]["id"], id.as_str());
    let narrow = bench.reading_key("acme", Some(&["acme"])).await;
    assert_eq!(places(&bench.send(&narrow, "POST", FIND, Some(ada())).await.json), ["newsletter"]);
    let of_other = json!({"identity": {"email": "ada@example.com"}, "tenant": "other"});
    assert_eq!(places(&bench.send(&operator, "POST", FIND, Some(of_other)).await.json), ["mail"]);
    let bob = json!({"identity": {"email": "bob@example.com"}});
    assert_eq!(places(&bench.send(&operator, "POST", FIND, Some(bob)).await.json), [""; 0]);
    let lines = bench.audit("acme").await;
    let look_ups: Vec<_> = lines.iter().filter(|line| line["what"] == "person-looked-up").collect();
    assert_eq!(look_ups.len(), 3, "{lines:?}");
    assert_eq!(look_ups[0]["people"].as_array().unwrap().len(), 1);
    assert!(look_ups[0]["detail"]["by"].as_str().unwrap().starts_with("API key operator ("));
    assert!(!json!(lines).to_string().contains("xample.com"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn choices_are_shown_only_with_the_scope_for_them() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    bench.connect(&operator, "acme", "newsletter").await;
    submitted(&bench, &operator, "newsletter").await;
    let new = json!({"name": "few", "scopes": ["requests:read"]});
    let created = bench.send(&operator, "POST", "/api/v1/api-keys", Some(new)).await;
    let few = created.json["key"].as_str().unwrap();
    let with = bench.send(&operator, "POST", FIND, Some(ada())).await.json;
    assert_eq!(
        (&with["connections"][0]["choices"], &with["connections"][0]["notices"]),
        (&json!([]), &json!([]))
    );
    let without = bench.send(few, "POST", FIND, Some(ada())).await.json;
    assert_eq!(
        (&without["connections"][0]["choices"], &without["connections"][0]["notices"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reveals_its_person_while_its_data_exists_to_those_who_may_and_on_record() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    bench.connect(&operator, "acme", "newsletter").await;
    let id = submitted(&bench, &operator, "newsletter").await;
    let path = format!("/api/v1/requests/{id}/reveal");
    let viewer = bench.reading_key("viewer", None).await;
    assert_eq!(bench.send(&viewer, "POST", &path, None).await.problem(), (403, "read-only"));
    let other = bench.key("other", Some(&["other"])).await;
    assert_eq!(bench.send(&other, "POST", &path, None).await.problem(), (404, "unknown"));
    let revealed = bench.send(&operator, "POST", &path, None).await;
    assert!(revealed.headers.contains("cache-control: no-store"), "{revealed:?}");
    let expected = json!({"identifiers": [{"kind": "email", "value": "ada@example.com"}]});
    assert_eq!((revealed.status, &revealed.json), (200, &expected));
    let lines = bench.audit("acme").await;
    let on_record: Vec<_> = lines.iter().filter(|line| line["what"] == "person-revealed").collect();
    assert_eq!(on_record.len(), 1, "a refused one reveals nothing: {lines:?}");
    assert_eq!(on_record[0]["request"], id.as_str());
    assert!(!json!(lines).to_string().contains("ada@"), "{lines:?}");

    bench.sql("DELETE FROM request_keys").await;
    assert_eq!(bench.send(&operator, "POST", &path, None).await.problem(), (409, "person-forgotten"));
    let lines = bench.audit("acme").await;
    assert_eq!(
        lines.iter().filter(|line| line["what"] == "person-revealed").count(),
        1,
        "nothing was revealed"
    );
}
