//! `consent-events`: lists the choices that people made at vendors, after a cursor. This is the platform's feed, so it
//! contains personal data.

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::{
    client::{ApiCall, ApiResponse, Client},
    console::OutputState,
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, OutputFormat, TIME, document_line, table},
    session::Session,
    words::{list, optional, pairs, timestamp},
};
use host_api::types::events::{ConsentEvent, ConsentEvents as Page, EventItem};

/// The interval between two polls for new events.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(super) struct ConsentEventsCommand {
    /// List the events after this cursor, which the previous answer ended with; 0 starts at the beginning.
    #[arg(long, value_name = "CURSOR", default_value_t = 0)]
    after: i64,
    /// Maximum number of events, 1 to 1,000 [default: 100].
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u32>,
    /// Follow the feed until ctrl-c, one event a line; with --json, one document a line.
    #[arg(long, conflicts_with = "limit")]
    follow: bool,
}

impl ConsentEventsCommand {
    pub(super) async fn run(self, session: &Session, format: OutputFormat) -> Result<CommandOutput, Failure> {
        let client = session.client()?;
        if self.follow {
            return FeedFollower { session, client, format, cursor: self.after }.until_interrupted().await;
        }
        Ok(listed(session.console.width, page(&client, self.after, self.limit).await?))
    }
}

async fn page(client: &Client, after: i64, limit: Option<u32>) -> Result<ApiResponse<Page>, Failure> {
    client.ask(ApiCall::get(&["consent-events"]).with("after", Some(after)).with("limit", limit)).await
}

fn listed(width: u16, ApiResponse { value, json }: ApiResponse<Page>) -> CommandOutput {
    let columns = [
        ("cursor", None),
        ("chosen", TIME),
        ("connection", None),
        ("person", None),
        ("choice", None),
        ("about", None),
        ("source", None),
    ];
    let people = if value.events.is_empty() {
        "no new events".to_owned()
    } else {
        table(width, &columns, value.events.iter().map(|event| cells(event).to_vec())).to_string()
    };
    let next = format!(
        "next: `connector-host consent-events --after {}` lists the events after these",
        value.cursor
    );
    CommandOutput { people: format!("{people}\n{next}"), json, exit: Exit::Done }
}

fn cells(event: &ConsentEvent) -> [String; 7] {
    let (choice, about) = match &event.notice_id_map {
        Some(notices) => (list(notices.values()), list(notices.keys().map(|id| format!("notice {id}")))),
        None => (optional(event.preference.as_ref()), event.item.as_ref().map(about).unwrap_or_default()),
    };
    let chosen = timestamp(i64::try_from(event.event_at).unwrap_or(i64::MAX));
    let (connection, person) = (event.connection.clone(), pairs(&event.identity_map.0));
    [event.cursor.to_string(), chosen, connection, person, choice, about, event.source.clone()]
}

fn about(EventItem { kind, external_id, name }: &EventItem) -> String {
    if name.is_empty() { format!("{kind}:{external_id}") } else { format!("{kind}:{external_id} ({name})") }
}

/// Follows the feed.
struct FeedFollower<'a> {
    session: &'a Session,
    client: Client,
    format: OutputFormat,
    /// The cursor of the last printed event.
    cursor: i64,
}

impl FeedFollower<'_> {
    /// Follows the feed until ctrl-c, or until the output is closed.
    async fn until_interrupted(mut self) -> Result<CommandOutput, Failure> {
        let session = self.session;
        let ended = session.unless_interrupted("waiting for new events", self.all()).await;
        session.console.print_error(&format!("next: continue from here with --after {}", self.cursor));
        ended.unwrap_or(Ok(())).map(|()| CommandOutput::already_printed(Exit::Done))
    }

    async fn all(&mut self) -> Result<(), Failure> {
        loop {
            let ApiResponse { value, json } = page(&self.client, self.cursor, None).await?;
            let documents = json.get("events").and_then(Value::as_array).into_iter().flatten();
            for (event, document) in value.events.iter().zip(documents) {
                if self.print(event, document)? == OutputState::Closed {
                    return Ok(());
                }
                self.cursor = event.cursor;
            }
            if value.events.is_empty() {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
    }

    fn print(&self, event: &ConsentEvent, document: &Value) -> Result<OutputState, Failure> {
        let line = match self.format {
            OutputFormat::Json => document_line(document),
            OutputFormat::Text => line(event),
        };
        let told = self.session.console.print_line(&line);
        told.map_err(|error| Failure::misused(format!("cannot write to standard output: {error}")))
    }
}

fn line(event: &ConsentEvent) -> String {
    let [_, chosen, connection, person, choice, about, source] = cells(event);
    format!("{chosen}  connection {connection}: {person}: {choice} {about}, {source}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_about_an_item_or_a_notice() {
        let mut event = json!({
            "id": "e-1", "cursor": 7, "tenant": "acme", "connection": "n",
            "event_at": 1_700_000_000_000_i64, "received_at": 1_700_000_000_001_i64, "source": "EmailLink", "cause": "c-1",
            "identity_map": {"email": "ada@example.com", "external_id": "u-17"},
            "item": {"type": "Channel", "external_id": "1", "name": "News"}, "preference": "opt_out",
        });
        assert_eq!(
            line(&serde_json::from_value(event.clone()).unwrap()),
            "2023-11-14T22:13:20Z  connection n: email = ada@example.com, external_id = u-17: opt_out channel:1 (News), EmailLink"
        );
        for member in ["item", "preference"] {
            event.as_object_mut().unwrap().remove(member);
        }
        event["notice_id_map"] = json!({"marketing": "opt_in"});
        assert_eq!(cells(&serde_json::from_value(event).unwrap())[4..6], ["opt_in", "notice marketing"]);
    }
}
