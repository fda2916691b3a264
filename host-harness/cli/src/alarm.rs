//! `alarm`: lists and clears the alarms that need an operator's attention.
//! Tested in `src/tests/server/requests.rs`.

use clap::Subcommand;

use super::{
    client::{ApiCall, ApiResponse},
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, ID, table},
    session::Session,
    words::{date, optional, with_reason},
};
use host_api::types::alarms::{Alarm as Raised, Alarms, Clearing};

#[derive(Debug, Subcommand)]
pub(super) enum AlarmCommand {
    /// List the open alarms.
    List,
    /// Clear an alarm in the name of the API key. The same cause may raise it again.
    Clear {
        /// The alarm's id.
        id: String,
        /// What was done about it; must not contain personal data.
        #[arg(long)]
        note: Option<String>,
    },
}

impl AlarmCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let client = session.client()?;
        match self {
            Self::List => Ok(listed(session.console.width, client.ask(ApiCall::get(&["alarms"])).await?)),
            Self::Clear { id, note } => {
                let call = ApiCall::post(&["alarms", &id, "clear"]).json(&Clearing { note });
                let ApiResponse { value, json } = client.ask::<Raised>(call).await?;
                let people = format!("alarm {id} is cleared: {}", value.detail);
                Ok(CommandOutput { people, json, exit: Exit::Done })
            }
        }
    }
}

fn listed(width: u16, ApiResponse { value, json }: ApiResponse<Alarms>) -> CommandOutput {
    let columns = [("id", ID), ("connection", None), ("since", None), ("what", None)];
    let rows = value.alarms.iter().map(|alarm| {
        let (connection, since) = (optional(alarm.connection.as_ref()), date(alarm.raised_at));
        vec![alarm.id.clone(), connection, since, with_reason(&alarm.kind, Some(&alarm.detail))]
    });
    CommandOutput { people: table(width, &columns, rows).to_string(), json, exit: Exit::Done }
}
