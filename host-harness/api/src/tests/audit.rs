//! The audit chains over the API.

use serde_json::{Value, json};

use crate::testing::ApiBench;
use host_store::testing;

/// Creates connections of two tenants, with a key for each tenant.
async fn two_tenants() -> (ApiBench, String, String) {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    bench.connect(&operator, "acme", "newsletter").await;
    bench.connect(&operator, "acme", "shop").await;
    bench.connect(&operator, "other", "mail").await;
    let acme = bench.reading_key("auditor", Some(&["acme"])).await;
    (bench, operator, acme)
}

async fn ids(bench: &ApiBench, key: &str, query: &str) -> Vec<String> {
    let listed = bench.get(key, &format!("/api/v1/audit{query}")).await;
    assert_eq!(listed.status, 200, "{listed:?}");
    let lines = listed.json["lines"].as_array().unwrap();
    lines.iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_listed_newest_first_by_each_filter_and_only_those_within_reach() {
    let (bench, operator, acme) = two_tenants().await;
    let all = ids(&bench, &operator, "").await;
    assert!(
        all.iter().any(|id| id.starts_with("*:")) && all.iter().any(|id| id.starts_with("other:")),
        "{all:?}"
    );
    let seen = ids(&bench, &acme, "").await;
    assert!(!seen.is_empty() && seen.iter().all(|id| id.starts_with("acme:")), "{seen:?}");
    let created = ids(&bench, &operator, "?what=connection-created&connection=shop").await;
    assert_eq!(created.len(), 1, "{created:?}");
    assert_eq!(ids(&bench, &operator, "?tenant=acme&what=connection-created").await.len(), 2);
    assert_eq!(ids(&bench, &operator, "?by=operator&what=connection-created").await.len(), 3);
    for nothing in ["?by=auditor", "?request=r-1", "?what=nothing", "?until=1", "?since=99999999999999"] {
        assert_eq!(ids(&bench, &operator, nothing).await, [""; 0], "{nothing}");
    }
    let mut paged = Vec::new();
    while let [id] = &ids(
        &bench,
        &operator,
        &paged.last().map_or_else(|| "?limit=1".to_owned(), |last| format!("?limit=1&before={last}")),
    )
    .await[..]
    {
        paged.push(id.clone());
    }
    assert_eq!(paged, all);
    let refused = bench.get(&operator, "/api/v1/audit?before=x").await;
    assert_eq!(refused.problem(), (400, "bad-query"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_one_connection_sees_the_lines_about_it_alone() {
    let (bench, operator, _) = two_tenants().await;
    let new = json!({"name": "shop", "role": "viewer", "tenants": ["acme"], "connections": ["shop"]});
    let created = bench.send(&operator, "POST", "/api/v1/api-keys", Some(new)).await;
    let key = created.json["key"].as_str().unwrap();
    let lines = bench.get(key, "/api/v1/audit").await.json;
    let lines = lines["lines"].as_array().unwrap();
    assert!(
        !lines.is_empty() && lines.iter().all(|line| line["record"]["connection"] == "shop"),
        "{lines:?}"
    );
    let state = bench.send(key, "POST", "/api/v1/audit/verify", None).await.json;
    assert_eq!(state["chains"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_each_line_once_in_the_order_of_its_chain() {
    let (bench, _, acme) = two_tenants().await;
    let exported = bench.get(&acme, "/api/v1/audit/export").await;
    assert!(exported.headers.contains("content-type: application/jsonl"), "{}", exported.headers);
    // The answer has no length, so it comes in pieces with a line of their own each.
    let lines: Vec<Value> = exported
        .text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(Value::is_object)
        .collect();
    let numbers: Vec<_> = lines.iter().map(|line| line["line"].as_i64().unwrap()).collect();
    let stored = bench.audit("acme").await.len();
    assert_eq!(numbers, (1..=i64::try_from(stored).unwrap()).collect::<Vec<_>>());
    assert!(lines.iter().all(|line| line["hash"].as_str().unwrap().len() >= 64), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_is_that_of_the_last_verification_and_names_the_broken_line() {
    let (bench, operator, acme) = two_tenants().await;
    let before = bench.get(&operator, "/api/v1/audit/state").await.json;
    assert_eq!((&before["verified_at"], &before["chains"]), (&Value::Null, &json!([])));
    let verified = bench.send(&operator, "POST", "/api/v1/audit/verify", None).await.json;
    assert!(
        verified["chains"].as_array().unwrap().iter().all(|chain| chain["broken"].is_null()),
        "{verified}"
    );
    testing::unlock_audit(&bench.parts.store).await;
    for damage in [
        "UPDATE audit SET record = REPLACE(record, 'newsletter', 'another') WHERE tenant = 'acme' AND line = 1",
        "UPDATE audit SET record = 'damaged' WHERE tenant = 'acme' AND line = 2",
    ] {
        bench.sql(damage).await;
    }
    let broken = bench.send(&acme, "POST", "/api/v1/audit/verify", None).await.json;
    let chains = broken["chains"].as_array().unwrap();
    assert_eq!(chains.len(), 1, "{broken}");
    assert_eq!((&chains[0]["tenant"], &chains[0]["broken"]["line"]), (&json!("acme"), &json!(1)));
    let state = bench.get(&operator, "/api/v1/audit/state").await.json;
    assert_eq!(state["chains"].as_array().unwrap().len(), 3, "{state}");
    let listed = bench.get(&acme, "/api/v1/audit").await.json;
    let damaged: Vec<_> =
        listed["lines"].as_array().unwrap().iter().filter(|line| line["record"].is_null()).collect();
    assert_eq!(damaged.len(), 1, "one damaged record hides no other: {listed}");
}
