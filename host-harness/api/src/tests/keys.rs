//! The permissions of API keys.

use serde_json::json;
use test_support::eventually;

use crate::testing::ApiBench;
use host_store::api_keys;

#[tokio::test(flavor = "multi_thread")]
async fn no_client_gets_in_without_a_valid_key() {
    let bench = ApiBench::new().await;
    for headers in ["", "authorization: Basic b3BzOng=\r\n", "authorization: Bearer chk_wrong\r\n"] {
        let refused = bench.raw("GET", "/api/v1/connection", headers, b"").await;
        assert_eq!(refused.problem(), (401, "unauthenticated"), "{headers}");
        assert!(refused.headers.contains("www-authenticate: bearer"), "{refused:?}");
    }
    let key = bench.operator().await;
    assert_eq!(bench.get(&key, "/api/v1/connection").await.status, 200);
    let vault = bench.parts.store.vault().clone();
    bench
        .write(move |tx| {
            Box::pin(async move { api_keys::revoke(tx, &vault, 18, "operator", "a test").await })
        })
        .await;
    assert_eq!(bench.get(&key, "/api/v1/connection").await.problem(), (401, "unauthenticated"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_changed_in_the_database_is_refused_with_an_alarm() {
    let bench = ApiBench::new().await;
    let (operator, acme) = (bench.operator().await, bench.key("acme", Some(&["acme"])).await);
    bench.sql("UPDATE api_keys SET tenants = NULL WHERE name = 'acme'").await;
    assert_eq!(bench.get(&acme, "/api/v1/connection").await.problem(), (401, "unauthenticated"));
    assert_eq!(bench.get(&operator, "/api/v1/connection").await.status, 200);
    let bench = bench.restarted().await;
    let alarms = async || {
        let open = bench.get(&operator, "/api/v1/alarms").await.json["alarms"].clone();
        let open = open.as_array().unwrap();
        open.iter().map(|alarm| format!("{} {}", alarm["kind"], alarm["about"])).collect::<Vec<_>>()
    };
    let expected = [r#""api-key-not-authentic" "API key acme""#];
    eventually("the alarm is raised", alarms, |open| open == &expected).await;
    assert_eq!(bench.get(&acme, "/api/v1/connection").await.problem(), (401, "unauthenticated"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_read_changes_nothing() {
    let bench = ApiBench::new().await;
    let (operator, reader) = (bench.operator().await, bench.reading_key("reader", None).await);
    bench.connect(&operator, "acme", "newsletter").await;
    for (method, path) in [
        ("POST", "/api/v1/connection"),
        ("PATCH", "/api/v1/connection/newsletter"),
        ("DELETE", "/api/v1/connection/newsletter"),
        ("POST", "/api/v1/connection/newsletter/resume"),
        ("POST", "/api/v1/plugins/iterable"),
        ("POST", "/api/v1/reload"),
    ] {
        let refused = bench.send(&reader, method, path, Some(json!({}))).await;
        assert_eq!(refused.problem(), (403, "read-only"), "{method} {path}");
    }
    assert_eq!(bench.get(&reader, "/api/v1/connection/newsletter").await.status, 200);
    assert_eq!(bench.get(&reader, "/api/v1/connection/newsletter/test").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_narrows_where_its_requests_go_and_never_widens_it() {
    let bench = ApiBench::new().await;
    let (operator, tenant) = (bench.operator().await, bench.key("acme", Some(&["acme"])).await);
    let inside =
        bench.send(&tenant, "POST", "/api/v1/connection", Some(bench.connection("acme", "inside"))).await;
    assert_eq!(inside.problem(), (403, "not-all-tenants"));
    assert!(
        inside
            .detail()
            .starts_with("egress.hosts, egress.loopback, egress.plain_http: an API key for some tenants"),
        "{inside:?}"
    );
    bench.connect(&operator, "acme", "newsletter").await;
    let path = "/api/v1/connection/newsletter";
    let deny = |names: &[&str]| json!({"egress": {"denied_operations": names}});
    let denied = bench.send(&tenant, "PATCH", path, Some(deny(&["list-channels"]))).await;
    assert_eq!(denied.status, 200, "{denied:?}");
    for (patch, field) in [
        (deny(&[]), "egress.denied_operations"),
        (json!({"egress": {"hosts": ["10.0.0.1"]}}), "egress"),
        (json!({"egress": {"authorities": null, "request_cap": 17}}), "egress"),
        (json!({"limits": {"memory_bytes": 17}}), "limits"),
    ] {
        let refused = bench.send(&tenant, "PATCH", path, Some(patch)).await;
        if field == "limits" {
            let detail = "limits.memory_bytes from 67108864 to 17: an API key for some tenants may only deny";
            assert!(refused.detail().starts_with(detail), "{refused:?}");
        }
        assert_eq!(refused.problem(), (403, "not-all-tenants"));
        assert_eq!(refused.json["fields"], json!([field]));
    }
    let shown = bench.get(&tenant, path).await;
    assert_eq!(shown.json["egress"]["denied_operations"], json!(["list-channels"]));
    assert_eq!(bench.send(&operator, "PATCH", path, Some(deny(&[]))).await.status, 200);
}
