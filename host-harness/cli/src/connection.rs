//! `connection`: creates, lists, changes, tests, resumes and deletes a service's connections.
//! Tested in `src/tests/server/connections.rs`.

mod bounds;
mod draft;
mod shown;

use clap::{Args, Subcommand};
use http::Method;

use self::draft::{ChangeConnectionArgs, CreateConnectionArgs};
use super::{
    check,
    client::{ApiCall, ApiResponse},
    exit::Exit,
    failure::Failure,
    on_version::OnVersionOption,
    output::CommandOutput,
    session::Session,
};
use host_api::types::connections::{DeletedConnection, Resumed};

#[derive(Debug, Subcommand)]
pub(super) enum ConnectionCommand {
    /// List the connections that the API key can access.
    List,
    /// Show a connection. Its secrets are masked.
    Show {
        /// The connection's key.
        connection: String,
    },
    /// Create a connection, if the plugin accepts its settings.
    Create(Box<CreateConnectionArgs>),
    /// Change a connection. Options that are not given stay unchanged.
    Change(Box<ChangeConnectionArgs>),
    /// Delete a connection, its secrets and its people.
    Delete(DeleteConnectionArgs),
    /// Resume a parked connection.
    Resume {
        /// The connection's key.
        connection: String,
    },
    /// Test everything that a connection needs, without changing anything. Resumes a parked connection if all checks
    /// pass.
    Test {
        /// The connection's key.
        connection: String,
        #[command(flatten)]
        on: OnVersionOption,
    },
}

#[derive(Debug, Args)]
pub(super) struct DeleteConnectionArgs {
    /// The connection's key.
    connection: String,
    /// Mark its unfinished requests as failed. Some may have been carried out anyway.
    #[arg(long)]
    abandon: bool,
}

impl ConnectionCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let client = session.client()?;
        let width = session.console.width;
        match self {
            Self::List => Ok(shown::list(width, client.ask(ApiCall::get(&["connection"])).await?)),
            Self::Show { connection } => {
                Ok(shown::one(client.ask(ApiCall::get(&["connection", &connection])).await?))
            }
            Self::Create(create) => {
                let call = ApiCall::post(&["connection"]).json(&create.body()?);
                Ok(shown::one(client.ask(call).await?))
            }
            Self::Change(change) => {
                let call = ApiCall::new(Method::PATCH, &["connection", &change.connection])
                    .with("agree", change.agree.then_some(true))
                    .json(&change.body()?);
                Ok(shown::one(client.ask(call).await.map_err(Failure::with_option)?))
            }
            Self::Delete(DeleteConnectionArgs { connection, abandon }) => {
                let call = ApiCall::new(Method::DELETE, &["connection", &connection])
                    .with("abandon", abandon.then_some(true));
                let ApiResponse { value, json } = client.ask::<DeletedConnection>(call).await?;
                let ended = value.requests_abandoned;
                let people =
                    format!("connection {connection} is deleted; requests marked as failed: {ended}");
                Ok(CommandOutput { people, json, exit: Exit::Done })
            }
            Self::Resume { connection } => {
                let call = ApiCall::post(&["connection", &connection, "resume"]);
                let ApiResponse { value, json } = client.ask::<Resumed>(call).await?;
                let word = if value.was_parked { "is resumed" } else { "was not parked" };
                Ok(CommandOutput {
                    people: format!("connection {connection} {word}"),
                    json,
                    exit: Exit::Done,
                })
            }
            Self::Test { connection, on } => {
                check::check_at_service(session, &client, &connection, &on).await
            }
        }
    }
}
