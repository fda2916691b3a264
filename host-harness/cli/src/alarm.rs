//! `alarm`: what somebody has to look at.

use clap::Subcommand;
use serde_json::json;

use super::{
    client::Call,
    document::{lines, list, minute, text},
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::{ID, Shown, table},
};

#[derive(Debug, Subcommand)]
pub(super) enum Alarm {
    /// List the alarms that are open.
    List,
    /// Clear an alarm, in the name of the API key. What it was about may raise it again.
    Clear {
        /// Its id.
        id: String,
        /// What was done about it, free of personal data.
        #[arg(long)]
        note: Option<String>,
    },
}

impl Alarm {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let client = session.client()?;
        match self {
            Self::List => {
                let json = client.ask(Call::get(&["alarms"])).await?;
                let columns = [("id", ID), ("connection", None), ("since", None), ("what", None)];
                let rows = list(&json, "alarms").iter().map(|alarm| {
                    let [id, connection, kind, detail] =
                        ["id", "connection", "kind", "detail"].map(|field| text(alarm, field));
                    vec![id, connection, minute(alarm, "raised_at"), lines(&[kind, detail])]
                });
                let people = table(session.console.width, &columns, rows).to_string();
                Ok(Shown { people, json, exit: Exit::Done })
            }
            Self::Clear { id, note } => {
                let call = Call::post(&["alarms", &id, "clear"]).json(&json!({ "note": note }));
                let json = client.ask(call).await?;
                let people = format!("alarm {id} is cleared: {}", text(&json, "detail"));
                Ok(Shown { people, json, exit: Exit::Done })
            }
        }
    }
}
