//! `plugin`: lists a service's plugins, publishes new versions and rolls them back, and packs and proves a file.
//! Tested in `src/tests/server/connections.rs`.

mod difference;
mod given;
mod operation;
mod pack;
pub(super) mod pins;
mod prove;
mod proving;
mod pull;
mod push;
pub(super) mod registry;
mod release;
mod restored_revision;
mod sent;
mod shown;
mod sign;

use std::{
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
};

use clap::{Args, Subcommand, ValueEnum};

use self::{
    given::GivenOptions,
    operation::{Waiting, carried_out},
    sent::BundleOption,
    shown::{listed, runs},
};
use super::{
    check,
    client::{ApiCall, Client},
    failure::Failure,
    inspect,
    output::CommandOutput,
    session::Session,
    version_history,
};

#[derive(Debug, Subcommand)]
pub(super) enum PluginCommand {
    #[command(flatten)]
    OfService(PluginsCommand),
    #[command(flatten)]
    OfFile(FileCommand),
}

/// The commands about the plugins of a service.
#[derive(Debug, Subcommand)]
pub(super) enum PluginsCommand {
    /// List the running plugins.
    List,
    /// Publish a component as a plugin's new version. Refused, with a list of the changes, if it requests more
    /// permissions.
    Publish {
        /// The plugin's name, as used by connections.
        name: String,
        /// The component's file.
        file: PathBuf,
        #[command(flatten)]
        bundle: BundleOption,
        /// Approve that the version requests more permissions, offers less, or makes something else of stored deliveries
        /// and requests than the one that serves.
        #[arg(long)]
        agree: bool,
        /// Test every connection of the plugin on the version first. Only requests that read reach the vendor.
        #[arg(long)]
        test_connections: bool,
        /// Show what would happen, and store and serve nothing. Exits with 2 if the version would be refused.
        #[arg(long)]
        dry_run: bool,
        /// What to write about the version, for its history.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        #[command(flatten)]
        given: GivenOptions,
        #[command(flatten)]
        conditions: ConditionOptions,
    },
    /// Upload a component and compile it, without serving it. `approve` and `serve` do the rest.
    Upload {
        /// The plugin's name, as used by connections.
        name: String,
        /// The component's file.
        file: PathBuf,
        #[command(flatten)]
        bundle: BundleOption,
        /// What to write about the version, for its history.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        #[command(flatten)]
        conditions: ConditionOptions,
    },
    /// Approve what an uploaded version requests beyond the one that serves, and what it makes differently of stored
    /// deliveries and requests.
    Approve {
        /// The plugin's name, as used by connections.
        name: String,
        /// The version's digest, or the beginning of it.
        version: String,
    },
    /// Test a connection on a version that does not serve, but was approved or served before. Changes nothing.
    Test {
        /// The plugin's name, as used by connections.
        name: String,
        /// The version's digest, or the beginning of it.
        version: String,
        /// The connection whose settings and secrets are used.
        #[arg(long, value_name = "KEY")]
        connection: String,
    },
    /// Serve a version that was approved, or put back one that served before.
    Serve {
        /// The plugin's name, as used by connections.
        name: String,
        /// The version's digest, or the beginning of it.
        version: String,
        /// Approve a change to what identifies people. The people are rekeyed.
        #[arg(long)]
        agree: bool,
        #[command(flatten)]
        given: GivenOptions,
    },
    /// Show a plugin's versions: what was uploaded, refused, approved and served, when, by whom, and how large they are.
    History {
        /// The plugin's name, as used by connections.
        name: String,
        /// Show every step of this version, given by its digest or the beginning of it.
        #[arg(long, value_name = "DIGEST")]
        version: Option<String>,
    },
    /// Show everything that a stored version may do, also one that was not approved.
    Permissions {
        /// The plugin's name, as used by connections.
        name: String,
        /// The version's digest, or the beginning of it.
        version: String,
    },
    /// Show how two versions differ: what the second requests beyond the first, and each operation, setting, limit and host
    /// that differs.
    Difference {
        /// The plugin's name, as used by connections.
        name: String,
        /// The second version's digest, or the beginning of it.
        version: String,
        /// The first version's digest, or the beginning of it [default: the version that runs].
        #[arg(long, value_name = "DIGEST")]
        from: Option<String>,
    },
    /// Pin a tenant or a connection to a version, which then serves it whichever version the plugin runs. It takes effect at
    /// once.
    Pin(pins::PinCommand),
    /// Unpin a tenant or a connection, which is then served by the version that the plugin runs. It takes effect at once.
    Unpin(pins::UnpinCommand),
    /// List the pins of a plugin.
    Pins(pins::PinsCommand),
    /// Release an approved version in steps, and move its release.
    #[command(subcommand)]
    Release(release::ReleaseCommand),
    /// List the latest publications, uploads, put-backs and roll-backs of a plugin, also those in progress.
    Operations {
        /// The plugin's name, as used by connections.
        name: String,
    },
    /// Show a publication, upload, put-back or roll-back: the steps that it has reached, and what came of it.
    ///
    /// Exit codes: 0 it succeeded · 4 it is in progress · otherwise that of the command that began it.
    Operation {
        /// The operation's id.
        id: String,
        /// Wait for its end, and print each step on a terminal as it is reached.
        #[arg(long)]
        wait: bool,
    },
    /// Pull a plugin from its registry again, since its tag may have moved, and publish it. Refused, with a list of the changes, if it
    /// requests more permissions.
    Pull(pull::PullCommand),
    /// Restore the newest admitted revision of a plugin from its stored versions, after its record was changed in the database from
    /// outside. Until then, no release of the plugin is admitted.
    RestoreRevision(restored_revision::RestoreRevisionCommand),
    /// Roll back to the version before the published one.
    RollBack {
        /// The plugin's name, as used by connections.
        name: String,
        /// Approve a change to what identifies people. The people are rekeyed.
        #[arg(long)]
        agree: bool,
    },
}

/// The commands that work on a component's file, without a service.
#[derive(Debug, Subcommand)]
pub(super) enum FileCommand {
    /// Put conformance cases into a component's file.
    Pack(pack::PackCommand),
    /// Prove a component's file: run its cases and the built-in set in its own sandbox. Sends nothing to a vendor.
    ///
    /// Exit codes: 0 every part passed · 1 a part failed · 2 wrong usage, or the file cannot be loaded · 4 no part failed,
    /// but at least one could not be run.
    Prove(prove::ProveCommand),
    /// Prove a component's file, and sign it as a release: a Sigstore bundle beside it, as its file's name with .sigstore.json
    /// appended. A host that trusts the key for the plugin's name then admits it.
    ///
    /// Exit codes: 0 signed, every part of the proof passed · 1 not signed, since a part failed · 2 wrong usage, or a file
    /// cannot be used · 4 signed, although a part could not be run.
    Sign(sign::SignCommand),
    /// Push a component's file to a registry, with the bundle beside it if there is one.
    ///
    /// Exit codes: 0 pushed · 1 the registry refused it, or was not reached · 2 wrong usage or configuration, or a file cannot be
    /// used.
    Push(push::PushCommand),
}

/// The conditions for loading a plugin that is not in the service's configuration file. What is not set stays as it was
/// for the version before.
#[derive(Debug, Args)]
pub(super) struct ConditionOptions {
    /// Maximum size of the component, at most the service's `max-published-bytes` [default: 2097152].
    #[arg(long, value_name = "BYTES")]
    max_bytes: Option<NonZeroUsize>,
    /// How long it may take to start and describe itself, at most 60000 [default: 10000].
    #[arg(long, value_name = "MS")]
    describe_ms: Option<NonZeroU64>,
    /// What to do with imports of WASI [default: refused].
    #[arg(long)]
    wasi: Option<WasiOption>,
}

/// What to do with imports of WASI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum WasiOption {
    /// Refuse the component.
    Refused,
    /// End a call that uses one.
    Trapped,
}

impl ConditionOptions {
    fn add_to(self, call: ApiCall) -> ApiCall {
        call.with("max_bytes", self.max_bytes)
            .with("describe_ms", self.describe_ms)
            .with("wasi_trapped", self.wasi.map(|wasi| wasi == WasiOption::Trapped))
    }
}

impl PluginCommand {
    /// Returns why the command cannot be sent to a running service; `None` if it can.
    pub(super) fn runs_locally(&self) -> Option<&'static str> {
        match self {
            Self::OfFile(_) => Some("this command works on a file, without a service"),
            Self::OfService(_) => None,
        }
    }

    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        match self {
            Self::OfFile(FileCommand::Pack(command)) => command.run(),
            Self::OfFile(FileCommand::Prove(command)) => command.run(session).await,
            Self::OfFile(FileCommand::Sign(command)) => command.run(session).await,
            Self::OfFile(FileCommand::Push(command)) => command.run(session).await,
            Self::OfService(command) => command.run(session, &session.client()?).await,
        }
    }
}

impl PluginsCommand {
    async fn run(self, session: &Session, client: &Client) -> Result<CommandOutput, Failure> {
        match self {
            Self::List => Ok(listed(session.console.width, client.ask(ApiCall::get(&["plugins"])).await?)),
            Self::Upload { name, file, bundle, note, conditions } => {
                let call = ApiCall::post(&["plugins", &name, "versions"]).with("note", note);
                let call = bundle.add_to(conditions.add_to(call), &file, None)?;
                carried_out(session, client, call, |answer| version_history::uploaded(&name, answer)).await
            }
            Self::Approve { name, version } => {
                let digest = version_history::digest(client, &name, &version).await?;
                let call = ApiCall::post(&["plugins", &name, "versions", &digest, "approve"]);
                Ok(version_history::approved(&name, client.ask(call).await?))
            }
            Self::Test { name, version, connection } => {
                let digest = version_history::digest(client, &name, &version).await?;
                let call = ApiCall::post(&["plugins", &name, "versions", &digest, "test"])
                    .with("connection", Some(&connection));
                let waiting = format!("waiting for the vendor of connection {connection}");
                let tested = session.awaited(&waiting, client.ask(call)).await?;
                Ok(check::tested_output(&connection, tested))
            }
            Self::Serve { name, version, agree, given } => {
                let given = given.read()?;
                let digest = version_history::digest(client, &name, &version).await?;
                let call = ApiCall::post(&["plugins", &name, "versions", &digest, "serve"])
                    .with("agree", agree.then_some(true));
                let call = given.iter().fold(call, ApiCall::json);
                carried_out(session, client, call, runs).await
            }
            Self::Operations { name } => {
                let answer = client.ask(ApiCall::get(&["plugins", &name, "operations"])).await?;
                Ok(operation::listed(session.console.width, answer))
            }
            Self::Operation { id, wait } => {
                let waiting = if wait { Waiting::UntilEnd } else { Waiting::No };
                operation::show(session, client, &id, waiting).await
            }
            Self::History { name, version } => {
                let answer = client.ask(ApiCall::get(&["plugins", &name, "versions"])).await?;
                version_history::shown(session.console.width, answer, version.as_deref())
            }
            Self::Permissions { name, version } => {
                let digest = version_history::digest(client, &name, &version).await?;
                let call = ApiCall::get(&["plugins", &name, "versions", &digest, "permissions"]);
                Ok(inspect::shown(session.console.width, client.ask(call).await?))
            }
            Self::Difference { name, version, from } => {
                difference::show(client, &name, &version, from.as_deref()).await
            }
            Self::Publish {
                name,
                file,
                bundle,
                agree,
                test_connections,
                dry_run: true,
                given,
                conditions,
                ..
            } => {
                let call = ApiCall::post(&["plugins", &name, "rehearsal"])
                    .with("agree", agree.then_some(true))
                    .with("test_connections", test_connections.then_some(true));
                let call = bundle.add_to(conditions.add_to(call), &file, given.read()?)?;
                let rehearsing = session.awaited("waiting for the service to prove it", client.ask(call));
                Ok(version_history::rehearsed(rehearsing.await.map_err(Failure::with_option)?))
            }
            Self::Publish {
                name,
                file,
                bundle,
                agree,
                test_connections,
                dry_run: false,
                note,
                given,
                conditions,
            } => {
                let call = ApiCall::post(&["plugins", &name])
                    .with("agree", agree.then_some(true))
                    .with("test_connections", test_connections.then_some(true))
                    .with("note", note);
                let call = bundle.add_to(conditions.add_to(call), &file, given.read()?)?;
                carried_out(session, client, call, runs).await
            }
            Self::Pin(command) => command.run(client).await,
            Self::Unpin(command) => command.run(client).await,
            Self::Pins(command) => command.run(session.console.width, client).await,
            Self::Pull(command) => command.run(session, client).await,
            Self::Release(command) => command.run(session.console.width, client).await,
            Self::RestoreRevision(command) => command.run(client).await,
            Self::RollBack { name, agree } => {
                let call =
                    ApiCall::post(&["plugins", &name, "roll-back"]).with("agree", agree.then_some(true));
                carried_out(session, client, call, runs).await
            }
        }
    }
}
