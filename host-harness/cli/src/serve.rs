//! `serve`: runs the service until it is stopped. SIGHUP reloads the connections; SIGTERM and ctrl-c stop it.
//! Tested in `cli/tests/serve.rs`.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::{
    console::Console,
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, OutputFormat},
    reload,
    session::Session,
};
use host_api::serve::{Server, log_places_of_panics};
use host_api::types::service::Reloaded;
#[cfg(not(feature = "test-clock"))]
use host_harness::clock::SystemClock;
use host_harness::{clock::Clock, egress::Network};
use host_service::service::Handle;

#[derive(Debug, Args)]
pub(super) struct ServeCommand {
    /// How far the service's date is ahead of the machine's, in milliseconds.
    #[cfg(feature = "test-clock")]
    #[arg(long, hide = true, default_value_t = 0)]
    clock_ahead_ms: u64,
}

impl ServeCommand {
    pub(super) async fn run(self, session: &Session, format: OutputFormat) -> Result<CommandOutput, Failure> {
        log_places_of_panics();
        let config = session.configuration()?;
        let starting = session
            .awaited("starting", Server::start_with(config, Arc::new(Network::default()), self.clock()))
            .await;
        let service = starting.map_err(Failure::misused)?;
        let signals =
            Signals::listen().map_err(|error| Failure::misused(format!("cannot handle signals: {error}")))?;
        announce(&service, &session.console, format)?;
        let handle = service.handle();
        let run = Box::pin(service.run_until(stop(signals, handle, session.console.clone()))).await;
        run.map_err(|ended| Failure::Unanswered(ended.to_string()))?;
        Ok(CommandOutput { people: "stopped".to_owned(), json: json!({"stopped": true}), exit: Exit::Done })
    }

    #[cfg(feature = "test-clock")]
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(crate::clock::ClockAhead::by(std::time::Duration::from_millis(self.clock_ahead_ms)))
    }

    #[cfg(not(feature = "test-clock"))]
    #[expect(clippy::unused_self, reason = "with the feature it reads an argument")]
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock::default())
    }
}

/// Reports the addresses: with `--json` as one line, on a terminal in sentences, and otherwise in the log.
fn announce(service: &Server, console: &Console, format: OutputFormat) -> Result<(), Failure> {
    let (api, webhooks) = service.addresses();
    if format == OutputFormat::Json {
        let line = json!({"listening": {"api": api, "webhooks": webhooks}}).to_string();
        return console.print(&line).map_err(Failure::misused);
    }
    if !console.is_watched {
        tracing::info!(
            api = api.map(tracing::field::display),
            webhooks = webhooks.map(tracing::field::display),
            "serving"
        );
        return Ok(());
    }
    if let Some(api) = api {
        console.print_error(&format!(
            "serving the API on http://{api}, documented at http://{api}/openapi.json"
        ));
    }
    if let Some(webhooks) = webhooks {
        console.print_error(&format!("serving webhooks on http://{webhooks}"));
    }
    console.print_error("SIGHUP reloads the connections; SIGTERM or ctrl-c stops the service");
    Ok(())
}

/// Reloads the connections on each SIGHUP, and ends on a signal to stop.
async fn stop(mut signals: Signals, handle: Handle, console: Console) {
    while signals.next().await == ProcessSignal::Reload {
        match handle.reload().await {
            Ok(reloaded) if console.is_watched => console.print_error(&reload::summary(&reloaded.into())),
            Ok(reloaded) => tracing::info!(reloaded = %json!(Reloaded::from(reloaded)), "reloaded"),
            Err(error) if console.is_watched => {
                console.print_error(&format!("error: nothing was reloaded: {error}"));
            }
            Err(error) => tracing::error!(%error, "nothing was reloaded"),
        }
    }
}

/// The signals that the process handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProcessSignal {
    Stop,
    Reload,
}

struct Signals {
    #[cfg(unix)]
    hang_up: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> ProcessSignal {
        tokio::select! {
            _ = self.hang_up.recv() => ProcessSignal::Reload,
            _ = self.terminate.recv() => ProcessSignal::Stop,
            _ = self.interrupt.recv() => ProcessSignal::Stop,
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) -> ProcessSignal {
        let _interrupted = tokio::signal::ctrl_c().await;
        ProcessSignal::Stop
    }
}
