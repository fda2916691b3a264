//! What callers have from before the move: ids, idempotency keys, and positions in the feed.

use host_model::requests::Action;

use super::*;
use crate::{
    error::StoreError,
    events::{self, NewEvent},
    grant::KeyReach,
    people,
    person::PersonId,
    requests::{self, NewRequest},
    testing::{connection_row, name, new_request, write},
};

async fn request(store: &Store, id: &'static str, idempotency_key: &'static str) {
    write(store, move |tx| {
        Box::pin(async move {
            let person = people::known_as(tx, "newsletter", &[name(1)]).await?;
            let new = NewRequest {
                idempotency_key: Some(idempotency_key.into()),
                body_digest: [7; 32],
                ..new_request(id, "newsletter", person, Action::Erasure)
            };
            requests::insert(tx, &new).await
        })
    })
    .await;
}

async fn event(store: &Store, id: &'static str) {
    write(store, move |tx| {
        Box::pin(async move {
            let event = NewEvent {
                id: id.to_owned(),
                tenant: "acme",
                connection: "newsletter",
                person: PersonId(1),
                news: "{}".to_owned(),
                sealed_identity: Vec::new(),
                received_at: 1,
            };
            events::append(tx, event).await
        })
    })
    .await;
}

/// Returns the events of the feed after `cursor`, each with its position.
async fn events_after(store: &Store, cursor: i64) -> Vec<(i64, String)> {
    let read = store
        .read(move |c| Box::pin(async move { events::after(c, &KeyReach::default(), cursor, 10).await }));
    read.await.unwrap().into_iter().map(|(seq, event)| (seq, event.unwrap().id)).collect()
}

/// Returns the id and the digest of the request that was sent with this idempotency key.
async fn sent_with(store: &Store, key: &'static str) -> Option<(String, Vec<u8>)> {
    let sent = store.write(move |tx| {
        Box::pin(async move {
            let sent = requests::sent_before(tx, "acme", key).await?;
            Ok::<_, StoreError>(sent.map(|(view, digest)| (view.id, digest)))
        })
    });
    sent.await.unwrap()
}

#[tokio::test]
async fn after_a_move_an_idempotency_key_is_that_of_its_request_and_a_cursor_of_the_feed_continues() {
    let Some(moving) = Moving::from_nothing(master_key()).await else { return };
    let source = moving.open_source().await.unwrap();
    connection_row(&source, "acme", "newsletter").await;
    request(&source, "sent-before", "k-1").await;
    for id in ["read", "unread"] {
        event(&source, id).await;
    }
    let [(cursor, _), unread] = &events_after(&source, 0).await[..] else { panic!("two events") };
    source.close().await;
    moving.run().await.unwrap();
    let target = moving.open_target().await.unwrap();
    assert_eq!(sent_with(&target, "k-1").await, Some(("sent-before".to_owned(), vec![7; 32])));
    assert_eq!(events_after(&target, *cursor).await, std::slice::from_ref(unread));
    event(&target, "new").await;
    let [(_, new)] = &events_after(&target, unread.0).await[..] else { panic!("one event") };
    assert_eq!(new, "new");
}
