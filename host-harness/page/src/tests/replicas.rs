//! The replicas on the page.

use host_api::testing::ApiBench;
use http::StatusCode;

use super::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn each_replica_is_shown_with_its_version_and_its_lead_to_a_user_who_sees_everything() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let mut browser = Browser::signed_in(&bench, &key).await;
    let shown = browser.get("/replicas").await;
    let process = format!(":{}", std::process::id());
    shown.assert_shows(&[
        &process,
        "(shows this page)",
        "Leads",
        env!("CARGO_PKG_VERSION"),
        "iterable",
        "sha256:",
        "data-label=\"Last sign of life\"><time datetime=\"20",
    ]);
    shown.assert_hides(&["Replicas serve different versions", "Behind"]);
    let bound = bench.key("bound", Some(&["acme"])).await;
    let mut browser = Browser::signed_in(&bench, &bound).await;
    browser.get("/audit").await.assert_hides(&["href=\"/replicas\""]);
    assert_eq!(browser.get("/replicas").await.status, StatusCode::FORBIDDEN);
}
