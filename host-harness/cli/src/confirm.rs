//! `confirm`: checks whether an erasure has taken effect.
//! Tested in `src/tests/server/person.rs`.

use clap::Args;

use super::{
    client::{ApiCall, ApiResponse, Client},
    erase,
    failure::Failure,
    on_version::OnVersionOption,
    output::CommandOutput,
    person::{Person, identity},
    request,
    session::Session,
};
use host_api::types::{
    erasure::{ErasureToConfirm, Receipt},
    requests::RequestReport,
};
use host_model::contract::erasure::PendingErasure;

#[derive(Debug, Args)]
pub(super) struct Confirm {
    /// The connection's key in the configuration.
    connection: String,
    #[command(flatten)]
    person: Person,
    /// The reference that the erasure, or the last `confirm`, returned.
    #[arg(long)]
    reference: Option<String>,
    /// With --server: the id of the erasure's request, which the service confirms by itself. Replaces the person.
    #[arg(long, value_name = "ID", group = "Person", conflicts_with_all = ["email", "user_id", "identifier", "reference", "version"])]
    request: Option<String>,
    #[command(flatten)]
    on: OnVersionOption,
}

impl Confirm {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        if let Some(client) = session.remote()? {
            return self.remotely(session, &client).await;
        }
        if self.request.is_some() {
            return Err(Failure::misused("--request requires a service: name one with --server"));
        }
        self.on.check_absent()?;
        let subject = self.person.subject(&session.console)?;
        let calls = session.calls(&self.connection).await?;
        let pending = [PendingErasure { subject, reference: self.reference }];
        let receipts = session.ask(&calls, calls.confirm(&pending)).await?;
        // One receipt for each erasure asked about: the sandbox ends any other call.
        let receipt = receipts
            .first()
            .ok_or_else(|| Failure::of_connection(&self.connection, "the connector returned no receipt"))?;
        Ok(erase::output(&self.connection, &receipt.clone().into()))
    }

    async fn remotely(self, session: &Session, client: &Client) -> Result<CommandOutput, Failure> {
        let Some(id) = self.request else {
            let identity = identity(&self.person.subject(&session.console)?)?;
            let asked = ErasureToConfirm { identity, reference: self.reference };
            let call = ApiCall::post(&["connection", &self.connection, "confirm"]).json(&asked);
            let call = self.on.add_to(call);
            let waiting = format!("waiting for the vendor of connection {}", self.connection);
            let ApiResponse { value, json } = session.awaited(&waiting, client.ask::<Receipt>(call)).await?;
            return Ok(CommandOutput { json, ..erase::output(&self.connection, &value) });
        };
        let answer = client.ask::<RequestReport>(ApiCall::get(&["requests", &id])).await?;
        if answer.value.request.connection != self.connection {
            return Err(Failure::misused(format!(
                "request {id} does not belong to connection {}",
                self.connection
            )));
        }
        Ok(request::output(session.console.width, answer))
    }
}
