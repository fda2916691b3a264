//! API keys that callers create and revoke.

use serde_json::{Value, json};

use crate::testing::ApiBench;

const KEYS: &str = "/api/v1/api-keys";

async fn create(bench: &ApiBench, by: &str, body: Value) -> crate::testing::Answer {
    bench.send(by, "POST", KEYS, Some(body)).await
}

fn names(listed: &Value) -> Vec<&str> {
    listed["api_keys"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_created_key_works_at_once_is_shown_once_and_is_refused_once_it_is_revoked() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    let new = json!({"name": "auditor", "role": "viewer", "tenants": ["acme"]});
    let created = create(&bench, &operator, new).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert!(created.headers.contains("cache-control: no-store"), "{created:?}");
    let key = created.json["key"].as_str().unwrap();
    let shown = &created.json["api_key"];
    assert_eq!((&shown["role"], &shown["may_write"]), (&json!("viewer"), &json!(false)));
    assert_eq!(bench.get(key, "/api/v1/requests").await.status, 200);
    let listed = bench.get(&operator, KEYS).await;
    assert_eq!(names(&listed.json), ["auditor", "operator"]);
    assert!(!listed.text.contains(key), "{listed:?}");
    let path = format!("{KEYS}/{}/revoke", shown["id"].as_str().unwrap());
    let revoked = bench.send(&operator, "POST", &path, None).await;
    assert_eq!((revoked.status, &revoked.json["name"]), (200, &json!("auditor")));
    assert!(revoked.json["revoked_at"].is_i64(), "{revoked:?}");
    assert_eq!(bench.get(key, "/api/v1/requests").await.problem(), (401, "unauthenticated"));
    assert_eq!(bench.send(&operator, "POST", &path, None).await.problem(), (404, "unknown"));
    let lines = bench.audit("acme").await;
    let done: Vec<_> = lines.iter().filter(|line| line["detail"]["name"] == "auditor").collect();
    assert_eq!(
        done.iter().map(|line| &line["what"]).collect::<Vec<_>>(),
        ["api-key-created", "api-key-revoked"]
    );
    assert!(done.iter().all(|line| line["detail"]["by"].as_str().unwrap().starts_with("API key operator (")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_creates_none_that_has_more_than_itself() {
    let bench = ApiBench::new().await;
    let admin = ["admin:read", "admin:write", "requests:read"];
    let operator = bench.operator().await;
    let own = json!({"name": "own", "scopes": admin, "tenants": ["acme"], "connections": ["newsletter"]});
    let own = create(&bench, &operator, own).await.json["key"].as_str().unwrap().to_owned();
    for (more, fields) in [
        (json!({"scopes": ["requests:write"]}), json!(["scopes"])),
        (json!({"role": "viewer"}), json!(["scopes"])),
        (json!({"scopes": ["requests:read"], "tenants": ["other"]}), json!(["tenants"])),
        (json!({"scopes": ["requests:read"], "connections": ["shop"]}), json!(["connections"])),
        (json!({"scopes": ["requests:read"], "connections": null}), json!(["connections"])),
        (
            json!({"scopes": ["requests:read"], "tenants": null, "connections": null}),
            json!(["tenants", "connections"]),
        ),
        (json!({"scopes": ["requests:read"], "callback_hosts": ["example.com"]}), json!(["callback_hosts"])),
    ] {
        let mut body = json!({"name": "more", "tenants": ["acme"], "connections": ["newsletter"]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused = create(&bench, &own, body).await;
        assert_eq!(refused.problem(), (403, "exceeds-own-rights"), "{more}");
        let found: Vec<_> =
            refused.json["errors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
        assert_eq!(json!(found), fields, "{more}");
    }
    let within = json!({"name": "less", "scopes": ["requests:read"], "tenants": ["acme"], "connections": ["newsletter"]});
    assert_eq!(create(&bench, &own, within).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_sees_and_revokes_only_keys_within_its_tenants() {
    let bench = ApiBench::new().await;
    let (operator, acme) = (bench.operator().await, bench.key("acme", Some(&["acme"])).await);
    bench.key("other", Some(&["other"])).await;
    bench.reading_key("acme-auditor", Some(&["acme"])).await;
    let listed = bench.get(&acme, KEYS).await.json;
    let mut seen = names(&listed);
    seen.sort_unstable();
    assert_eq!(seen, ["acme", "acme-auditor"]);
    let all = bench.get(&operator, KEYS).await.json;
    let id = |name: &str| {
        let keys = all["api_keys"].as_array().unwrap();
        keys.iter().find(|key| key["name"] == name).unwrap()["id"].as_str().unwrap().to_owned()
    };
    for name in ["operator", "other"] {
        let path = format!("{KEYS}/{}/revoke", id(name));
        assert_eq!(bench.send(&acme, "POST", &path, None).await.problem(), (404, "unknown"), "{name}");
    }
    let own = format!("{KEYS}/{}/revoke", id("acme"));
    assert_eq!(bench.send(&acme, "POST", &own, None).await.status, 200);
    assert_eq!(bench.get(&acme, KEYS).await.problem(), (401, "unauthenticated"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_new_key_is_said_at_its_field() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    for (body, problem) in [
        (json!({"name": "x"}), (400, "bad-body")),
        (json!({"name": "x", "scopes": []}), (400, "bad-body")),
        (json!({"name": "x", "role": "viewer", "scopes": ["admin:read"]}), (400, "bad-body")),
        (json!({"name": "x", "role": "boss"}), (400, "bad-body")),
        (json!({"name": "x", "scopes": ["people:read"]}), (400, "bad-body")),
        (json!({"name": "x", "role": "viewer", "connections": ["newsletter"]}), (400, "bad-body")),
        (json!({"name": "A Key", "role": "viewer"}), (422, "unfit-text")),
        (json!({"name": "x", "role": "viewer", "tenants": ["Acme"]}), (422, "unfit-text")),
        (json!({"name": "x", "role": "viewer", "callback_hosts": ["https://a"]}), (422, "unfit-text")),
        (json!({"name": "operator", "role": "viewer"}), (409, "name-taken")),
    ] {
        let refused = create(&bench, &operator, body.clone()).await;
        assert_eq!(refused.problem(), problem, "{body}");
        if problem.0 != 400 {
            assert_eq!(refused.json["errors"].as_array().unwrap().len(), 1, "{refused:?}");
        }
    }
    assert_eq!(names(&bench.get(&operator, KEYS).await.json), ["operator"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_listed_page_by_page() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    for name in ["one", "two", "three"] {
        create(&bench, &operator, json!({"name": name, "role": "viewer"})).await;
    }
    let first = bench.get(&operator, &format!("{KEYS}?limit=2")).await.json;
    assert_eq!(names(&first), ["three", "two"]);
    let last = first["api_keys"][1]["id"].as_str().unwrap();
    let second = bench.get(&operator, &format!("{KEYS}?limit=2&before={last}")).await.json;
    assert_eq!(names(&second), ["one", "operator"]);
}
