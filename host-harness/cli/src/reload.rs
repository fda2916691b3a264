//! `reload`: reloads the connections of a service's configuration.

use clap::Args;

use super::{
    client::{Answer, Call},
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::Shown,
};
use host_api::types::service::Reloaded;

#[derive(Debug, Args)]
pub(super) struct Reload {
    /// Approve that connections change what identifies their people, who are keyed anew.
    #[arg(long)]
    agree: bool,
}

impl Reload {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let call = Call::post(&["reload"]).with("agree", self.agree.then_some(true));
        let Answer { value, json } = session.client()?.ask(call).await?;
        Ok(Shown { people: told(&value), json, exit: Exit::Done })
    }
}

/// What a reload came to.
pub(super) fn told(Reloaded { added, changed, disabled, problems }: &Reloaded) -> String {
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
