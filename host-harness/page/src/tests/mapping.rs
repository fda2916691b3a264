//! What a privacy officer does about notices and mappings on the page.

use host_api::testing::ApiBench;
use http::StatusCode;
use serde_json::{Value, json};

use super::browser::{Browser, Received};

const NOTICES: &str = "/tenants/acme/notices";
const MAPPING: &str = "/connections/newsletter/mapping";

fn led_to(received: &Received, address: &str) {
    assert_eq!((received.status, received.location()), (StatusCode::SEE_OTHER, address));
}

/// A connection of the system `crm`, a notice that reaches it, and one that does not.
async fn with_notices() -> (ApiBench, String, Browser) {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let mut browser = Browser::signed_in(&bench, &key).await;
    browser.get(NOTICES).await.assert_shows(&["None yet. Without a notice, nothing can be mapped."]);
    for (id, name, enforcement) in [("n-1", "News", "system_wide"), ("n-2", "Own", "frontend")] {
        let notice = [
            ("id", id),
            ("key", ""),
            ("name", name),
            ("data_uses", "marketing"),
            ("enforcement", enforcement),
        ];
        let saved = browser.post("/tenants/acme/notices/save", &notice).await;
        led_to(&saved, "/tenants/acme/notices?done=notice-saved");
    }
    let system = [("id", "crm"), ("name", "CRM"), ("data_uses", "marketing.advertising sales")];
    led_to(
        &browser.post("/tenants/acme/systems/save", &system).await,
        "/tenants/acme/notices?done=system-saved",
    );
    let patch = json!({"system": "crm"});
    assert_eq!(bench.send(&key, "PATCH", "/api/v1/connection/newsletter", Some(patch)).await.status, 200);
    (bench, key, browser)
}

/// The saved notice of an item; null for none.
async fn notice_of(bench: &ApiBench, key: &str, id: &str) -> Value {
    let items = bench.get(key, "/api/v1/plus/connection/newsletter/consentable-items").await.json;
    let items = items.as_array().unwrap();
    items.iter().find(|item| item["external_id"] == id).unwrap()["notice_id"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_and_systems_are_kept_on_the_page() {
    let (_bench, _, mut browser) = with_notices().await;
    browser.get(NOTICES).await.assert_shows(&[
        "News",
        "n-1",
        "sent to vendors",
        "CRM",
        "marketing.advertising sales",
    ]);
    let filled = browser.get("/tenants/acme/notices/save?id=n-1").await;
    filled.assert_shows(&[r#"value="News""#, r#"<option value="system_wide" selected>"#]);
    let wrong =
        [("id", "n-3"), ("key", ""), ("name", " "), ("data_uses", "sales"), ("enforcement", "frontend")];
    let refused = browser.post("/tenants/acme/notices/save", &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_shows(&[
        "<a href=\"#name\">Name</a>",
        r#"value="n-3""#,
        r#"<option value="frontend" selected>"#,
    ]);
    let in_use = browser.post("/tenants/acme/systems/delete", &[("id", "crm")]).await;
    assert_eq!(in_use.status, StatusCode::CONFLICT);
    in_use.assert_shows(&["connection newsletter belongs to system `crm`"]);
    browser.get("/tenants/acme/notices/delete?id=n-2").await.assert_shows(&["Delete notice n-2?"]);
    led_to(
        &browser.post("/tenants/acme/notices/delete", &[("id", "n-2")]).await,
        "/tenants/acme/notices?done=notice-deleted",
    );
    browser.get(NOTICES).await.assert_hides(&["n-2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_is_previewed_and_saved_and_a_notice_that_cannot_work_is_not_offered() {
    let (bench, key, mut browser) = with_notices().await;
    let shown = browser.get(MAPPING).await;
    shown.assert_shows(&[
        "New",
        r#"<option value="notice:n-1">"#,
        r#"<option value="notice:n-2" disabled>Own (n-2): does not reach this connection"#,
        "1 notice cannot be chosen",
        "is not enforced system-wide",
    ]);
    let wrong = [("item", "channel:6539"), ("notice", "notice:n-2")];
    let refused = browser.post(MAPPING, &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_shows(&[
        "<a href=\"#notice-",
        r#"aria-invalid="true""#,
        r#"<option value="notice:n-2" selected>"#,
    ]);

    let chosen =
        [("item", "channel:6539"), ("notice", "notice:n-1"), ("item", "channel:6541"), ("notice", "")];
    let preview = browser.post(MAPPING, &chosen).await;
    preview.assert_shows(&[
        "1 item changes its notice",
        "<strong>0</strong> known people",
        "no notice",
        "n-1",
    ]);
    assert_eq!(notice_of(&bench, &key, "6539").await, Value::Null, "nothing is saved yet");
    led_to(
        &browser.post(&format!("{MAPPING}/save"), &chosen).await,
        &format!("{MAPPING}?done=mapping-saved"),
    );
    assert_eq!(notice_of(&bench, &key, "6539").await, "n-1");
    let shown = browser.get(MAPPING).await;
    shown.assert_shows(&[r#"<option value="notice:n-1" selected>"#]);
    shown.assert_hides(&[">New<"]);
    // The preview was made before another user saved: the save is shown anew first.
    let stale = [&chosen[..], &[("seen", "sha256:another")]].concat();
    let again = browser.post(&format!("{MAPPING}/save"), &stale).await;
    assert_eq!(again.status, StatusCode::OK, "{again:?}");
    again.assert_shows(&["Save the mapping of newsletter?", "No item changes its notice."]);
    // An item that a form leaves out keeps its notice.
    let other = [("item", "channel:6541"), ("notice", "notice:n-1")];
    led_to(&browser.post(&format!("{MAPPING}/save"), &other).await, &format!("{MAPPING}?done=mapping-saved"));
    assert_eq!(notice_of(&bench, &key, "6539").await, "n-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_is_exported_and_imported_after_a_preview() {
    let (bench, key, mut browser) = with_notices().await;
    let file = "[[item]]\ntype = \"Channel\"\nexternal_id = \"6539\"\nnotice_id = \"n-1\"\n";
    let preview = browser.post(&format!("{MAPPING}/import"), &[("mapping", file)]).await;
    preview.assert_shows(&["1 item changes its notice", "import/save", "external_id"]);
    assert_eq!(notice_of(&bench, &key, "6539").await, Value::Null);
    let saved = browser.post(&format!("{MAPPING}/import/save"), &[("mapping", file)]).await;
    led_to(&saved, &format!("{MAPPING}?done=mapping-saved"));
    let exported = browser.get(&format!("{MAPPING}/file")).await;
    assert!(exported.headers["content-disposition"].to_str().unwrap().contains("mapping-newsletter.toml"));
    exported.assert_shows(&["external_id = \"6539\"", "notice_id = \"n-1\""]);
    let wrong = file.replace("n-1", "n-9");
    let refused = browser.post(&format!("{MAPPING}/import"), &[("mapping", &wrong)]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_shows(&["there is no notice `n-9`", "external_id = &#34;6539&#34;"]);
}
