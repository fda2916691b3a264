//! A person on the page, whom no address names.

use host_api::testing::ApiBench;
use http::StatusCode;
use serde_json::json;

use super::browser::Browser;

async fn erasure(bench: &ApiBench, key: &str) -> String {
    bench.connect(key, "acme", "newsletter").await;
    let erasure = json!({"action": "erasure", "identity": {"email": "ada@example.com"}});
    let sent = bench.send(key, "POST", "/api/v1/connection/newsletter/requests", Some(erasure)).await;
    sent.json["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_a_person_is_the_answer_to_a_form_and_does_not_repeat_them() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let id = erasure(&bench, &key).await;
    let mut browser = Browser::signed_in(&bench, &key).await;
    browser.get("/person").await.assert_shows(&["Email address", r#"method="post" action="/person""#]);
    let form = |value| [("kind", "email"), ("value", value), ("tenant", "")];
    let found = browser.post("/person", &form("ada@example.com")).await;
    assert_eq!(found.status, StatusCode::OK, "{found:?}");
    found.assert_shows(&["newsletter", &format!("/requests/{id}"), "No choice is known."]);
    found.assert_hides(&["ada@"]);
    browser
        .post("/person", &form("bob@example.com"))
        .await
        .assert_shows(&["No connection knows this person."]);
    let empty = browser.post("/person", &form(" ")).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    empty.assert_shows(&["Type the identifier."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_revealed_only_to_who_may_write_requests_and_read_the_audit() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let id = erasure(&bench, &key).await;
    let path = format!("/requests/{id}");
    let mut browser = Browser::signed_in(&bench, &key).await;
    browser.get(&path).await.assert_shows(&["Reveal the person"]);
    let revealed = browser.post(&format!("{path}/reveal"), &[]).await;
    revealed.assert_shows(&["ada@example.com", "<dt>email</dt>"]);
    assert_eq!(revealed.headers["cache-control"], "no-store");
    let mut viewer = Browser::signed_in(&bench, &bench.reading_key("viewer", None).await).await;
    viewer.get(&path).await.assert_hides(&["Reveal the person"]);
    let refused = viewer.post(&format!("{path}/reveal"), &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    refused.assert_hides(&["ada@"]);
    let submits = json!({"name": "submits", "scopes": ["requests:read", "requests:write"]});
    let submits = bench.send(&key, "POST", "/api/v1/api-keys", Some(submits)).await;
    let mut submits = Browser::signed_in(&bench, submits.json["key"].as_str().unwrap()).await;
    submits.get(&path).await.assert_hides(&["Reveal the person"]);
    let refused = submits.post(&format!("{path}/reveal"), &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    refused.assert_shows(&["admin:read"]);
    refused.assert_hides(&["ada@"]);
    let on_record = bench.audit("acme").await;
    assert_eq!(on_record.iter().filter(|line| line["what"] == "person-revealed").count(), 1, "{on_record:?}");
}
