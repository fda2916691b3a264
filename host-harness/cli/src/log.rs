//! What is logged to standard error, and in which format.

use crate::output::GLOBAL_OPTIONS;
use clap::{Args, ValueEnum};
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use super::{
    console::{Console, Stream},
    failure::Failure,
};

/// A command reports its own errors. Warnings of slow statements repeat for each statement, so they are left out.
const COMMAND_FILTER: &str = "warn,sqlx=error";
/// A service also logs what it did, for later inspection.
const SERVICE_FILTER: &str = "warn,sqlx=error,host_=info";

#[derive(Debug, Args)]
pub(super) struct LogArgs {
    /// What to log to standard error, such as `info` or `host_service=debug` [default: `warn`; `serve` also
    /// logs the service's own events at `info`].
    #[arg(long = "log", global = true, help_heading = GLOBAL_OPTIONS, value_name = "FILTER", env = "RUST_LOG")]
    filter: Option<String>,
    /// Format of log lines [default: text; json if `serve` does not write to a terminal].
    #[arg(
        long = "log-format",
        global = true,
        help_heading = GLOBAL_OPTIONS,
        value_enum,
        value_name = "FORMAT",
        env = "CONNECTOR_HOST_LOG_FORMAT"
    )]
    format: Option<Format>,
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text for people.
    Text,
    /// One JSON document per line.
    Json,
}

/// What the log is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogPurpose {
    /// A command that ends.
    Command,
    /// A service that runs.
    Service,
}

impl LogArgs {
    /// Logs to `console` from now on. A second run in one process keeps the first one's subscriber.
    pub(super) fn begin(&self, console: &Console, purpose: LogPurpose) -> Result<(), Failure> {
        let usual = match purpose {
            LogPurpose::Service => SERVICE_FILTER,
            LogPurpose::Command => COMMAND_FILTER,
        };
        let filter = EnvFilter::try_new(self.filter.as_deref().unwrap_or(usual))
            .map_err(|error| Failure::misused(format!("--log or RUST_LOG is not a valid filter: {error}")))?;
        let is_read_by_program = purpose == LogPurpose::Service && !console.is_watched;
        let usual = if is_read_by_program { Format::Json } else { Format::Text };
        let lines = lines(self.format.unwrap_or(usual), purpose, console.stderr());
        let _already_set = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
        Ok(())
    }
}

/// Writes each event to `to` as a line of that format; text has the time only for a service.
fn lines(format: Format, purpose: LogPurpose, to: Stream) -> Box<dyn Layer<Registry> + Send + Sync> {
    let lines = fmt::layer().with_writer(move || to.clone());
    match (format, purpose) {
        (Format::Json, _) => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
        (Format::Text, LogPurpose::Service) => lines.boxed(),
        (Format::Text, LogPurpose::Command) => lines.without_time().boxed(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::tests::{Kept, plain};

    /// Writes one event and returns its line.
    fn written(format: Format, purpose: LogPurpose) -> String {
        let err = Kept::default();
        let console = Console::of(std::io::empty(), std::io::sink(), err.clone());
        let subscriber = tracing_subscriber::registry().with(lines(format, purpose, console.stderr()));
        tracing::subscriber::with_default(subscriber, || {
            let _span = tracing::info_span!("around", inside = 1).entered();
            tracing::info!(
                tenant = "acme",
                connection = "newsletter",
                operation = "erasure",
                status = "done",
                "attempt ended"
            );
        });
        plain(&err.text())
    }

    #[test]
    fn a_line_for_programs_has_time_level_message_and_the_stable_keys_at_the_top() {
        let line = written(Format::Json, LogPurpose::Service);
        let mut line: Value = serde_json::from_str(&line).unwrap();
        let time = line["timestamp"].take();
        assert!(time.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{time}");
        let wanted = serde_json::json!({
            "timestamp": null, "level": "INFO", "target": "host_cli::log::tests", "message": "attempt ended",
            "tenant": "acme", "connection": "newsletter", "operation": "erasure", "status": "done",
        });
        assert_eq!(line, wanted);
    }

    #[test]
    fn a_text_log_line_has_the_time_if_a_service_runs() {
        let timed = written(Format::Text, LogPurpose::Service);
        let (time, line) = timed.split_once(' ').unwrap();
        assert!(time.parse::<jiff::Timestamp>().is_ok(), "{timed}");
        assert_eq!(line.trim_start(), written(Format::Text, LogPurpose::Command).trim_start());
        assert!(line.contains("tenant=\"acme\" connection=\"newsletter\""), "{line}");
    }
}
