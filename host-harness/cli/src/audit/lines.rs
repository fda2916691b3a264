//! `audit list` and `audit export`: the lines of the chains.

use std::{path::PathBuf, str::FromStr};

use clap::Args;
use host_api::types::audit::{AuditLine, AuditPage, AuditQuery};
use host_store::{
    Store,
    audit_lines::{LinePlace, in_order, newest},
    grant::KeyReach,
    private_file::PrivateFile,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    client::{ApiCall, ApiResponse, Client},
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, TIME, table},
    session::Session,
    words::{optional, timestamp},
};

/// The number of lines that are read from the database at a time.
const LINES_PER_READ: i64 = 1_000;

/// The number of lines in a list without `--limit`.
const USUAL_LIMIT: u32 = 50;

/// Which lines.
#[derive(Clone, Debug, Args)]
struct WhichLines {
    /// Only the chain of this tenant; `*` is the chain for what concerns all tenants.
    #[arg(long)]
    tenant: Option<String>,
    /// Only lines about this, such as `request-replayed`.
    #[arg(long)]
    what: Option<String>,
    /// Only what was done with the API key of this name.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Only lines about this connection.
    #[arg(long, value_name = "KEY")]
    connection: Option<String>,
    /// Only lines about the request with this id.
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// Only lines written at this time or later, such as 2026-01-31 or 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    since: Option<AuditTime>,
    /// Only lines written before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<AuditTime>,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    which: WhichLines,
    /// Only lines written before the one with this id: the last one of the previous page.
    #[arg(long, value_name = "ID")]
    before: Option<LinePlace>,
    /// Maximum number of lines, 1 to 500 [default: 50].
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    which: WhichLines,
    /// The file to write, which must not exist yet.
    file: PathBuf,
}

/// A point in time, in milliseconds since 1970 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AuditTime(i64);

impl FromStr for AuditTime {
    type Err = &'static str;

    /// Reads a time with its offset, or a date, which begins at midnight in UTC.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A date is also read from a time without an offset, whose time would be lost.
        let date = || text.parse::<Date>().ok().filter(|date| date.to_string() == text);
        let midnight = || date()?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
        let at = text.parse::<Timestamp>().ok().or_else(midnight);
        let at = at.ok_or("expected a date or a time in UTC, such as 2026-01-31 or 2026-01-31T12:00:00Z")?;
        Ok(Self(at.as_millisecond()))
    }
}

impl WhichLines {
    fn query(self) -> AuditQuery {
        let Self { tenant, what, by, connection, request, since, until } = self;
        let ms = |time: Option<AuditTime>| time.map(|AuditTime(ms)| ms);
        let (since, until) = (ms(since), ms(until));
        AuditQuery { tenant, what, by, connection, request, since, until, ..AuditQuery::default() }
    }
}

/// The call to `path` with the filters of `query`.
fn call(path: &[&str], query: AuditQuery) -> ApiCall {
    ApiCall::get(path)
        .with("tenant", query.tenant)
        .with("what", query.what)
        .with("by", query.by)
        .with("connection", query.connection)
        .with("request", query.request)
        .with("since", query.since)
        .with("until", query.until)
}

impl ListArgs {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let Self { which, before, limit } = self;
        let (query, width) = (which.query(), session.console.width);
        if let Some(client) = session.named()? {
            let call = call(&["audit"], query).with("before", before).with("limit", limit);
            let ApiResponse { value, .. } = client.ask::<AuditPage>(call).await?;
            return Ok(listed(width, &value));
        }
        let limit = limit.unwrap_or(USUAL_LIMIT).into();
        let store = session.store().await?;
        let filter = query.filter(&KeyReach::default());
        let lines = store
            .read(|c| Box::pin(async move { newest(c, &filter, before.as_ref(), limit).await }))
            .await
            .map_err(Failure::misused)?;
        store.close().await;
        Ok(listed(width, &AuditPage { lines: lines.into_iter().map(Into::into).collect() }))
    }
}

fn listed(width: u16, page: &AuditPage) -> CommandOutput {
    let columns =
        [("id", None), ("time", TIME), ("what", None), ("connection", None), ("request", None), ("by", None)];
    let row = |line: &AuditLine| {
        let (id, at) = (line.id.clone(), timestamp(line.at));
        match &line.record {
            None => vec![id, at, "damaged".to_owned(), String::new(), String::new(), String::new()],
            Some(record) => {
                let by = record.detail.get("by").and_then(Value::as_str).unwrap_or_default().to_owned();
                let (connection, request) =
                    (optional(record.connection.as_ref()), optional(record.request.as_ref()));
                vec![id, at, record.what.clone(), connection, request, by]
            }
        }
    };
    let people = table(width, &columns, page.lines.iter().map(row)).to_string();
    CommandOutput { people, json: json!(page), exit: Exit::Done }
}

impl ExportArgs {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let Self { which, file } = self;
        let (query, shown) = (which.query(), file.display());
        if file.exists() {
            return Err(Failure::misused(format!(
                "{shown} already exists: an export is written to a new file"
            )));
        }
        let failed = |error: std::io::Error| Failure::misused(format!("{shown}: {error}"));
        let mut export = PrivateFile::new(&file).map_err(failed)?;
        let mut count = 0;
        let mut write = |bytes: &[u8]| {
            count += bytes.split(|byte| *byte == b'\n').count() - 1;
            export.write(bytes).map_err(failed)
        };
        if let Some(client) = session.named()? {
            export_over(&client, query, &mut write).await?;
        } else {
            let store = session.store().await?;
            export_from(&store, query, &mut write).await?;
            store.close().await;
        }
        export.keep().map_err(failed)?;
        let people = format!("{count} lines are written to {shown}");
        Ok(CommandOutput { people, json: json!({"file": file, "lines": count}), exit: Exit::Done })
    }
}

async fn export_over(
    client: &Client,
    query: AuditQuery,
    write: &mut impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    client.pieces(call(&["audit", "export"], query), write).await
}

async fn export_from(
    store: &Store,
    query: AuditQuery,
    write: &mut impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let filter = query.filter(&KeyReach::default());
    let mut after: Option<LinePlace> = None;
    loop {
        let (filter, from) = (filter.clone(), after.clone());
        let read = store
            .read(|c| Box::pin(async move { in_order(c, &filter, from.as_ref(), LINES_PER_READ).await }));
        let lines = read.await.map_err(Failure::misused)?;
        let Some(last) = lines.last() else { return Ok(()) };
        after = Some(LinePlace { tenant: last.tenant.clone(), line: last.line });
        for line in lines {
            write(AuditLine::from(line).exported().as_bytes())?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_an_offset_and_a_date_begins_at_midnight_in_utc() {
        for (text, ms) in [
            ("1970-01-02", 86_400_000),
            ("1970-01-01T00:00:01Z", 1_000),
            ("1970-01-01T01:00:01+01:00", 1_000),
        ] {
            assert_eq!(text.parse(), Ok(AuditTime(ms)), "{text}");
        }
        for text in ["", "yesterday", "1970-01-01T00:00:01", "17"] {
            assert!(text.parse::<AuditTime>().is_err(), "{text}");
        }
    }
}
