//! `service`: a service's status, its replicas, its metrics, and the OpenAPI document of its API.
//! Tested in `src/tests/server/connections.rs`.

mod replicas;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    client::{ApiCall, ApiResponse},
    exit::Exit,
    failure::Failure,
    output::{self, CommandOutput},
    session::Session,
};
use host_api::types::service::Readiness;

#[derive(Debug, Subcommand)]
pub(super) enum ServiceCommand {
    /// Show whether the service is ready, and the plugins that are loaded.
    Status,
    /// List the processes that serve its database, each with the versions that it serves and whether it leads.
    Replicas,
    /// Show its metrics in the text format of Prometheus.
    Metrics,
    /// Show the OpenAPI document of its API.
    Openapi,
}

impl ServiceCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let client = session.client()?;
        match self {
            Self::Status => {
                let ApiResponse { value, json } = client.ask::<Readiness>(ApiCall::at_root("ready")).await?;
                let people = format!("{}, plugins: {}", value.status, value.plugins.join(", "));
                Ok(CommandOutput { people, json, exit: Exit::Done })
            }
            Self::Replicas => replicas::replicas(&client, session.console.width).await,
            Self::Metrics => {
                let text = client.text(ApiCall::at_root("metrics")).await?;
                Ok(CommandOutput {
                    json: json!({ "metrics": text }),
                    people: text.trim_end().to_owned(),
                    exit: Exit::Done,
                })
            }
            Self::Openapi => {
                let ApiResponse { json, .. } = client.ask::<Value>(ApiCall::at_root("openapi.json")).await?;
                Ok(CommandOutput { people: output::document(&json), json, exit: Exit::Done })
            }
        }
    }
}
