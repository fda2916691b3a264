//! `service`: whether a service can do its work, its metrics, and the document of its API.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    client::{Answer, Call},
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::{self, Shown},
};
use host_api::types::service::Readiness;

#[derive(Debug, Subcommand)]
pub(super) enum Service {
    /// Show whether the service can do its work, and the plugins that are loaded.
    Status,
    /// Show its metrics, as Prometheus reads them.
    Metrics,
    /// Show the OpenAPI document of its API.
    Openapi,
}

impl Service {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let client = session.client()?;
        match self {
            Self::Status => {
                let Answer { value, json } = client.ask::<Readiness>(Call::at_root("ready")).await?;
                let people = format!("{}, plugins: {}", value.status, value.plugins.join(", "));
                Ok(Shown { people, json, exit: Exit::Done })
            }
            Self::Metrics => {
                let text = client.text(Call::at_root("metrics")).await?;
                Ok(Shown {
                    json: json!({ "metrics": text }),
                    people: text.trim_end().to_owned(),
                    exit: Exit::Done,
                })
            }
            Self::Openapi => {
                let Answer { json, .. } = client.ask::<Value>(Call::at_root("openapi.json")).await?;
                Ok(Shown { people: shown::document(&json), json, exit: Exit::Done })
            }
        }
    }
}
