//! Accepting a request: it has an id only once it is stored.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{consent::outgoing, service::Shared};
use host_harness::{config::UnknownConnection, host::PutError, sandbox::Calls};
use host_model::{
    consent::outbound::{Plan, Requested},
    contract::{Interface, Subject},
    requests::Action,
};
use host_store::{
    Connection, Keys, Named, PersonKey, PersonName, StoreError, attributes,
    audit::{self, Record},
    connections,
    details::{Details, Withheld, key_context},
    people,
    person::PersonId,
    requests::{self, New, View},
};

/// What is asked for a person.
#[derive(Clone, Debug)]
pub enum Asked {
    /// Erase them.
    Erasure,
    /// Make the vendor hold their choices.
    Consent(Requested),
    /// Read what the vendor holds for them.
    Reading,
    /// The same of a person who was erased here, for an event that says the vendor still has them.
    ReadingAfterErasure(Withheld),
}

impl Asked {
    pub(crate) fn action(&self) -> Action {
        match self {
            Self::Erasure => Action::Erasure,
            Self::Consent(_) => Action::Consent,
            Self::Reading | Self::ReadingAfterErasure(_) => Action::Reading,
        }
    }

    /// What a connector has to offer for it.
    fn interface(&self) -> Interface {
        match self {
            Self::Erasure => Interface::Erasure,
            Self::Consent(_) | Self::Reading | Self::ReadingAfterErasure(_) => Interface::Consent,
        }
    }
}

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
    /// There is no such connection.
    #[error(transparent)]
    UnknownConnection(#[from] UnknownConnection),
    /// It does not suit its plugin.
    #[error("connection {connection} is not served: {problem}")]
    NotServed {
        /// Its key.
        connection: String,
        /// What is wrong with it.
        problem: Box<PutError>,
    },
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
pub async fn accept(shared: &Shared, submitted: Submission) -> Result<Accepted, AcceptError> {
    if submitted.subject.identifiers().iter().all(|identifier| identifier.value.trim().is_empty()) {
        return Err(AcceptError::Nobody);
    }
    let tenant = match suited(shared, &submitted) {
        Ok(calls) => calls.connection().tenant.0.clone(),
        Err(refused) => return accepted_before(shared, &submitted).await?.ok_or(refused),
    };
    let keys = shared.store.keys(&tenant).await?;
    let at = shared.date_ms();
    let accepted = shared
        .store
        .write(move |tx| Box::pin(async move { take(tx, &keys, &tenant, submitted, at).await }))
        .await?;
    shared.work.notify_one();
    accepted
}

/// What was accepted under the same idempotency key, whatever has become of the connection since.
async fn accepted_before(shared: &Shared, submitted: &Submission) -> Result<Option<Accepted>, AcceptError> {
    let connection = submitted.connection.clone();
    let tenant = shared.store.read(|c| Box::pin(async move { connections::tenant(c, &connection).await }));
    let Some(tenant) = tenant.await? else { return Ok(None) };
    let once = Once::of(&*shared.store.person_key(&tenant).await?, submitted);
    shared.store.read(|c| Box::pin(async move { once.sent_before(c, &tenant).await })).await?.transpose()
}

/// The calls of the connection, where its connector can do what is asked for somebody named so.
fn suited(shared: &Shared, submitted: &Submission) -> Result<Calls, AcceptError> {
    let connection = submitted.connection.clone();
    let calls = match (shared.host.connection(&connection), shared.registry.problem(&connection)) {
        (Ok(calls), _) => calls,
        (Err(_), Some(problem)) => {
            return Err(AcceptError::NotServed { connection, problem: Box::new(problem) });
        }
        (Err(unknown), None) => return Err(unknown.into()),
    };
    let (plugin, wanted) = (calls.plugin(), submitted.asked.interface());
    if !plugin.exports().contains(&wanted) {
        let connector = plugin.manifest().name.clone();
        return Err(AcceptError::NotOffered { connection, connector, wanted });
    }
    Ok(calls)
}

async fn take(
    tx: &mut Connection,
    keys: &Keys,
    tenant: &str,
    submitted: Submission,
    at: i64,
) -> Result<Result<Accepted, AcceptError>, StoreError> {
    let once = Once::of(&keys.person, &submitted);
    if let Some(sent_before) = once.sent_before(tx, tenant).await? {
        return Ok(sent_before);
    }
    let Submission { connection, subject, asked, .. } = submitted;
    if let Some(refused) = refused(tx, &connection, asked.action()).await? {
        return Ok(Err(refused));
    }
    let named = Named::at(tx, keys, &connection, &subject).await?;
    if !named.identify() {
        let accepted = connections::identifying(tx, &connection).await?.kinds();
        return Ok(Err(AcceptError::NoUsableKind { connection, accepted }));
    }
    let person = people::known_as(tx, &connection, &named.identifying).await?;
    attributes::note(tx, &keys.vault, &connection, (person, &subject), &named).await?;
    let about =
        About { tenant, connection: &connection, person, subject: &subject, names: &named.identifying, at };
    let id = put(tx, keys, &about, &asked, once).await?;
    if asked.action() == Action::Consent && people::is_to_be_read(tx, person).await? {
        look(tx, keys, &about).await?;
    }
    let view = requests::show(tx, &id).await?;
    let view = view.ok_or_else(|| StoreError::Unreadable("a request just stored".to_owned()))?;
    Ok(Ok(Accepted { view, was_sent_before: false }))
}

/// Whom something is about, and when it came to us.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) connection: &'a str,
    pub(crate) person: PersonId,
    pub(crate) subject: &'a Subject,
    /// The names of `subject` that identify the person.
    pub(crate) names: &'a [PersonName],
    /// In milliseconds since 1970 in UTC.
    pub(crate) at: i64,
}

/// By what a request sent twice is known.
struct Once {
    idempotency_key: Option<String>,
    body_digest: [u8; 32],
}

impl Once {
    fn of(key: &PersonKey, submitted: &Submission) -> Self {
        // Whoever makes such keys may make them of people's names.
        let hashed = |text: &String| hex::encode(key.digest(text.as_bytes()));
        let idempotency_key = submitted.idempotency_key.as_ref().map(hashed);
        Self { idempotency_key, body_digest: key.digest(&body(submitted)) }
    }

    /// What was accepted under the same key: the same request, or an error where it was another one.
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

/// Stores what the host itself asks for, where the connection carries out such requests; its id.
pub(crate) async fn put_own(
    tx: &mut Connection,
    keys: &Keys,
    about: &About<'_>,
    asked: &Asked,
) -> Result<Option<String>, StoreError> {
    if refused(tx, about.connection, asked.action()).await?.is_some() {
        return Ok(None);
    }
    let once = Once { idempotency_key: None, body_digest: keys.person.digest(about.connection.as_bytes()) };
    put(tx, keys, about, asked, once).await.map(Some)
}

/// Has the vendor asked what it holds for the person, unless that waits already.
pub(crate) async fn look(tx: &mut Connection, keys: &Keys, about: &About<'_>) -> Result<(), StoreError> {
    if requests::is_waiting_to_read(tx, about.person).await? {
        return Ok(());
    }
    put_own(tx, keys, about, &Asked::Reading).await.map(drop)
}

async fn put(
    tx: &mut Connection,
    keys: &Keys,
    about: &About<'_>,
    asked: &Asked,
    once: Once,
) -> Result<String, StoreError> {
    let id = Uuid::now_v7().to_string();
    let (key, data_key) = keys.vault.new_data_key(&key_context(&id))?;
    let plan = match asked {
        Asked::Consent(requested) => outgoing::plan(tx, keys, about, requested, &id).await?,
        Asked::Erasure | Asked::Reading | Asked::ReadingAfterErasure(_) => Plan::default(),
    };
    let report = plan.report();
    let withheld = match asked {
        Asked::ReadingAfterErasure(withheld) => Some(withheld.clone()),
        Asked::Erasure | Asked::Consent(_) | Asked::Reading => None,
    };
    let withholds = withheld.is_some();
    let details = Details { subject: about.subject.clone(), plan, withheld };
    let new = New {
        id: id.clone(),
        tenant: about.tenant.to_owned(),
        connection: about.connection.to_owned(),
        person: about.person,
        action: asked.action(),
        idempotency_key: once.idempotency_key,
        body_digest: once.body_digest,
        sealed_details: details.sealed(&key, &id)?,
        data_key,
        outcome: (asked.action() == Action::Consent).then(|| json!({ "report": report })),
        withholds,
        at: about.at,
    };
    requests::insert(tx, &new).await?;
    if asked.action() == Action::Erasure {
        people::erases(tx, about.connection, &id, about.names).await?;
    }
    let record = Record {
        connection: Some(about.connection.to_owned()),
        request: Some(id.clone()),
        detail: json!({ "action": asked.action() }),
        ..Record::of("request-accepted").about(about.names)
    };
    audit::append(tx, about.tenant, about.at, &record).await?;
    Ok(id)
}

/// Everything that was asked, to tell a repeated request from another one.
fn body(submitted: &Submission) -> Vec<u8> {
    let identifiers: Vec<_> =
        submitted.subject.identifiers().iter().map(|i| (i.kind.as_str(), i.value.as_str())).collect();
    let requested = match &submitted.asked {
        Asked::Consent(requested) => json!(requested),
        Asked::Erasure | Asked::Reading | Asked::ReadingAfterErasure(_) => Value::Null,
    };
    json!([submitted.connection, submitted.asked.action(), identifiers, requested]).to_string().into_bytes()
}

async fn refused(
    tx: &mut Connection,
    connection: &str,
    action: Action,
) -> Result<Option<AcceptError>, StoreError> {
    let duties = connections::duties(tx, connection).await?;
    let connection = connection.to_owned();
    Ok(match duties {
        None => Some(UnknownConnection { key: connection, nearest: None }.into()),
        Some((false, _)) => Some(AcceptError::NotEnabled { connection }),
        Some((true, duties)) if !duties.contains(&action.duty()) => {
            Some(AcceptError::ActionNotEnabled { connection, action })
        }
        Some(_) => None,
    })
}
