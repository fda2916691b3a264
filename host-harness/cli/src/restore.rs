//! `restore`: a backup put in the place of the service's database.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{exit::Exit, failure::Failure, session::Session, shown::Shown};
use host_service::lock::Lock;

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup; it stays as it is.
    file: PathBuf,
    /// Take the place of a database that is there, which is kept beside it.
    #[arg(long)]
    replace: bool,
}

impl Restore {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let service = session.service()?;
        let _alone = Lock::take(&service.database).map_err(Failure::misused)?;
        let kept = host_store::restore(&self.file, &service.database, &service.master_key, self.replace)
            .await
            .map_err(Failure::misused)?;
        let database = service.database.display();
        let kept_in =
            kept.as_ref().map(|kept| format!("\nthe database before it is kept in {}", kept.display()));
        let people = format!(
            "{database} is {} again{}\n\
             next: what the service did after that backup is not in it; the vendors still have it",
            self.file.display(),
            kept_in.unwrap_or_default()
        );
        Ok(Shown { people, json: json!({"database": service.database, "kept": kept}), exit: Exit::Done })
    }
}
