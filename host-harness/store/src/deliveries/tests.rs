use super::*;
use crate::{
    handle::Store,
    testing::{Folder, connection_row, lease, sql, write},
};

/// Stores deliveries with these ids, each at a connection.
async fn store_deliveries(store: &Store, deliveries: &'static [(&'static str, &'static str)]) {
    write(store, move |tx| {
        Box::pin(async move {
            for (number, (id, connection)) in (1..).zip(deliveries) {
                let new = NewDelivery {
                    id: (*id).to_owned(),
                    tenant: "acme".to_owned(),
                    connection: (*connection).to_owned(),
                    body_digest: [number; 32],
                    accepted: true,
                    proven: false,
                    sealed: vec![1],
                    received_at: 10,
                };
                insert(tx, &[new]).await?;
            }
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn many_deliveries_are_stored_at_once_each_one_once_and_only_where_its_connection_exists() {
    let folder = Folder::new();
    let store = folder.store().await;
    for connection in ["busy", "calm"] {
        connection_row(&store, "acme", connection).await;
    }
    let new = |id: &str, connection: &str, digest: u8| NewDelivery {
        id: id.to_owned(),
        tenant: "acme".to_owned(),
        connection: connection.to_owned(),
        body_digest: [digest; 32],
        accepted: true,
        proven: true,
        sealed: id.as_bytes().to_vec(),
        received_at: 10,
    };
    let arrived = vec![
        new("b-1", "busy", 1),
        new("gone-1", "gone", 1),
        new("c-1", "calm", 1),
        new("b-1-again", "busy", 1),
        new("b-2", "busy", 2),
    ];
    let stored = write(&store, move |tx| {
        Box::pin(async move {
            let stored = insert(tx, &arrived).await?;
            assert_eq!(insert(tx, &arrived).await?, stored, "a repeat gets the same answer");
            assert!(insert(tx, &[]).await?.is_empty());
            Ok(stored)
        })
    });
    let (stored_one, missing) = (InsertedDelivery::Stored, InsertedDelivery::NoConnection);
    assert_eq!(stored.await, [stored_one, missing, stored_one, stored_one, stored_one]);
    let mut claimed = claimed(&store, &[]).await;
    claimed.sort_unstable();
    assert_eq!(claimed, ["b-1", "b-2", "c-1"]);
}

/// Claims until there is none left, each time from the connection after that of the last claim. Returns the ids.
async fn claimed(store: &Store, full: &'static [&'static str]) -> Vec<String> {
    write(store, move |tx| {
        Box::pin(async move {
            let full: Vec<String> = full.iter().map(|key| (*key).to_owned()).collect();
            let (mut after, mut ids) = (FIRST.to_owned(), Vec::new());
            while let Some(claimed) = claim(tx, &lease(10, 20), &full, &after).await? {
                let claimed = claimed.ok().unwrap();
                after = claimed.connection;
                ids.push(claimed.id);
            }
            Ok(ids)
        })
    })
    .await
}

#[tokio::test]
async fn connections_take_turns_and_the_deliveries_of_each_are_claimed_in_order() {
    let folder = Folder::new();
    let store = folder.store().await;
    for connection in ["busy", "calm", "quiet"] {
        connection_row(&store, "acme", connection).await;
    }
    let deliveries = &[
        ("b-1", "busy"),
        ("b-2", "busy"),
        ("b-3", "busy"),
        ("c-1", "calm"),
        ("q-1", "quiet"),
        ("q-2", "quiet"),
    ];
    store_deliveries(&store, deliveries).await;
    assert_eq!(claimed(&store, &[]).await, ["b-1", "c-1", "q-1", "b-2", "q-2", "b-3"]);
}

#[tokio::test]
async fn a_full_or_disabled_connection_holds_back_only_its_own_deliveries() {
    let folder = Folder::new();
    let store = folder.store().await;
    for connection in ["disabled", "first", "full", "last"] {
        connection_row(&store, "acme", connection).await;
    }
    sql(&store, "UPDATE connections SET enabled = 0 WHERE key = 'disabled'").await;
    let deliveries =
        &[("d-1", "disabled"), ("x-1", "full"), ("l-1", "last"), ("f-1", "first"), ("x-2", "full")];
    store_deliveries(&store, deliveries).await;
    assert_eq!(claimed(&store, &["full"]).await, ["f-1", "l-1"]);
    assert_eq!(claimed(&store, &[]).await, ["x-1", "x-2"]);
}

#[test]
fn the_states_that_sql_speaks_of_are_those_of_the_type() {
    let unread = [DeliveryState::Unreadable, DeliveryState::Stuck, DeliveryState::Damaged];
    let words = unread.map(|state| format!("'{state}'")).join(", ");
    assert_eq!(UNREAD, format!("state IN ({words})"));
    assert_eq!(KEPT_UNREAD, format!("{UNREAD} AND sealed_delivery IS NOT NULL"));
    assert_eq!(WAITING, format!("state = '{}'", DeliveryState::Waiting));
}
