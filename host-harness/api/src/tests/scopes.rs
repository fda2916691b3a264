//! What an API key with scopes, or for some connections, may do.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::testing::{ApiBench, document};
use host_model::scope::{Scope, Scopes};
use host_store::grant::{Grant, KeyReach};

/// A grant of `scopes` for the connections `keys`.
fn for_connections(keys: &[&str], scopes: Scopes) -> Grant {
    let connections = Some(keys.iter().map(|key| (*key).to_owned()).collect());
    let reach = KeyReach { tenants: Some(["acme".to_owned()].into()), connections };
    Grant { reach, ..Grant::of(None, scopes) }
}

fn only(scopes: impl IntoIterator<Item = Scope>) -> Scopes {
    Scopes::Only(scopes.into_iter().collect())
}

/// Each operation that requires an API key, with its scope.
fn operations() -> Vec<(String, String, Scope)> {
    let document: Value = serde_json::from_str(&document()).unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["security"] == json!([{}]) {
                continue;
            }
            let [scope] = operation["security"][0]["key"].as_array().unwrap().as_slice() else {
                panic!("{method} {path} has no single scope: {operation}")
            };
            let path =
                path.replace("{key}", "newsletter").replace("{tenant}", "acme").replace("{name}", "iterable");
            let path = path.replace("{generation}", "1").replace("{id}", "x");
            all.push((method.to_uppercase(), path, scope.as_str().unwrap().parse().unwrap()));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_requires_the_scope_that_the_document_declares_and_no_other() {
    let bench = ApiBench::new().await;
    let operations = operations();
    let declared: BTreeSet<Scope> = operations.iter().map(|(.., scope)| *scope).collect();
    assert_eq!(declared, Scope::all().collect(), "each scope is of use");
    for scope in Scope::all() {
        let name = |what: &str| -> &'static str { format!("{what}-{scope}").replace(':', "-").leak() };
        let lacking = bench
            .granted(name("lacking"), Grant::of(None, only(Scope::all().filter(|one| *one != scope))))
            .await;
        let having = bench.granted(name("having"), Grant::of(None, only([scope]))).await;
        for (method, path, required) in &operations {
            let body = Some(json!({}));
            if *required == scope {
                let refused = bench.send(&lacking, method, path, body).await;
                assert_eq!(refused.problem(), (403, "out-of-scope"), "{method} {path} without {scope}");
                assert_eq!(refused.json["scope"], scope.to_string());
            } else {
                let refused = bench.send(&having, method, path, body).await;
                assert_eq!(refused.problem(), (403, "out-of-scope"), "{method} {path} with {scope}");
            }
        }
    }
}

/// What the key of docs/fides.md can do: submit, follow and look. Neither who a request is about, nor the feed, nor any
/// change of the connection is among it.
const SUBMITS_AND_LOOKS: [&str; 18] = [
    "GET /api/v1/connection",
    "GET /api/v1/connection/newsletter",
    "GET /api/v1/connection/newsletter/mapping",
    "GET /api/v1/connection/newsletter/test",
    "GET /api/v1/plus/connection/newsletter/consentable-items",
    "GET /api/v1/requests",
    "GET /api/v1/requests/x",
    "GET /api/v1/requests/x/status",
    "GET /api/v1/tenants/acme/notices",
    "GET /api/v1/tenants/acme/systems",
    "POST /api/v1/connection/newsletter/confirm",
    "POST /api/v1/connection/newsletter/consent",
    "POST /api/v1/connection/newsletter/mapping/preview",
    "POST /api/v1/connection/newsletter/reconcile",
    "POST /api/v1/connection/newsletter/requests",
    "POST /api/v1/people/find",
    "POST /api/v1/plus/connection/newsletter/consentable-items/preview",
    "POST /api/v1/requests/x/replay",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_submits_and_looks_does_nothing_else() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    bench.connect(&operator, "acme", "newsletter").await;
    let scopes = ["requests:read", "requests:write", "consent:write", "connections:read"];
    let scopes = only(scopes.map(|scope| scope.parse().unwrap()));
    let key = bench.granted("fides", for_connections(&["newsletter"], scopes)).await;
    let erasure = json!({"action": "erasure", "identity": {"email": "ada@example.com"}});
    let sent = bench.send(&key, "POST", "/api/v1/connection/newsletter/requests", Some(erasure)).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let place = format!("/api/v1/requests/{}", sent.json["id"].as_str().unwrap());
    assert_eq!(bench.get(&key, &place).await.status, 200);
    let reveal = bench.send(&key, "POST", &format!("{place}/reveal"), None).await;
    assert_eq!(reveal.problem(), (403, "out-of-scope"), "not even of its own request");
    assert_eq!(
        reveal.detail(),
        "the API key fides does not have the scope admin:read: use one that was created with it"
    );
    let mut granted = BTreeSet::new();
    for (method, path, _) in operations() {
        let answer = bench.send(&key, &method, &path, Some(json!({}))).await;
        assert_ne!(answer.status, 401, "{method} {path}");
        if answer.status != 403 {
            granted.insert(format!("{method} {path}"));
        }
    }
    assert_eq!(granted, SUBMITS_AND_LOOKS.map(str::to_owned).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_tests_a_parked_connection_without_the_scope_to_write_does_not_resume_it() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    bench.connect(&operator, "acme", "newsletter").await;
    bench.park(17, "the vendor refused the key").await;
    let reads = bench.granted("reads", Grant::of(None, only(["connections:read".parse().unwrap()]))).await;
    assert_eq!(
        bench.get(&reads, "/api/v1/connection/newsletter/test").await.json["test_status"],
        "succeeded"
    );
    let parked =
        async || bench.get(&operator, "/api/v1/connection/newsletter").await.json["parked_why"].clone();
    assert_eq!(parked().await, "the vendor refused the key");
    assert_eq!(bench.get(&operator, "/api/v1/connection/newsletter/test").await.status, 200);
    assert_eq!(parked().await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_one_connection_sees_nothing_of_another_and_nothing_of_the_whole_tenant() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    bench.connect(&operator, "acme", "newsletter").await;
    bench.connect(&operator, "acme", "shop").await;
    let key = bench.granted("news", for_connections(&["newsletter"], Scopes::All)).await;
    for connection in ["newsletter", "shop"] {
        let erasure = json!({"action": "erasure", "identity": {"email": "ada@example.com"}});
        let path = format!("/api/v1/connection/{connection}/requests");
        assert_eq!(bench.send(&operator, "POST", &path, Some(erasure)).await.status, 202);
    }
    let listed = bench.get(&key, "/api/v1/connection").await.json;
    assert_eq!(listed["connections"].as_array().unwrap().len(), 1);
    let requests = bench.get(&key, "/api/v1/requests").await.json;
    let requests: Vec<_> =
        requests["requests"].as_array().unwrap().iter().map(|one| one["connection"].clone()).collect();
    assert_eq!(requests, ["newsletter"]);
    let theirs =
        bench.get(&operator, "/api/v1/requests?connection=shop").await.json["requests"][0]["id"].clone();
    let theirs = format!("/api/v1/requests/{}", theirs.as_str().unwrap());
    for (method, path) in [
        ("GET", theirs.as_str()),
        ("GET", "/api/v1/connection/shop"),
        ("GET", "/api/v1/connection/shop/test"),
        ("DELETE", "/api/v1/connection/shop"),
        ("POST", "/api/v1/connection/shop/requests"),
        ("GET", "/api/v1/connection/shop/deliveries"),
    ] {
        let body = json!({"action": "erasure", "identity": {"email": "ada@example.com"}});
        assert_eq!(
            bench.send(&key, method, path, Some(body)).await.problem(),
            (404, "unknown"),
            "{method} {path}"
        );
    }
    let created =
        bench.send(&key, "POST", "/api/v1/connection", Some(bench.connection("acme", "third"))).await;
    assert_eq!(created.problem(), (403, "not-all-tenants"));
    assert_eq!(
        created.detail(),
        "this API key can create connections only for tenant acme, connection newsletter"
    );
    let notice = json!({"id": "n-1", "name": "N", "data_uses": ["a"], "enforcement_level": "system_wide"});
    let put = bench.send(&key, "PUT", "/api/v1/tenants/acme/notices/n-1", Some(notice)).await;
    assert_eq!(put.problem(), (403, "not-all-tenants"));
    for (method, path) in
        [("GET", "/metrics"), ("POST", "/api/v1/reload"), ("POST", "/api/v1/plugins/iterable")]
    {
        let refused = bench.send(&key, method, path, Some(json!({}))).await;
        assert_eq!(refused.problem(), (403, "not-all-tenants"), "{method} {path}");
    }
    assert_eq!(bench.get(&key, "/api/v1/tenants/acme/notices").await.status, 200);
    assert_eq!(bench.get(&key, "/api/v1/tenants/other/notices").await.problem(), (404, "unknown"));
    for (connection, kind) in [
        (Some("newsletter"), "connection-parked"),
        (Some("shop"), "deliveries-unread"),
        (None, "forward-fails"),
    ] {
        bench.alarm("acme", connection, kind, "it").await;
    }
    let alarms = bench.get(&key, "/api/v1/alarms").await.json["alarms"].clone();
    let kinds: Vec<_> = alarms.as_array().unwrap().iter().map(|alarm| alarm["kind"].clone()).collect();
    assert_eq!(kinds, ["connection-parked"]);
    let theirs = bench.get(&operator, "/api/v1/alarms").await.json["alarms"].clone();
    let theirs =
        theirs.as_array().unwrap().iter().find(|alarm| alarm["kind"] == "deliveries-unread").unwrap();
    let clear = format!("/api/v1/alarms/{}/clear", theirs["id"].as_str().unwrap());
    assert_eq!(bench.send(&key, "POST", &clear, Some(json!({}))).await.problem(), (404, "unknown"));
    bench
        .sql(
            "INSERT INTO events (id, tenant, connection, person, news, sealed_identity, received_at) VALUES \
             ('e-1', 'acme', 'shop', 1, '{}', x'', 1), ('e-2', 'other', 'newsletter', 1, '{}', x'', 1)",
        )
        .await;
    let cursor = bench.get(&operator, "/api/v1/consent-events").await.json["cursor"].clone();
    assert_eq!(cursor, 2, "the operator's page includes both");
    assert_eq!(bench.get(&key, "/api/v1/consent-events").await.json["cursor"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_a_connection_without_its_tenant_reaches_nothing() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    bench.connect(&operator, "acme", "newsletter").await;
    let reach = KeyReach { tenants: None, connections: Some(["newsletter".to_owned()].into()) };
    let key = bench.granted("stray", Grant { reach, ..Grant::of(None, Scopes::All) }).await;
    assert_eq!(bench.get(&key, "/api/v1/connection").await.json, json!({"connections": []}));
    for path in ["/api/v1/connection/newsletter", "/api/v1/tenants/acme/notices"] {
        assert_eq!(bench.get(&key, path).await.problem(), (404, "unknown"), "{path}");
    }
    assert_eq!(bench.get(&key, "/api/v1/requests").await.json["count"], 0);
}
