//! `system`: a tenant's systems, to which connections belong.
//! Tested in `src/tests/server/consent.rs`.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::json;

use super::{
    client::{ApiCall, ApiResponse},
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, table},
    session::Session,
    words::list,
};
use host_api::types::notices::{System as Written, Systems};

#[derive(Debug, Subcommand)]
pub(super) enum SystemCommand {
    /// List a tenant's systems.
    List {
        /// The tenant.
        #[arg(long)]
        tenant: String,
    },
    /// Create a system, or replace the one with that key. Refused if a mapping would become invalid.
    Put(PutSystemArgs),
    /// Delete a system. Refused while a connection belongs to it.
    Delete {
        /// The platform's key for the system.
        key: String,
        /// The tenant.
        #[arg(long)]
        tenant: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct PutSystemArgs {
    /// The platform's key for the system.
    key: String,
    /// The tenant.
    #[arg(long)]
    tenant: String,
    /// The name that people see.
    #[arg(long)]
    name: String,
    /// A data use of the system, such as `marketing.advertising`. May be given several times.
    #[arg(long, value_name = "USE")]
    data_use: Vec<String>,
}

impl SystemCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let client = session.client()?;
        match self {
            Self::List { tenant } => {
                let call = ApiCall::get(&["tenants", &tenant, "systems"]);
                Ok(listed(session.console.width, client.ask(call).await?))
            }
            Self::Put(PutSystemArgs { key, tenant, name, data_use }) => {
                let call = ApiCall::new(Method::PUT, &["tenants", &tenant, "systems", &key]);
                let people = format!(
                    "system {key} of tenant {tenant} is saved\nnext: `connector-host connection change KEY --system {key}` \
                     assigns a connection to it"
                );
                let json = json!(Written { fides_key: key, name, data_uses: data_use.into_iter().collect() });
                client.send(call.json(&json)).await?;
                Ok(CommandOutput { people, json, exit: Exit::Done })
            }
            Self::Delete { key, tenant } => {
                client.send(ApiCall::new(Method::DELETE, &["tenants", &tenant, "systems", &key])).await?;
                let people = format!("system {key} of tenant {tenant} is deleted");
                Ok(CommandOutput { people, json: json!({"deleted": key}), exit: Exit::Done })
            }
        }
    }
}

fn listed(width: u16, ApiResponse { value, json }: ApiResponse<Systems>) -> CommandOutput {
    let columns = [("key", None), ("name", None), ("data uses", None)];
    let rows =
        value.systems.into_iter().map(|system| vec![system.fides_key, system.name, list(system.data_uses)]);
    let people = table(width, &columns, rows).to_string();
    CommandOutput { people, json, exit: Exit::Done }
}
