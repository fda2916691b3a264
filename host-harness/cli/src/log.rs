//! What is logged on standard error, and how its lines are written.

use clap::{Args, ValueEnum};
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use super::{
    console::{Console, Stream},
    failure::Failure,
};

/// A command reports what went wrong itself. Warnings of slow statements repeat for each of them, and are left out.
const OF_A_COMMAND: &str = "warn,sqlx=error";
/// A service is looked at afterwards, and says what it did.
const OF_A_SERVICE: &str = "warn,sqlx=error,host_=info";

#[derive(Debug, Args)]
pub(super) struct Log {
    /// What to log on standard error, such as `info` or `host_service=debug`; otherwise `warn`, and what a service does.
    #[arg(long = "log", global = true, value_name = "FILTER", env = "RUST_LOG")]
    filter: Option<String>,
    /// How a line of the log is written; otherwise as text, and as JSON if `serve` does not write to a terminal.
    #[arg(
        long = "log-format",
        global = true,
        value_enum,
        value_name = "FORMAT",
        env = "CONNECTOR_HOST_LOG_FORMAT"
    )]
    format: Option<Format>,
}

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON document a line.
    Json,
}

impl Log {
    /// Logs to `console` from now on. A second run in one process keeps the first one's subscriber.
    pub(super) fn begin(&self, console: &Console, is_service: bool) -> Result<(), Failure> {
        let usual = if is_service { OF_A_SERVICE } else { OF_A_COMMAND };
        let filter = EnvFilter::try_new(self.filter.as_deref().unwrap_or(usual))
            .map_err(|error| Failure::misused(format!("--log or RUST_LOG is no filter: {error}")))?;
        let usual = if is_service && !console.is_watched { Format::Json } else { Format::Text };
        let lines = lines(self.format.unwrap_or(usual), is_service, console.stderr());
        let _already_set = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
        Ok(())
    }
}

/// Writes each event to `to` as a line of that format; text has the time only for a service.
fn lines(format: Format, is_timed: bool, to: Stream) -> Box<dyn Layer<Registry> + Send + Sync> {
    let lines = fmt::layer().with_writer(move || to.clone());
    match (format, is_timed) {
        (Format::Json, _) => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
        }
        (Format::Text, true) => lines.boxed(),
        (Format::Text, false) => lines.without_time().boxed(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::tests::{Kept, plain};

    /// What one event is written as.
    fn written(format: Format, is_timed: bool) -> String {
        let err = Kept::default();
        let console = Console::of(std::io::empty(), std::io::sink(), err.clone());
        let subscriber = tracing_subscriber::registry().with(lines(format, is_timed, console.stderr()));
        tracing::subscriber::with_default(subscriber, || {
            let _span = tracing::info_span!("around", inside = 1).entered();
            tracing::info!(
                tenant = "acme",
                connection = "newsletter",
                operation = "erasure",
                status = "done",
                "an attempt ended"
            );
        });
        plain(&err.text())
    }

    #[test]
    fn a_line_for_programs_has_time_level_message_and_the_stable_keys_at_the_top() {
        let line = written(Format::Json, true);
        let mut line: Value = serde_json::from_str(&line).unwrap();
        let time = line["timestamp"].take();
        assert!(time.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{time}");
        let wanted = serde_json::json!({
            "timestamp": null, "level": "INFO", "target": "host_cli::log::tests", "message": "an attempt ended",
            "tenant": "acme", "connection": "newsletter", "operation": "erasure", "status": "done",
        });
        assert_eq!(line, wanted);
    }

    #[test]
    fn a_line_for_people_has_the_time_where_a_service_runs() {
        let timed = written(Format::Text, true);
        let (time, line) = timed.split_once(' ').unwrap();
        assert!(time.parse::<jiff::Timestamp>().is_ok(), "{timed}");
        assert_eq!(line.trim_start(), written(Format::Text, false).trim_start());
        assert!(line.contains("tenant=\"acme\" connection=\"newsletter\""), "{line}");
    }
}
