//! Requests that an operator submits for a person.

use host_api::testing::ApiBench;
use http::StatusCode;
use serde_json::json;
use test_support::eventually;

use super::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_is_typed_confirmed_and_stored_and_the_person_is_in_no_address() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    bench.stand_in.with_project(|project| project.seed(Some("ada@example.com"), None, None));
    let mut browser = Browser::signed_in(&bench, &key).await;
    browser.get("/requests/new").await.assert_shows(&[r#"<option value="newsletter">newsletter</option>"#]);
    let form = browser.get("/requests/new?connection=newsletter").await;
    form.assert_shows(&["Erase the person", r#"name="identifier-email""#, r#"name="identifier-user-id""#]);

    let nobody = browser.post("/requests/new", &[("connection", "newsletter"), ("wish", "erasure")]).await;
    assert_eq!(nobody.status, StatusCode::UNPROCESSABLE_ENTITY);
    nobody.assert_shows(&["Fill in at least one identifier of the person."]);
    for wish in ["", "erase"] {
        let typed = [("connection", "newsletter"), ("wish", wish), ("identifier-email", "ada@example.com")];
        for path in ["/requests/new", "/requests/new/send"] {
            let open = browser.post(path, &typed).await;
            assert_eq!(open.status, StatusCode::UNPROCESSABLE_ENTITY, "{open:?}");
            open.assert_shows(&["Choose what the person wants.", r#"value="ada@example.com""#]);
        }
    }
    let typed = [("connection", "newslette"), ("wish", "erasure"), ("identifier-user-id", "u-1")];
    let mistyped = browser.post("/requests/new", &typed).await;
    assert_eq!(mistyped.status, StatusCode::NOT_FOUND);
    mistyped.assert_shows(&[r#"value="newslette""#, r#"value="u-1""#, "there is no connection"]);

    let typed =
        [("connection", "newsletter"), ("wish", "erasure"), ("identifier-email", " ada@example.com ")];
    let question = browser.post("/requests/new", &typed).await;
    assert_eq!(question.status, StatusCode::OK);
    question.assert_shows(&[
        "Erase this person at newsletter?",
        "email ada@example.com",
        "This cannot be undone.",
    ]);
    let requests = async || bench.get(&key, "/api/v1/requests").await.json["requests"].clone();
    assert_eq!(requests().await, json!([]), "nothing is stored before the answer");

    let stored = browser.post("/requests/new/send", &typed).await;
    assert_eq!(stored.status, StatusCode::SEE_OTHER);
    assert!(stored.location().ends_with("?done=request-stored"), "{}", stored.location());
    let shown = browser.get(stored.location()).await;
    shown.assert_shows(&["The request is stored.", "Erasure"]);
    shown.assert_hides(&["ada@"]);
    eventually("the vendor accepts it", requests, |requests| requests[0]["step"] == "confirm").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_is_sent_about_a_notice_and_a_refusal_keeps_what_was_typed() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let notice = json!({"id": "n-1", "name": "Marketing <b>", "data_uses": ["marketing"], "enforcement_level": "system_wide"});
    let made = bench.send(&key, "PUT", "/api/v1/tenants/acme/notices/n-1", Some(notice)).await;
    assert_eq!(made.status, 204, "{made:?}");
    let mut browser = Browser::signed_in(&bench, &key).await;
    let form = browser.get("/requests/new?connection=newsletter").await;
    form.assert_shows(&[r#"value="opt_out:n-1""#, "Opt the person out of Marketing &#60;b&#62;"]);

    let typed =
        |wish| [("connection", "newsletter"), ("wish", wish), ("identifier-email", "ada@example.com")];
    let refused = browser.post("/requests/new/send", &typed("opt_out:n-2")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_shows(&["n-2", r#"role="alert""#, r#"value="ada@example.com""#]);

    browser
        .post("/requests/new", &typed("opt_out:n-1"))
        .await
        .assert_shows(&["Send this choice to newsletter?"]);
    let stored = browser.post("/requests/new/send", &typed("opt_out:n-1")).await;
    assert_eq!(stored.status, StatusCode::SEE_OTHER, "{stored:?}");
    let listed = bench.get(&key, "/api/v1/requests").await.json;
    assert_eq!(listed["requests"][0]["action"], "consent");

    let reading = bench.reading_key("auditor", None).await;
    let mut reader = Browser::signed_in(&bench, &reading).await;
    reader.get("/requests").await.assert_hides(&["/requests/new"]);
    let denied = reader.post("/requests/new/send", &typed("erasure")).await;
    assert_eq!(denied.status, StatusCode::FORBIDDEN);
}
