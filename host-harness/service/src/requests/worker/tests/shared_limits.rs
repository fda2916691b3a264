//! A vendor's limit, which replicas keep to together.

use super::*;

/// Erasures, and how many of them the limit of the day has room for.
const ERASURES: usize = 24;
const ROOM: usize = 10;

#[tokio::test]
async fn two_replicas_keep_to_the_limit_of_a_day_together() {
    let connections = [("acme", "newsletter")];
    let mut bench = Bench::with(&connections).await;
    let calls = bench.parts.served.calls("newsletter").unwrap();
    let limits = calls.plugin().manifest().limits.clone();
    let daily: Vec<_> =
        limits.into_iter().filter(|limit| limit.period_ms == Some(DAY_MS.unsigned_abs())).collect();
    for _ in ROOM..daily[0].requests as usize {
        let entered =
            bench.parts.requests.ledger.enter(calls.connection().account, &daily, Duration::ZERO).await;
        drop(entered.unwrap());
    }
    bench.work();
    bench.join_second(&connections).await;
    let mut ids = Vec::new();
    for number in 0..ERASURES {
        ids.push(bench.erase(&format!("person-{number}@example.com")).await);
    }
    let sent = sent_until(&bench, "the day's limit is used up", ROOM).await;
    bench.pass(Duration::from_hours(1));
    once_at_rest(&bench, async || waiting_for_the_limit(&bench, &ids).await == ERASURES - ROOM).await;
    assert_eq!(sent + forgets(&bench), ROOM);
    bench.pass(Duration::from_hours(24));
    let sent = sent_until(&bench, "the rest is sent a day later", ERASURES - ROOM).await;
    assert_eq!(sent, ERASURES - ROOM);
}

/// Lets time pass until the vendor has received `expected` erasures. Returns how many it has.
async fn sent_until(bench: &Bench, what: &str, expected: usize) -> usize {
    let mut sent = 0;
    let more = async || {
        // The other limit is one of a second, for whose end an attempt may wait.
        bench.pass(Duration::from_millis(100));
        bench.parts.requests.bell.ring();
        sent += forgets(bench);
        sent
    };
    eventually(what, more, |sent| *sent >= expected).await
}

/// Returns how many erasures the vendor has received since the last look.
fn forgets(bench: &Bench) -> usize {
    requested(bench).iter().filter(|line| *line == FORGET).count()
}

async fn waiting_for_the_limit(bench: &Bench, ids: &[String]) -> usize {
    let mut waiting = 0;
    for id in ids {
        let view = bench.view(id).await;
        let forecast = bench.parts.requests.forecast(&view).await.unwrap();
        waiting += usize::from(forecast.waits_for == Some(WaitsFor::Limit));
    }
    waiting
}
