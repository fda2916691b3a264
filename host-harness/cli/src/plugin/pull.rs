//! `plugin pull`: pulls a service's plugin from its registry.
//! Tested in `src/tests/server/registries.rs`.

use clap::Args;

use super::{operation::carried_out, shown::runs};
use crate::{
    client::{ApiCall, Client},
    failure::Failure,
    output::CommandOutput,
    session::Session,
};

#[derive(Debug, Args)]
pub(crate) struct PullCommand {
    /// The plugin's name, as used by connections.
    name: String,
    /// Approve that the version requests more permissions, offers less, or makes something else of stored deliveries
    /// and requests than the one that serves.
    #[arg(long)]
    agree: bool,
}

impl PullCommand {
    pub(crate) async fn run(self, session: &Session, client: &Client) -> Result<CommandOutput, Failure> {
        let Self { name, agree } = self;
        let call = ApiCall::post(&["plugins", &name, "pull"]).with("agree", agree.then_some(true));
        carried_out(session, client, call, runs).await
    }
}
