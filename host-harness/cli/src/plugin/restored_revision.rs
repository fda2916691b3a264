//! `plugin restore-revision`: restores the newest admitted revision of a plugin.
//! Tested in `src/tests/server/versions.rs`.

use clap::Args;
use host_api::types::trust::PluginTrust;

use crate::{
    client::{ApiCall, ApiResponse, Client},
    exit::Exit,
    failure::Failure,
    inspect::trusted,
    output::CommandOutput,
};

#[derive(Debug, Args)]
pub(crate) struct RestoreRevisionCommand {
    /// The plugin's name, as used by connections.
    name: String,
}

impl RestoreRevisionCommand {
    pub(crate) async fn run(self, client: &Client) -> Result<CommandOutput, Failure> {
        let call = ApiCall::post(&["plugins", &self.name, "restore-revision"]);
        let ApiResponse { value, json } = client.ask::<PluginTrust>(call).await?;
        let lines = trusted(&value).join("\n  ");
        Ok(CommandOutput { people: format!("plugin {}:\n  {lines}", self.name), json, exit: Exit::Done })
    }
}
