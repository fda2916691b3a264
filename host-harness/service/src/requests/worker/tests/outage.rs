//! What the host cannot do says nothing about a vendor, and loses nothing that the vendor said.

use host_store::testing::sql;

use super::*;

/// The loop, the upkeep, and a result that waits to be stored again.
const SLEEPERS: usize = 3;

/// Begins an erasure whose result cannot be stored, and returns its id once the vendor has answered.
async fn erasure_with_unstored_result(bench: &mut Bench) -> String {
    bench.stand_in.seed("ada@example.com", None);
    let id = bench.erase("ada@example.com").await;
    sql(&bench.parts.store, "ALTER TABLE audit RENAME TO audit_away").await;
    bench.work();
    eventually("the result waits", async || bench.clock.sleepers(), |count| *count == SLEEPERS).await;
    let view = bench.view(&id).await;
    assert_eq!((view.state, view.attempts), (RequestState::Running, 1));
    id
}

#[tokio::test]
async fn the_result_of_an_attempt_is_stored_once_the_database_is_back_and_the_vendor_is_not_called_again() {
    let mut bench = Bench::new().await;
    let id = erasure_with_unstored_result(&mut bench).await;
    sql(&bench.parts.store, "ALTER TABLE audit_away RENAME TO audit").await;
    bench.pass(Duration::from_secs(1));
    bench.once(&id, |view| view.state != RequestState::Running).await;
    assert_eq!(steps(&bench, &id).await, [(Step::Act, true)]);
    bench.once(&id, |view| view.state == RequestState::Done).await;
    assert_eq!(requested(&bench).iter().filter(|line| *line == FORGET).count(), 1);
}

#[tokio::test]
async fn an_erasure_that_is_claimed_without_an_attempt_is_confirmed_at_once() {
    let mut bench = Bench::new().await;
    bench.stand_in.seed("ada@example.com", None);
    let id = bench.erase("ada@example.com").await;
    let store = bench.parts.store.clone();
    write(&store, {
        let replica = store.replica().clone();
        move |tx| {
            Box::pin(async move {
                let claim = "UPDATE open_requests SET state = 'running', generation = 1, claimed_by = $1";
                sqlx::query(claim).bind(replica.as_str()).execute(tx).await?;
                Ok(())
            })
        }
    })
    .await;
    bench.work();
    bench.once(&id, |view| view.attempts == 2 && view.state != RequestState::Running).await;
    assert_eq!(steps(&bench, &id).await, [(Step::Confirm, true)]);
    bench.once(&id, |view| view.state == RequestState::Done).await;
    assert!(bench.stand_in.is_forgotten("ada@example.com"));
}

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
