//! `request`: what a service was asked for: listed, looked at, and put back in the queue.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    client::Call,
    document::{lines, list, minute, sheet, text, time},
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::{ID, Shown, TIME, table, toned},
};

#[derive(Debug, Subcommand)]
pub(super) enum Request {
    /// List requests, newest first.
    List(List),
    /// Show a request, when it will run, and each of its attempts.
    Show {
        /// Its id.
        id: String,
    },
    /// Put a request that failed or expired back in the queue.
    Replay {
        /// Its id.
        id: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Of this connection.
    #[arg(long, value_name = "KEY")]
    connection: Option<String>,
    /// In this state: waiting, running, done, failed, skipped or expired.
    #[arg(long)]
    state: Option<String>,
    /// Those before the request of this id: the last one of the page before.
    #[arg(long, value_name = "ID")]
    before: Option<String>,
    /// So many, at most 500; 50 where nothing is said.
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u32>,
}

impl Request {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let client = session.client()?;
        match self {
            Self::List(which) => {
                let call = Call::get(&["requests"])
                    .with("connection", which.connection)
                    .with("state", which.state)
                    .with("before", which.before)
                    .with("limit", which.limit);
                Ok(listed(session.console.width, client.ask(call).await?))
            }
            Self::Show { id } => {
                let document = client.ask(Call::get(&["requests", &id])).await?;
                Ok(Shown { exit: Exit::Done, ..shown(session.console.width, document) })
            }
            Self::Replay { id } => {
                let json = client.ask(Call::post(&["requests", &id, "replay"])).await?;
                let people = format!("request {id}: {}: it is carried out again", text(&json, "state"));
                Ok(Shown { people, json, exit: Exit::Done })
            }
        }
    }
}

fn listed(width: u16, json: Value) -> Shown {
    let columns =
        [("id", ID), ("connection", None), ("action", None), ("received", None), ("state, and why", None)];
    let rows = list(&json, "requests").iter().map(|request| {
        let [id, connection, action, state, reason] =
            ["id", "connection", "action", "state", "reason"].map(|field| text(request, field));
        vec![id, connection, action, minute(request, "received_at"), lines(&[state, reason])]
    });
    let people = table(width, &columns, rows).to_string();
    Shown { people, json, exit: Exit::Done }
}

/// A request with everything that is known of it; the program ends as the request did.
pub(super) fn shown(width: u16, json: Value) -> Shown {
    let exit = exit(&json);
    let forecast = json.get("forecast").unwrap_or(&Value::Null);
    let outcome = json.get("outcome").unwrap_or(&Value::Null);
    let receipt = outcome.get("receipt").unwrap_or(&Value::Null);
    let mut parts = vec![sheet(&[
        ("request", text(&json, "id")),
        ("connection", text(&json, "connection")),
        ("action", text(&json, "action")),
        ("state", toned(&text(&json, "state"), exit)),
        ("reason", text(&json, "reason")),
        ("received", time(&json, "received_at")),
        ("runs", time(forecast, "runs_at")),
        ("held back by", text(forecast, "held_back_by")),
        ("ended", time(&json, "finished_at")),
        ("read", text(outcome, "reading")),
        ("receipt", text(receipt, "status")),
        ("evidence", text(receipt, "evidence")),
    ])];
    let report = list(outcome, "report");
    if !report.is_empty() {
        let rows = report.iter().map(|entry| {
            vec![text(entry, "notice_id"), item(entry), text(entry, "status"), text(entry, "why")]
        });
        parts.push(
            table(width, &[("notice", None), ("item", None), ("status", None), ("why", None)], rows)
                .to_string(),
        );
    }
    let attempts = list(&json, "attempts");
    if !attempts.is_empty() {
        let columns =
            [("attempt", None), ("did", None), ("began", TIME), ("ended", TIME), ("came back", None)];
        parts.push(table(width, &columns, attempts.iter().map(attempt)).to_string());
    }
    Shown { people: parts.join("\n"), exit, json }
}

/// As KIND:ID; nothing where the entry is about a notice as a whole.
fn item(entry: &Value) -> String {
    let item = entry.get("item").filter(|item| item.is_object());
    item.map(|item| format!("{}:{}", text(item, "kind"), text(item, "id"))).unwrap_or_default()
}

fn attempt(attempt: &Value) -> Vec<String> {
    let (began, ended) = (time(attempt, "began_at"), time(attempt, "ended_at"));
    vec![text(attempt, "number"), text(attempt, "step"), began, ended, came_back(attempt)]
}

/// What an attempt came to, in the words that count.
fn came_back(attempt: &Value) -> String {
    let result = attempt.get("result").unwrap_or(&Value::Null);
    let both = |named: &str, fields: [&str; 2]| {
        let named = result.get(named)?;
        Some(fields.map(|field| text(named, field)).join(": "))
    };
    let items = || {
        let items = list(result.get("report")?, "items").iter();
        let told: Vec<_> = items.map(|of| format!("{} {}", text(of, "change"), item(of))).collect();
        Some(told.join(", "))
    };
    both("error", ["code", "message"])
        .or_else(|| both("ended-by-sandbox", ["kind", "detail"]))
        .or_else(|| both("receipt", ["status", "evidence"]))
        .or_else(items)
        .unwrap_or_else(|| text(attempt, "result"))
}

/// How the program ends after a request of that state.
pub(super) fn exit(document: &Value) -> Exit {
    let report = document.get("outcome").map(|outcome| list(outcome, "report")).unwrap_or_default();
    let is_short = |entry: &Value| ["refused", "missing-identity"].contains(&text(entry, "status").as_str());
    match text(document, "state").as_str() {
        "done" if report.iter().any(is_short) => Exit::Refused,
        "done" | "skipped" => Exit::Done,
        "failed" | "expired" => Exit::Refused,
        _ => Exit::Unproven,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_attempt_is_told_in_the_words_that_count() {
        for (result, told) in [
            (
                json!({"error": {"code": "BadApiKey", "kind": "unauthorized", "message": "no"}}),
                "BadApiKey: no",
            ),
            (json!({"ended-by-sandbox": {"kind": "trapped", "detail": "it ended"}}), "trapped: it ended"),
            (
                json!({"receipt": {"status": "accepted", "evidence": "taken", "reference": null}}),
                "accepted: taken",
            ),
            (
                json!({"report": {"items": [{"item": {"kind": "channel", "id": "1"}, "change": "applied"}]}}),
                "applied channel:1",
            ),
            (json!({"read": 8}), "read = 8"),
            (Value::Null, ""),
        ] {
            assert_eq!(came_back(&json!({ "result": result })), told);
        }
    }

    #[test]
    fn the_program_ends_as_the_request_did() {
        for (state, code) in [
            ("waiting", Exit::Unproven),
            ("running", Exit::Unproven),
            ("done", Exit::Done),
            ("skipped", Exit::Done),
            ("failed", Exit::Refused),
            ("expired", Exit::Refused),
        ] {
            assert_eq!(exit(&json!({"state": state})), code, "{state}");
        }
        let report = |status: &str| json!({"state": "done", "outcome": {"report": [{"status": status}]}});
        assert_eq!(exit(&report("refused")), Exit::Refused);
        assert_eq!(exit(&report("missing-identity")), Exit::Refused);
        assert_eq!(exit(&report("executed")), Exit::Done);
    }
}
