//! Stores a request in the queue, within the caller's transaction.
//! Tested in `src/requests/worker/tests.rs`.

use host_model::requests::Action;
use host_store::{
    Keys, StoreError, Tx,
    audit::{self, Record},
    connections,
    details::key_context,
    requests::{self, NewRequest},
};
use serde_json::json;
use uuid::Uuid;

use super::{handler::PreparedRequest, person_context::PersonContext};

/// What identifies a request that is sent twice.
pub(super) struct RequestIdentity {
    pub(super) idempotency_key: Option<String>,
    pub(super) body_digest: [u8; 32],
}

/// The reason that the connection does not carry out a request.
#[derive(Clone, Copy)]
pub(super) enum NotCarriedOut {
    /// There is no such connection.
    Unknown,
    /// The connection is not enabled.
    NotEnabled,
    /// The action is not among the connection's enabled actions.
    ActionNotEnabled,
}

/// Returns whether the connection carries out requests for `action`.
pub(super) async fn carried_out(
    tx: &mut Tx,
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

/// Returns an id for a request that is about to be stored.
pub(crate) fn new_id() -> String {
    Uuid::now_v7().to_string()
}

/// Returns whether the connection would carry out the host's own requests for `action`.
pub(crate) async fn is_carried_out(
    tx: &mut Tx,
    connection: &str,
    action: Action,
) -> Result<bool, StoreError> {
    carried_out(tx, connection, action).await.map(|carried_out| carried_out.is_ok())
}

/// Stores a request of the host itself, at a connection that carries it out.
pub(crate) async fn put_internal(
    tx: &mut Tx,
    keys: &Keys,
    about: &PersonContext<'_>,
    id: &str,
    action: Action,
    prepared: PreparedRequest,
) -> Result<(), StoreError> {
    let once = RequestIdentity {
        idempotency_key: None,
        body_digest: keys.person.digest(about.connection.as_bytes()),
    };
    put(tx, keys, about, id, action, prepared, once).await
}

pub(super) async fn put(
    tx: &mut Tx,
    keys: &Keys,
    about: &PersonContext<'_>,
    id: &str,
    action: Action,
    prepared: PreparedRequest,
    once: RequestIdentity,
) -> Result<(), StoreError> {
    let (key, data_key) = keys.vault.new_data_key(&key_context(id))?;
    let PreparedRequest { details, outcome, .. } = prepared;
    let new = NewRequest {
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
    audit::append(tx, &keys.vault, about.tenant, about.at, &record).await
}
