//! Putting a request into the queue, in a transaction of the caller's.

use host_model::requests::Action;
use host_store::{
    Connection, Keys, StoreError,
    audit::{self, Record},
    connections,
    details::key_context,
    requests::{self, New},
};
use serde_json::json;
use uuid::Uuid;

use super::{about::About, handler::Prepared};

/// By what a request sent twice is known.
pub(super) struct Once {
    pub(super) idempotency_key: Option<String>,
    pub(super) body_digest: [u8; 32],
}

/// Why the connection does not carry out a request.
#[derive(Clone, Copy)]
pub(super) enum NotCarriedOut {
    /// There is no such connection.
    Unknown,
    /// It is not enabled.
    NotEnabled,
    /// The action is not among its enabled ones.
    ActionNotEnabled,
}

/// Whether the connection carries out such requests.
pub(super) async fn carried_out(
    tx: &mut Connection,
    connection: &str,
    action: Action,
) -> Result<Result<(), NotCarriedOut>, StoreError> {
    Ok(match connections::duties(tx, connection).await? {
        None => Err(NotCarriedOut::Unknown),
        Some((false, _)) => Err(NotCarriedOut::NotEnabled),
        Some((true, duties)) if !duties.contains(&action.duty()) => Err(NotCarriedOut::ActionNotEnabled),
        Some(_) => Ok(()),
    })
}

/// The id of a request that is about to be stored.
pub(crate) fn new_id() -> String {
    Uuid::now_v7().to_string()
}

/// Whether the host's own requests for `action` would be carried out at the connection.
pub(crate) async fn is_carried_out(
    tx: &mut Connection,
    connection: &str,
    action: Action,
) -> Result<bool, StoreError> {
    carried_out(tx, connection, action).await.map(|carried_out| carried_out.is_ok())
}

/// Stores what the host itself asks for, at a connection that carries it out.
pub(crate) async fn put_own(
    tx: &mut Connection,
    keys: &Keys,
    about: &About<'_>,
    (id, action): (&str, Action),
    prepared: Prepared,
) -> Result<(), StoreError> {
    let once = Once { idempotency_key: None, body_digest: keys.person.digest(about.connection.as_bytes()) };
    put(tx, keys, about, (id, action), prepared, once).await
}

pub(super) async fn put(
    tx: &mut Connection,
    keys: &Keys,
    about: &About<'_>,
    (id, action): (&str, Action),
    prepared: Prepared,
    once: Once,
) -> Result<(), StoreError> {
    let (key, data_key) = keys.vault.new_data_key(&key_context(id))?;
    let Prepared { details, outcome, .. } = prepared;
    let new = New {
        id: id.to_owned(),
        tenant: about.tenant.to_owned(),
        connection: about.connection.to_owned(),
        person: about.person,
        action,
        idempotency_key: once.idempotency_key,
        body_digest: once.body_digest,
        sealed_details: details.sealed(&key, id)?,
        data_key,
        outcome,
        withholds: details.withheld.is_some(),
        at: about.at,
    };
    requests::insert(tx, &new).await?;
    let record = Record {
        connection: Some(about.connection.to_owned()),
        request: Some(id.to_owned()),
        detail: json!({ "action": action }),
        ..Record::of("request-accepted").about(about.names)
    };
    audit::append(tx, about.tenant, about.at, &record).await
}
