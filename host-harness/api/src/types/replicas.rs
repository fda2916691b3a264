//! The processes that serve the database.

use std::collections::BTreeMap;

use host_store::{ReplicaId, replicas};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All replicas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplicaList {
    /// In the order in which they started.
    pub replicas: Vec<Replica>,
}

/// A process that serves the database. Times are in milliseconds since the Unix epoch, by the database's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Replica {
    /// Its id, from its start to its end.
    pub id: String,
    /// The name of its machine and its process id.
    pub name: String,
    /// The version of its program.
    pub version: String,
    /// When it started.
    pub started_at: i64,
    /// When it last gave a sign of life. Others take over its work after 20 seconds without one.
    pub seen_at: i64,
    /// The number of changes of connections and plugins that it does not serve yet.
    pub behind: i64,
    /// The digest of the version that each plugin runs there.
    pub plugins: BTreeMap<String, String>,
    /// Since when it carries out the duties that exist once; null if another replica does.
    pub leads_since: Option<i64>,
    /// Whether it gave this answer.
    pub answers: bool,
}

impl Replica {
    /// Shows `replica`, to a caller of the replica `own`.
    pub(crate) fn of(replica: replicas::Replica, own: &ReplicaId) -> Self {
        let replicas::Replica { id, name, program, started_at, seen_at, behind, versions, leads_since } =
            replica;
        Self {
            answers: id == *own,
            id: id.to_string(),
            name,
            version: program,
            started_at,
            seen_at,
            behind,
            plugins: versions,
            leads_since,
        }
    }
}
