//! `audit`: verifies, lists and exports the audit chain, in the database or over the API.
//! Tested in `src/tests/database.rs` and `src/tests/server/audit.rs`.

mod lines;
mod verified;

use clap::Subcommand;

use self::{
    lines::{ExportArgs, ListArgs},
    verified::verify,
};
use super::{failure::Failure, output::CommandOutput, session::Session};

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Verify each tenant's chain from its first line, and the authentication codes of API keys, published plugins,
    /// connections and webhook tokens in use.
    Verify,
    /// List the lines of the chains, newest first.
    List(ListArgs),
    /// Write the lines of the chains to a new file as JSON lines, chain by chain.
    Export(ExportArgs),
}

impl AuditCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        match self {
            Self::Verify => verify(session).await,
            Self::List(list) => list.run(session).await,
            Self::Export(export) => export.run(session).await,
        }
    }
}
