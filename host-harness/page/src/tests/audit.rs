//! The audit chains on the page.

use host_api::testing::ApiBench;
use host_store::testing;
use http::StatusCode;

use super::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_filtered_and_exported_and_a_wrong_day_is_said_at_its_field() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    bench.connect(&key, "other", "mail").await;
    let mut browser = Browser::signed_in(&bench, &key).await;
    browser.get("/audit").await.assert_shows(&["connection created", "newsletter", "mail", "page signed in"]);
    let filtered =
        browser.get("/audit?tenant=acme&what=connection-created&by=operator&since=2020-01-01").await;
    filtered.assert_shows(&["newsletter", r#"value="2020-01-01""#, "/audit/export?tenant=acme"]);
    filtered.assert_hides(&["page signed in", "mail"]);
    browser.get("/audit?what=nothing").await.assert_shows(&["No line matches."]);
    let wrong = browser.get("/audit?since=soon").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    wrong.assert_shows(&["Expected a day, such as 2026-01-31.", r#"value="soon""#]);
    assert_eq!(browser.get("/audit/export?since=soon").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    browser
        .get("/audit?what=Connection%20created&connection=mail")
        .await
        .assert_shows(&["<td role=\"cell\">mail"]);
    let export = browser.get("/audit/export?tenant=acme").await;
    assert_eq!(export.headers["content-disposition"], "attachment; filename=\"audit.jsonl\"");
    assert!(export.html.lines().all(|line| line.starts_with("{\"id\":\"acme:")), "{}", export.html);
    assert_eq!(export.html.lines().count(), bench.audit("acme").await.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_the_chains_is_shown_once_they_are_verified_with_the_line_that_is_broken() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    bench.connect(&key, "acme", "newsletter").await;
    let mut browser = Browser::signed_in(&bench, &key).await;
    browser.get("/audit").await.assert_shows(&["have not been verified since the service started"]);
    let verified = browser.post("/audit/verify", &[]).await;
    assert_eq!(verified.location(), "/audit?done=audit-verified");
    browser.get("/audit").await.assert_shows(&["Intact", "no line was changed, removed or inserted"]);
    testing::unlock_audit(&bench.parts.store).await;
    bench.sql("UPDATE audit SET at = 3 WHERE tenant = 'acme' AND line = 1").await;
    browser.post("/audit/verify", &[]).await;
    browser.get("/audit").await.assert_shows(&["Broken", "The chain of tenant acme is broken at line 1"]);
}
