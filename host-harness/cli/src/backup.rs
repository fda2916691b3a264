//! `backup`: writes a consistent copy of the service's database to a new file.
//! Tested in `src/tests/database.rs`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{exit::Exit, failure::Failure, output::CommandOutput, session::Session};

#[derive(Debug, Args)]
pub(super) struct BackupCommand {
    /// The file to write, which must not exist yet.
    file: PathBuf,
}

impl BackupCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let file = self.file.display();
        if self.file.exists() {
            return Err(Failure::misused(format!(
                "{file} already exists: a backup is written to a new file"
            )));
        }
        let store = session.store().await?;
        store.back_up(&self.file).await.map_err(|error| Failure::misused(format!("{file}: {error}")))?;
        store.close().await;
        let people = format!(
            "the database is backed up to {file}\n\
             next: keep the backup apart from the master key; together they expose all data"
        );
        Ok(CommandOutput { people, json: json!({"file": self.file}), exit: Exit::Done })
    }
}
