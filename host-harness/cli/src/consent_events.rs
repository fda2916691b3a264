//! `consent-events`: what people chose at vendors, from a cursor on. People are in it: it is the platform's feed.

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::{
    client::{Answer, Call, Client},
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::{Shown, TIME, table},
    words::{list, optional, pairs, timestamp},
};
use host_api::types::events::{ConsentEvent, ConsentEvents as Page, EventItem};

/// Between two looks for what is new.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(super) struct ConsentEvents {
    /// Those after this cursor, which each answer ends with; 0 begins.
    #[arg(long, value_name = "CURSOR", default_value_t = 0)]
    after: i64,
    /// Maximum number of events, 1 to 1,000; 100 if it is left out.
    #[arg(long, value_name = "NUMBER")]
    limit: Option<u32>,
    /// Go on with what comes, until ctrl-c: a line for each, with --json a document on each line.
    #[arg(long, conflicts_with = "limit")]
    follow: bool,
}

impl ConsentEvents {
    pub(super) async fn run(self, session: &Session, is_json: bool) -> Result<Shown, Failure> {
        let client = session.client()?;
        if self.follow {
            return Following { session, client, is_json, cursor: self.after }.until_interrupted().await;
        }
        Ok(listed(session.console.width, page(&client, self.after, self.limit).await?))
    }
}

async fn page(client: &Client, after: i64, limit: Option<u32>) -> Result<Answer<Page>, Failure> {
    client.ask(Call::get(&["consent-events"]).with("after", Some(after)).with("limit", limit)).await
}

fn listed(width: u16, Answer { value, json }: Answer<Page>) -> Shown {
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
        "nothing new".to_owned()
    } else {
        table(width, &columns, value.events.iter().map(|event| cells(event).to_vec())).to_string()
    };
    let next =
        format!("next: `connector-host consent-events --after {}` shows what comes then", value.cursor);
    Shown { people: format!("{people}\n{next}"), json, exit: Exit::Done }
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

/// The feed as it goes on.
struct Following<'a> {
    session: &'a Session,
    client: Client,
    is_json: bool,
    /// What was told last.
    cursor: i64,
}

impl Following<'_> {
    /// Until ctrl-c, or until the output is closed.
    async fn until_interrupted(mut self) -> Result<Shown, Failure> {
        let session = self.session;
        let ended = session.unless_interrupted("waiting for what people choose", self.all()).await;
        session.console.complain(&format!("next: --after {} goes on from here", self.cursor));
        ended.unwrap_or(Ok(())).map(|()| Shown::told_as_it_came(Exit::Done))
    }

    async fn all(&mut self) -> Result<(), Failure> {
        loop {
            let Answer { value, json } = page(&self.client, self.cursor, None).await?;
            let documents = json.get("events").and_then(Value::as_array).into_iter().flatten();
            for (event, document) in value.events.iter().zip(documents) {
                if !self.print(event, document)? {
                    return Ok(());
                }
                self.cursor = event.cursor;
            }
            if value.events.is_empty() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Prints one event. Returns whether the output is still open.
    fn print(&self, event: &ConsentEvent, document: &Value) -> Result<bool, Failure> {
        let line = if self.is_json { document.to_string() } else { line(event) };
        let told = self.session.console.go_on_printing(&line);
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
