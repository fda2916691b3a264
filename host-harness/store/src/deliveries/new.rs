//! Deliveries that have just been received.

use std::collections::HashSet;

use super::shown::DeliveryState;
use crate::{
    database::Tx,
    dialects::dialect,
    error::StoreError,
    placeholders::{one_of, padded},
};

/// A delivery about to be stored. Times are in milliseconds since the Unix epoch.
pub struct NewDelivery {
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// A keyed digest that identifies repeats of the same delivery.
    pub body_digest: [u8; 32],
    /// Whether it carried an accepted token.
    pub accepted: bool,
    /// Whether its token or its signature proves that it is from the vendor.
    pub proven: bool,
    /// Its method, address, headers and body, sealed.
    pub sealed: Vec<u8>,
    /// When it was received.
    pub received_at: i64,
}

/// The columns that are bound for each row.
const BOUND: usize = 9;

/// What became of a delivery that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InsertedDelivery {
    /// It is stored, now or before.
    Stored,
    /// It is not, since its connection does not exist.
    NoConnection,
}

/// Stores each of `new` whose connection exists, unless the same delivery is already stored. Returns what became of each, in
/// their order. At most a thousand at once: databases limit what can be bound. May be appended.
pub async fn insert(tx: &mut Tx, new: &[NewDelivery]) -> Result<Vec<InsertedDelivery>, StoreError> {
    let existing = existing(tx, new).await?;
    let exists = |new: &NewDelivery| existing.contains(&new.connection);
    let mut stored: Vec<_> = new.iter().filter(|new| exists(new)).collect();
    // In the same order everywhere, so that two replicas that receive the same deliveries do not wait for each other.
    stored.sort_by_key(|new| (&new.connection, new.body_digest));
    // A repeated row is not stored a second time.
    let stored = padded(stored);
    if !stored.is_empty() {
        let rows =
            (0..stored.len()).map(|row| row_of_placeholders(row * BOUND)).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "INSERT INTO deliveries (id, tenant, connection, body_digest, accepted, proven, sealed_delivery, received_at, \
               state, next_at) \
             VALUES {rows} ON CONFLICT (connection, body_digest) DO NOTHING"
        );
        let query = stored.iter().fold(sqlx::query(sqlx::AssertSqlSafe(sql)), |query, new| {
            query
                .bind(&new.id)
                .bind(&new.tenant)
                .bind(&new.connection)
                .bind(new.body_digest.to_vec())
                .bind(i64::from(new.accepted))
                .bind(i64::from(new.proven))
                .bind(&new.sealed)
                .bind(new.received_at)
                .bind(DeliveryState::Waiting.as_ref())
        });
        query.execute(tx).await?;
    }
    let became = |new| if exists(new) { InsertedDelivery::Stored } else { InsertedDelivery::NoConnection };
    Ok(new.iter().map(became).collect())
}

/// Returns the placeholders of a row after `bound` others. It is due when it was received.
fn row_of_placeholders(bound: usize) -> String {
    let places: Vec<_> = (1..=BOUND).map(|place| format!("${}", bound + place)).collect();
    format!("({}, ${})", places.join(", "), bound + 8)
}

/// Returns the connections of `new` that exist, and keeps them from being deleted until the transaction ends.
async fn existing(tx: &mut Tx, new: &[NewDelivery]) -> Result<HashSet<String>, StoreError> {
    let keys: HashSet<_> = new.iter().map(|new| new.connection.as_str()).collect();
    let keys = padded(keys.into_iter().collect());
    let sql = format!(
        "SELECT key FROM connections WHERE {} ORDER BY key {}",
        one_of("key", 1, keys.len()),
        dialect(tx).keep_row()
    );
    let query = keys.iter().fold(sqlx::query_scalar(sqlx::AssertSqlSafe(sql)), |query, key| query.bind(*key));
    Ok(query.fetch_all(tx).await?.into_iter().collect())
}
