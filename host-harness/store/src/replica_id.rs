//! The id of a process that serves a database.

use std::{fmt, sync::Arc};

use uuid::Uuid;

use crate::columns::column;

/// Identifies a process that serves a database, from its start to its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplicaId(Arc<str>);

impl ReplicaId {
    /// Returns a new id.
    pub(crate) fn random() -> Self {
        Self(Uuid::now_v7().to_string().into())
    }

    /// Returns the id with this text, for tests.
    #[cfg(any(test, feature = "testing"))]
    pub fn named(name: &str) -> Self {
        Self(name.into())
    }

    /// Returns its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

column!(ReplicaId: String, |stored| Ok(ReplicaId(stored.into())));
