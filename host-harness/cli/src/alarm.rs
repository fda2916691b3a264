//! `alarm`: what an operator has to look at.

use clap::Subcommand;

use super::{
    client::{Answer, Call},
    exit::Exit,
    failure::Failure,
    session::Session,
    shown::{ID, Shown, table},
    words::{date, optional, with_reason},
};
use host_api::types::alarms::{Alarm as Raised, Alarms, Clearing};

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
            Self::List => Ok(listed(session.console.width, client.ask(Call::get(&["alarms"])).await?)),
            Self::Clear { id, note } => {
                let call = Call::post(&["alarms", &id, "clear"]).json(&Clearing { note });
                let Answer { value, json } = client.ask::<Raised>(call).await?;
                let people = format!("alarm {id} is cleared: {}", value.detail);
                Ok(Shown { people, json, exit: Exit::Done })
            }
        }
    }
}

fn listed(width: u16, Answer { value, json }: Answer<Alarms>) -> Shown {
    let columns = [("id", ID), ("connection", None), ("since", None), ("what", None)];
    let rows = value.alarms.iter().map(|alarm| {
        let (connection, since) = (optional(alarm.connection.as_ref()), date(alarm.raised_at));
        vec![alarm.id.clone(), connection, since, with_reason(&alarm.kind, Some(&alarm.detail))]
    });
    Shown { people: table(width, &columns, rows).to_string(), json, exit: Exit::Done }
}
