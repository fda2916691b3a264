//! `reload`: reloads the connections of a service's configuration.
//! Tested in `src/tests/server/connections.rs`.

use clap::Args;

use super::{
    client::{ApiCall, ApiResponse},
    exit::Exit,
    failure::Failure,
    output::CommandOutput,
    session::Session,
};
use host_api::types::service::Reloaded;

#[derive(Debug, Args)]
pub(super) struct ReloadCommand {
    /// Approve changes to what identifies people at connections. The people are rekeyed.
    #[arg(long)]
    agree: bool,
}

impl ReloadCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let call = ApiCall::post(&["reload"]).with("agree", self.agree.then_some(true));
        let ApiResponse { value, json } = session.client()?.ask(call).await?;
        Ok(CommandOutput { people: summary(&value), json, exit: Exit::Done })
    }
}

/// The result of a reload.
pub(super) fn summary(Reloaded { added, changed, disabled, problems }: &Reloaded) -> String {
    let mut lines = vec!["reloaded".to_owned()];
    for (word, keys) in
        [("added", added), ("changed", changed), ("disabled, since the file no longer names them", disabled)]
    {
        if !keys.is_empty() {
            lines.push(format!("  {word}: {}", keys.join(", ")));
        }
    }
    lines.extend(problems.iter().map(|(key, problem)| format!("  connection {key}: {problem}")));
    lines.join("\n")
}
