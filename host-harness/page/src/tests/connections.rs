//! What an operator does about connections on the page.

use host_api::testing::ApiBench;
use http::StatusCode;
use serde_json::{Value, json};

use super::browser::{Browser, Received};

const PATH: &str = "/connections/newsletter";

async fn connected() -> (ApiBench, String, Browser) {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let browser = Browser::signed_in(&bench, &key).await;
    (bench, key, browser)
}

fn led_to(received: &Received, address: &str) {
    assert_eq!((received.status, received.location()), (StatusCode::SEE_OTHER, address));
}

/// The form of a connection to the stand-in.
fn form<'a>(host: &'a str, secret: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("key", "newsletter"),
        ("tenant", "acme"),
        ("settings.domain", host),
        ("secrets.api-key", secret),
        ("actions.erasure", "true"),
        ("enabled", "true"),
        ("egress.hosts", host),
        ("egress.loopback", "true"),
        ("egress.plain_http", "true"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_made_from_the_manifests_form_and_a_mistake_loses_nothing_but_secrets() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let mut browser = Browser::signed_in(&bench, &key).await;
    browser.get("/connections").await.assert_shows(&["There is no connection yet.", "/new-connection"]);
    browser.get("/new-connection").await.assert_shows(&[r#"<option value="iterable">"#]);
    let address = "/new-connection?plugin=iterable";
    let blank = browser.get(address).await;
    blank.assert_shows(&[
        "API key",
        r#"type="password""#,
        r#"name="settings.domain""#,
        r#"<option value="hybrid">"#,
    ]);

    let (host, secret) = (bench.stand_in.address().to_string(), bench.stand_in.api_key().to_owned());
    let mut wrong = form("vendor.example.com", &secret);
    wrong.retain(|(name, _)| *name != "egress.hosts");
    let refused = browser.post(address, &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_shows(&[
        "Nothing was changed.",
        "<a href=\"#settings.domain\">",
        "value=\"vendor.example.com\"",
        "value=\"newsletter\"",
    ]);
    refused.assert_hides(&[&secret]);
    assert_eq!(bench.get(&key, "/api/v1/connection").await.json, json!({"connections": []}));

    led_to(
        &browser.post(address, &form(&host, &secret)).await,
        "/connections/newsletter?done=connection-created",
    );
    let shown = browser.get(PATH).await;
    shown.assert_shows(&["Ready", "erasure", &host, "stored, never shown", "0 of 1,000 in a day"]);
    shown.assert_hides(&[&secret]);
    let taken = browser.post(address, &form(&host, &secret)).await;
    assert_eq!(taken.status, StatusCode::CONFLICT);
    taken.assert_shows(&["the key `newsletter` is in use", &format!("value=\"{host}\"")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_keeps_a_secret_that_is_left_empty_and_what_the_form_does_not_show() {
    let (bench, key, mut browser) = connected().await;
    let api = "/api/v1/connection/newsletter";
    let egress = json!({"egress": {"denied_operations": ["forget"]}});
    assert_eq!(bench.send(&key, "PATCH", api, Some(egress)).await.status, 200);
    let host = bench.stand_in.address().to_string();
    let form = browser.get("/connections/newsletter/change").await;
    form.assert_shows(&["stored; leave empty to keep it", &format!("value=\"{host}\"")]);
    form.assert_hides(&[bench.stand_in.api_key(), r#"name="key""#, "**"]);
    let changed = [
        ("settings.domain", host.as_str()),
        ("settings.project-type", "email"),
        ("secrets.api-key", ""),
        ("system", "crm"),
        ("actions.consent", "true"),
        ("enabled", "true"),
        ("egress.hosts", &host),
        ("egress.loopback", "true"),
        ("egress.plain_http", "true"),
    ];
    led_to(
        &browser.post("/connections/newsletter/change", &changed).await,
        "/connections/newsletter?done=connection-changed",
    );
    let stored = bench.get(&key, api).await.json;
    assert_eq!((&stored["system"], &stored["actions"]), (&json!("crm"), &json!(["consent"])));
    assert_eq!(stored["egress"]["denied_operations"], json!(["forget"]));
    assert_eq!(stored["settings"]["project-type"], "email");
    let tested = browser.post("/connections/newsletter/test", &[]).await;
    tested.assert_shows(&["The connection works.", "api-key", "Passed", "Not tried"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_what_identifies_people_asks_for_agreement() {
    let (bench, key, mut browser) = connected().await;
    let choice = json!({"item": "channel:6539", "choice": "opt_out", "source": "fides"});
    let consent = json!({"identity": {"email": "ada@example.com"}, "preferences": {"items": [choice]}});
    let sent = bench.send(&key, "POST", "/api/v1/connection/newsletter/consent", Some(consent)).await;
    assert_eq!(sent.status, 202);
    let host = bench.stand_in.address().to_string();
    let mut changed = form(&host, "");
    changed.retain(|(name, _)| !["key", "tenant"].contains(name));
    changed.push(("settings.project-type", "user-id"));
    let asked = browser.post("/connections/newsletter/change", &changed).await;
    assert_eq!(asked.status, StatusCode::CONFLICT);
    asked.assert_shows(&[
        "<a href=\"#agree\">",
        "1 people would be rekeyed",
        r#"<option value="user-id" selected>"#,
    ]);
    changed.push(("agree", "true"));
    led_to(
        &browser.post("/connections/newsletter/change", &changed).await,
        "/connections/newsletter?done=connection-changed",
    );
    let stored = bench.get(&key, "/api/v1/connection/newsletter").await.json;
    assert_eq!(stored["settings"]["project-type"], "user-id");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_test_says_why_and_a_pause_is_shown_wherever_it_matters() {
    let (bench, key, mut browser) = connected().await;
    let secrets = json!({"secrets": {"api-key": "wrong-key-0123"}});
    assert_eq!(bench.send(&key, "PATCH", "/api/v1/connection/newsletter", Some(secrets)).await.status, 200);
    let tested = browser.post("/connections/newsletter/test", &[]).await;
    assert_eq!(tested.status, StatusCode::OK);
    tested.assert_shows(&["The connection does not work.", r#"role="alert""#, "Failed"]);

    let empty = browser.post("/connections/newsletter/pause", &[("reason", " ")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    empty.assert_shows(&["<a href=\"#reason\">Reason</a>", r#"aria-invalid="true""#]);
    let paused = browser.post("/connections/newsletter/pause", &[("reason", " <b>sale</b> ")]).await;
    led_to(&paused, "/connections/newsletter?done=connection-paused");
    let listed = browser.get("/connections?health=paused").await;
    listed.assert_shows(&["newsletter", "Paused", "&#60;b&#62;sale&#60;/b&#62;"]);
    browser.get("/connections?health=ready").await.assert_shows(&["No connection matches."]);
    browser.get(PATH).await.assert_shows(&["Resume", "by API key operator"]);
    led_to(
        &browser.post("/connections/newsletter/resume", &[]).await,
        "/connections/newsletter?done=connection-resumed",
    );
    browser.get(PATH).await.assert_shows(&["Ready"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_says_what_is_lost_and_asks_again_if_requests_have_not_ended() {
    let (bench, key, mut browser) = connected().await;
    bench.park(17, "the vendor refused the key").await;
    let erasure = json!({"action": "erasure", "identity": {"email": "ada@example.com"}});
    let sent = bench.send(&key, "POST", "/api/v1/connection/newsletter/requests", Some(erasure)).await;
    assert_eq!(sent.status, 202);
    let asked = browser.get("/connections/newsletter/delete").await;
    asked.assert_shows(&["Delete connection newsletter?", "the record of whom it erased"]);
    let again = browser.post("/connections/newsletter/delete", &[]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    again.assert_shows(&[
        "1 request has not ended.",
        "Delete it and abandon 1 request",
        r#"name="abandon" value="true""#,
    ]);
    assert_eq!(bench.get(&key, "/api/v1/connection/newsletter").await.status, 200);
    let deleted = browser.post("/connections/newsletter/delete", &[("abandon", "true")]).await;
    led_to(&deleted, "/connections?done=connection-deleted");
    assert_eq!(bench.get(&key, "/api/v1/connection/newsletter").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_connections_and_is_offered_no_change() {
    let (bench, _, _) = connected().await;
    let mut browser = Browser::signed_in(&bench, &bench.reading_key("reader", None).await).await;
    browser.get("/connections").await.assert_hides(&["/new-connection"]);
    browser.get(PATH).await.assert_hides(&["/change", "/pause", "/delete"]);
    for path in
        ["/connections/newsletter/pause", "/connections/newsletter/resume", "/connections/newsletter/delete"]
    {
        let refused = browser.post(path, &[("reason", "r")]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
    }
    let stored: Value =
        bench.get(&bench.reading_key("second", None).await, "/api/v1/connection/newsletter").await.json;
    assert_eq!(stored["health"], "ready");
}
