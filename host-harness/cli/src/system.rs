//! `system`: a tenant's systems, one of which a connection stands for.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::json;

use super::{
    client::{Answer, Call},
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::{Shown, table},
    words::list,
};
use host_api::types::notices::{System as Written, Systems};

#[derive(Debug, Subcommand)]
pub(super) enum System {
    /// List a tenant's systems.
    List {
        /// The tenant.
        #[arg(long)]
        tenant: String,
    },
    /// Create a system, or replace the one with that key. Refused if a mapping would become invalid.
    Put(Put),
    /// Delete a system. Refused while a connection stands for it.
    Delete {
        /// The platform's key of it.
        key: String,
        /// The tenant.
        #[arg(long)]
        tenant: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct Put {
    /// The platform's key of it.
    key: String,
    /// The tenant.
    #[arg(long)]
    tenant: String,
    /// What people call it.
    #[arg(long)]
    name: String,
    /// What it uses data for, such as `marketing.advertising`. May be given several times.
    #[arg(long, value_name = "USE")]
    data_use: Vec<String>,
}

impl System {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let client = session.client()?;
        match self {
            Self::List { tenant } => {
                let call = Call::get(&["tenants", &tenant, "systems"]);
                Ok(listed(session.console.width, client.ask(call).await?))
            }
            Self::Put(Put { key, tenant, name, data_use }) => {
                let call = Call::new(Method::PUT, &["tenants", &tenant, "systems", &key]);
                let people = format!(
                    "system {key} of tenant {tenant} is saved\nnext: `connector-host connection change KEY --system {key}` \
                     makes a connection stand for it"
                );
                let json = json!(Written { fides_key: key, name, data_uses: data_use.into_iter().collect() });
                client.have_done(call.json(&json)).await?;
                Ok(Shown { people, json, exit: Exit::Done })
            }
            Self::Delete { key, tenant } => {
                client.have_done(Call::new(Method::DELETE, &["tenants", &tenant, "systems", &key])).await?;
                let people = format!("system {key} of tenant {tenant} is deleted");
                Ok(Shown { people, json: json!({"deleted": key}), exit: Exit::Done })
            }
        }
    }
}

fn listed(width: u16, Answer { value, json }: Answer<Systems>) -> Shown {
    let columns = [("key", None), ("name", None), ("data uses", None)];
    let rows =
        value.systems.into_iter().map(|system| vec![system.fides_key, system.name, list(system.data_uses)]);
    let people = table(width, &columns, rows).to_string();
    Shown { people, json, exit: Exit::Done }
}
