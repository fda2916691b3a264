//! `person`: people whom a service once took for one.

use clap::Subcommand;
use serde_json::Value;

use super::{
    client::Call,
    document::{list, minute, text},
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::{Shown, table},
};

#[derive(Debug, Subcommand)]
pub(super) enum People {
    /// List the connections where several people shared one record, with the requests that may have gone to the wrong person.
    Merged,
}

impl People {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let Self::Merged = self;
        let json = session.client()?.ask(Call::get(&["people", "merged"])).await?;
        let merged = list(&json, "connections");
        if merged.is_empty() {
            let people = "no connection has people who shared a record".to_owned();
            return Ok(Shown { people, json, exit: Exit::Done });
        }
        let columns = [
            ("connection", None),
            ("tenant", None),
            ("told apart", None),
            ("records", None),
            ("people", None),
            ("requests", None),
        ];
        let rows = merged.iter().map(|one| {
            let [connection, tenant, records, people, requests] =
                ["connection", "tenant", "records", "people", "requests"].map(|field| text(one, field));
            vec![connection, tenant, minute(one, "split_at"), records, people, requests]
        });
        let mut parts = vec![table(session.console.width, &columns, rows).to_string()];
        parts.extend(merged.iter().filter_map(requests));
        Ok(Shown { people: parts.join("\n\n"), json, exit: Exit::Done })
    }
}

/// The ids of a connection's requests, a line each; `None` if there are none.
fn requests(merged: &Value) -> Option<String> {
    let ids: Vec<&str> = list(merged, "request_ids").iter().filter_map(Value::as_str).collect();
    let heading = format!("requests of {}:", text(merged, "connection"));
    (!ids.is_empty()).then(|| [&[heading.as_str()], ids.as_slice()].concat().join("\n  "))
}
