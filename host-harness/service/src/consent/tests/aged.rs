//! Tests of what is deleted after its retention time.

use std::time::Duration;
use test_support::eventually;

use super::*;

#[tokio::test]
async fn the_feed_keeps_its_events_for_ninety_days_and_no_longer() {
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
    // From here on, the service does the upkeep itself.
    bench.work();
    let words = async || bench.feed_words().await;
    assert_eq!(eventually("the feed is pruned", words, |words| words.len() <= 2).await, all[2..]);
    assert_eq!(bench.rows("event_keys").await, 1);
}
