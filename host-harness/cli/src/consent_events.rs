//! `consent-events`: what people chose at vendors, from a cursor on. People are in it: it is the platform's feed.

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::{
    client::{Call, Client},
    document::{list, text, time},
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::{Shown, TIME, table},
};

/// Between two looks for what is new.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(super) struct ConsentEvents {
    /// Those after this cursor, which each answer ends with; 0 begins.
    #[arg(long, value_name = "CURSOR", default_value_t = 0)]
    after: i64,
    /// So many, at most 1,000; 100 where nothing is said.
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

async fn page(client: &Client, after: i64, limit: Option<u32>) -> Result<Value, Failure> {
    client.ask(Call::get(&["consent-events"]).with("after", Some(after)).with("limit", limit)).await
}

fn cursor(page: &Value) -> i64 {
    page.get("cursor").and_then(Value::as_i64).unwrap_or_default()
}

fn listed(width: u16, json: Value) -> Shown {
    let columns = [
        ("cursor", None),
        ("chosen", TIME),
        ("connection", None),
        ("person", None),
        ("choice", None),
        ("about", None),
        ("source", None),
    ];
    let events = list(&json, "events");
    let people = if events.is_empty() {
        "nothing new".to_owned()
    } else {
        table(width, &columns, events.iter().map(|event| cells(event).to_vec())).to_string()
    };
    let people = format!(
        "{people}\nnext: `connector-host consent-events --after {}` shows what comes then",
        cursor(&json)
    );
    Shown { people, json, exit: Exit::Done }
}

fn cells(event: &Value) -> [String; 7] {
    let (choice, about) = match event.get("notice_id_map").and_then(Value::as_object) {
        Some(notices) => {
            let answers = notices.values().filter_map(Value::as_str);
            let ids = notices.keys().map(|id| format!("notice {id}"));
            (answers.collect::<Vec<_>>().join(", "), ids.collect::<Vec<_>>().join(", "))
        }
        None => (text(event, "preference"), item(event.get("item").unwrap_or(&Value::Null))),
    };
    let [connection, person, source] =
        ["connection", "identity_map", "source"].map(|field| text(event, field));
    [text(event, "cursor"), time(event, "event_at"), connection, person, choice, about, source]
}

fn item(item: &Value) -> String {
    let id = format!("{} {}", text(item, "type"), text(item, "external_id"));
    let name = text(item, "name");
    if name.is_empty() { id } else { format!("{id} ({name})") }
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
    /// Until ctrl-c, or until nobody reads.
    async fn until_interrupted(mut self) -> Result<Shown, Failure> {
        let session = self.session;
        let ended = session.unless_interrupted("waiting for what people choose", self.all()).await;
        session.console.complain(&format!("next: --after {} goes on from here", self.cursor));
        ended.unwrap_or(Ok(())).map(|()| Shown::told_as_it_came(Exit::Done))
    }

    async fn all(&mut self) -> Result<(), Failure> {
        loop {
            let page = page(&self.client, self.cursor, None).await?;
            for event in list(&page, "events") {
                if !self.tell(event)? {
                    return Ok(());
                }
                self.cursor = cursor(event);
            }
            if list(&page, "events").is_empty() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Whether somebody still reads.
    fn tell(&self, event: &Value) -> Result<bool, Failure> {
        let line = if self.is_json { event.to_string() } else { line(event) };
        let told = self.session.console.go_on_printing(&line);
        told.map_err(|error| Failure::misused(format!("cannot write to standard output: {error}")))
    }
}

fn line(event: &Value) -> String {
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
            "cursor": 7, "event_at": 1_700_000_000_000_i64, "connection": "n", "source": "EmailLink",
            "identity_map": {"email": "ada@example.com", "external_id": "u-17"},
            "item": {"type": "Channel", "external_id": "1", "name": "News"}, "preference": "opt_out",
        });
        assert_eq!(
            line(&event),
            "2023-11-14T22:13:20Z  connection n: email = ada@example.com, external_id = u-17: opt_out Channel 1 (News), EmailLink"
        );
        event["notice_id_map"] = json!({"marketing": "opt_in"});
        assert_eq!(cells(&event)[4..6], ["opt_in", "notice marketing"]);
    }
}
