//! `plugin`: what runs in a service, and other versions published and rolled back.

use std::path::PathBuf;

use clap::Subcommand;

use super::{
    client::{Answer, Call},
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::{Shown, table},
    words::list,
};
use host_api::types::plugins::{Plugins, PublishedVersion};

#[derive(Debug, Subcommand)]
pub(super) enum Plugin {
    /// List the plugins that run.
    List,
    /// Put a component in a plugin's place. One that asks for more than the running one is refused with what that is.
    Publish {
        /// What connections call the plugin by.
        name: String,
        /// The component.
        file: PathBuf,
        /// Approve that it requests more permissions, or offers less.
        #[arg(long)]
        agree: bool,
    },
    /// Put the version before the published one back.
    RollBack {
        /// What connections call the plugin by.
        name: String,
        /// Approve that it changes what identifies people, who are keyed anew.
        #[arg(long)]
        agree: bool,
    },
}

impl Plugin {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let client = session.client()?;
        match self {
            Self::List => Ok(listed(session.console.width, client.ask(Call::get(&["plugins"])).await?)),
            Self::Publish { name, file, agree } => {
                let component = std::fs::read(&file)
                    .map_err(|error| Failure::misused(format!("cannot read {}: {error}", file.display())))?;
                let call = Call::post(&["plugins", &name])
                    .with("agree", agree.then_some(true))
                    .body("application/wasm", component);
                let publishing = session.awaited("waiting for the service to load it", client.ask(call));
                Ok(runs(publishing.await.map_err(Failure::with_option)?))
            }
            Self::RollBack { name, agree } => {
                let call = Call::post(&["plugins", &name, "roll-back"]).with("agree", agree.then_some(true));
                Ok(runs(client.ask(call).await.map_err(Failure::with_option)?))
            }
        }
    }
}

fn listed(width: u16, Answer { value, json }: Answer<Plugins>) -> Shown {
    let columns =
        [("name", None), ("connector", None), ("version", None), ("offers", None), ("digest", None)];
    let rows = value.plugins.into_iter().map(|plugin| {
        vec![plugin.name, plugin.connector, plugin.version, list(plugin.interfaces), plugin.digest]
    });
    let people = table(width, &columns, rows).to_string();
    Shown { people, json, exit: Exit::Done }
}

fn runs(Answer { value, json }: Answer<PublishedVersion>) -> Shown {
    let mut lines = vec![format!("plugin {}: {} runs", value.name, value.digest)];
    lines.extend(value.before.iter().map(|before| format!("  before it: {before}")));
    lines.extend(value.changes.iter().map(|change| format!("  {change}")));
    lines.push(value.next_start);
    Shown { people: lines.join("\n"), json, exit: Exit::Done }
}
