//! The texts of notices and systems.

use serde_json::{Value, json};

use crate::testing::ApiBench;

fn notice(id: &str, name: &str) -> Value {
    json!({"id": id, "notice_key": "news", "name": name, "data_uses": ["marketing"], "enforcement_level": "system_wide"})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_or_a_system_with_a_hidden_character_is_refused_by_its_field_and_not_stored() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    bench.connect(&operator, "acme", "newsletter").await;
    let put = async |path: &str, body: Value| bench.send(&operator, "PUT", path, Some(body)).await;
    let refused = put("/api/v1/tenants/acme/notices/n-1", notice("n-1", "News\u{1b}]0;owned\u{7}")).await;
    assert_eq!(refused.problem(), (422, "unfit-text"));
    let why = "contains U+001B as its character 5, which is not allowed: it is invisible or changes how the text is shown";
    assert_eq!(refused.detail(), format!("name {why}"));
    assert_eq!(refused.json["errors"], json!([{"field": "name", "message": why}]));
    let refused = put("/api/v1/tenants/acme/notices/n%E2%80%8B1", notice("n\u{200b}1", "News")).await;
    assert_eq!(refused.problem(), (422, "unfit-text"));
    let refused = put("/api/v1/tenants/ac%1B%5B2Jme/notices/n-1", notice("n-1", "News")).await;
    assert_eq!(refused.problem(), (404, "unknown"), "no tenant can have this name");
    let system = json!({"fides_key": "crm", "name": "C".repeat(513), "data_uses": []});
    let refused = put("/api/v1/tenants/acme/systems/crm", system).await;
    assert_eq!(refused.problem(), (422, "unfit-text"));
    assert_eq!(refused.detail(), "name has 513 characters; at most 512 are allowed");
    for (kind, none) in [("notices", json!({"notices": []})), ("systems", json!({"systems": []}))] {
        assert_eq!(
            bench.send(&operator, "GET", &format!("/api/v1/tenants/acme/{kind}"), None).await.json,
            none
        );
    }
    let patch = json!({"system": "crm\u{202e}"});
    let refused = bench.send(&operator, "PATCH", "/api/v1/connection/newsletter", Some(patch)).await;
    assert_eq!(refused.problem(), (422, "unfit-text"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_an_earlier_version_stored_with_hidden_characters_is_still_read_and_can_be_renamed() {
    let bench = ApiBench::new().await;
    let operator = bench.operator().await;
    let path = "/api/v1/tenants/acme/notices/n-1";
    assert_eq!(bench.send(&operator, "PUT", path, Some(notice("n-1", "News"))).await.status, 204);
    bench.sql("UPDATE notices SET name = 'News\u{1b}[2J\u{202e}'").await;
    let listed = bench.send(&operator, "GET", "/api/v1/tenants/acme/notices", None).await;
    assert_eq!(listed.json["notices"][0]["name"], "News\u{1b}[2J\u{202e}");
    assert_eq!(bench.send(&operator, "PUT", path, Some(notice("n-1", "News"))).await.status, 204);
    assert_eq!(bench.send(&operator, "DELETE", path, None).await.status, 204);
}
