//! Accepts requests: a request has an id only once it is stored.
//! Tested in `src/requests/worker/tests.rs`.

use host_harness::{config::UnknownConnection, sandbox::Calls};
use host_model::{
    consent::submitted::SubmittedChoices,
    contract::{Interface, Subject},
    requests::{Action, RequestState, completion::Completion},
};
use host_store::{
    Keys, PersonKey, StoreError, SubjectNames, Tx, Vault, attributes,
    callbacks::{self, NewCallback},
    connections, people,
    requests::{self, RequestView},
};
use serde_json::{Value, json};

use super::{
    Requests,
    handler::{Handlers, PersonTask, PrepareError},
    person_context::PersonContext,
    put::{self, NotCarriedOut, RequestIdentity},
    replay,
};
use crate::{served::NotServed, who::Who};

/// The maximum difference between clocks; a choice further ahead is a mistake.
const MAX_AHEAD_MS: u64 = 5 * 60 * 1_000;

/// A request as it was submitted.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The key of its connection.
    pub connection: String,
    /// The person.
    pub subject: Subject,
    /// What is requested.
    pub asked: PersonTask,
    /// The caller's idempotency key, if any.
    pub idempotency_key: Option<String>,
    /// What to do if it was sent before and was not carried out.
    pub repeat: Repeat,
    /// Where its end is posted, if the caller named an address.
    pub callback: Option<NewCallback>,
}

/// What to do with a request that was sent before with the same idempotency key and was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Nothing: the answer is the same.
    Keep,
    /// Carry it out again, on behalf of this caller.
    Replay(Who),
}

/// A request that is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// The current state of the request.
    pub view: RequestView,
    /// Whether the request was sent before, with the same idempotency key.
    pub was_sent_before: bool,
}

/// The reason that a request was not accepted. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The connection is not served.
    #[error(transparent)]
    NotServed(#[from] NotServed),
    /// The connector does not offer the required interface.
    #[error("the connector {connector} of connection {connection} does not offer {wanted}")]
    NotOffered {
        /// The connection's key.
        connection: String,
        /// The connector's name.
        connector: String,
        /// The required interface.
        wanted: Interface,
    },
    /// The given identifiers do not identify a person at the connection.
    #[error(
        "connection {connection} does not identify people by these identifier kinds; it accepts {}",
        accepted.join(", ")
    )]
    NoUsableKind {
        /// The connection's key.
        connection: String,
        /// The kinds that identify people there.
        accepted: Vec<String>,
    },
    /// The connection is not enabled.
    #[error("connection {connection} is not enabled; enable it, then send the request again")]
    NotEnabled {
        /// Its key.
        connection: String,
    },
    /// The connection does not carry out this action.
    #[error(
        "connection {connection} does not carry out {action} requests: it is not among its enabled actions"
    )]
    ActionNotEnabled {
        /// Its key.
        connection: String,
        /// The requested action.
        action: Action,
    },
    /// The request contains no identifier with a value.
    #[error("the request names no person: at least one identifier with a value is required")]
    Nobody,
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used before for another request, {id}; a new request needs a new key")]
    KeyReused {
        /// The id of that request.
        id: String,
    },
    /// A choice is dated later than any difference between clocks explains.
    #[error("more than 5 minutes in the future; send the time at which the choice was made")]
    InTheFuture,
    /// The request names notices that the tenant does not have.
    #[error("there is no notice {}: register it, or correct its name, then send the request again", quoted(.names))]
    UnknownNotices {
        /// The names that were sent.
        names: Vec<String>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<PrepareError> for AcceptError {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::UnknownNotices(names) => Self::UnknownNotices { names },
            PrepareError::Store(error) => Self::Store(error),
        }
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Requests {
    /// Checks that no choice is made more than five minutes in the future.
    pub fn check_times(&self, choices: &SubmittedChoices) -> Result<(), AcceptError> {
        let ahead = u64::try_from(self.clock.date_ms()).unwrap_or(0).saturating_add(MAX_AHEAD_MS);
        if choices.times().any(|chosen_at_ms| chosen_at_ms > ahead) {
            return Err(AcceptError::InTheFuture);
        }
        Ok(())
    }

    /// Stores a request. Returns once it is on disk. The same idempotency key gets the same answer.
    pub async fn accept(&self, submitted: Submission) -> Result<Accepted, AcceptError> {
        if submitted.subject.identifiers().iter().all(|identifier| identifier.value.trim().is_empty()) {
            return Err(AcceptError::Nobody);
        }
        let tenant = match self.calls_for(&submitted) {
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

    /// Returns the request that was accepted with the same idempotency key, whatever has become of the connection
    /// since.
    async fn accepted_before(&self, submitted: &Submission) -> Result<Option<Accepted>, AcceptError> {
        let connection = submitted.connection.clone();
        let tenant = self.store.read(|c| Box::pin(async move { connections::tenant(c, &connection).await }));
        let Some(tenant) = tenant.await? else { return Ok(None) };
        let once = RequestIdentity::of(&*self.store.person_key(&tenant).await?, submitted);
        let (vault, callback) = (self.store.vault().clone(), submitted.callback.clone());
        let sent_before = self.store.try_write(move |tx| {
            Box::pin(async move {
                let Some(accepted) = once.sent_before(tx, &tenant).await? else { return Ok(None) };
                let accepted = accepted?;
                if let Some(callback) = &callback {
                    callbacks::put(tx, &vault, &accepted.view, callback).await?;
                }
                Ok(Some(accepted))
            })
        });
        sent_before.await
    }

    /// Returns the calls of the connection, if its connector offers what is requested. During a release, both versions may have
    /// to carry it out, so that it has to be offered by the one before.
    fn calls_for(&self, submitted: &Submission) -> Result<Calls, AcceptError> {
        let connection = submitted.connection.clone();
        let calls = self.served.serving(&connection)?.running().clone();
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
    tx: &mut Tx,
    keys: &Keys,
    handlers: &Handlers,
    tenant: &str,
    submitted: Submission,
    at: i64,
) -> Result<Accepted, AcceptError> {
    let once = RequestIdentity::of(&keys.person, &submitted);
    let mut at = at;
    if let Some(sent_before) = once.sent_before(tx, tenant).await? {
        let view = sent_before?.view;
        match repeated(tx, &keys.vault, &view, &submitted.repeat, at).await? {
            RepeatedRequest::Same(view) => {
                // A repeat may bring another token: the receiver waits for the one that it sent last.
                if let Some(callback) = &submitted.callback {
                    callbacks::put(tx, &keys.vault, &view, callback).await?;
                }
                return Ok(Accepted { view: *view, was_sent_before: true });
            }
            // A choice without a time is still the one that was made then.
            RepeatedRequest::New => at = view.received_at,
        }
    }
    let Submission { connection, subject, asked, callback, .. } = submitted;
    let action = asked.action();
    if let Err(why) = put::carried_out(tx, &connection, action).await? {
        return Err(refused(why, connection, action));
    }
    let named = SubjectNames::at(tx, keys, &connection, &subject).await?;
    if !named.identify() {
        let accepted = connections::identifying(tx, &connection).await?.kinds();
        return Err(AcceptError::NoUsableKind { connection, accepted });
    }
    let person = people::known_as(tx, &connection, &named.identifying).await?;
    attributes::note(tx, &keys.vault, &connection, person, &subject, &named).await?;
    let about = PersonContext {
        tenant,
        connection: &connection,
        person,
        subject: &subject,
        names: &named.identifying,
        at,
    };
    let id = put::new_id();
    let mut prepared = handlers.of(action).prepare(tx, keys, &about, &asked, &id).await?;
    let followed_by = prepared.followed_by.take();
    put::put(tx, keys, &about, &id, action, prepared, once).await?;
    if let Some((action, next)) = followed_by {
        put::put_internal(tx, keys, &about, &put::new_id(), action, *next).await?;
    }
    let view = requests::show(tx, &id).await?;
    let view = view.ok_or_else(|| StoreError::Unreadable("a request just stored".to_owned()))?;
    if let Some(callback) = callback {
        callbacks::put(tx, &keys.vault, &view, &callback).await?;
    }
    Ok(Accepted { view, was_sent_before: false })
}

/// A request that was sent again.
enum RepeatedRequest {
    /// It is still this one.
    Same(Box<RequestView>),
    /// It becomes a new one, which takes the idempotency key over.
    New,
}

/// Decides what becomes of the request `view`, which was sent again. A failed one keeps its id, by which its caller may
/// poll. The data of one that is done is destroyed, but the repeat has brought it again.
async fn repeated(
    tx: &mut Tx,
    vault: &Vault,
    view: &RequestView,
    repeat: &Repeat,
    at: i64,
) -> Result<RepeatedRequest, StoreError> {
    let same = |view: &RequestView| RepeatedRequest::Same(Box::new(view.clone()));
    let Repeat::Replay(Who(by)) = repeat else { return Ok(same(view)) };
    match (view.state, view.completion()) {
        (RequestState::Failed | RequestState::Expired, _) => {
            if let Some(waiting) = replay::put_back(tx, vault, view, by, at).await? {
                return Ok(same(&waiting));
            }
        }
        (RequestState::Done, Completion::NotCarriedOut(_)) => {}
        _ => return Ok(same(view)),
    }
    requests::release_key(tx, &view.id).await?;
    Ok(RepeatedRequest::New)
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

impl RequestIdentity {
    fn of(key: &PersonKey, submitted: &Submission) -> Self {
        // Hashed, because callers may derive idempotency keys from people's names.
        let hashed = |text: &String| hex::encode(key.digest(text.as_bytes()));
        let idempotency_key = submitted.idempotency_key.as_ref().map(hashed);
        Self { idempotency_key, body_digest: key.digest(&body(submitted)) }
    }

    /// Returns the request that was accepted with the same key, or an error if that was a different request.
    async fn sent_before(
        &self,
        tx: &mut Tx,
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

/// Returns everything that was requested, to distinguish a repeated request from a different one.
fn body(submitted: &Submission) -> Vec<u8> {
    let identifiers: Vec<_> =
        submitted.subject.identifiers().iter().map(|i| (i.kind.as_str(), i.value.as_str())).collect();
    let requested = match &submitted.asked {
        PersonTask::Consent(requested) => json!(requested),
        PersonTask::Erasure | PersonTask::Reading => Value::Null,
    };
    json!([submitted.connection, submitted.asked.action(), identifiers, requested]).to_string().into_bytes()
}
