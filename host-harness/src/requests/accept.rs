//! Accepting a request: it has an id only once it is stored.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Action, Details, key_context};
use crate::{
    config::UnknownConnection,
    contract::Subject,
    service::Shared,
    store::{
        PersonName, StoreError,
        audit::{self, Record},
        people,
        requests::{self, New, View},
    },
};

/// A request as it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Submission {
    pub(crate) connection: String,
    pub(crate) action: Action,
    pub(crate) details: Details,
    /// What is known of the outcome before anything is tried.
    pub(crate) outcome: Option<Value>,
    pub(crate) idempotency_key: Option<String>,
}

/// A request that is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// As it is now.
    pub view: View,
    /// Whether it was sent before, under the same idempotency key.
    pub was_sent_before: bool,
}

/// Why a request was not accepted. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// There is no such connection.
    #[error(transparent)]
    UnknownConnection(#[from] UnknownConnection),
    /// The connection does nothing.
    #[error("connection {connection} is not enabled; enable it, then send the request again")]
    NotEnabled {
        /// Its key.
        connection: String,
    },
    /// The connection does not do this.
    #[error(
        "connection {connection} does not carry out {action} requests: it is not among its enabled actions"
    )]
    ActionNotEnabled {
        /// Its key.
        connection: String,
        /// What was asked.
        action: Action,
    },
    /// Nobody is named.
    #[error("the request names nobody: at least one identifier with a value is wanted")]
    Nobody,
    /// The key was used for something else.
    #[error("the idempotency key was used before for another request, {id}; a new request needs a new key")]
    KeyReused {
        /// That request's id.
        id: String,
    },
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores what was asked. Returns once it is on disk; the same idempotency key gets the same answer.
pub(crate) async fn accept(shared: &Shared, asked: Submission) -> Result<Accepted, AcceptError> {
    if asked.details.subject.identifiers().iter().all(|identifier| identifier.value.trim().is_empty()) {
        return Err(AcceptError::Nobody);
    }
    let calls = shared.host.connection(&asked.connection)?;
    let tenant = calls.connection().tenant.0.clone();
    let person_key = shared.store.person_key(&tenant).await?;
    let names: Vec<PersonName> = names(&person_key, &asked.details.subject);
    let body_digest = person_key.digest(&body(&asked));
    let id = Uuid::now_v7().to_string();
    let (key, data_key) = shared.store.vault().new_data_key(&key_context(&id)).map_err(StoreError::from)?;
    let sealed_details = asked.details.sealed(&key, &id)?;
    let at = shared.date_ms();
    let accepted = shared.store.write(move |tx| {
        Box::pin(async move {
            if let Some(key) = &asked.idempotency_key
                && let Some((view, digest)) = requests::sent_before(tx, &tenant, key).await?
            {
                return Ok(if digest == body_digest {
                    Ok(Accepted { view, was_sent_before: true })
                } else {
                    Err(AcceptError::KeyReused { id: view.id })
                });
            }
            if let Some(refused) = refused(tx, &asked.connection, asked.action).await? {
                return Ok(Err(refused));
            }
            let person = people::known_as(tx, &asked.connection, &names).await?;
            let new = New {
                id: id.clone(),
                tenant: tenant.clone(),
                connection: asked.connection.clone(),
                person,
                action: asked.action,
                idempotency_key: asked.idempotency_key,
                body_digest,
                sealed_details,
                data_key,
                outcome: asked.outcome,
                at,
            };
            requests::insert(tx, &new).await?;
            let record = Record {
                connection: Some(asked.connection),
                request: Some(id.clone()),
                detail: json!({ "action": asked.action }),
                ..Record::of("request-accepted").about(&names)
            };
            audit::append(tx, &tenant, at, &record).await?;
            let view = requests::show(tx, &id).await?;
            Ok(Ok(Accepted {
                view: view.ok_or_else(|| StoreError::Unreadable("a request just stored".to_owned()))?,
                was_sent_before: false,
            }))
        })
    });
    let accepted = accepted.await?;
    shared.work.notify_one();
    accepted
}

/// Every identifier's keyed hash.
pub(crate) fn names(key: &crate::store::PersonKey, subject: &Subject) -> Vec<PersonName> {
    subject.identifiers().iter().filter(|i| !i.value.trim().is_empty()).map(|i| key.name(i)).collect()
}

/// Everything that was asked, to tell a repeated request from another one.
fn body(asked: &Submission) -> Vec<u8> {
    let identifiers: Vec<_> =
        asked.details.subject.identifiers().iter().map(|i| (i.kind.as_str(), i.value.as_str())).collect();
    json!([asked.connection, asked.action, identifiers, asked.details.preferences]).to_string().into_bytes()
}

async fn refused(
    tx: &mut crate::store::Connection,
    connection: &str,
    action: Action,
) -> Result<Option<AcceptError>, StoreError> {
    use sqlx::Row;
    let row = sqlx::query("SELECT enabled, actions FROM connections WHERE key = $1")
        .bind(connection)
        .fetch_optional(tx)
        .await?;
    let connection = connection.to_owned();
    let Some(row) = row else {
        return Ok(Some(UnknownConnection { key: connection, nearest: None }.into()));
    };
    if row.try_get::<i64, _>("enabled")? == 0 {
        return Ok(Some(AcceptError::NotEnabled { connection }));
    }
    let actions: String = row.try_get("actions")?;
    let needed = if action == Action::Erasure { "erasure" } else { "consent" };
    Ok((!actions.contains(needed)).then_some(AcceptError::ActionNotEnabled { connection, action }))
}
