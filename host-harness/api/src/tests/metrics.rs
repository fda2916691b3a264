//! Metrics as they are scraped.

use serde_json::json;

use crate::testing::ApiBench;

async fn open(bench: &ApiBench, key: &str) -> Vec<String> {
    let metrics = bench.get(key, "/metrics").await;
    assert_eq!(metrics.status, 200, "{metrics:?}");
    assert!(metrics.text.contains("# TYPE connector_host_alarms_open gauge\n"), "{metrics:?}");
    let lines = metrics.text.lines().filter_map(|line| line.strip_prefix("connector_host_alarms_open"));
    lines.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn open_alarms_are_counted_by_tenant_and_kind_until_they_are_cleared() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    assert_eq!(open(&bench, &key).await, Vec::<String>::new());
    let mut ids = Vec::new();
    for (tenant, kind, about) in [
        ("acme", "request-late", "r-1"),
        ("acme", "connection-parked", "c"),
        ("acme", "request-late", "r-2"),
        ("other", "request-late", "r-4"),
    ] {
        ids.push(bench.alarm(tenant, None, kind, about).await);
    }
    let parked = r#"{tenant="acme",kind="connection-parked"} 1"#;
    let late = r#"{tenant="acme",kind="request-late"} 2"#;
    let others = r#"{tenant="other",kind="request-late"} 1"#;
    assert_eq!(open(&bench, &key).await, [parked, late, others]);
    for id in &ids[..2] {
        let path = format!("/api/v1/alarms/{id}/clear");
        assert_eq!(bench.send(&key, "POST", &path, Some(json!({}))).await.status, 200);
    }
    let late = r#"{tenant="acme",kind="request-late"} 1"#;
    assert_eq!(open(&bench, &key).await, [late, others]);
}
