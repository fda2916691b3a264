//! Accepting a request: it has an id only once it is stored.

use host_harness::{config::UnknownConnection, sandbox::Calls};
use host_model::{
    contract::{Interface, Subject},
    requests::Action,
};
use host_store::{
    Connection, Keys, Named, PersonKey, StoreError, attributes, connections, people,
    requests::{self, View},
};
use serde_json::{Value, json};

use super::{
    Requests,
    about::About,
    handler::{Asked, Handlers},
    put::{self, NotCarriedOut, Once},
};
use crate::served::NotServed;

/// A request as it was asked.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The key of its connection.
    pub connection: String,
    /// The person.
    pub subject: Subject,
    /// What is asked for.
    pub asked: Asked,
    /// The caller's key against repetition, if any.
    pub idempotency_key: Option<String>,
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
    /// The connection has no calls.
    #[error(transparent)]
    NotServed(#[from] NotServed),
    /// Its connector cannot do this.
    #[error("the connector {connector} of connection {connection} does not offer {wanted}")]
    NotOffered {
        /// The connection's key.
        connection: String,
        /// The connector's name.
        connector: String,
        /// What would be needed.
        wanted: Interface,
    },
    /// The connector knows nobody by what is given.
    #[error("connection {connection} does not identify people by these identifier kinds; it accepts {}", accepted.join(", "))]
    NoUsableKind {
        /// The connection's key.
        connection: String,
        /// The kinds that identify people there.
        accepted: Vec<String>,
    },
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
    #[error("the request names no person: at least one identifier with a value is required")]
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

impl Requests {
    /// Stores what was asked. Returns once it is on disk; the same idempotency key gets the same answer.
    pub async fn accept(&self, submitted: Submission) -> Result<Accepted, AcceptError> {
        if submitted.subject.identifiers().iter().all(|identifier| identifier.value.trim().is_empty()) {
            return Err(AcceptError::Nobody);
        }
        let tenant = match self.suited(&submitted) {
            Ok(calls) => calls.connection().tenant.0.clone(),
            Err(refused) => return self.accepted_before(&submitted).await?.ok_or(refused),
        };
        let (keys, handlers) = (self.store.keys(&tenant).await?, self.handlers.clone());
        let at = self.clock.date_ms();
        let accepted = self
            .store
            .try_write(move |tx| {
                Box::pin(async move { take(tx, &keys, &handlers, &tenant, submitted, at).await })
            })
            .await?;
        self.bell.ring();
        Ok(accepted)
    }

    /// What was accepted under the same idempotency key, whatever has become of the connection since.
    async fn accepted_before(&self, submitted: &Submission) -> Result<Option<Accepted>, AcceptError> {
        let connection = submitted.connection.clone();
        let tenant = self.store.read(|c| Box::pin(async move { connections::tenant(c, &connection).await }));
        let Some(tenant) = tenant.await? else { return Ok(None) };
        let once = Once::of(&*self.store.person_key(&tenant).await?, submitted);
        self.store.read(|c| Box::pin(async move { once.sent_before(c, &tenant).await })).await?.transpose()
    }

    /// The calls of the connection, if its connector can do what is asked.
    fn suited(&self, submitted: &Submission) -> Result<Calls, AcceptError> {
        let connection = submitted.connection.clone();
        let calls = self.served.calls(&connection)?;
        let wanted = self.handlers.of(submitted.asked.action()).interface();
        let plugin = calls.plugin();
        if !plugin.exports().contains(&wanted) {
            let connector = plugin.manifest().name.clone();
            return Err(AcceptError::NotOffered { connection, connector, wanted });
        }
        Ok(calls)
    }
}

async fn take(
    tx: &mut Connection,
    keys: &Keys,
    handlers: &Handlers,
    tenant: &str,
    submitted: Submission,
    at: i64,
) -> Result<Accepted, AcceptError> {
    let once = Once::of(&keys.person, &submitted);
    if let Some(sent_before) = once.sent_before(tx, tenant).await? {
        return sent_before;
    }
    let Submission { connection, subject, asked, .. } = submitted;
    let action = asked.action();
    if let Err(why) = put::carried_out(tx, &connection, action).await? {
        return Err(refused(why, connection, action));
    }
    let named = Named::at(tx, keys, &connection, &subject).await?;
    if !named.identify() {
        let accepted = connections::identifying(tx, &connection).await?.kinds();
        return Err(AcceptError::NoUsableKind { connection, accepted });
    }
    let person = people::known_as(tx, &connection, &named.identifying).await?;
    attributes::note(tx, &keys.vault, &connection, (person, &subject), &named).await?;
    let about =
        About { tenant, connection: &connection, person, subject: &subject, names: &named.identifying, at };
    let id = put::new_id();
    let mut prepared = handlers.of(action).prepare(tx, keys, &about, &asked, &id).await?;
    let followed_by = prepared.followed_by.take();
    put::put(tx, keys, &about, (&id, action), prepared, once).await?;
    if let Some((action, next)) = followed_by {
        put::put_own(tx, keys, &about, (&put::new_id(), action), *next).await?;
    }
    let view = requests::show(tx, &id).await?;
    let view = view.ok_or_else(|| StoreError::Unreadable("a request just stored".to_owned()))?;
    Ok(Accepted { view, was_sent_before: false })
}

fn refused(why: NotCarriedOut, connection: String, action: Action) -> AcceptError {
    match why {
        NotCarriedOut::Unknown => {
            NotServed::from(UnknownConnection { key: connection, nearest: None }).into()
        }
        NotCarriedOut::NotEnabled => AcceptError::NotEnabled { connection },
        NotCarriedOut::ActionNotEnabled => AcceptError::ActionNotEnabled { connection, action },
    }
}

impl Once {
    fn of(key: &PersonKey, submitted: &Submission) -> Self {
        // The caller may make such keys of people's names.
        let hashed = |text: &String| hex::encode(key.digest(text.as_bytes()));
        let idempotency_key = submitted.idempotency_key.as_ref().map(hashed);
        Self { idempotency_key, body_digest: key.digest(&body(submitted)) }
    }

    /// What was accepted under the same key: the same request, or an error if it was another one.
    async fn sent_before(
        &self,
        tx: &mut Connection,
        tenant: &str,
    ) -> Result<Option<Result<Accepted, AcceptError>>, StoreError> {
        let Some(key) = &self.idempotency_key else { return Ok(None) };
        let Some((view, digest)) = requests::sent_before(tx, tenant, key).await? else { return Ok(None) };
        Ok(Some(if digest == self.body_digest {
            Ok(Accepted { view, was_sent_before: true })
        } else {
            Err(AcceptError::KeyReused { id: view.id })
        }))
    }
}

/// Everything that was asked, to tell a repeated request from another one.
fn body(submitted: &Submission) -> Vec<u8> {
    let identifiers: Vec<_> =
        submitted.subject.identifiers().iter().map(|i| (i.kind.as_str(), i.value.as_str())).collect();
    let requested = match &submitted.asked {
        Asked::Consent(requested) => json!(requested),
        Asked::Erasure | Asked::Reading => Value::Null,
    };
    json!([submitted.connection, submitted.asked.action(), identifiers, requested]).to_string().into_bytes()
}
