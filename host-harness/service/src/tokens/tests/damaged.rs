//! Tokens whose rows are changed or gone while they are handed over.

use super::*;

/// A vendor that says that it has each token while `statement` is done to the database.
fn meanwhile(bench: &Bench, statement: &'static str) -> Box<Hand> {
    let store = bench.tokens.store.clone();
    Box::new(move |_, _| {
        let store = store.clone();
        Box::pin(async move {
            sql(&store, statement).await;
            Pushed::Taken
        })
    })
}

async fn sql(store: &Store, statement: &'static str) {
    write(store, move |tx| Box::pin(async move { Ok(sqlx::query(statement).execute(tx).await.map(drop)?) }))
        .await;
}

#[tokio::test]
async fn a_token_on_its_way_for_a_connection_that_is_deleted_meanwhile_leaves_nothing() {
    let bench = Bench::new().await;
    bench.issue().await;
    let hand = meanwhile(&bench, "DELETE FROM tokens");
    bench.tokens.rotate("acme", "newsletter", &*hand).await.unwrap();
    assert_eq!((bench.states().await, bench.alarms().await), (Vec::new(), Vec::new()));
    bench.issue().await;
    let another = "UPDATE tokens SET digest = x'01' WHERE generation = 2";
    let hand = meanwhile(&bench, another);
    bench.tokens.rotate("acme", "newsletter", &*hand).await.unwrap();
    assert!(
        !bench.states().await.contains(&(2, TokenState::Current)),
        "what another connection of that key has is not what was handed over"
    );
}

#[tokio::test]
async fn a_token_that_does_not_open_is_handed_to_nobody_and_has_a_successor_all_the_same() {
    let bench = Bench::new().await;
    bench.issue().await;
    let (down, _) = vendor(down(None));
    bench.tokens.rotate("acme", "newsletter", &*down).await.unwrap();
    sql(&bench.tokens.store, "UPDATE tokens SET sealed_token = x'01' WHERE generation = 2").await;
    let (hand, handed) = vendor(Pushed::Taken);
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
    let (hand, handed) = vendor(Pushed::Taken);
    bench.tokens.pass(&*hand).await.unwrap();
    assert_eq!(handed.all().len(), 2, "one for each connection");
    assert_eq!(bench.alarms().await.iter().filter(|alarm| alarm.starts_with("token-damaged")).count(), 1);
}
