//! `migrate`: moves a service's database from a file to a server.
//! Tested in `src/tests/migrate.rs`.

use std::path::{Path, PathBuf};

use clap::Args;
use host_service::{lock::Lock, service::NotAService, settings::ServiceConfig};
use host_store::{
    DatabaseAddress, DatabaseTransfer, TransferProgress, Transferred, abandon_transfer,
    audit_chain::ChainCheck,
};
use serde_json::json;

use super::{
    console::Console,
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, coloured},
    session::{Session, configuration},
};

/// The progress is printed after each of these parts of the rows.
const PARTS: u64 = 20;

#[derive(Debug, Args)]
pub(super) struct MigrateCommand {
    /// The configuration with the database to move: a file. No service may use it.
    #[arg(long, value_name = "FILE")]
    from_config: PathBuf,
    /// The configuration with the database to move to: an empty database on a PostgreSQL server. Its master key has to be the
    /// same.
    #[arg(long, value_name = "FILE", required_unless_present = "abandon")]
    to_config: Option<PathBuf>,
    /// Give up a move that was begun, so that the file can be served again.
    #[arg(long, conflicts_with = "to_config")]
    abandon: bool,
}

impl MigrateCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let from = service(&self.from_config)?;
        let DatabaseAddress::File(file) = &from.database else {
            return Err(Failure::misused(format!(
                "{}: expected a database that is a file, found {}",
                self.from_config.display(),
                from.database
            )));
        };
        let _alone = Lock::take(file).map_err(Failure::misused)?;
        let Some(to_config) = &self.to_config else { return abandon(file, &from).await };
        let to = service(to_config)?;
        let DatabaseAddress::Server(address) = &to.database else {
            return Err(Failure::misused(format!(
                "{}: expected a database on a server, such as postgres://USER@HOST/DATABASE, found {}",
                to_config.display(),
                to.database
            )));
        };
        let transfer =
            DatabaseTransfer { from: file, from_key: &from.master_key, to: address, to_key: &to.master_key };
        let mut shown = ShownProgress { console: &session.console, part: None };
        let moved = transfer.run(&mut |progress| shown.show(&progress)).await.map_err(Failure::misused)?;
        Ok(output(&moved, file, address, to_config))
    }
}

/// Reads the service's section of a configuration.
fn service(file: &Path) -> Result<ServiceConfig, Failure> {
    configuration(file)?.service.ok_or_else(|| Failure::misused(format!("{}: {NotAService}", file.display())))
}

async fn abandon(file: &Path, from: &ServiceConfig) -> Result<CommandOutput, Failure> {
    let to = abandon_transfer(file, &from.master_key).await.map_err(Failure::misused)?;
    let people = format!(
        "the move of {} is given up, and the file can be served again\nnext: drop the database {to}, which has a part of it",
        file.display()
    );
    Ok(CommandOutput { people, json: json!({"abandoned": to}), exit: Exit::Done })
}

/// The progress on a terminal.
struct ShownProgress<'a> {
    console: &'a Console,
    /// The last part that was printed; `None` before the first.
    part: Option<u64>,
}

impl ShownProgress<'_> {
    fn show(&mut self, progress: &TransferProgress<'_>) {
        let TransferProgress { step, table, done, total } = *progress;
        let part = done.saturating_mul(PARTS).checked_div(total).unwrap_or(PARTS);
        if self.console.is_watched && self.part.replace(part) != Some(part) {
            self.console.print_error(&format!("{step} {table}: {done} of {total} rows"));
        }
    }
}

fn output(
    Transferred { rows, chains }: &Transferred,
    file: &Path,
    to: &impl ToString,
    to_config: &Path,
) -> CommandOutput {
    let broken: Vec<&ChainCheck> = chains.iter().filter(|chain| chain.broken.is_some()).collect();
    let mut lines = vec![format!(
        "{} is moved to {}: {rows} rows, and {} audit chains with the same last lines",
        file.display(),
        to.to_string(),
        chains.len()
    )];
    lines.extend(broken.iter().map(|chain| {
        let line = chain.broken.as_ref().map_or(0, |broken| broken.line);
        format!(
            "{}: the audit chain of tenant {} was broken before, at line {line}",
            coloured("moved as it is", Exit::Refused),
            chain.tenant
        )
    }));
    lines.push(format!(
        "next: `connector-host --config {} serve`; {} is not served again, and can be kept as a backup",
        to_config.display(),
        file.display()
    ));
    let exit = if broken.is_empty() { Exit::Done } else { Exit::Refused };
    let json = json!({"from": file, "to": to.to_string(), "rows": rows, "chains": chains});
    CommandOutput { people: lines.join("\n"), json, exit }
}
