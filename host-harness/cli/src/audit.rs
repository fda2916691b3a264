//! `audit`: whether the audit chain is as it was written.

use clap::Subcommand;
use serde_json::json;

use super::{
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::{Shown, toned},
};
use host_store::audit::{self, Chain};

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Check each tenant's chain from its first line.
    Verify,
}

impl Audit {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let Self::Verify = self;
        let store = session.store().await?;
        let chains = store.read(|connection| Box::pin(audit::verify(connection))).await;
        let chains = chains.map_err(Failure::misused)?;
        store.close().await;
        Ok(shown(&chains))
    }
}

fn shown(chains: &[Chain]) -> Shown {
    let holds = chains.iter().all(|chain| chain.broken.is_none());
    let exit = if holds { Exit::Done } else { Exit::Refused };
    let mut lines: Vec<String> = chains.iter().map(line).collect();
    if chains.is_empty() {
        lines.push("nothing is on record yet".to_owned());
    }
    Shown { people: lines.join("\n"), json: json!({"chains": chains}), exit }
}

fn line(chain: &Chain) -> String {
    let who = if chain.tenant == audit::EVERYBODY {
        "every tenant".to_owned()
    } else {
        format!("tenant {}", chain.tenant)
    };
    match &chain.broken {
        None => {
            format!("{who}: {} lines {}, the last is {}", chain.lines, toned("hold", Exit::Done), chain.head)
        }
        Some(broken) => {
            format!("{who}: {} at line {}: {}", toned("broken", Exit::Refused), broken.line, broken.why)
        }
    }
}
