//! `person find`: what a service knows of a person.

use clap::Args;
use host_api::types::people::{
    KnownChoice, KnownNoticeChoice, PersonAtConnection, PersonReport, PersonToFind,
};

use crate::{
    client::{ApiCall, ApiResponse},
    exit::Exit,
    failure::Failure,
    output::{CommandOutput, heading},
    person::{Person, identity},
    session::Session,
    words::{timestamp, with_reason},
};

#[derive(Debug, Args)]
pub(crate) struct FindPersonArgs {
    #[command(flatten)]
    person: Person,
    /// Only at this tenant's connections [default: all that the API key can access].
    #[arg(long)]
    tenant: Option<String>,
}

impl FindPersonArgs {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let subject = self.person.subject(&session.console)?;
        let asked = PersonToFind { identity: identity(&subject)?, tenant: self.tenant };
        let call = ApiCall::post(&["people", "find"]).json(&asked);
        let ApiResponse { value, json } = session.client()?.ask::<PersonReport>(call).await?;
        let parts: Vec<String> = value.connections.iter().map(at_connection).collect();
        let people =
            if parts.is_empty() { "no connection knows this person".to_owned() } else { parts.join("\n\n") };
        Ok(CommandOutput { people, json, exit: Exit::Done })
    }
}

fn at_connection(at: &PersonAtConnection) -> String {
    let mut lines = vec![heading(&format!("{} of {}", at.connection, at.tenant))];
    lines.extend(at.erased_at.map(|erased_at| format!("  erased at {}", timestamp(erased_at))));
    lines.extend(at.requests.iter().map(|listed| {
        let request = &listed.request;
        let state = with_reason(&request.state, request.reason.as_deref());
        format!("  {}  {}  {}: {state}", timestamp(request.received_at), request.id, request.action)
    }));
    lines.extend(at.choices.iter().flatten().map(choice));
    lines.extend(at.notices.iter().flatten().map(notice));
    lines.join("\n")
}

fn choice(KnownChoice { item, choice, chosen_at_ms, origin, .. }: &KnownChoice) -> String {
    format!("  {}  {choice} for {item}, from {origin}", since(*chosen_at_ms))
}

fn notice(KnownNoticeChoice { notice_id, choice, chosen_at_ms }: &KnownNoticeChoice) -> String {
    format!("  {}  {choice} for notice {notice_id}", since(*chosen_at_ms))
}

/// The time of a choice, if it is known.
fn since(chosen_at_ms: u64) -> String {
    match i64::try_from(chosen_at_ms) {
        Ok(ms) if ms > 0 => timestamp(ms),
        _ => "time unknown        ".to_owned(),
    }
}
