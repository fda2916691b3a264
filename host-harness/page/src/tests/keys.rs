//! API keys on the page.

use host_api::testing::ApiBench;
use http::StatusCode;

use super::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_created_shown_once_and_revoked_after_a_question() {
    let bench = ApiBench::new().await;
    let mut browser = Browser::signed_in(&bench, &bench.operator().await).await;
    browser.get("/keys").await.assert_shows(&["operator", "(yours)", "administrator", "Create a key"]);
    let form = [("name", "auditor"), ("role", "viewer"), ("tenants", "acme other"), ("connections", "")];
    let created = browser.post("/keys/new", &form).await;
    assert_eq!(created.status, StatusCode::OK, "{created:?}");
    created.assert_shows(&["The API key auditor is created", "chk_", "cannot be shown again"]);
    let listed = browser.get("/keys").await;
    listed.assert_shows(&["auditor", "viewer", "acme, other"]);
    listed.assert_hides(&["chk_"]);
    let text = created.html.split("value=\"chk_").nth(1).unwrap().split('"').next().unwrap();
    let mut other = Browser::signed_in(&bench, &format!("chk_{text}")).await;
    other.get("/keys").await.assert_hides(&["Create a key", "Revoke"]);
    let lines = bench.audit("acme").await;
    let line = lines.iter().find(|line| line["what"] == "api-key-created").unwrap();
    let id = line["detail"]["id"].as_str().unwrap();
    assert!(line["detail"]["by"].as_str().unwrap().ends_with("on the page"), "{line}");
    let path = format!("/keys/{id}/revoke");
    let question = browser.get(&path).await;
    question.assert_shows(&["Revoke the API key auditor?", "viewer", "acme, other", "cannot be undone"]);
    question.assert_hides(&["signed out"]);
    let revoked = browser.post(&path, &[]).await;
    assert_eq!((revoked.status, revoked.location()), (StatusCode::SEE_OTHER, "/keys?done=key-revoked"));
    assert_eq!(other.get("/keys").await.status, StatusCode::SEE_OTHER, "its session has ended");
    assert_eq!(browser.get(&path).await.status, StatusCode::NOT_FOUND, "it is revoked already");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_form_keeps_what_was_typed_and_says_why_at_the_field() {
    let bench = ApiBench::new().await;
    let mut browser = Browser::signed_in(&bench, &bench.operator().await).await;
    let form = [("name", "My Key"), ("role", "scopes"), ("scope-requests-read", "true"), ("tenants", "acme")];
    let refused = browser.post("/keys/new", &form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_shows(&[
        r#"value="My Key""#,
        r#"value="acme""#,
        r#"id="scope-requests-read" name="scope-requests-read" checked"#,
        r#"<option value="scopes" selected>"#,
        r#"id="name" name="name" required aria-invalid="true""#,
        "expected lower-case words",
    ]);
    let both = browser
        .post("/keys/new", &[("name", "x"), ("role", "viewer"), ("scope-requests-read", "true")])
        .await;
    assert_eq!(both.status, StatusCode::UNPROCESSABLE_ENTITY);
    both.assert_shows(&["scopes are ticked, and a role is chosen too"]);
    let nothing = browser.post("/keys/new", &[("name", "x"), ("role", "scopes")]).await;
    assert_eq!(nothing.status, StatusCode::BAD_REQUEST);
    nothing.assert_shows(&["No key was created", "at least one scope"]);
    let made = [
        ("name", "few"),
        ("role", "scopes"),
        ("scope-bulk-read", "true"),
        ("scope-webhook-tokens-read", "true"),
    ];
    browser.post("/keys/new", &made).await.assert_shows(&["bulk:read webhook-tokens:read"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_ones_own_key_is_announced_and_signs_out() {
    let bench = ApiBench::new().await;
    let mut browser = Browser::signed_in(&bench, &bench.operator().await).await;
    let listed = browser.get("/keys").await;
    let path = listed.html.split("href=\"/keys/").map(|part| part.split('"').next().unwrap());
    let path = path.into_iter().find(|path| path.ends_with("/revoke")).unwrap();
    let path = format!("/keys/{path}");
    browser.get(&path).await.assert_shows(&["you will be signed out"]);
    browser.post(&path, &[]).await;
    assert_eq!(browser.get("/keys").await.status, StatusCode::SEE_OTHER);
}
