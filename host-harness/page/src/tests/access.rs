//! Signing in and out, and what reaches the page at all.

use axum::body::Body;
use host_api::testing::ApiBench;
use http::{Request, StatusCode, header};

use super::browser::{Browser, posted};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_shown_without_a_session_and_signing_in_leads_back() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let mut browser = Browser::of(&bench);
    for path in ["/", "/requests?state=failed", "/requests/r-1", "/requests/r-1/receipt", "/alarms"] {
        let sent = browser.get(path).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{path}");
        assert!(sent.location().starts_with("/sign-in"), "{path}: {sent:?}");
    }
    let redirected = browser.get("/requests?state=failed").await;
    let sign_in = browser.get(redirected.location()).await;
    sign_in.assert_shows(&["API key", r#"value="/requests?state=failed""#]);
    let wrong = browser.post("/sign-in", &[("key", "chk_unknown"), ("next", "/requests?state=failed")]).await;
    assert_eq!((wrong.status, &browser.cookie), (StatusCode::UNAUTHORIZED, &None));
    wrong.assert_shows(&["This API key is unknown or revoked.", r#"value="/requests?state=failed""#]);
    wrong.assert_hides(&["chk_unknown"]);
    let signed_in = browser.post("/sign-in", &[("key", &key), ("next", "/requests?state=failed")]).await;
    assert_eq!((signed_in.status, signed_in.location()), (StatusCode::SEE_OTHER, "/requests?state=failed"));
    let cookie = signed_in.headers[header::SET_COOKIE].to_str().unwrap();
    for part in ["__Host-connector-host=", "; HttpOnly", "; Secure", "; Path=/", "; SameSite=Lax"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains(&key) && !cookie.contains("Domain"), "{cookie}");
    let shown = browser.get("/requests?state=failed").await;
    assert_eq!(shown.status, StatusCode::OK);
    shown.assert_shows(&["operator", "No request matches."]);
    let lines = bench.audit("*").await;
    assert!(lines.iter().any(|line| line["what"] == "page-signed-in"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_sign_out_and_with_its_key_and_its_cookie_cannot_be_changed() {
    let bench = ApiBench::new().await;
    let key = bench.operator().await;
    let mut browser = Browser::signed_in(&bench, &key).await;
    let kept = browser.cookie.clone();
    let mut changed = kept.clone().unwrap();
    let last = if changed.pop() == Some('A') { 'B' } else { 'A' };
    changed.push(last);
    browser.cookie = Some(changed);
    assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER, "changed");
    browser.cookie.clone_from(&kept);
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
    let out = browser.post("/sign-out", &[]).await;
    assert_eq!((out.location(), &browser.cookie), ("/sign-in", &None));
    browser.cookie = kept;
    assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER, "a kept cookie is worth nothing");

    let mut other = Browser::signed_in(&bench, &key).await;
    bench.sql("UPDATE api_keys SET revoked_at = 5, mac = NULL").await;
    assert_eq!(other.get("/").await.status, StatusCode::SEE_OTHER, "revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_forbids_other_sites_scripts_and_copies() {
    let bench = ApiBench::new().await;
    let mut browser = Browser::signed_in(&bench, &bench.operator().await).await;
    for path in
        ["/", "/sign-in", "/requests", "/alarms", "/requests/none", "/page/style.css", "/page/page.js"]
    {
        let sent = browser.get(path).await;
        let header = |name: &str| sent.headers[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        sent.assert_hides(&[" style=", "<style", "<script>", " onclick"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_causes_no_change_and_an_unprotected_connection_shows_why() {
    let bench = ApiBench::new().await;
    bench.alarm("acme", None, "forward-fails", "acme").await;
    let mut browser = Browser::signed_in(&bench, &bench.operator().await).await;
    let mut forged = posted("/sign-out", &[]);
    forged.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    let refused = browser.send(forged).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    refused.assert_shows(&["Another site caused this request, so nothing was done."]);
    assert_eq!(browser.get("/").await.status, StatusCode::OK, "still signed in");

    let rebound = Request::get("/").header(header::HOST, "rebound.example.com:7400").body(Body::empty());
    let unprotected = browser.send(rebound.unwrap()).await;
    assert_eq!(unprotected.status, StatusCode::FORBIDDEN);
    unprotected.assert_shows(&["Not served here", "X-Forwarded-Proto: https"]);
    unprotected.assert_hides(&["forward fails"]);
    let style =
        Request::get("/page/style.css").header(header::HOST, "rebound.example.com:7400").body(Body::empty());
    assert_eq!(browser.send(style.unwrap()).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_at_an_unknown_address_gets_a_screen_and_a_client_of_the_api_a_problem() {
    let bench = ApiBench::new().await;
    let mut browser = Browser::of(&bench);
    let get = |path: &str, accept: &str| {
        Request::get(path).header(header::ACCEPT, accept).body(Body::empty()).unwrap()
    };
    let screen = browser.send(get("/request", "text/html,*/*;q=0.8")).await;
    assert_eq!(screen.status, StatusCode::NOT_FOUND);
    screen.assert_shows(&["There is no screen at this address.", "Back to the overview"]);
    assert!(screen.headers.contains_key("content-security-policy"));
    for (path, accept) in [("/request", "application/json"), ("/api/v1/request", "text/html")] {
        let problem = browser.send(get(path, accept)).await;
        assert_eq!(problem.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(problem.headers["content-type"], "application/problem+json", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_router_refuses_is_said_on_a_screen() {
    let bench = ApiBench::new().await;
    let mut browser = Browser::signed_in(&bench, &bench.operator().await).await;
    let opened = browser.get("/requests/selected").await;
    assert_eq!(opened.status, StatusCode::METHOD_NOT_ALLOWED);
    opened.assert_shows(&["This address belongs to a button"]);
    let query = browser.get("/alarms?after_at=soon").await;
    assert_eq!(query.status, StatusCode::BAD_REQUEST);
    query.assert_shows(&["contains something that is not understood", "Back to the overview"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_that_refreshes_itself_keeps_no_session_alive_and_is_not_sent_elsewhere() {
    let bench = ApiBench::new().await;
    let mut browser = Browser::signed_in(&bench, &bench.operator().await).await;
    let refresh = || Request::get("/requests").header("hx-request", "true").body(Body::empty()).unwrap();
    let twenty_minutes_pass = async || {
        bench
            .sql("UPDATE page_sessions SET seen_at = seen_at - 1200000, began_at = began_at - 1200000")
            .await;
    };
    twenty_minutes_pass().await;
    assert_eq!(browser.get("/requests").await.status, StatusCode::OK, "opened, which is a use");
    twenty_minutes_pass().await;
    assert_eq!(browser.send(refresh()).await.status, StatusCode::OK, "still shown");
    twenty_minutes_pass().await;
    assert_eq!(browser.send(refresh()).await.status, StatusCode::UNAUTHORIZED, "unused for forty minutes");
}
