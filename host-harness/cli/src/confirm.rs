//! `confirm`: looks whether an erasure has taken effect.

use clap::Args;

use super::{
    client::{Answer, Call, Client},
    erase,
    failure::Failure,
    person::{Person, identity},
    request,
    session::Session,
    shown::Shown,
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
    /// What the erasure, or the last look at it, gave as its reference.
    #[arg(long)]
    reference: Option<String>,
    /// With --server: the erasure's request, which the service confirms by itself; no person is named then.
    #[arg(long, value_name = "ID", group = "Person", conflicts_with_all = ["email", "user_id", "identifier", "reference"])]
    request: Option<String>,
}

impl Confirm {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        if let Some(client) = session.remote()? {
            return self.remotely(session, &client).await;
        }
        if self.request.is_some() {
            return Err(Failure::misused("--request is for a service: name it with --server"));
        }
        let subject = self.person.subject(&session.console)?;
        let calls = session.calls(&self.connection).await?;
        let pending = [PendingErasure { subject, reference: self.reference }];
        let receipts = session.ask(&calls, calls.confirm(&pending)).await?;
        // As many receipts as erasures were asked about: the sandbox ends any other call.
        let receipt = receipts
            .first()
            .ok_or_else(|| Failure::of_connection(&self.connection, "it answered with no receipt"))?;
        Ok(erase::shown(&self.connection, &receipt.clone().into()))
    }

    async fn remotely(self, session: &Session, client: &Client) -> Result<Shown, Failure> {
        let Some(id) = self.request else {
            let identity = identity(&self.person.subject(&session.console)?)?;
            let asked = ErasureToConfirm { identity, reference: self.reference };
            let call = Call::post(&["connection", &self.connection, "confirm"]).json(&asked);
            let waiting = format!("waiting for the vendor of connection {}", self.connection);
            let Answer { value, json } = session.awaited(&waiting, client.ask::<Receipt>(call)).await?;
            return Ok(Shown { json, ..erase::shown(&self.connection, &value) });
        };
        let answer = client.ask::<RequestReport>(Call::get(&["requests", &id])).await?;
        if answer.value.request.connection != self.connection {
            return Err(Failure::misused(format!("request {id} is not of connection {}", self.connection)));
        }
        Ok(request::shown(session.console.width, answer))
    }
}
