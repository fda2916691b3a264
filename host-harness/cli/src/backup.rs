//! `backup`: the service's database as it is at one moment, in a new file.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{exit::Exit, failure::Failure, session::Session, shown::Shown};

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The new file.
    file: PathBuf,
}

impl Backup {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let file = self.file.display();
        if self.file.exists() {
            return Err(Failure::misused(format!("{file} is there already: a backup goes into a new file")));
        }
        let store = session.store().await?;
        store.back_up(&self.file).await.map_err(|error| Failure::misused(format!("{file}: {error}")))?;
        store.close().await;
        let people = format!(
            "the database is in {file}\n\
             next: keep it apart from the master key; together they open everything"
        );
        Ok(Shown { people, json: json!({"file": self.file}), exit: Exit::Done })
    }
}
