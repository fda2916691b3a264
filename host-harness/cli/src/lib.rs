//! The program `connector-host`: one call on a connection, told to people or as JSON.
//!
//! A file a command: what it takes, what it asks, how it prints the answer. Everything is written through [`Console`].

mod alarm;
mod api_key;
mod audit;
mod backup;
mod check;
mod choices;
mod client;
#[cfg(feature = "test-clock")]
mod clock;
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
mod new_master_key;
mod notice;
mod people;
mod person;
mod plugin;
mod reconcile;
mod reference;
mod rehearsal;
mod reload;
mod request;
mod restore;
mod serve;
mod service;
mod session;
mod shown;
mod system;
mod token;
mod trace;
mod verify_webhook;
mod webhook;
mod words;

use std::{ffi::OsString, path::PathBuf};

use clap::{Parser, Subcommand};

pub use console::Console;
pub use exit::Exit;

use client::Server;
use failure::Failure;
use log::Log;
use session::Session;
use shown::Shown;

/// Runs privacy connectors: erases people, sets what they receive, reads webhooks.
///
/// Exit codes: 0 done · 1 the vendor or the connector said no · 2 wrong usage or configuration · 3 the sandbox ended
/// the call · 4 accepted and not yet proven.
#[derive(Debug, Parser)]
#[command(name = "connector-host", version)]
struct Arguments {
    /// The configuration.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "CONNECTOR_HOST_CONFIG",
        default_value = "connector-host.toml"
    )]
    config: PathBuf,
    /// Print one JSON document instead of text for people.
    #[arg(long, global = true)]
    json: bool,
    /// Show each request on standard error as it was sent, credentials masked. People are in it.
    #[arg(long, global = true)]
    trace: bool,
    #[command(flatten)]
    log: Log,
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what a plugin is and everything that it may do.
    Inspect(inspect::Inspect),
    /// Try everything that a connection needs, changing nothing.
    Check(check::Check),
    /// List what a person can be in or out of, as a tree.
    Items(items::Items),
    /// Show what the vendor holds for a person.
    Choices(choices::Choices),
    /// Erase a person at the vendor.
    Erase(erase::Erase),
    /// Look whether an erasure has taken effect.
    Confirm(confirm::Confirm),
    /// Set what a person is in and out of.
    Consent(consent::Consent),
    /// Hand the vendor the token that its webhooks are to carry.
    InstallToken(install_token::InstallToken),
    /// Check that a webhook is the vendor's and read it.
    VerifyWebhook(verify_webhook::VerifyWebhook),
    /// Make, list, show, change, test, resume and delete a service's connections.
    #[command(subcommand)]
    Connection(connection::Connection),
    /// List, show and replay a service's requests.
    #[command(subcommand)]
    Request(request::Request),
    /// List, make and delete the notices that a tenant's platform has.
    #[command(subcommand)]
    Notice(notice::Notice),
    /// List, make and delete the systems that a tenant's connections stand for.
    #[command(subcommand)]
    System(system::System),
    /// Show, export and import which of a vendor's items stand for which notice.
    #[command(subcommand)]
    Mapping(mapping::Mapping),
    /// Re-read people at the vendor to pick up choices whose webhook was lost.
    Reconcile(reconcile::Reconcile),
    /// List people whom the service once took for one.
    #[command(subcommand)]
    Person(people::People),
    /// List what people chose at vendors. People are shown.
    ConsentEvents(consent_events::ConsentEvents),
    /// List and clear a service's alarms.
    #[command(subcommand)]
    Alarm(alarm::Alarm),
    /// List a service's plugins, publish other versions and roll them back.
    #[command(subcommand)]
    Plugin(plugin::Plugin),
    /// List, show and replay what vendors sent a service.
    #[command(subcommand)]
    Delivery(delivery::Delivery),
    /// Make, list, revoke and rotate the tokens of a service's webhooks.
    #[command(subcommand)]
    Token(token::Token),
    /// Set a connection's webhook up.
    #[command(subcommand)]
    Webhook(webhook::Webhook),
    /// Reload the connections of a service's configuration.
    Reload(reload::Reload),
    /// Show whether a service can do its work, its metrics, and the document of its API.
    #[command(subcommand)]
    Service(service::Service),
    /// Run the service: requests, webhooks and the API.
    Serve(serve::Serve),
    /// Make a key under which a service's database is sealed.
    NewMasterKey(new_master_key::NewMasterKey),
    /// Make, list and revoke keys to a service's API; works while it runs.
    #[command(subcommand)]
    ApiKey(api_key::ApiKey),
    /// Copy a service's database, also while it runs.
    Backup(backup::Backup),
    /// Restore a backup over the database.
    Restore(restore::Restore),
    /// Verify the audit chain.
    #[command(subcommand)]
    Audit(audit::Audit),
}

impl Command {
    /// Why a running service is never asked for it; `None` if it may be.
    fn goes_without_service(&self) -> Option<&'static str> {
        match self {
            Self::Serve(_) => Some("`serve` is the service itself, and listens where its configuration says"),
            Self::NewMasterKey(_) => Some("a master key is made here: no service hands one out"),
            Self::ApiKey(_) | Self::Backup(_) | Self::Restore(_) | Self::Audit(_) => Some(
                "this works on the database that the configuration names, on the machine where it is, whether or not its \
                 service runs",
            ),
            _ => None,
        }
    }
}

/// Runs the program with `arguments`, the program's name first. Returns how it ended.
pub async fn run<A>(arguments: impl IntoIterator<Item = A>, console: &Console) -> Exit
where
    A: Into<OsString> + Clone,
{
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(told) => return help_or_usage(&told, console),
    };
    let json = arguments.json;
    let (text, exit) = match answer(arguments, console).await {
        Ok(shown) => (if json { shown::document(&shown.json) } else { shown.people }, shown.exit),
        Err(failure) => {
            console.complain(&failure.people());
            if !json {
                return failure.exit();
            }
            (shown::document(&failure.json()), failure.exit())
        }
    };
    if text.is_empty() {
        return exit;
    }
    match console.print(&text) {
        Ok(()) => exit,
        // The vendor may have acted: what it answered must not be lost.
        Err(error) => {
            console
                .complain(&format!("error: cannot write to standard output: {error}; the answer is\n{text}"));
            Exit::Misused
        }
    }
}

/// Help was asked for, or something else was typed than the program takes.
fn help_or_usage(told: &clap::Error, console: &Console) -> Exit {
    let text = told.render().ansi().to_string();
    if told.use_stderr() {
        console.complain(text.trim_end());
        return Exit::Misused;
    }
    console.print(text.trim_end()).map_or(Exit::Misused, |()| Exit::Done)
}

async fn answer(arguments: Arguments, console: &Console) -> Result<Shown, Failure> {
    arguments.log.begin(console, matches!(arguments.command, Command::Serve(_)))?;
    if let Some(why) = arguments.command.goes_without_service().filter(|_| arguments.server.is_named()) {
        return Err(Failure::misused(format!("--server: {why}\nnext: leave --server out")));
    }
    let session = Session {
        config: arguments.config,
        server: arguments.server,
        trace: arguments.trace,
        console: console.clone(),
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
        Command::ConsentEvents(command) => command.run(&session, arguments.json).await,
        Command::Alarm(command) => command.run(&session).await,
        Command::Plugin(command) => command.run(&session).await,
        Command::Delivery(command) => command.run(&session).await,
        Command::Token(command) => command.run(&session).await,
        Command::Webhook(command) => command.run(&session, arguments.json).await,
        Command::Reload(command) => command.run(&session).await,
        Command::Service(command) => command.run(&session).await,
        Command::Serve(command) => command.run(&session, arguments.json).await,
        Command::NewMasterKey(command) => command.run(),
        Command::ApiKey(command) => command.run(&session).await,
        Command::Backup(command) => command.run(&session).await,
        Command::Restore(command) => command.run(&session).await,
        Command::Audit(command) => command.run(&session).await,
    }
}

#[cfg(test)]
mod tests;
