//! `new-master-key`: generates a master key, which seals a service's database.
//! Tested in `src/tests/database.rs`.

use clap::Args;
use serde_json::json;

use super::{exit::Exit, failure::Failure, output::CommandOutput};
use host_model::secret::Secret;

#[derive(Debug, Args)]
pub(super) struct NewMasterKeyCommand {}

impl NewMasterKeyCommand {
    #[expect(clippy::unused_self, reason = "all commands run the same way")]
    pub(super) fn run(self) -> Result<CommandOutput, Failure> {
        let key = Secret::random("").map_err(Failure::misused)?;
        let people = key.expose().to_owned();
        Ok(CommandOutput { json: json!({"master-key": people}), people, exit: Exit::Done })
    }
}
