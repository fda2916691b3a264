//! The lead of one replica over the duties that exist once, and the check of it in each of their transactions.
//! Tested in `src/replicas/tests.rs`.

use std::future::Future;

use crate::{database::Tx, error::StoreError, replica_id::ReplicaId};

tokio::task_local! {
    /// The tenure of the current duty.
    static CURRENT: Tenure;
}

/// A term in which a replica leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenure {
    replica: ReplicaId,
    term: i64,
}

impl Tenure {
    /// Returns the tenure of the replica `id`: it leads already, or takes the lead since no replica has it. `None` if
    /// another one leads.
    pub(crate) async fn take(tx: &mut Tx, id: &ReplicaId, now: i64) -> Result<Option<Self>, StoreError> {
        const TAKE: &str = "INSERT INTO lead (only_row, replica, term, since) VALUES (1, $1, 1, $2) \
                            ON CONFLICT (only_row) DO UPDATE SET replica = $1, term = lead.term + 1, since = $2 \
                            WHERE NOT EXISTS (SELECT 1 FROM replicas r WHERE r.id = lead.replica)";
        sqlx::query(TAKE).bind(id.as_str()).bind(now).execute(&mut *tx).await?;
        let leads: Option<i64> = sqlx::query_scalar("SELECT term FROM lead WHERE replica = $1")
            .bind(id.as_str())
            .fetch_optional(tx)
            .await?;
        Ok(leads.map(|term| Self { replica: id.clone(), term }))
    }

    /// Returns the number of the term.
    pub fn term(&self) -> i64 {
        self.term
    }

    /// Runs `duty` in this tenure: once another replica leads, each of its transactions fails with
    /// [`StoreError::LeadLost`]. A task that it spawns is one of the duty only if it is [`inherited`](Self::inherited).
    pub fn scope<F: Future>(self, duty: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, duty)
    }

    /// Returns `task` for a task of its own, in the tenure of the current duty if there is one.
    pub fn inherited<F: Future>(task: F) -> impl Future<Output = F::Output> {
        let tenure = Self::current();
        async move {
            match tenure {
                Some(tenure) => tenure.scope(task).await,
                None => task.await,
            }
        }
    }

    /// Returns the tenure of the current duty; `None` outside of duties.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Fails if another replica leads, or this one in a later term.
    pub(crate) async fn check(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let leads = sqlx::query_scalar("SELECT COUNT(*) FROM lead WHERE replica = $1 AND term = $2");
        let leads: i64 = leads.bind(self.replica.as_str()).bind(self.term).fetch_one(tx).await?;
        if leads == 0 { Err(StoreError::LeadLost) } else { Ok(()) }
    }
}
