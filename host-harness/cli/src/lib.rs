//! The program `connector-host`. Answers are printed as text for people or as JSON.
//!
//! Each command has a file of its own: its arguments, its calls, and how it prints the answer. All output goes through
//! [`Console`].

mod alarm;
mod api_key;
mod audit;
mod backup;
mod bulk_act;
mod check;
mod choices;
mod client;
#[cfg(feature = "test-clock")]
mod clock;
mod compiling;
mod component_file;
mod confirm;
mod connection;
mod consent;
mod consent_events;
mod console;
mod delivery;
mod erase;
mod exit;
mod failure;
mod follow;
mod inspect;
mod install_token;
mod items;
mod log;
mod mapping;
mod migrate;
mod new_master_key;
mod notice;
mod observed;
mod on_version;
mod output;
mod people;
mod person;
mod plugin;
mod reapply_erasures;
mod reconcile;
mod reference;
mod rehearsal;
mod reload;
mod request;
mod request_filter;
mod restore;
mod reveal;
mod secret_file;
mod serve;
mod service;
mod service_manager;
mod session;
mod signals;
mod system;
mod token;
mod trace;
mod verify_webhook;
mod version_history;
mod webhook;
mod words;

use std::{ffi::OsString, path::PathBuf};

use clap::{Parser, Subcommand};

pub use compiling::Compiling;
pub use console::Console;
pub use exit::Exit;
pub use host_api::serve::{PassedSockets, PassedSocketsError};

use client::ServerArgs;
use failure::Failure;
use log::{LogArgs, LogPurpose};
use output::{CommandOutput, GLOBAL_OPTIONS, OutputFormat};
use session::{OPENS_THE_DATABASE, Session};

/// Run privacy connectors: erase people, apply their consent choices, read webhooks.
///
/// Exit codes: 0 done · 1 refused by the vendor or the connector · 2 wrong usage or configuration · 3 call ended by the
/// sandbox · 4 accepted, but not yet proven.
#[derive(Debug, Parser)]
#[command(name = "connector-host", version)]
struct Arguments {
    /// Path of the configuration file.
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL_OPTIONS,
        value_name = "FILE",
        env = "CONNECTOR_HOST_CONFIG",
        default_value = "connector-host.toml"
    )]
    config: PathBuf,
    /// Print one JSON document instead of text.
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS)]
    json: bool,
    /// Print each request to standard error as it was sent, with credentials masked. Contains personal data.
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS)]
    trace: bool,
    /// Compile plugins again instead of loading the code that earlier commands compiled.
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS)]
    no_cache: bool,
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show a plugin's identity and everything that it may do.
    Inspect(inspect::InspectCommand),
    /// Check everything that a connection needs, without changing anything.
    Check(check::CheckCommand),
    /// List the items that a person can opt in to or out of, as a tree.
    Items(items::ItemsCommand),
    /// Show the choices that the vendor has stored for a person.
    Choices(choices::Choices),
    /// Erase a person at the vendor.
    Erase(erase::EraseCommand),
    /// Check whether an erasure has taken effect.
    Confirm(confirm::Confirm),
    /// Apply a person's consent choices at the vendor.
    Consent(consent::ConsentCommand),
    /// Send the vendor the token that its webhooks must carry.
    InstallToken(install_token::InstallTokenCommand),
    /// Verify that a webhook comes from the vendor, and read it.
    VerifyWebhook(verify_webhook::VerifyWebhookCommand),
    /// Create, list, show, change, test, resume and delete a service's connections.
    #[command(subcommand)]
    Connection(connection::ConnectionCommand),
    /// List, show and replay a service's requests.
    #[command(subcommand)]
    Request(request::RequestCommand),
    /// List, create and delete a tenant's privacy notices.
    #[command(subcommand)]
    Notice(notice::NoticeCommand),
    /// List, create and delete the systems that a tenant's connections belong to.
    #[command(subcommand)]
    System(system::SystemCommand),
    /// Show, export and import the mapping of a vendor's items to notices.
    #[command(subcommand)]
    Mapping(mapping::MappingCommand),
    /// Re-read people at the vendor to pick up choices whose webhook was lost.
    Reconcile(reconcile::ReconcileCommand),
    /// Show what a service knows of a person, and list people whose records it once merged.
    #[command(subcommand)]
    Person(people::PeopleCommand),
    /// List the choices that people made at vendors. Contains personal data.
    ConsentEvents(consent_events::ConsentEventsCommand),
    /// Approve, withdraw and follow acts on many requests at once.
    #[command(subcommand)]
    BulkAct(bulk_act::BulkActCommand),
    /// List and clear a service's alarms.
    #[command(subcommand)]
    Alarm(alarm::AlarmCommand),
    /// List a service's plugins, publish new versions and roll them back. Pack and prove a component's file.
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// List, show and replay the webhook deliveries that a service received.
    #[command(subcommand)]
    Delivery(delivery::DeliveryCommand),
    /// Issue, list, revoke and rotate the tokens of a service's webhooks.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Set up a connection's webhook.
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    /// Reload the connections from a service's configuration file.
    Reload(reload::ReloadCommand),
    /// Show a service's status, its replicas, its metrics, and the OpenAPI document of its API.
    #[command(subcommand)]
    Service(service::ServiceCommand),
    /// Run the service: requests, webhooks and the API.
    Serve(serve::ServeCommand),
    /// Generate a master key, which seals a service's database.
    NewMasterKey(new_master_key::NewMasterKeyCommand),
    /// Create, list and revoke API keys of a service: in its database, or with --server over its API.
    #[command(subcommand)]
    ApiKey(api_key::ApiKeyCommand),
    /// Back up a service's database, also while it runs.
    Backup(backup::BackupCommand),
    /// Restore a backup over the database.
    Restore(restore::RestoreCommand),
    /// Apply the erasures that came after a backup to a database on a server, once its own tools have restored it.
    ReapplyErasures(reapply_erasures::ReapplyErasuresCommand),
    /// Move a service's database from a file to a PostgreSQL server.
    Migrate(migrate::MigrateCommand),
    /// Verify, list and export the audit chain: in the database, or with --server over the API.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
}

impl Command {
    /// Returns why the command cannot be sent to a running service; `None` if it can.
    fn runs_locally(&self) -> Option<&'static str> {
        match self {
            Self::Serve(_) => Some("`serve` is the service itself; its configuration sets its addresses"),
            Self::NewMasterKey(_) => Some("a master key is generated on this machine, never by a service"),
            Self::ApiKey(command) => command.runs_locally(),
            Self::Backup(_) | Self::Restore(_) | Self::ReapplyErasures(_) | Self::Migrate(_) => {
                Some(OPENS_THE_DATABASE)
            }
            Self::Plugin(command) => command.runs_locally(),
            _ => None,
        }
    }
}

/// Runs the program with `arguments`, which begin with the program's name, and with the `sockets` that a service manager
/// passed on for `serve`. Plugins are compiled as `compiling` says. Returns how it ended.
pub async fn run<A>(
    arguments: impl IntoIterator<Item = A>,
    sockets: Result<PassedSockets, PassedSocketsError>,
    console: &Console,
    compiling: Compiling,
) -> Exit
where
    A: Into<OsString> + Clone,
{
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(told) => return help_or_usage(&told, console),
    };
    let json = arguments.json;
    let (text, exit) = match answer(arguments, sockets, console, compiling).await {
        Ok(shown) => (if json { output::document(&shown.json) } else { shown.people }, shown.exit),
        Err(failure) => {
            console.print_error(&failure.people());
            if !json {
                return failure.exit();
            }
            (output::document(&failure.json()), failure.exit())
        }
    };
    if text.is_empty() {
        return exit;
    }
    match console.print(&text) {
        Ok(()) => exit,
        // The vendor may have acted, so its answer must not be lost.
        Err(error) => {
            console.print_error(&format!(
                "error: cannot write to standard output: {error}; the answer is\n{text}"
            ));
            Exit::Misused
        }
    }
}

/// Prints the requested help, or the usage error.
fn help_or_usage(told: &clap::Error, console: &Console) -> Exit {
    let text = told.render().ansi().to_string();
    if told.use_stderr() {
        console.print_error(text.trim_end());
        return Exit::Misused;
    }
    console.print(text.trim_end()).map_or(Exit::Misused, |()| Exit::Done)
}

async fn answer(
    arguments: Arguments,
    sockets: Result<PassedSockets, PassedSocketsError>,
    console: &Console,
    compiling: Compiling,
) -> Result<CommandOutput, Failure> {
    let purpose = match arguments.command {
        Command::Serve(_) => LogPurpose::Service,
        _ => LogPurpose::Command,
    };
    arguments.log.begin(console, purpose)?;
    let format = if arguments.json { OutputFormat::Json } else { OutputFormat::Text };
    if let Some(why) = arguments.command.runs_locally().filter(|_| arguments.server.is_named()) {
        return Err(Failure::misused(format!("--server: {why}\nnext: leave out --server")));
    }
    let session = Session {
        config: arguments.config,
        server: arguments.server,
        trace: arguments.trace,
        console: console.clone(),
        compiling: if arguments.no_cache { compiling.without_cache() } else { compiling },
    };
    match arguments.command {
        Command::Inspect(command) => command.run(&session).await,
        Command::Check(command) => command.run(&session).await,
        Command::Items(command) => command.run(&session).await,
        Command::Choices(command) => command.run(&session).await,
        Command::Erase(command) => command.run(&session).await,
        Command::Confirm(command) => command.run(&session).await,
        Command::Consent(command) => command.run(&session).await,
        Command::InstallToken(command) => command.run(&session).await,
        Command::VerifyWebhook(command) => command.run(&session).await,
        Command::Connection(command) => command.run(&session).await,
        Command::Request(command) => command.run(&session).await,
        Command::Notice(command) => command.run(&session).await,
        Command::System(command) => command.run(&session).await,
        Command::Mapping(command) => command.run(&session).await,
        Command::Reconcile(command) => command.run(&session).await,
        Command::Person(command) => command.run(&session).await,
        Command::ConsentEvents(command) => command.run(&session, format).await,
        Command::BulkAct(command) => command.run(&session).await,
        Command::Alarm(command) => command.run(&session).await,
        Command::Plugin(command) => command.run(&session).await,
        Command::Delivery(command) => command.run(&session).await,
        Command::Token(command) => command.run(&session).await,
        Command::Webhook(command) => command.run(&session, format).await,
        Command::Reload(command) => command.run(&session).await,
        Command::Service(command) => command.run(&session).await,
        Command::Serve(command) => command.run(&session, sockets, format).await,
        Command::NewMasterKey(command) => command.run(),
        Command::ApiKey(command) => command.run(&session).await,
        Command::Backup(command) => command.run(&session).await,
        Command::Restore(command) => command.run(&session).await,
        Command::ReapplyErasures(command) => command.run(&session).await,
        Command::Migrate(command) => command.run(&session).await,
        Command::Audit(command) => command.run(&session).await,
    }
}

#[cfg(test)]
mod tests;
