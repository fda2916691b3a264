//! Tests of tokens whose rows are changed or deleted while they are pushed.

use futures::future::BoxFuture;

use super::*;
use host_store::{connections, testing::sql};

/// Returns a vendor that accepts each token, while `change` is made in the store.
fn meanwhile(
    bench: &Bench,
    change: impl Fn(Store) -> BoxFuture<'static, ()> + Send + Sync + 'static,
) -> Box<PushToken> {
    let store = bench.tokens.store.clone();
    Box::new(move |_, _| {
        let changed = change(store.clone());
        Box::pin(async move {
            changed.await;
            PushOutcome::Taken
        })
    })
}

async fn forget_connection(store: Store) {
    write(&store, |tx| Box::pin(async move { connections::forget_connection(tx, "newsletter").await })).await;
}

#[tokio::test]
async fn a_token_on_its_way_for_a_connection_that_is_deleted_meanwhile_leaves_nothing() {
    let bench = Bench::new().await;
    bench.issue().await;
    let hand = meanwhile(&bench, |store| Box::pin(forget_connection(store)));
    bench.tokens.rotate("acme", "newsletter", &*hand).await.unwrap();
    assert_eq!((bench.states().await, bench.alarms().await), (Vec::new(), Vec::new()));
    bench.issue().await;
    // Only the digest distinguishes the token of a new connection with the same key and generation.
    let another = "UPDATE tokens SET digest = x'01' WHERE generation = 2";
    let hand = meanwhile(&bench, move |store| Box::pin(async move { sql(&store, another).await }));
    bench.tokens.rotate("acme", "newsletter", &*hand).await.unwrap();
    assert!(
        !bench.states().await.contains(&(2, TokenState::Current)),
        "the token of another connection with the same key is not the one that was pushed"
    );
}

#[tokio::test]
async fn a_token_that_cannot_be_decrypted_is_never_handed_out_and_is_still_replaced() {
    let bench = Bench::new().await;
    bench.issue().await;
    let (down, _) = vendor(down(None));
    bench.tokens.rotate("acme", "newsletter", &*down).await.unwrap();
    sql(&bench.tokens.store, "UPDATE tokens SET sealed_token = x'01' WHERE generation = 2").await;
    let (hand, handed) = vendor(PushOutcome::Taken);
    bench.clock.advance(Duration::from_hours(2));
    bench.tokens.pass(&*hand).await.unwrap();
    assert_eq!(handed.all().len(), 0);
    assert!(bench.alarms().await.iter().any(|alarm| alarm.starts_with("token-damaged")));
    bench.tokens.rotate("acme", "newsletter", &*hand).await.unwrap();
    let states = [(1, TokenState::Former), (2, TokenState::Former), (3, TokenState::Current)];
    assert_eq!((bench.states().await, handed.all().len()), (states.into(), 1));
}

#[tokio::test]
async fn a_damaged_token_is_ended_and_stops_neither_the_others_nor_those_of_other_connections() {
    let bench = Bench::new().await;
    let (damaged, whole) = (bench.issue().await, bench.issue().await);
    bench.tokens.issue("acme", "other").await.unwrap();
    sql(
        &bench.tokens.store,
        "UPDATE tokens SET digest = x'01' WHERE connection = 'newsletter' AND generation = 1",
    )
    .await;
    assert!(bench.accepts(&whole.token).await && !bench.accepts(&damaged.token).await);
    bench.clock.advance(days(80));
    let (hand, handed) = vendor(PushOutcome::Taken);
    bench.tokens.pass(&*hand).await.unwrap();
    assert_eq!(handed.all().len(), 2, "one for each connection");
    assert_eq!(bench.alarms().await.iter().filter(|alarm| alarm.starts_with("token-damaged")).count(), 1);
}
