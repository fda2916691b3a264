//! `serve`: the service, until it is told to stop. SIGHUP reads the connections again, SIGTERM and ctrl-c stop it.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::{console::Console, exit::Exit, failure::Failure, reload, session::Session, shown::Shown};
use host_api::serve::{Server, log_places_of_panics};
use host_api::types::service::Reloaded;
#[cfg(not(feature = "test-clock"))]
use host_harness::clock::SystemClock;
use host_harness::{clock::Clock, egress::Network};
use host_service::service::Handle;

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// How far the service's date is ahead of the machine's, in milliseconds.
    #[cfg(feature = "test-clock")]
    #[arg(long, hide = true, default_value_t = 0)]
    clock_ahead_ms: u64,
}

impl Serve {
    pub(super) async fn run(self, session: &Session, is_json: bool) -> Result<Shown, Failure> {
        log_places_of_panics();
        let config = session.configuration()?;
        let starting = session
            .awaited("starting", Server::start_with(config, Arc::new(Network::default()), self.clock()))
            .await;
        let service = starting.map_err(Failure::misused)?;
        let signals = Signals::listen().map_err(|error| Failure::misused(format!("no signals: {error}")))?;
        announce(&service, &session.console, is_json)?;
        let handle = service.handle();
        let run = Box::pin(service.run_until(stop(signals, handle, session.console.clone()))).await;
        run.map_err(|ended| Failure::Unanswered(ended.to_string()))?;
        Ok(Shown { people: "stopped".to_owned(), json: json!({"stopped": true}), exit: Exit::Done })
    }

    #[cfg(feature = "test-clock")]
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(crate::clock::ClockAhead::by(std::time::Duration::from_millis(self.clock_ahead_ms)))
    }

    #[cfg(not(feature = "test-clock"))]
    #[expect(clippy::unused_self, reason = "with the feature it has an argument")]
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock::default())
    }
}

/// Reports where it listens: on a terminal in sentences, to programs as one line, and otherwise in the log.
fn announce(service: &Server, console: &Console, is_json: bool) -> Result<(), Failure> {
    let (api, webhooks) = service.addresses();
    if is_json {
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
        console
            .complain(&format!("serving the API on http://{api}, documented at http://{api}/openapi.json"));
    }
    if let Some(webhooks) = webhooks {
        console.complain(&format!("serving webhooks alone on http://{webhooks}"));
    }
    console.complain("SIGHUP reads the connections again, SIGTERM or ctrl-c stops");
    Ok(())
}

/// Ends once the process is told to stop; reads the connections again as often as it is told to.
async fn stop(mut signals: Signals, handle: Handle, console: Console) {
    while signals.next().await == Told::Reload {
        match handle.reload().await {
            Ok(reloaded) if console.is_watched => console.complain(&reload::told(&reloaded.into())),
            Ok(reloaded) => tracing::info!(reloaded = %json!(Reloaded::from(reloaded)), "reloaded"),
            Err(error) if console.is_watched => {
                console.complain(&format!("error: nothing is reloaded: {error}"));
            }
            Err(error) => tracing::error!(%error, "nothing is reloaded"),
        }
    }
}

/// What the process can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Stop,
    Reload,
}

#[cfg(unix)]
struct Signals {
    hang_up: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
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

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.hang_up.recv() => Told::Reload,
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Told {
        let _interrupted = tokio::signal::ctrl_c().await;
        Told::Stop
    }
}
