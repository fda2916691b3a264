//! `confirm`: looks whether an erasure has taken effect.

use clap::Args;

use super::{Failure, Shown, erase, person::Person, session::Session};
use crate::contract::erasure::PendingErasure;

#[derive(Debug, Args)]
pub(super) struct Confirm {
    /// The connection's key in the configuration.
    connection: String,
    #[command(flatten)]
    person: Person,
    /// What the erasure, or the last look at it, gave as its reference.
    #[arg(long)]
    reference: Option<String>,
}

impl Confirm {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        let subject = self.person.subject(&session.console)?;
        let calls = session.calls(&self.connection).await?;
        let pending = [PendingErasure { subject, reference: self.reference }];
        let receipts = session.ask(&calls, calls.confirm(&pending)).await?;
        // As many receipts as erasures were asked about: the sandbox ends any other call.
        let receipt = receipts
            .first()
            .ok_or_else(|| Failure::of_connection(&self.connection, "it answered with no receipt"))?;
        Ok(erase::shown(&self.connection, receipt))
    }
}
