//! `reapply-erasures`: applies the erasures of the ledger to a database that the server's own tools have restored.
//! Tested in `src/tests/migrate.rs`.

use std::path::PathBuf;

use clap::Args;
use host_store::{DatabaseAddress, reapply_erasures};
use serde_json::json;

use super::{
    failure::Failure,
    output::CommandOutput,
    restore::{reapplied, said},
    session::Session,
};

#[derive(Debug, Args)]
pub(super) struct ReapplyErasuresCommand {
    /// The erasure ledger [default: that of the service]. Use the one that a replica wrote last.
    #[arg(long, value_name = "FILE")]
    erasures: Option<PathBuf>,
}

impl ReapplyErasuresCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let service = session.service()?;
        if let DatabaseAddress::File(_) = service.database {
            return Err(Failure::misused(
                "the database is a file: `connector-host restore` applies the erasures to a backup that it restores",
            ));
        }
        if let Some(named) = self.erasures.as_ref().filter(|named| !named.exists()) {
            return Err(Failure::misused(format!("--erasures: there is no file {}", named.display())));
        }
        let ledger = self.erasures.unwrap_or(service.erasure_ledger);
        let store = session.store().await?;
        let erasures = reapply_erasures(&store, &ledger).await.map_err(Failure::misused)?;
        store.close().await;
        let (exit, erasures_json) = reapplied(&erasures);
        let people = format!("{}\nnext: start the replicas", said(&erasures));
        Ok(CommandOutput { people, json: json!({"erasures": erasures_json}), exit })
    }
}
