//! Tests that the newest choice wins, on both sides.

use std::time::Duration;

use iterable_stand_in::{Act, Fault};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const MINUTES: Duration = Duration::from_mins(10);

#[tokio::test]
async fn an_older_event_that_arrives_while_a_newer_choice_waits_loses() {
    let mut bench = bench().await;
    bench.stand_in.seed(ADA, None);
    let older = bench.chosen(MAIL, Choice::OptIn);
    bench.pass(SECOND);
    let id = bench.sends(ADA, vec![bench.chosen(MAIL, Choice::OptOut)]).await;
    bench.hears(ADA, "late", older).await;
    assert_eq!(bench.feed_words().await, ["n-1 opt_out"], "only the notice derived from what it sent");
    bench.work();
    assert_eq!(statuses(&bench.done(&id).await), ["executed"]);
    assert_eq!(bench.out_of(ADA), [6539]);
}

#[tokio::test]
async fn a_choice_that_a_newer_one_superseded_while_it_waited_is_not_sent() {
    let mut bench = bench().await;
    bench.stand_in.seed(ADA, None);
    let id = bench.sends(ADA, vec![bench.chosen(MAIL, Choice::OptIn)]).await;
    bench.pass(SECOND);
    bench.hears(ADA, "newer", bench.chosen(MAIL, Choice::OptOut)).await;
    bench.work();
    let view = bench.done(&id).await;
    assert_eq!(statuses(&view), ["not-applicable"]);
    assert!(bench.stand_in.requests().is_empty());
}

/// The vendor's opt-out confirmed the platform's own, so it was not announced when it was heard.
#[tokio::test]
async fn the_platform_is_notified_of_the_choice_that_its_own_lost_to() {
    for by_notice in [false, true] {
        let bench = bench().await;
        bench.stand_in.seed(ADA, None);
        bench.sends(ADA, vec![bench.chosen(MAIL, Choice::OptOut)]).await;
        bench.pass(SECOND);
        bench.hears(ADA, "out", bench.chosen(MAIL, Choice::OptOut)).await;
        assert_eq!(bench.feed_words().await, ["n-1 opt_out"], "only the notice derived from what it sent");
        // Within the same second, the opt-out counts.
        if by_notice {
            bench.sends_notice(ADA, NoticeAnswer::OptIn).await;
            assert_eq!(bench.feed_words().await[1..], ["6539 opt_out", "n-1 opt_out"]);
        } else {
            bench.sends(ADA, vec![bench.chosen(MAIL, Choice::OptIn)]).await;
            assert_eq!(bench.feed_words().await[1..], ["6539 opt_out"]);
        }
        assert_eq!(bench.feed().await[1].news.event_at, bench.now());
    }
}

#[tokio::test]
async fn an_echo_of_our_own_write_changes_nothing_and_goes_nowhere() {
    let mut bench = bench().await;
    bench.stand_in.seed(ADA, None);
    bench.work();
    let id = bench.sends(ADA, vec![bench.chosen(MAIL, Choice::OptOut)]).await;
    bench.pass(SECOND);
    bench.done(&id).await;
    let ours = bench.chosen(MAIL, Choice::OptOut);
    let before = bench.feed().await;
    bench.hears(ADA, "echo", ours).await;
    assert_eq!(bench.feed().await, before);
    assert_eq!(bench.rows("requests").await, 1);
}

#[tokio::test]
async fn a_newer_choice_at_the_vendor_that_our_write_overtook_is_restored() {
    let mut bench = bench().await;
    bench.stand_in.seed(ADA, None);
    let ours = bench.chosen(MAIL, Choice::OptOut);
    bench.stand_in.fault(Fault::Gateway(503), "*", 3);
    bench.work();
    let id = bench.sends(ADA, vec![ours]).await;
    bench.pass(SECOND);
    // The person joins again; their choice is on its way to us while ours overwrites it.
    bench.stand_in.act(ADA, &Act::RejoinChannel { channel: 6539 });
    let theirs = bench.chosen(MAIL, Choice::OptIn);
    bench.done(&id).await;
    assert_eq!(bench.out_of(ADA), [6539], "ours overwrote theirs");
    bench.hears(ADA, "rejoined", theirs).await;
    bench.quiet().await;
    assert_eq!(bench.out_of(ADA), Vec::<i64>::new(), "theirs, the newer one, is restored");
    assert_eq!(bench.rows("requests WHERE action = 'consent'").await, 2);
}

#[tokio::test]
async fn a_choice_dated_ahead_wins_over_none_that_is_made_after_it_came() {
    let mut bench = bench().await;
    bench.stand_in.seed(ADA, None);
    bench.work();
    let mut ahead = bench.chosen(MAIL, Choice::OptIn);
    ahead.chosen_at_ms += 240_000;
    let id = bench.sends(ADA, vec![ahead]).await;
    bench.done(&id).await;
    bench.pass(SECOND);
    bench.stand_in.act(ADA, &Act::UnsubscribeByLink { channel: 6539 });
    bench.pass(2 * MINUTES);
    // The webhook was lost.
    let read = bench.submit("newsletter", PersonTask::Reading, Subject::email(ADA)).await.view.id;
    let view = bench.done(&read).await;
    assert_eq!(view.outcome.unwrap()["reading"]["changed"], 1);
    assert!(bench.feed_words().await.contains(&"6539 opt_out".to_owned()), "{:?}", bench.feed_words().await);
}

#[tokio::test]
async fn an_event_delivered_twice_is_reported_once() {
    let bench = bench().await;
    let chosen = bench.chosen(MAIL, Choice::OptOut);
    bench.hears(ADA, "e-1", chosen.clone()).await;
    bench.hears(ADA, "e-1", chosen).await;
    assert_eq!(bench.feed_words().await, ["6539 opt_out", "n-1 opt_out"]);
}

#[tokio::test]
async fn an_opt_out_that_our_write_of_whole_lists_put_back_is_written_again() {
    for put_back_is_heard_first in [false, true] {
        let mut bench = bench().await;
        bench.stand_in.seed(ADA, None);
        bench.pass(MINUTES);
        bench.stand_in.act(ADA, &Act::UnsubscribeByLink { channel: 6541 });
        let theirs = bench.chosen(PUSH, Choice::OptOut);
        bench.work();
        let id = bench.sends(ADA, vec![bench.chosen(MAIL, Choice::OptOut)]).await;
        bench.done(&id).await;
        assert_eq!(bench.out_of(ADA), [6539], "the vendor did not show theirs yet");
        bench.pass(SECOND);
        let mut told = [("theirs", theirs), ("put-back", bench.chosen(PUSH, Choice::OptIn))];
        if put_back_is_heard_first {
            told.reverse();
        }
        for (key, event) in told {
            bench.hears(ADA, key, event).await;
        }
        bench.quiet().await;
        assert_eq!(bench.out_of(ADA), [6539, 6541]);
        let last = bench.feed_words().await.into_iter().rfind(|words| words.starts_with("6541"));
        assert_eq!(last.as_deref(), Some("6541 opt_out"));
    }
}

#[tokio::test]
async fn what_is_written_again_waits_until_the_vendor_shows_what_it_goes_over() {
    let mut bench = bench().await;
    bench.stand_in.seed(ADA, None);
    bench.work();
    let ours = bench.sends(ADA, vec![bench.chosen(PUSH, Choice::OptOut)]).await;
    bench.done(&ours).await;
    bench.pass(MINUTES);
    let again = bench.sends(ADA, vec![bench.chosen(PUSH, Choice::OptOut)]).await;
    bench.done(&again).await;
    // In the same second, so that the opt-out counts; the vendor shows the opt-in a minute later.
    bench.stand_in.act(ADA, &Act::RejoinChannel { channel: 6541 });
    bench.hears(ADA, "in", bench.chosen(PUSH, Choice::OptIn)).await;
    assert_eq!(bench.out_of(ADA), Vec::<i64>::new());
    bench.quiet().await;
    assert_eq!(bench.out_of(ADA), [6541]);
}

#[tokio::test]
async fn a_reading_leaves_alone_what_waits_to_be_written_again() {
    let mut bench = bench().await;
    bench.stand_in.seed(ADA, None);
    bench.stand_in.act(ADA, &Act::UnsubscribeByLink { channel: 6541 });
    bench.stand_in.act(ADA, &Act::RejoinChannel { channel: 6541 });
    // Both within a second, so that the opt-out counts; the notice depends on mail too, so a reading comes first.
    bench.hears(ADA, "in", bench.chosen(PUSH, Choice::OptIn)).await;
    bench.hears(ADA, "out", bench.chosen(PUSH, Choice::OptOut)).await;
    let asked = "SELECT action FROM requests ORDER BY seq";
    let asked: Vec<String> = bench
        .parts
        .store
        .read(|c| Box::pin(async move { Ok(sqlx::query_scalar(asked).fetch_all(c).await?) }))
        .await
        .unwrap();
    assert_eq!(asked, ["reading", "consent"]);
    bench.work();
    bench.quiet().await;
    assert_eq!(bench.out_of(ADA), [6541]);
}
