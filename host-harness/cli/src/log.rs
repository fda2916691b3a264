//! What is logged to standard error, and in which format.

use crate::output::GLOBAL_OPTIONS;
use clap::{Args, ValueEnum};
use host_model::text::{self, EscapingWriter};
use std::{
    fmt::{Debug, Write as _},
    io,
};
use tracing::field::Field;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    field::MakeExt,
    fmt::{
        self,
        format::{Writer, debug_fn},
    },
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

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
        // For the subscriber, not for the layer: otherwise a library that asks whether a level is enabled, as sqlx does,
        // has the next event left out (tracing#2519).
        let _already_set = tracing_subscriber::registry().with(lines).with(filter).try_init();
        Ok(())
    }
}

/// Writes each event to `to` as a line of that format; text has the time only for a service. Hidden characters are
/// escaped, so that no value can forge a line or change a terminal.
fn lines(format: Format, purpose: LogPurpose, to: Stream) -> Box<dyn Layer<Registry> + Send + Sync> {
    match format {
        Format::Json => fmt::layer()
            .with_writer(move || EscapedJsonLines(to.clone()))
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .boxed(),
        Format::Text => {
            let lines = fmt::layer().with_writer(move || to.clone());
            let lines = lines.fmt_fields(debug_fn(escaped_field).delimited(" "));
            match purpose {
                LogPurpose::Service => lines.boxed(),
                LogPurpose::Command => lines.without_time().boxed(),
            }
        }
    }
}

/// Writes `name=value` escaped; the message without its name. Leaves out the fields that repeat the metadata of a record
/// of the crate `log`, such as its file, which the line's own metadata comes from.
fn escaped_field(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> std::fmt::Result {
    let mut writer = EscapingWriter::new(writer);
    match field.name() {
        "message" => write!(writer, "{value:?}"),
        name if name.starts_with("log.") => Ok(()),
        name => write!(writer, "{}={value:?}", name.trim_start_matches("r#")),
    }
}

/// Writes JSON documents with their hidden characters escaped.
struct EscapedJsonLines(Stream);

impl io::Write for EscapedJsonLines {
    /// The layer writes whole lines.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let escaped = text::escaped_json(&String::from_utf8_lossy(lines));
        io::Write::write_all(&mut self.0, escaped.as_bytes())?;
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::Write::flush(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::tests::{Kept, plain};

    /// Writes what `log` logs and returns the lines.
    fn logged(format: Format, purpose: LogPurpose, log: impl FnOnce()) -> String {
        let err = Kept::default();
        let console = Console::of(std::io::empty(), std::io::sink(), err.clone());
        let subscriber = tracing_subscriber::registry().with(lines(format, purpose, console.stderr()));
        tracing::subscriber::with_default(subscriber, log);
        plain(&err.text())
    }

    /// Writes one event and returns its line.
    fn written(format: Format, purpose: LogPurpose) -> String {
        logged(format, purpose, || {
            let _span = tracing::info_span!("around", inside = 1).entered();
            tracing::info!(
                tenant = "acme",
                connection = "newsletter",
                operation = "erasure",
                status = "done",
                "attempt ended"
            );
        })
    }

    #[test]
    fn no_value_or_message_forges_a_line_or_changes_the_terminal_in_either_format() {
        let foreign = "a\n2026-01-01T00:00:00Z ERROR forged\r\u{1b}[32m\u{9b}2J\u{202e}\u{2028}\u{200b}";
        let log = || {
            let _span = tracing::info_span!("around", of = %foreign).entered();
            tracing::info!(shown = %foreign, quoted = foreign, "said: {foreign}");
        };
        let line = logged(Format::Text, LogPurpose::Command, log);
        let escaped = r"a\n2026-01-01T00:00:00Z ERROR forged\r\u{1b}[32m\u{9b}2J\u{202e}\u{2028}\u{200b}";
        let span = format!("INFO around{{of={escaped}}}: host_cli::log::tests: ");
        assert_eq!(line, format!(" {span}said: {escaped} shown={escaped} quoted=\"{escaped}\"\n"));
        let line = logged(Format::Json, LogPurpose::Service, log);
        assert_eq!(text::check_visible(line.trim_end_matches('\n')), Ok(()), "{line}");
        let document: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&document["shown"], &document["quoted"]), (&foreign.into(), &foreign.into()));
        assert_eq!(document["message"], format!("said: {foreign}"));
    }

    #[test]
    fn a_record_of_the_log_crate_is_a_text_line_like_any_other() {
        let line = logged(Format::Text, LogPurpose::Command, || {
            let mut record = tracing_log::log::Record::builder();
            let record = record.level(tracing_log::log::Level::Warn).target("tls::client").line(Some(7));
            let record = record.module_path(Some("tls::client")).file(Some("/registry/tls/client.rs"));
            tracing_log::format_trace(&record.args(format_args!("no common version")).build()).unwrap();
        });
        assert_eq!(line.trim_end(), " WARN tls::client: no common version");
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
