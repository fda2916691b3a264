//! Whether connections can do their work, and what prevents it.
//! Tested in `api/src/tests/paused_connections.rs`.

use super::{Connections, owned::OwnedConnection};
use host_store::{
    StoreError,
    connections::{self, ConnectionFilter, ConnectionStatus, StoredConnection},
};

/// Whether a connection can do its work. If several things prevent it, the first of these counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthState {
    /// It does not suit the version of its plugin that is to serve it.
    Unusable,
    /// Its owner has disabled it.
    Disabled,
    /// An operator has paused it.
    Paused,
    /// The vendor refuses its credential.
    Parked,
    /// The vendor does not answer: its circuit breaker is open, or lets one attempt through.
    Unanswered,
    /// Nothing prevents it.
    Ready,
}

/// The health of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionHealth {
    /// Whether it can do its work.
    pub state: HealthState,
    /// What prevents it; `None` if nothing does, or if the state says it all.
    pub why: Option<String>,
}

/// Selects the connections to list.
#[derive(Clone, Debug, Default)]
pub struct ConnectionQuery {
    /// What the database knows.
    pub filter: ConnectionFilter,
    /// Only those in one of these states; empty for all.
    pub health: Vec<HealthState>,
    /// The maximum number of connections.
    pub limit: usize,
}

/// What the health of a connection depends on, apart from its plugin.
pub struct HealthFactors<'a> {
    key: &'a str,
    is_enabled: bool,
    status: &'a ConnectionStatus,
}

impl<'a> From<&'a OwnedConnection> for HealthFactors<'a> {
    fn from(owned: &'a OwnedConnection) -> Self {
        Self { key: &owned.spec.key, is_enabled: owned.duties.enabled, status: &owned.standing }
    }
}

impl<'a> From<&'a StoredConnection> for HealthFactors<'a> {
    fn from(stored: &'a StoredConnection) -> Self {
        Self { key: &stored.key, is_enabled: stored.enabled, status: &stored.standing }
    }
}

impl Connections {
    /// Returns the health of a connection.
    pub fn health<'a>(&self, connection: impl Into<HealthFactors<'a>>) -> ConnectionHealth {
        let HealthFactors { key, is_enabled, status } = connection.into();
        let (state, why) = if let Some(problem) = self.served.problem(key) {
            (HealthState::Unusable, Some(problem.to_string()))
        } else if !is_enabled {
            (HealthState::Disabled, None)
        } else if let Some(pause) = &status.paused {
            (HealthState::Paused, Some(pause.why.clone()))
        } else if let Some((why, _)) = &status.parked {
            (HealthState::Parked, Some(why.clone()))
        } else if status.open_until > 0 {
            (HealthState::Unanswered, None)
        } else {
            (HealthState::Ready, None)
        };
        ConnectionHealth { state, why }
    }

    /// Returns the readable connections that `query` selects, ordered by key.
    pub async fn list(&self, query: ConnectionQuery) -> Result<Vec<OwnedConnection>, StoreError> {
        let ConnectionQuery { filter, health, limit } = query;
        let kept = self.store.read(move |c| Box::pin(async move { connections::matching(c, &filter).await }));
        let kept = kept.await?;
        let selected =
            kept.iter().filter(|kept| health.is_empty() || health.contains(&self.health(*kept).state));
        // Opened one by one, since a page needs few of them.
        let opened = selected.filter_map(|kept| OwnedConnection::open(self.store.vault(), kept).ok());
        Ok(opened.take(limit).collect())
    }
}
