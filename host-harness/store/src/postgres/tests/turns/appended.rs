//! What is appended needs no turn, and is not left behind by a connection that is deleted meanwhile.

use super::*;
use crate::{
    connections,
    deliveries::{self, InsertedDelivery, NewDelivery},
};

fn delivery() -> NewDelivery {
    NewDelivery {
        id: "first".to_owned(),
        tenant: "acme".to_owned(),
        connection: "newsletter".to_owned(),
        body_digest: [1; 32],
        accepted: true,
        proven: true,
        sealed: vec![1],
        received_at: 10,
    }
}

/// Returns whether the delivery was stored.
async fn append_delivery(store: &Store) -> bool {
    let appended = store.append(|tx| Box::pin(async { deliveries::insert(tx, &[delivery()]).await }));
    timeout(DEADLINE, appended).await.unwrap().unwrap() == [InsertedDelivery::Stored]
}

async fn count(store: &Store) -> i64 {
    let count = store.read(|c| {
        Box::pin(async move { Ok(sqlx::query_scalar("SELECT COUNT(*) FROM deliveries").fetch_one(c).await?) })
    });
    count.await.unwrap()
}

#[tokio::test]
async fn a_delivery_is_stored_while_another_process_has_the_turn_to_write() {
    let Some(mut two) = Two::open().await else { return };
    connection_row(&two.first, "acme", "newsletter").await;
    let race = two.race(
        |tx| Box::pin(insert_mark(tx, "first")),
        |tx| Box::pin(insert_mark(tx, "second")),
        async |second| {
            assert!(append_delivery(second).await);
            assert_eq!((count(second).await, marks(second).await), (1, Vec::new()));
        },
    );
    let race = race.await;
    assert_eq!((race.first.unwrap(), race.second.unwrap()), ((), ()));
}

#[tokio::test]
async fn a_connection_is_deleted_with_a_delivery_that_was_being_appended_and_gets_no_other() {
    let Some(mut two) = Two::open().await else { return };
    connection_row(&two.first, "acme", "newsletter").await;
    let (announce, held) = oneshot::channel();
    let (resume, released) = oneshot::channel::<()>();
    let store = two.first.clone();
    let appended = tokio::spawn(async move {
        let appended = store.append(move |tx| {
            Box::pin(async move {
                let inserted = deliveries::insert(tx, &[delivery()]).await;
                announce.send(()).unwrap();
                released.await.unwrap();
                inserted
            })
        });
        appended.await
    });
    held.await.unwrap();
    let store = two.second.clone();
    let deleted = tokio::spawn(async move {
        store
            .write(|tx| Box::pin(async move { connections::forget_connection(tx, "newsletter").await }))
            .await
    });
    let waits = async {
        while !two.is_somebody_waiting().await {
            yield_now().await;
        }
    };
    timeout(DEADLINE, waits).await.unwrap();
    resume.send(()).unwrap();
    assert_eq!(timeout(DEADLINE, appended).await.unwrap().unwrap().unwrap(), [InsertedDelivery::Stored]);
    timeout(DEADLINE, deleted).await.unwrap().unwrap().unwrap();
    assert_eq!(count(&two.first).await, 0, "its data is deleted with it");
    assert!(!append_delivery(&two.first).await);
}
