//! Acts on many requests at once: made, approved by another person if the service asks for two, and carried out request by
//! request. An act is about the requests that matched when it was made, and a restart continues it.
//! Tested in `api/src/tests/bulk_acts.rs`.

mod work;

use host_model::{
    approvers::Approvers,
    bulk::{BulkKind, BulkState, PENDING_MS},
};
use host_store::{
    RowChange, StoreError, Tx, Vault,
    audit::{self, Record},
    bulk_acts::{self, BulkAct, Decision, NewBulkAct},
    grant::KeyReach,
};
use serde_json::json;

use crate::{
    bell::Bell,
    requests::{Requests, put, standing::RequestSearch},
    who::Who,
};

/// Makes, decides and carries out acts. Clones share everything.
#[derive(Clone)]
pub struct BulkActs {
    requests: Requests,
    approvers: Approvers,
    /// Rung when an act may have to be carried out.
    bell: Bell,
}

/// Who acts, and on what.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The id of the API key.
    pub api_key: String,
    /// Who that is, for the audit chain.
    pub who: Who,
    /// The data that it may act on.
    pub reach: KeyReach,
}

/// An act as a caller wants it.
#[derive(Clone, Debug)]
pub struct NewAct {
    /// What is done with each request.
    pub kind: BulkKind,
    /// The requests.
    pub search: RequestSearch,
    /// How many requests the caller expects to match.
    pub expected: i64,
}

/// Why an act was not made. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum NotMade {
    /// Another number of requests matches than the caller expects.
    #[error("{found} requests match, not {expected}; look at them again, then act on that many")]
    Changed {
        /// How many match now.
        found: i64,
        /// How many were expected.
        expected: i64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why nothing was decided about an act.
#[derive(Debug, thiserror::Error)]
pub enum NotDecided {
    /// There is no such act that the caller can access.
    #[error("there is no bulk act {0}")]
    Unknown(String),
    /// It does not wait for a decision.
    #[error("bulk act {id} is {state}: only a pending one can be approved or withdrawn")]
    NotPending {
        /// Its id.
        id: String,
        /// Its state.
        state: BulkState,
    },
    /// The API key that made it may not approve it.
    #[error(
        "bulk act {0} was made with this API key: another person has to approve it, with another API key"
    )]
    SamePerson(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BulkActs {
    pub(crate) fn new(requests: Requests, approvers: Approvers) -> Self {
        Self { requests, approvers, bell: Bell::default() }
    }

    /// Stores the act that `actor` wants, and begins it unless another person has to approve it first.
    pub async fn make(&self, actor: Actor, new: NewAct) -> Result<BulkAct, NotMade> {
        let NewAct { kind, search, expected } = new;
        let mut filter = self.requests.filter_now(search);
        filter.reach = actor.reach.clone();
        let at = self.requests.clock.date_ms();
        let state = match self.approvers {
            Approvers::Anyone => BulkState::Running,
            Approvers::SecondPerson => BulkState::Pending,
        };
        let Who(made_by) = actor.who;
        let expires_at = at.saturating_add(PENDING_MS);
        let id = put::new_id();
        let new = NewBulkAct { id: id.clone(), kind, state, api_key: actor.api_key, made_by, at, expires_at };
        let (vault, reach) = (self.requests.store.vault().clone(), actor.reach);
        let made = self.requests.store.try_write(move |tx| {
            Box::pin(async move {
                let found = bulk_acts::insert(tx, &new, &filter).await?;
                if found != expected {
                    return Err(NotMade::Changed { found, expected });
                }
                record(tx, &vault, &new.id, &ActLine { what: "bulk-act-made", by: Some(&new.made_by), at })
                    .await?;
                let made = bulk_acts::show(tx, &new.id, &reach).await?;
                Ok(made.ok_or_else(|| StoreError::Unreadable("a bulk act just stored".to_owned()))?)
            })
        });
        let made = made.await?;
        self.bell.ring();
        Ok(made)
    }

    /// Begins the pending act with this id.
    pub async fn approve(&self, actor: Actor, id: &str) -> Result<BulkAct, NotDecided> {
        self.decide(actor, id, BulkState::Running).await
    }

    /// Ends the pending act with this id without carrying it out.
    pub async fn withdraw(&self, actor: Actor, id: &str) -> Result<BulkAct, NotDecided> {
        self.decide(actor, id, BulkState::Withdrawn).await
    }

    async fn decide(&self, actor: Actor, id: &str, state: BulkState) -> Result<BulkAct, NotDecided> {
        let (id, at, approvers) = (id.to_owned(), self.requests.clock.date_ms(), self.approvers);
        let vault = self.requests.store.vault().clone();
        let decided = self.requests.store.try_write(move |tx| {
            Box::pin(async move {
                let unknown = || NotDecided::Unknown(id.clone());
                let act = bulk_acts::show(tx, &id, &actor.reach).await?.ok_or_else(unknown)?;
                if act.state != BulkState::Pending || act.expires_at <= at {
                    let state = if act.state == BulkState::Pending { BulkState::Expired } else { act.state };
                    return Err(NotDecided::NotPending { id, state });
                }
                let what = match state {
                    BulkState::Running if !approvers.permit(&act.api_key, &actor.api_key) => {
                        return Err(NotDecided::SamePerson(id));
                    }
                    BulkState::Running => "bulk-act-approved",
                    _ => "bulk-act-withdrawn",
                };
                let Who(by) = actor.who;
                let decision = Decision { state, by: Some(by.clone()), at };
                bulk_acts::decide(tx, &id, &decision).await?;
                record(tx, &vault, &id, &ActLine { what, by: Some(&by), at }).await?;
                bulk_acts::show(tx, &id, &actor.reach).await?.ok_or_else(unknown)
            })
        });
        let decided = decided.await?;
        self.bell.ring();
        Ok(decided)
    }

    /// Ends the acts that nobody approved in time.
    async fn expire(&self) -> Result<(), StoreError> {
        let (at, vault) = (self.requests.clock.date_ms(), self.requests.store.vault().clone());
        let expired = self.requests.store.write(move |tx| {
            Box::pin(async move {
                for id in bulk_acts::overdue(tx, at).await? {
                    let decision = Decision { state: BulkState::Expired, by: None, at };
                    if bulk_acts::decide(tx, &id, &decision).await? == RowChange::Changed {
                        record(tx, &vault, &id, &ActLine { what: "bulk-act-expired", by: None, at }).await?;
                    }
                }
                Ok(())
            })
        });
        expired.await
    }
}

/// What the audit chain says about an act.
struct ActLine<'a> {
    what: &'static str,
    by: Option<&'a str>,
    at: i64,
}

/// Records what became of an act in the chain of each tenant whose requests it is about.
async fn record(tx: &mut Tx, vault: &Vault, id: &str, line: &ActLine<'_>) -> Result<(), StoreError> {
    for (tenant, requests) in bulk_acts::tenants(tx, id).await? {
        let detail = json!({ "bulk-act": id, "requests": requests, "by": line.by });
        let record = Record { detail, ..Record::of(line.what) };
        audit::append(tx, vault, &tenant, line.at, &record).await?;
    }
    Ok(())
}
