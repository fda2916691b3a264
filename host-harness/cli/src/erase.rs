//! `erase`: erases a person at the vendor.

use clap::Args;
use serde_json::json;

use super::{
    client::Client,
    exit::Exit,
    failure::Failure,
    follow::Submitting,
    observed,
    output::{CommandOutput, coloured},
    person::{Person, identity},
    rehearsal::Rehearsal,
    session::Session,
    words,
};
use host_api::types::{
    erasure::{Receipt, ReceiptStatus},
    requests::{NewAction, NewRequest},
};

#[derive(Debug, Args)]
pub(super) struct EraseCommand {
    /// The connection's key in the configuration.
    connection: String,
    #[command(flatten)]
    person: Person,
    /// Show the requests that would change something, and send none of them.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    submitting: Submitting,
}

impl EraseCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        if let Some(client) = session.remote()? {
            return self.remotely(session, &client).await;
        }
        self.submitting.alone()?;
        let subject = self.person.subject(&session.console)?;
        let calls = session.calls(&self.connection).await?;
        if self.dry_run {
            let (rehearsal, calls) = Rehearsal::of(calls, session);
            let receipt = session.ask(&calls, calls.erase(&subject)).await;
            return rehearsal.with_requests(receipt.map(|receipt| output(&self.connection, &receipt.into())));
        }
        let receipt = session.ask(&calls, calls.erase(&subject)).await?;
        Ok(output(&self.connection, &receipt.into()))
    }

    async fn remotely(self, session: &Session, client: &Client) -> Result<CommandOutput, Failure> {
        if self.dry_run {
            return Err(Failure::misused("--dry-run cannot be combined with --server: nothing was sent"));
        }
        let identity = identity(&self.person.subject(&session.console)?)?;
        let body = NewRequest { action: NewAction::Erasure, identity, callback: self.submitting.callback() };
        self.submitting.submit(session, client, &["connection", &self.connection, "requests"], &body).await
    }
}

/// A receipt of an erasure or of a later confirmation.
pub(super) fn output(connection: &str, receipt: &Receipt) -> CommandOutput {
    let exit = Exit::from(receipt);
    let status = match receipt.status {
        ReceiptStatus::Accepted => "accepted",
        ReceiptStatus::Erased => "erased",
        ReceiptStatus::NotFound => "not found",
    };
    let meaning = match receipt.status {
        ReceiptStatus::Accepted => ", but not yet proven: the vendor is working on it",
        ReceiptStatus::Erased => ": the person is gone",
        ReceiptStatus::NotFound => ": there was nothing to erase",
    };
    let mut lines = vec![format!("connection {connection}: {}{meaning}", coloured(status, exit))];
    if !receipt.evidence.is_empty() {
        lines.push(format!("evidence: {}", receipt.evidence));
    }
    lines
        .extend(receipt.observed.as_ref().map(|observed| format!("observed: {}", observed::words(observed))));
    lines.extend(receipt.reference.as_ref().map(|reference| format!("reference: {reference}")));
    lines.extend(next(connection, receipt).map(|next| format!("next: {next}")));
    let json = json!({
        "connection": connection,
        "status": receipt.status,
        "evidence": receipt.evidence,
        "reference": receipt.reference,
        "confirm_after_ms": receipt.confirm_after_ms,
        "observed": receipt.observed,
    });
    CommandOutput { people: lines.join("\n"), json, exit }
}

fn next(connection: &str, receipt: &Receipt) -> Option<String> {
    let Some(wait) = receipt.confirm_after_ms else {
        let open = receipt.status == ReceiptStatus::Accepted;
        return open.then(|| "nothing more: this vendor never provides more proof than this".to_owned());
    };
    let reference = receipt.reference.as_deref();
    let reference = reference.map_or_else(String::new, |r| format!(" --reference {}", words::argument(r)));
    Some(format!(
        "in {}, run `connector-host confirm {connection}{reference}` with the same person",
        words::duration(wait)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::plain;
    use host_api::types::observed::Observed;

    fn receipt(status: ReceiptStatus, reference: Option<&str>, confirm_after_ms: Option<u64>) -> Receipt {
        Receipt {
            status,
            evidence: "200 Success".into(),
            reference: reference.map(str::to_owned),
            confirm_after_ms,
            observed: Some(Observed { names_person: true, ..Observed::default() }),
        }
    }

    #[test]
    fn an_accepted_erasure_says_what_to_run_next_and_when() {
        let shown = output("newsletter", &receipt(ReceiptStatus::Accepted, Some("job 17"), Some(600_000)));
        assert_eq!(
            plain(&shown.people),
            "connection newsletter: accepted, but not yet proven: the vendor is working on it\n\
             evidence: 200 Success\n\
             observed: no request\n\
             reference: job 17\n\
             next: in 10 minutes, run `connector-host confirm newsletter --reference 'job 17'` with the same person"
        );
        assert_eq!(
            shown.json,
            json!({
                "connection": "newsletter",
                "status": "accepted",
                "evidence": "200 Success",
                "reference": "job 17",
                "confirm_after_ms": 600_000,
                "observed": { "requests": [], "names_person": true, "exempt": [] },
            })
        );
        assert_eq!(shown.exit, Exit::Unproven);
    }

    #[test]
    fn an_erasure_that_the_vendor_never_shows_says_so() {
        assert_eq!(
            plain(&output("newsletter", &receipt(ReceiptStatus::Accepted, None, None)).people),
            "connection newsletter: accepted, but not yet proven: the vendor is working on it\n\
             evidence: 200 Success\n\
             observed: no request\n\
             next: nothing more: this vendor never provides more proof than this"
        );
    }

    #[test]
    fn a_proven_erasure_and_an_unknown_person_are_both_done() {
        let erased = output("newsletter", &receipt(ReceiptStatus::Erased, None, None));
        assert_eq!(
            plain(&erased.people),
            "connection newsletter: erased: the person is gone\nevidence: 200 Success\n\
             observed: no request"
        );
        assert_eq!(erased.exit, Exit::Done);
        let nobody = output("newsletter", &receipt(ReceiptStatus::NotFound, None, Some(60_000)));
        assert_eq!(
            plain(&nobody.people),
            "connection newsletter: not found: there was nothing to erase\nevidence: 200 Success\n\
             observed: no request\n\
             next: in 1 minute, run `connector-host confirm newsletter` with the same person"
        );
    }
}
