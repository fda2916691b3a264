//! Histories that are too long for one write.

use crate::{
    Portion, choices, deliveries, events,
    handle::Store,
    portion::MAX_ROWS,
    testing::{Folder, write},
};

/// The times of the rows in each table: a few more than a write deletes are old, and one is not.
const NEWEST: i64 = MAX_ROWS + 4;

const INSERT: [&str; 4] = [
    "INSERT INTO events (id, tenant, connection, person, news, sealed_identity, received_at) \
     VALUES ($1, 'acme', 'n', 1, '{}', $2, $3)",
    "INSERT INTO event_keys (connection, digest, person, heard_at) VALUES ($1, $2, 1, $3)",
    "INSERT INTO writes (person, kind, id, choice, sent_at, repeated) \
     SELECT 1, 'list', 'l', 'opt-in', $3, 1 WHERE $1 <> '' AND $2 IS NOT NULL",
    "INSERT INTO deliveries (id, tenant, connection, body_digest, accepted, proven, sealed_delivery, received_at, next_at, state) \
     VALUES ($1, 'acme', 'n', $2, 1, 1, $2, $3, $3, 'waiting')",
];

async fn filled(store: &Store) {
    write(store, |tx| {
        Box::pin(async move {
            for at in 1..=NEWEST {
                for insert in INSERT {
                    let insert = sqlx::query(insert).bind(at.to_string()).bind(at.to_be_bytes().to_vec());
                    insert.bind(at).execute(&mut *tx).await?;
                }
            }
            Ok(())
        })
    })
    .await;
}

/// Returns the number of rows of a table.
async fn count(store: &Store, table: &'static str) -> i64 {
    let counted = store.read(move |c| {
        Box::pin(async move {
            let count = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
            Ok(sqlx::query_scalar(count).fetch_one(c).await?)
        })
    });
    counted.await.unwrap()
}

#[tokio::test]
async fn a_write_deletes_a_portion_and_all_of_them_delete_what_is_old() {
    let folder = Folder::new();
    let store = folder.store().await;
    filled(&store).await;
    assert_eq!(write(&store, |tx| Box::pin(events::prune(tx, NEWEST))).await, Portion::Full);
    assert_eq!((count(&store, "events").await, count(&store, "event_keys").await), (4, 4));
    assert_eq!(write(&store, |tx| Box::pin(choices::prune(tx, NEWEST))).await, Portion::Full);
    assert_eq!(count(&store, "writes").await, 4);
    assert_eq!(write(&store, |tx| Box::pin(deliveries::delete_bodies(tx, NEWEST, 1))).await, Portion::Full);
    let with_body = "deliveries WHERE sealed_delivery IS NOT NULL";
    assert_eq!(count(&store, with_body).await, 4);
    assert_eq!(write(&store, |tx| Box::pin(deliveries::prune(tx, NEWEST, NEWEST))).await, Portion::Full);
    assert_eq!(count(&store, "deliveries").await, 4);

    store.write_in_portions(|tx| Box::pin(events::prune(tx, NEWEST))).await.unwrap();
    store.write_in_portions(|tx| Box::pin(choices::prune(tx, NEWEST))).await.unwrap();
    store.write_in_portions(|tx| Box::pin(deliveries::delete_bodies(tx, NEWEST, 1))).await.unwrap();
    store.write_in_portions(|tx| Box::pin(deliveries::prune(tx, NEWEST, NEWEST))).await.unwrap();
    for table in ["events", "event_keys", "writes", "deliveries", with_body] {
        assert_eq!(count(&store, table).await, 1, "{table}");
    }
}
