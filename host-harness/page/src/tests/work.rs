//! What an operator does on the page.

use host_api::testing::ApiBench;
use http::StatusCode;
use iterable_stand_in::Fault;
use serde_json::json;
use test_support::eventually;

use super::browser::Browser;

/// Has the erasure of a person fail. Returns the request's id.
async fn failed_erasure(bench: &ApiBench, key: &str) -> String {
    bench.connect(key, "acme", "newsletter").await;
    bench.stand_in.with_project(|project| project.seed(Some("ada@example.com"), None, None));
    let no = json!({"code": "BadParams", "msg": "<b>no</b>"});
    bench.stand_in.fault(Fault::Answer(400, no), "POST /api/users/forget", 1);
    let erasure = json!({"action": "erasure", "identity": {"email": "ada@example.com"}});
    let sent = bench.send(key, "POST", "/api/v1/connection/newsletter/requests", Some(erasure)).await;
    let id = sent.json["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/requests/{id}");
    eventually("it fails", async || bench.get(key, &path).await.json, |request| request["state"] == "failed")
        .await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_request_is_found_understood_and_put_back() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let id = failed_erasure(&bench, &key).await;
    let mut browser = Browser::signed_in(&bench, &key).await;
    let overview = browser.get("/").await;
    overview.assert_shows(&["Failed", &format!("/requests/{id}"), "newsletter"]);
    browser.get("/requests?state=done&connection=").await.assert_shows(&["No request matches."]);
    browser.get("/requests?state=failed&connection=other").await.assert_shows(&["No request matches."]);
    let listed = browser.get("/requests?state=failed&connection=newsletter").await;
    listed.assert_shows(&[&id, "Erasure", "Failed"]);
    let shown = browser.get(&format!("/requests/{id}")).await;
    shown.assert_shows(&["Put back in the queue", "forget", "write", "data-label=\"Status\">400</td>"]);
    for screen in [&overview, &listed, &shown] {
        screen.assert_hides(&["ada@", "<b>no</b>"]);
    }
    let record = browser.get(&format!("/requests/{id}/receipt")).await;
    assert!(record.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&record.html).unwrap()["id"], json!(id));

    let replayed = browser.post(&format!("/requests/{id}/replay"), &[]).await;
    let there = format!("/requests/{id}?done=request-replayed");
    assert_eq!((replayed.status, replayed.location()), (StatusCode::SEE_OTHER, &*there));
    browser.get(&there).await.assert_shows(&["The request is back in the queue."]);
    let state = async || bench.get(&key, &format!("/api/v1/requests/{id}")).await.json;
    eventually("the vendor accepts it", state, |request| request["step"] == "confirm").await;
    browser.get(&format!("/requests/{id}")).await.assert_shows(&["look for proof", "30 days left"]);
    let lines = bench.audit("acme").await;
    let line = lines.iter().find(|line| line["what"] == "request-replayed").unwrap();
    assert!(line.to_string().contains("on the page"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_key_may_not_do_is_not_offered_and_refused() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let id = failed_erasure(&bench, &key).await;
    let alarm = bench.alarm("acme", None, "forward-fails", "acme").await;
    let reading = bench.reading_key("auditor", None).await;
    let mut browser = Browser::signed_in(&bench, &reading).await;
    browser.get(&format!("/requests/{id}")).await.assert_hides(&["Put back in the queue"]);
    let alarms = browser.get("/alarms").await;
    alarms.assert_shows(&["forward fails"]);
    alarms.assert_hides(&["<button>Clear"]);
    for path in [format!("/requests/{id}/replay"), format!("/alarms/{alarm}/clear")] {
        let refused = browser.post(&path, &[("note", "")]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        refused.assert_shows(&["This API key is read-only"]);
    }
    let state = bench.get(&key, &format!("/api/v1/requests/{id}")).await.json;
    assert_eq!(state["state"], "failed");
    let mut narrow = Browser::signed_in(&bench, &bench.key("other", Some(&["other"])).await).await;
    narrow.get("/requests").await.assert_hides(&[&id]);
    assert_eq!(narrow.get(&format!("/requests/{id}")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_counts_what_needs_attention_and_shows_only_what_the_key_may_see() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let mut browser = Browser::signed_in(&bench, &key).await;
    browser
        .get("/")
        .await
        .assert_shows(&["<strong>0</strong> open alarms", "Every enabled connection works."]);
    failed_erasure(&bench, &key).await;
    bench.park(17, "the vendor refused the key").await;
    let overview = browser.get("/").await;
    overview.assert_shows(&[
        "<strong>1</strong> failed requests",
        "<strong>1</strong> stopped connections",
        "the vendor refused the key",
        "Give the connection a valid credential",
    ]);
    let new = json!({"name": "few", "scopes": ["requests:read"]});
    let few = bench.send(&key, "POST", "/api/v1/api-keys", Some(new)).await.json["key"]
        .as_str()
        .unwrap()
        .to_owned();
    // One who may approve, but only what belongs to a tenant.
    let mut of_tenant = Browser::signed_in(&bench, &bench.key("of-tenant", Some(&["acme"])).await).await;
    let overview = of_tenant.get("/").await;
    assert_eq!(overview.status, StatusCode::OK, "{overview:?}");
    overview.assert_shows(&["<strong>1</strong> failed requests"]);
    of_tenant.get("/plugins").await.assert_hides(&["Upload a version"]);
    let mut narrow = Browser::signed_in(&bench, &few).await;
    let overview = narrow.get("/").await;
    overview.assert_shows(&["<strong>1</strong> failed requests"]);
    overview.assert_hides(&["stopped connections", "open alarms", r#"href="/keys""#, r#"href="/audit""#]);
}

#[tokio::test(flavor = "multi_thread")]
async fn alarms_are_filtered_by_kind_and_many_are_on_several_screens() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let mut ids = Vec::new();
    for number in 0..31 {
        ids.push(bench.alarm("acme", None, "request-late", &format!("r-{number}")).await);
    }
    let other = bench.alarm("acme", None, "forward-fails", "acme").await;
    let mut browser = Browser::signed_in(&bench, &key).await;
    browser.get("/").await.assert_shows(&["<strong>32</strong> open alarms", "All alarms"]);
    let of = |shown: &str| ids.iter().filter(|id| shown.contains(&format!("/alarms/{id}/clear"))).count();
    let all = browser.get("/alarms").await;
    all.assert_shows(&["any kind (32)", "request late (31)", "forward fails (1)"]);
    assert_eq!(of(&all.html), 30);
    let late = browser.get("/alarms?kind=request-late").await;
    late.assert_shows(&[r#"<option value="request-late" selected>"#]);
    late.assert_hides(&[&other]);
    let newer = late.html.split_once(r#"<a href="/alarms?kind=request-late"#).unwrap().1;
    let newer = newer.split('"').next().unwrap().replace("&#38;", "&");
    let rest = browser.get(&format!("/alarms?kind=request-late{newer}")).await;
    assert_eq!((of(&late.html), of(&rest.html)), (30, 1));
    rest.assert_hides(&[">Newer</a>", &other]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_is_cleared_with_what_was_done() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let id = bench.alarm("acme", None, "forward-fails", "acme").await;
    let mut browser = Browser::signed_in(&bench, &key).await;
    browser.get("/").await.assert_shows(&["forward fails"]);
    let cleared = browser.post(&format!("/alarms/{id}/clear"), &[("note", " renewed the key ")]).await;
    assert_eq!((cleared.status, cleared.location()), (StatusCode::SEE_OTHER, "/alarms?done=alarm-cleared"));
    browser.get("/alarms").await.assert_shows(&["No alarm is open."]);
    let lines = bench.audit("acme").await;
    assert!(lines.iter().any(|line| line["what"] == "alarm-cleared"), "{lines:?}");
    let again = browser.post(&format!("/alarms/{id}/clear"), &[("note", "")]).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    again.assert_shows(&["there is no open alarm"]);
}
