//! The programs of a database that replicas share: a server, and a pooler before it.

use anyhow::Result;

use super::{pgbouncer::PgBouncer, postgresql::Programs};

/// PostgreSQL and `PgBouncer`, as they are installed.
pub(crate) struct DatabasePrograms {
    pub(crate) postgresql: Programs,
    pub(crate) pgbouncer: PgBouncer,
}

impl DatabasePrograms {
    /// Finds the programs; `None` if one of them is not installed.
    pub(crate) fn find() -> Option<Self> {
        Some(Self { postgresql: Programs::find()?, pgbouncer: PgBouncer::find()? })
    }

    /// Finds the programs, or installs them. Fails with the command that would.
    pub(crate) fn prepare() -> Result<Self> {
        Ok(Self { postgresql: Programs::prepare()?, pgbouncer: PgBouncer::prepare()? })
    }
}
