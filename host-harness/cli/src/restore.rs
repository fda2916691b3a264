//! `restore`: restores a backup over the service's database.
//! Tested in `src/tests/database.rs`.

use std::path::PathBuf;

use clap::Args;
use host_store::ExistingDatabase;
use serde_json::json;

use super::{exit::Exit, failure::Failure, output::CommandOutput, session::Session};
use host_service::lock::Lock;

#[derive(Debug, Args)]
pub(super) struct RestoreCommand {
    /// The backup. It is not changed.
    file: PathBuf,
    /// Replace an existing database, which is kept beside the new one.
    #[arg(long)]
    replace: bool,
}

impl RestoreCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let service = session.service()?;
        let _alone = Lock::take(&service.database).map_err(Failure::misused)?;
        let existing = if self.replace { ExistingDatabase::Replace } else { ExistingDatabase::Refuse };
        let kept = host_store::restore(&self.file, &service.database, &service.master_key, existing)
            .await
            .map_err(Failure::misused)?;
        let database = service.database.display();
        let kept_in =
            kept.as_ref().map(|kept| format!("\nthe previous database is kept in {}", kept.display()));
        let people = format!(
            "{database} is restored from {}{}\n\
             next: the database no longer records what the service did after that backup; the vendors still have it",
            self.file.display(),
            kept_in.unwrap_or_default()
        );
        Ok(CommandOutput {
            people,
            json: json!({"database": service.database, "kept": kept}),
            exit: Exit::Done,
        })
    }
}
