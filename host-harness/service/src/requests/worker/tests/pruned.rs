//! The history of requests, if the operator says how long it is kept.

use super::*;
use crate::requests::history::RequestHistory;

#[tokio::test]
async fn a_request_is_deleted_with_its_attempts_once_the_operators_time_is_over_and_an_open_one_is_not() {
    let mut bench = Bench::new().await;
    bench.stand_in.seed("ada@example.com", None);
    bench.work();
    let ended = bench.erase("ada@example.com").await;
    bench.once(&ended, |view| view.state == RequestState::Done).await;
    let history = RequestHistory {
        store: bench.parts.store.clone(),
        clock: bench.parts.clock.clone(),
        keep: Duration::from_hours(31 * 24),
    };
    bench.pass(Duration::from_hours(30 * 24));
    history.prune().await.unwrap();
    assert_eq!(bench.view(&ended).await.state, RequestState::Done);

    bench.park("newsletter", "the key is wrong").await;
    let open = bench.erase("bob@example.com").await;
    bench.pass(Duration::from_hours(2 * 24));
    history.prune().await.unwrap();
    assert_eq!(bench.view(&open).await.state, RequestState::Waiting);
    let gone = ended.clone();
    let shown = bench.parts.store.read(|c| Box::pin(async move { requests::show(c, &gone).await }));
    assert_eq!(shown.await.unwrap(), None);
    assert!(bench.attempts(&ended).await.is_empty());
}
