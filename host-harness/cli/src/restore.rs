//! `restore`: restores a backup over the service's database, and applies the erasures that came after it.
//! Tested in `src/tests/database.rs`.

use std::path::PathBuf;

use clap::Args;
use host_store::{DatabaseAddress, ExistingDatabase, Restored, RestoredErasures};
use serde_json::{Value, json};

use super::{
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, coloured},
    session::Session,
};
use host_service::lock::Lock;

const OF_SERVER: &str = "the database is on a PostgreSQL server, which this command cannot restore\n\
                         next: restore it with the server's own tools while no replica runs, then apply the erasures that \
                         came after the backup with `connector-host reapply-erasures`";

#[derive(Debug, Args)]
pub(super) struct RestoreCommand {
    /// The backup. It is not changed.
    file: PathBuf,
    /// Replace an existing database, which is kept beside the new one.
    #[arg(long)]
    replace: bool,
    /// The erasure ledger, whose erasures are applied to the restored database [default: that of the service].
    #[arg(long, value_name = "FILE")]
    erasures: Option<PathBuf>,
}

impl RestoreCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let service = session.service()?;
        let DatabaseAddress::File(database) = &service.database else {
            return Err(Failure::misused(OF_SERVER));
        };
        let _alone = Lock::take(database).map_err(Failure::misused)?;
        let existing = if self.replace { ExistingDatabase::Replace } else { ExistingDatabase::Refuse };
        let key = &service.master_key;
        if let Some(named) = self.erasures.as_ref().filter(|named| !named.exists()) {
            return Err(Failure::misused(format!("--erasures: there is no file {}", named.display())));
        }
        let ledger = self.erasures.unwrap_or(service.erasure_ledger);
        let restored = host_store::restore(&self.file, database, &ledger, key, existing);
        let Restored { kept, erasures } = restored.await.map_err(Failure::misused)?;
        let shown = database.display();
        let kept_in =
            kept.as_ref().map(|kept| format!("\nthe previous database is kept in {}", kept.display()));
        let people = format!(
            "{shown} is restored from {}{}\n{}\n\
             next: the database no longer records what else the service did after that backup; the vendors still have it",
            self.file.display(),
            kept_in.unwrap_or_default(),
            said(&erasures)
        );
        let (exit, erasures) = reapplied(&erasures);
        let json = json!({"database": database, "kept": kept, "erasures": erasures});
        Ok(CommandOutput { people, json, exit })
    }
}

/// Returns how a command ends that has applied erasures, and what it did.
pub(super) fn reapplied(erasures: &RestoredErasures) -> (Exit, Value) {
    match erasures {
        RestoredErasures::Reapplied(reapplied) if reapplied.damaged + reapplied.other_key > 0 => {
            (Exit::Unproven, json!(reapplied))
        }
        RestoredErasures::Reapplied(reapplied) => (Exit::Done, json!(reapplied)),
        RestoredErasures::Unknown(_) => (Exit::Unproven, Value::Null),
    }
}

/// Says what was done about the erasures that came after the backup.
pub(super) fn said(erasures: &RestoredErasures) -> String {
    let reapplied = match erasures {
        RestoredErasures::Reapplied(reapplied) => reapplied,
        RestoredErasures::Unknown(ledger) => {
            return format!(
                "{}: there is no erasure ledger {}: people who were erased after the backup are back. Restore again with \
                 --erasures FILE if there is a copy of it, or send those erasures again",
                coloured("erasures not applied", Exit::Unproven),
                ledger.display()
            );
        }
    };
    let mut lines: Vec<String> = reapplied
        .people
        .iter()
        .map(|(connection, people)| format!("connection {connection}: {people} people erased again"))
        .collect();
    if lines.is_empty() {
        lines.push("erasures after the backup: none".to_owned());
    }
    if reapplied.damaged > 0 {
        lines.push(format!(
            "{}: {} lines of the erasure ledger are damaged or were written with another master key",
            coloured("not applied", Exit::Unproven),
            reapplied.damaged
        ));
    }
    if reapplied.other_key > 0 {
        lines.push(format!(
            "{}: {} erasures are of people whom this backup hashes with another key: it belongs to another database",
            coloured("not applied", Exit::Unproven),
            reapplied.other_key
        ));
    }
    lines.join("\n")
}
