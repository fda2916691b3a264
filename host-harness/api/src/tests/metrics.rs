//! Metrics as they are scraped.

use serde_json::json;

use crate::testing::Bench;

async fn open(bench: &Bench, key: &str) -> Vec<String> {
    let metrics = bench.get(key, "/metrics").await;
    assert_eq!(metrics.status, 200, "{metrics:?}");
    assert!(metrics.text.contains("# TYPE connector_host_alarms_open gauge\n"), "{metrics:?}");
    let lines = metrics.text.lines().filter_map(|line| line.strip_prefix("connector_host_alarms_open"));
    lines.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn open_alarms_are_counted_by_tenant_and_kind_until_they_are_cleared() {
    let bench = Bench::new().await;
    let key = bench.operator().await;
    assert_eq!(open(&bench, &key).await, Vec::<String>::new());
    bench
        .sql(
            "INSERT INTO alarms (id, tenant, kind, about, detail, raised_at) VALUES \
             ('a-1', 'acme', 'request-late', 'r-1', 'd', 1), ('a-2', 'acme', 'request-late', 'r-2', 'd', 2), \
             ('a-3', 'acme', 'connection-parked', 'c', 'd', 3), ('a-4', 'other', 'request-late', 'r-4', 'd', 4)",
        )
        .await;
    let parked = r#"{tenant="acme",kind="connection-parked"} 1"#;
    let late = r#"{tenant="acme",kind="request-late"} 2"#;
    let others = r#"{tenant="other",kind="request-late"} 1"#;
    assert_eq!(open(&bench, &key).await, [parked, late, others]);
    for id in ["a-1", "a-3"] {
        let path = format!("/api/v1/alarms/{id}/clear");
        assert_eq!(bench.send(&key, "POST", &path, Some(json!({}))).await.status, 200);
    }
    let late = r#"{tenant="acme",kind="request-late"} 1"#;
    assert_eq!(open(&bench, &key).await, [late, others]);
}
