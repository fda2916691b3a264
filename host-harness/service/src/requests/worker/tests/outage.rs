//! What the host cannot do says nothing about a vendor.

use super::*;

#[tokio::test]
async fn what_the_host_could_not_send_is_not_counted_as_a_failure_of_the_vendor() {
    let mut bench = Bench::new().await;
    bench.lose_touch();
    let id = bench.erase("ada@example.com").await;
    bench.work();
    // More often than a vendor may fail in a row.
    let view = bench.once(&id, |view| view.attempts > 6).await;
    assert!(view.reason.as_ref().unwrap().contains("lost touch with its database"), "{view:?}");
    assert!(bench.stand_in.take_requests().is_empty());
    let breaker = bench.parts.store.read(|c| {
        Box::pin(async move {
            let of = sqlx::query_as("SELECT outcomes, open_until FROM connections WHERE key = 'newsletter'");
            Ok(of.fetch_one(c).await?)
        })
    });
    let breaker: (String, i64) = breaker.await.unwrap();
    assert_eq!(breaker, (String::new(), 0));
    let gates = bench.parts.store.read(|c| {
        Box::pin(async move { Ok(sqlx::query_scalar("SELECT COUNT(*) FROM gates").fetch_one(c).await?) })
    });
    let gates: i64 = gates.await.unwrap();
    assert_eq!(gates, 0);
}
