//! The vendor's limits.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::SeqCst},
};

use connector_tests::{Reply, Vendor};

use super::*;

#[tokio::test]
async fn operations_that_share_a_limit_count_together() {
    let vendor = Vendor::agreeable().await;
    let script =
        json!([{ "send": "seldom" }, { "send": "seldom-too" }, { "send": "seldom" }, { "send": "basic" }]);
    let calls = puppet("shared-limit", &vendor, script, |spec| {
        spec.settings.insert("user".to_owned(), "ada".to_owned());
    })
    .await;
    let results = results(&calls).await;
    assert_eq!(statuses(&results), [200, 200, 200]);
    let wait = results[2]["wait"].as_u64().unwrap();
    assert_eq!(
        (&results[2]["kind"], &results[2]["message"], &results[2]["sent"]),
        (
            &json!("ErrorKind::RateLimited"),
            &json!("operation seldom: the vendor's limits are reached (two-an-hour)"),
            &json!(false)
        )
    );
    assert!((3_590_000..=3_600_001).contains(&wait), "{wait}");
    assert_eq!(vendor.lines(), ["GET /seldom", "GET /seldom-too", "GET /basic"]);
}

#[tokio::test]
async fn a_concurrent_limit_holds_across_calls() {
    let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let seen = Arc::clone(&most);
    let vendor = Vendor::start(move |_| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        async move {
            most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            // Long enough for another request to arrive, if one were allowed.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            now.fetch_sub(1, SeqCst);
            Reply::new(200, "{}")
        }
    })
    .await;
    let script = json!([{ "send": "alone" }, { "send": "alone" }]);
    let calls = puppet("one-at-a-time", &vendor, script, |_| {}).await;
    for answers in futures::future::join_all((0..8).map(|_| results(&calls))).await {
        assert_eq!(statuses(&answers), [200, 200]);
    }
    assert_eq!((vendor.lines().len(), seen.load(SeqCst)), (16, 1));
}
