//! `audit`: verifies that the audit chain is unchanged.
//! Tested in `src/tests/database.rs`.

use clap::Subcommand;
use serde_json::json;

use super::{
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, coloured},
    session::Session,
};
use host_store::audit::{self, ChainCheck};

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Verify each tenant's chain from its first line.
    Verify,
}

impl AuditCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let Self::Verify = self;
        let store = session.store().await?;
        let chains = store.read(|connection| Box::pin(audit::verify(connection))).await;
        let chains = chains.map_err(Failure::misused)?;
        store.close().await;
        Ok(output(&chains))
    }
}

fn output(chains: &[ChainCheck]) -> CommandOutput {
    let holds = chains.iter().all(|chain| chain.broken.is_none());
    let exit = if holds { Exit::Done } else { Exit::Refused };
    let mut lines: Vec<String> = chains.iter().map(line).collect();
    if chains.is_empty() {
        lines.push("the audit chain is still empty".to_owned());
    }
    CommandOutput { people: lines.join("\n"), json: json!({"chains": chains}), exit }
}

fn line(chain: &ChainCheck) -> String {
    let who = if chain.tenant == audit::ALL_TENANTS {
        "every tenant".to_owned()
    } else {
        format!("tenant {}", chain.tenant)
    };
    match &chain.broken {
        None => {
            format!(
                "{who}: {} lines {}, the last is {}",
                chain.lines,
                coloured("intact", Exit::Done),
                chain.head
            )
        }
        Some(broken) => {
            format!("{who}: {} at line {}: {}", coloured("broken", Exit::Refused), broken.line, broken.why)
        }
    }
}
