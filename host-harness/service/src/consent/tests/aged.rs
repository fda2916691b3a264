//! What is no longer kept.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn the_feed_keeps_what_it_told_for_ninety_days_and_no_longer() {
    let mut bench = bench().await;
    bench.hears(ADA, "e-1", bench.chosen(MAIL, Choice::OptOut)).await;
    bench.pass(Duration::from_hours(24));
    bench.hears("bob@example.com", "e-2", bench.chosen(PUSH, Choice::OptOut)).await;
    let all = ["6539 opt_out", "n-1 opt_out", "6541 opt_out", "n-1 opt_out"];
    bench.pass(Duration::from_hours(89 * 24));
    bench.look_after().await;
    assert_eq!(
        (bench.feed_words().await, bench.rows("event_keys").await),
        (all.map(str::to_owned).to_vec(), 2)
    );
    bench.pass(Duration::from_millis(1));
    // From here on as the service does it.
    bench.work();
    let pruned = async {
        while bench.feed_words().await.len() > 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), pruned).await.unwrap();
    assert_eq!(bench.feed_words().await, all[2..]);
    assert_eq!(bench.rows("event_keys").await, 1);
}
