//! `serve`: runs the service until it is stopped. SIGHUP reloads the connections; SIGTERM and ctrl-c stop it.
//! Tested in `cli/tests/serve.rs` and `cli/tests/supervised.rs`.

use std::{convert::Infallible, path::Path, sync::Arc};

use clap::Args;
use serde_json::json;
use tokio::{runtime::Handle, sync::oneshot, task::spawn_blocking};

use super::{
    console::Console,
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, OutputFormat, document_line},
    reload,
    service_manager::ServiceManager,
    session::{Session, configuration},
    signals::{ProcessSignal, Signals},
};
use host_api::serve::{PassedSockets, PassedSocketsError, Server, log_places_of_panics};
use host_api::types::service::Reloaded;
#[cfg(not(feature = "test-clock"))]
use host_harness::clock::SystemClock;
use host_harness::{clock::Clock, compile::Compiler, egress::Network};
use host_service::service;

#[derive(Debug, Args)]
pub(super) struct ServeCommand {
    /// How far the service's date is ahead of the machine's, in milliseconds.
    #[cfg(feature = "test-clock")]
    #[arg(long, hide = true, default_value_t = 0)]
    clock_ahead_ms: u64,
}

impl ServeCommand {
    /// Serves until a signal stops it, at `sockets` in place of the configured addresses.
    pub(super) async fn run(
        self,
        session: &Session,
        sockets: Result<PassedSockets, PassedSocketsError>,
        format: OutputFormat,
    ) -> Result<CommandOutput, Failure> {
        let mut signals =
            Signals::listen().map_err(|error| Failure::misused(format!("cannot handle signals: {error}")))?;
        log_places_of_panics();
        let manager = ServiceManager::of_the_process();
        manager.starting().await;
        let sockets = sockets.map_err(Failure::misused)?;
        // On a thread of its own, so that a signal ends the wait even while something blocks, such as a file on a
        // device that does not answer.
        let (runtime, config, clock) = (Handle::current(), session.config.clone(), self.clock());
        let compiler = session.compiling.compiler();
        let starting = spawn_blocking(move || runtime.block_on(start(&config, sockets, clock, compiler)));
        let started = tokio::select! {
            biased;
            // Nothing was acknowledged, and what is not committed is rolled back when the process ends.
            () = signals.stop() => {
                manager.stopping().await;
                return Ok(stopped());
            }
            started = session.awaited("starting", starting) => started,
        };
        let service = started.map_err(|error| {
            Failure::misused(format!("the start ended unexpectedly; the log has the reason: {error}"))
        })??;
        announce(&service, &session.console, format)?;
        let handle = service.handle();
        // Dropped with the future that waits for a signal: at a signal, or if a part of the service ends.
        let (running, ended) = oneshot::channel::<Infallible>();
        let stop = async {
            let _running = running;
            until_stopped(signals, &handle, &manager, &session.console).await;
        };
        let announced = async {
            let _ended = ended.await;
            manager.stopping().await;
        };
        let run = async { tokio::join!(service.run_until(stop), announced).0 };
        // The manager expects reports until the process ends.
        let run = tokio::select! {
            run = Box::pin(run) => run,
            never = manager.keep_watchdog(&handle) => match never {},
        };
        run.map_err(|ended| Failure::Unanswered(ended.to_string()))?;
        Ok(stopped())
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

/// Reads the configuration, opens everything and starts the service.
async fn start(
    config: &Path,
    sockets: PassedSockets,
    clock: Arc<dyn Clock>,
    compiler: Compiler,
) -> Result<Server, Failure> {
    let (config, transport) = (configuration(config)?, Arc::new(Network::default()));
    let server =
        Server::start_with(config, sockets, transport, clock, compiler).await.map_err(Failure::misused)?;
    Ok(server.with_pages(host_page::pages))
}

fn stopped() -> CommandOutput {
    CommandOutput { people: "stopped".to_owned(), json: json!({"stopped": true}), exit: Exit::Done }
}

/// Reports the addresses: with `--json` as one line, on a terminal in sentences, and otherwise in the log.
fn announce(service: &Server, console: &Console, format: OutputFormat) -> Result<(), Failure> {
    let (api, webhooks) = service.addresses();
    if format == OutputFormat::Json {
        let line = json!({"listening": {"api": api, "webhooks": webhooks}});
        return console.print(&document_line(&line)).map_err(Failure::misused);
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

/// Reports that the service serves, then reloads the connections on each SIGHUP. Ends on a signal to stop, even during
/// a reload: each of its steps is one transaction, and the next start imports the file again.
async fn until_stopped(
    mut signals: Signals,
    handle: &service::Handle,
    manager: &ServiceManager,
    console: &Console,
) {
    loop {
        tokio::select! {
            biased;
            () = signals.stop() => return,
            () = manager.serving(handle) => {}
        }
        if signals.next().await == ProcessSignal::Stop {
            return;
        }
        manager.reloading().await;
        let reloaded = tokio::select! {
            biased;
            () = signals.stop() => return,
            reloaded = handle.reload() => reloaded,
        };
        match reloaded {
            Ok(reloaded) if console.is_watched => console.print_error(&reload::summary(&reloaded.into())),
            Ok(reloaded) => tracing::info!(reloaded = %json!(Reloaded::from(reloaded)), "reloaded"),
            Err(error) if console.is_watched => {
                console.print_error(&format!("error: nothing was reloaded: {error}"));
            }
            Err(error) => tracing::error!(%error, "nothing was reloaded"),
        }
    }
}
