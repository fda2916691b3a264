//! Tokens that the host fetches on its own.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use connector_tests::{Reply, Vendor};

use super::*;

/// Starts a vendor that issues `access-1`, `access-2`, …, and accepts only the latest.
async fn vendor() -> Vendor {
    let handed_out = Arc::new(AtomicU32::new(0));
    Vendor::start(move |request| {
        let handed_out = Arc::clone(&handed_out);
        async move {
            if request.uri.path() == "/token" {
                let number = handed_out.fetch_add(1, Relaxed) + 1;
                return Reply::new(200, format!(r#"{{"access_token":"access-{number}","expires_in":3600}}"#));
            }
            // An earlier token is no longer accepted.
            let used = request.header("authorization").unwrap_or_default().to_owned();
            let good = format!("Bearer access-{}", handed_out.load(Relaxed));
            let worn_out = request.uri.path() == "/guarded" && used != good;
            Reply::new(if worn_out { 401 } else { 200 }, format!("you sent {used}"))
        }
    })
    .await
}

#[tokio::test]
async fn a_token_is_fetched_on_demand_kept_and_never_seen() {
    let vendor = vendor().await;
    let script = json!([{ "send": "guarded" }, { "send": "guarded" }]);
    let calls = puppet("on-demand", &vendor, script, |_| {}).await;
    for _ in 0..2 {
        let results = results(&calls).await;
        assert_eq!(statuses(&results), [200, 200]);
        assert_eq!(results[0]["body"], "you sent Bearer [redacted]");
    }
    let guarded = "GET /guarded";
    assert_eq!(vendor.lines(), ["POST /token", guarded, guarded, guarded, guarded]);
    assert_eq!(vendor.received()[0].text(), "refresh=k-0123456789");
    assert_eq!(vendor.received()[1].header("authorization"), Some("Bearer access-1"));
}

#[tokio::test]
async fn a_token_that_is_refused_is_fetched_anew() {
    let refused = Arc::new(AtomicU32::new(0));
    let handed_out = Arc::clone(&refused);
    let vendor = Vendor::start(move |request| {
        let handed_out = Arc::clone(&handed_out);
        async move {
            match (request.uri.path(), request.header("authorization")) {
                ("/token", _) => {
                    let number = handed_out.fetch_add(1, Relaxed) + 1;
                    Reply::new(200, format!(r#"{{"access_token":"access-{number}"}}"#))
                }
                (_, Some("Bearer access-2")) => Reply::new(200, "in"),
                _ => Reply::new(401, "out"),
            }
        }
    })
    .await;
    let calls = puppet("on-401", &vendor, json!([{ "send": "guarded" }]), |_| {}).await;
    let results = results(&calls).await;
    assert_eq!((results[0]["status"].as_u64(), results[0]["body"].as_str()), (Some(200), Some("in")));
    assert_eq!(vendor.lines(), ["POST /token", "GET /guarded", "POST /token", "GET /guarded"]);
}

#[tokio::test]
async fn a_token_that_the_vendor_does_not_hand_out_is_no_credential() {
    let vendor = Vendor::start(|_| async { Reply::new(400, r#"{"error":"invalid_grant"}"#) }).await;
    let calls = puppet("no-token", &vendor, json!([{ "send": "guarded" }]), |_| {}).await;
    assert_eq!(
        results(&calls).await,
        [json!({
            "kind": "ErrorKind::NoCredential",
            "message": "connection no-token: exchange returned no access-token: the vendor answered 400",
            "sent": false,
            "wait": null,
        })]
    );
    assert_eq!(vendor.lines(), ["POST /token"]);
}

/// Two connections of one plugin do not share a token that was captured for one of them.
#[tokio::test]
async fn a_token_belongs_to_its_connection() {
    let vendor = vendor().await;
    let script = || json!([{ "send": "guarded" }]);
    let one = puppet("token-one", &vendor, script(), |_| {}).await;
    let two = puppet("token-two", &vendor, script(), |spec| spec.tenant.0 = "other".to_owned()).await;
    results(&one).await;
    results(&two).await;
    let tokens: Vec<_> =
        vendor.received().iter().filter_map(|r| r.header("authorization").map(str::to_owned)).collect();
    assert_eq!(tokens, ["Bearer access-1", "Bearer access-2"]);
}
