use proptest::prelude::*;
use test_support::eventually;

use super::*;
use crate::clock::ManualClock;

const ACCOUNT: [u8; 32] = [1; 32];

fn limit(name: &str, requests: u32, period_ms: Option<u64>) -> Limit {
    Limit { name: name.into(), requests, period_ms }
}

fn limiter() -> (Arc<ManualClock>, Limiter) {
    let clock = Arc::new(ManualClock::default());
    (Arc::clone(&clock), Limiter::new(clock))
}

async fn now(limiter: &Limiter, limits: &[Limit]) -> Result<(), LimitReached> {
    limiter.enter(ACCOUNT, limits, Duration::ZERO).await.map(drop)
}

#[tokio::test]
async fn a_full_window_says_how_long_until_the_next() {
    let (clock, limiter) = limiter();
    let limits = [limit("per-second", 3, Some(1_000))];
    for _ in 0..3 {
        now(&limiter, &limits).await.unwrap();
        clock.advance(Duration::from_millis(100));
    }
    assert_eq!(
        now(&limiter, &limits).await,
        Err(LimitReached { for_another: Some(Duration::from_millis(701)) })
    );
    clock.advance(Duration::from_millis(701));
    now(&limiter, &limits).await.unwrap();
}

#[tokio::test]
async fn the_longest_of_several_limits_counts_and_none_is_used_up_by_a_refusal() {
    let (clock, limiter) = limiter();
    let both = [limit("per-second", 1, Some(1_000)), limit("per-day", 2, Some(86_400_000))];
    now(&limiter, &both).await.unwrap();
    assert_eq!(
        now(&limiter, &both).await,
        Err(LimitReached { for_another: Some(Duration::from_millis(1_001)) })
    );
    clock.advance(Duration::from_millis(1_001));
    now(&limiter, &both).await.unwrap();
    assert_eq!(
        now(&limiter, &both).await,
        Err(LimitReached { for_another: Some(Duration::from_secs(86_399)) })
    );
}

#[tokio::test]
async fn a_limit_without_a_period_counts_what_is_under_way() {
    let (_, limiter) = limiter();
    let limits = [limit("at-once", 1, None)];
    let pass = limiter.enter(ACCOUNT, &limits, Duration::ZERO).await.unwrap();
    assert_eq!(now(&limiter, &limits).await, Err(LimitReached { for_another: None }));
    let waiting = limiter.enter(ACCOUNT, &limits, Duration::from_secs(1));
    let (second, ()) = tokio::join!(waiting, async { drop(pass) });
    second.unwrap();
}

#[tokio::test]
async fn another_account_has_its_own_limits() {
    let (_, limiter) = limiter();
    let limits = [limit("per-day", 1, Some(86_400_000))];
    now(&limiter, &limits).await.unwrap();
    limiter.enter([2; 32], &limits, Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_short_wait_is_waited_for() {
    let (clock, limiter) = limiter();
    let limits = [limit("per-second", 1, Some(1_000))];
    now(&limiter, &limits).await.unwrap();
    let waiting = limiter.enter(ACCOUNT, &limits, Duration::from_secs(2));
    let (pass, ()) = tokio::join!(waiting, async {
        eventually("a call waits", async || clock.is_slept_on(), |waits| *waits).await;
        clock.advance(Duration::from_millis(1_001));
    });
    pass.unwrap();
    assert_eq!(clock.now(), Duration::from_millis(1_001));
}

proptest! {
    #![proptest_config(test_support::cases(256))]

    /// Each request may reach the vendor at any time between its start and its end.
    #[test]
    fn no_window_has_more_than_the_limit(
        requests in 1_u32..6,
        period in 1_u64..50,
        steps in proptest::collection::vec((0_u64..20, 0_u64..30, 0.0_f64..=1.0), 1..120),
    ) {
        let limits = [limit("l", requests, Some(period))];
        let (clock, limiter) = limiter();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut arrivals: Vec<f64> = Vec::new();
        let mut under_way: Vec<(u64, LimitPass<'_>)> = Vec::new();
        let mut time = 0;
        for (pause, lasts, when) in steps {
            let until = time + pause;
            // Requests that end in the meantime end at their own time.
            under_way.sort_by_key(|(end, _)| *end);
            while under_way.first().is_some_and(|(end, _)| *end <= until) {
                let (end, pass) = under_way.remove(0);
                clock.advance(Duration::from_millis(end - time));
                time = end;
                drop(pass);
            }
            clock.advance(Duration::from_millis(until - time));
            time = until;
            if let Ok(pass) = runtime.block_on(limiter.enter(ACCOUNT, &limits, Duration::ZERO)) {
                #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                arrivals.push(time as f64 + when * lasts as f64);
                under_way.push((time + lasts, pass));
            }
        }
        arrivals.sort_by(f64::total_cmp);
        for window in arrivals.windows(requests as usize + 1) {
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let period = period as f64;
            prop_assert!(window[window.len() - 1] - window[0] > period, "{window:?} within {period}");
        }
    }
}
