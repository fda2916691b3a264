//! `connection`: creates, lists, changes, tests, pauses, resumes and deletes a service's connections.
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
use host_api::types::{
    connections::DeletedConnection,
    pauses::{Paused, Pausing, Resumed},
};

#[derive(Debug, Subcommand)]
pub(super) enum ConnectionCommand {
    /// List the connections that the API key can access, sorted by key.
    List(ListConnectionsArgs),
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
    /// Pause a connection: its requests wait until it is resumed. Deliveries are still accepted and read.
    Pause {
        /// The connection's key.
        connection: String,
        /// Why, for those who find its requests waiting; must not contain personal data.
        #[arg(long)]
        reason: String,
    },
    /// Resume a connection that is paused or parked.
    Resume {
        /// The connection's key.
        connection: String,
    },
    /// Test everything that a connection needs, without changing anything. Resumes a parked connection, but not a paused
    /// one, if all checks pass.
    Test {
        /// The connection's key.
        connection: String,
        #[command(flatten)]
        on: OnVersionOption,
    },
}

#[derive(Debug, Args)]
pub(super) struct ListConnectionsArgs {
    /// Only connections of this tenant.
    #[arg(long)]
    tenant: Option<String>,
    /// Only connections that use this plugin.
    #[arg(long)]
    plugin: Option<String>,
    /// Only connections in one of these states, with commas between them: unusable, disabled, paused, parked, unanswered, ready.
    #[arg(long, value_name = "STATES")]
    health: Option<String>,
    /// List connections after this key, such as the last key of the previous page.
    #[arg(long, value_name = "KEY")]
    after: Option<String>,
    /// Maximum number of connections, 1 to 1000 [default: 1000].
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u32>,
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
            Self::List(which) => {
                let call = ApiCall::get(&["connection"])
                    .with("tenant", which.tenant)
                    .with("plugin", which.plugin)
                    .with("health", which.health)
                    .with("after", which.after)
                    .with("limit", which.limit);
                Ok(shown::list(width, client.ask(call).await?))
            }
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
            Self::Pause { connection, reason } => {
                let call = ApiCall::post(&["connection", &connection, "pause"]).json(&Pausing { reason });
                let ApiResponse { value, json } = client.ask::<Paused>(call).await?;
                let word = if value.was_paused { "was paused already" } else { "is paused" };
                let people = format!("connection {connection} {word}");
                Ok(CommandOutput { people, json, exit: Exit::Done })
            }
            Self::Resume { connection } => {
                let call = ApiCall::post(&["connection", &connection, "resume"]);
                let ApiResponse { value, json } = client.ask::<Resumed>(call).await?;
                let is_resumed = value.was_parked || value.was_paused;
                let word = if is_resumed { "is resumed" } else { "was neither paused nor parked" };
                let people = format!("connection {connection} {word}");
                Ok(CommandOutput { people, json, exit: Exit::Done })
            }
            Self::Test { connection, on } => {
                check::check_at_service(session, &client, &connection, &on).await
            }
        }
    }
}
