//! `new-master-key`: generates a master key, which seals a service's database.
//! Tested in `src/tests/database.rs`.

use clap::Args;
use serde_json::json;

use super::{exit::Exit, failure::Failure, output::CommandOutput, secret_file::SecretFileArgs};
use host_model::secret::Secret;

#[derive(Debug, Args)]
pub(super) struct NewMasterKeyCommand {
    #[command(flatten)]
    file: SecretFileArgs,
}

impl NewMasterKeyCommand {
    pub(super) fn run(self) -> Result<CommandOutput, Failure> {
        let file = self.file.create()?;
        let key = Secret::random("").map_err(Failure::misused)?;
        let (people, json) = match file {
            None => (key.expose().to_owned(), json!({"master-key": key.expose()})),
            Some(file) => {
                let (people, path) = file.write(key.expose(), "name another file")?;
                (format!("{people}\nnext: keep a copy elsewhere"), json!({ "file": path }))
            }
        };
        Ok(CommandOutput { people, json, exit: Exit::Done })
    }
}
