//! `plugin pin`, `plugin unpin` and `plugin pins`: which version serves a tenant or a connection, whichever version the
//! plugin runs.
//! Tested in `src/tests/server/pins.rs`.

use clap::Args;
use http::Method;

use crate::{
    client::{ApiCall, ApiResponse, Client},
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, table},
    version_history,
    words::{optional, timestamp},
};
use host_api::types::pins::{PinnedVersion, PluginPin, PluginPins, Unpinned};

#[derive(Debug, Args)]
pub(crate) struct PinCommand {
    /// The plugin's name, as used by connections.
    name: String,
    /// The digest of a version that was approved or has served, or the beginning of it.
    version: String,
    #[command(flatten)]
    target: TargetOptions,
    /// What to write about it.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Approve a change to what identifies people. The people are rekeyed.
    #[arg(long)]
    agree: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UnpinCommand {
    /// The plugin's name, as used by connections.
    name: String,
    #[command(flatten)]
    target: TargetOptions,
    /// Approve a change to what identifies people. The people are rekeyed.
    #[arg(long)]
    agree: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PinsCommand {
    /// The plugin's name, as used by connections.
    name: String,
}

/// What is pinned.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct TargetOptions {
    /// All connections of this tenant that use the plugin, also later ones. A connection's own pin has precedence.
    #[arg(long)]
    tenant: Option<String>,
    /// This connection.
    #[arg(long, value_name = "KEY")]
    connection: Option<String>,
}

impl TargetOptions {
    fn call(&self, method: Method, plugin: &str) -> ApiCall {
        let (kind, name) = match (&self.tenant, &self.connection) {
            (Some(tenant), _) => ("tenants", tenant.as_str()),
            (None, connection) => ("connections", connection.as_deref().unwrap_or_default()),
        };
        ApiCall::new(method, &["plugins", plugin, "pins", kind, name])
    }
}

impl PinCommand {
    pub(super) async fn run(self, client: &Client) -> Result<CommandOutput, Failure> {
        let digest = version_history::digest(client, &self.name, &self.version).await?;
        let call = self.target.call(Method::PUT, &self.name).with("agree", self.agree.then_some(true));
        let call = call.json(&PinnedVersion { digest, note: self.note });
        let ApiResponse { value, json } =
            client.ask::<PluginPin>(call).await.map_err(Failure::with_option)?;
        let people = format!("plugin {}: {} is pinned to {}", value.plugin, of(&value), value.digest);
        Ok(CommandOutput { people, json, exit: Exit::Done })
    }
}

impl UnpinCommand {
    pub(super) async fn run(self, client: &Client) -> Result<CommandOutput, Failure> {
        let call = self.target.call(Method::DELETE, &self.name).with("agree", self.agree.then_some(true));
        let ApiResponse { value, json } = client.ask::<Unpinned>(call).await.map_err(Failure::with_option)?;
        let what = match (&value.tenant, &value.connection) {
            (Some(tenant), _) => format!("tenant {tenant}"),
            (None, connection) => format!("connection {}", optional(connection.as_ref())),
        };
        let people = format!("plugin {}: {what} is not pinned any more", value.name);
        Ok(CommandOutput { people, json, exit: Exit::Done })
    }
}

impl PinsCommand {
    pub(super) async fn run(self, width: u16, client: &Client) -> Result<CommandOutput, Failure> {
        let call = ApiCall::get(&["plugins", &self.name, "pins"]);
        let ApiResponse { value, json } = client.ask::<PluginPins>(call).await?;
        let columns = [("pinned", None), ("digest", None), ("since", None), ("by", None), ("note", None)];
        let rows = value.pins.into_iter().map(|pin| {
            vec![
                of(&pin),
                version_history::short(&pin.digest).to_owned(),
                timestamp(pin.at),
                pin.by,
                optional(pin.note.as_ref()),
            ]
        });
        Ok(CommandOutput { people: table(width, &columns, rows).to_string(), json, exit: Exit::Done })
    }
}

/// What a pin is about.
pub(crate) fn of(pin: &PluginPin) -> String {
    match &pin.connection {
        Some(key) => format!("connection {key}"),
        None => format!("tenant {}", pin.tenant),
    }
}
