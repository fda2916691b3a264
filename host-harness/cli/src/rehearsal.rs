//! `--dry-run`: sends the requests that only read, and shows the others instead.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::json;

use super::{exit::Exit, failure::Failure, output::CommandOutput, session::Session, trace};
use host_harness::{
    egress::{Exchange, Trace, TraceEvent},
    host::dry_run,
    sandbox::Calls,
};

/// What a dry run keeps of the requests that it did not send.
pub(super) struct Rehearsal {
    connection: String,
    unsent: Arc<Mutex<Vec<Exchange>>>,
}

impl Rehearsal {
    /// The same calls, which now change nothing, and a record of the requests that they do not send.
    pub(super) fn of(calls: Calls, session: &Session) -> (Self, Calls) {
        let connection = calls.connection().key.clone();
        let unsent = Arc::<Mutex<Vec<Exchange>>>::default();
        let kept = Arc::clone(&unsent);
        let tracer = session.trace.then(|| session.tracer());
        let trace = Trace::new(move |event| match (event, &tracer) {
            (TraceEvent::Exchange(exchange), _) if exchange.acts => kept.lock().push(exchange.clone()),
            (event, Some(tracer)) => tracer.trace(event),
            (_, None) => {}
        });
        (Self { connection, unsent }, calls.with_egress(dry_run()).traced(trace))
    }

    /// The requests that would have been sent; if there are none, the answer itself, which then is based on real
    /// answers only. A refusal after the first such request may be due to the made-up answer to it.
    pub(super) fn with_requests(
        self,
        answer: Result<CommandOutput, Failure>,
    ) -> Result<CommandOutput, Failure> {
        let unsent = std::mem::take(&mut *self.unsent.lock());
        let (refusal, answer, exit) = match answer {
            Ok(answer) if unsent.is_empty() => (None, Some(answer.people), answer.exit),
            Ok(_) => (None, None, Exit::Done),
            Err(Failure::Refused { error, .. }) if !unsent.is_empty() => (Some(error), None, Exit::Refused),
            Err(failure) => return Err(failure),
        };
        let what = match unsent.len() {
            0 => "no request that changes something would be sent",
            1 => "this request would be sent:",
            _ => "these requests would be sent:",
        };
        let mut parts = vec![format!("connection {}: {what}", self.connection)];
        parts.extend(unsent.iter().map(trace::request));
        parts.extend(answer);
        parts.extend(refusal.as_ref().map(|error| {
            format!("The connector then failed, which may be due to the empty answer of a dry run: {error}")
        }));
        parts.push("Dry run: nothing was changed at the vendor.".to_owned());
        let requests: Vec<_> = unsent.iter().map(json_of).collect();
        let json = json!({
            "connection": self.connection,
            "dry_run": true,
            "requests": requests,
            "refusal": refusal,
        });
        Ok(CommandOutput { people: parts.join("\n\n"), json, exit })
    }
}

fn json_of(exchange: &Exchange) -> serde_json::Value {
    json!({
        "operation": exchange.operation,
        "request": exchange.line,
        "headers": exchange.headers,
        "body": exchange.body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use host_model::contract::{ConnectorError, ErrorKind};

    fn after(unsent: &[Exchange], answer: Result<CommandOutput, Failure>) -> Result<CommandOutput, Failure> {
        let unsent = Arc::new(Mutex::new(unsent.to_vec()));
        Rehearsal { connection: "newsletter".into(), unsent }.with_requests(answer)
    }

    fn refusal() -> Failure {
        let error = ConnectorError {
            kind: ErrorKind::Other,
            code: "Unread".into(),
            message: "no such answer".into(),
            retry_after_ms: None,
            may_have_acted: false,
        };
        Failure::Refused { connection: "newsletter".into(), error, identifier_kinds: vec![] }
    }

    #[test]
    fn a_dry_run_shows_what_would_go_out_and_says_that_nothing_did() {
        let shown = after(&[trace::tests::forget()], Ok(answer())).unwrap();
        assert_eq!(
            shown.people,
            "connection newsletter: this request would be sent:\n\n\
             > POST https://api.example.com/api/users/forget (users-forget)\n> api-key: [redacted]\n\
             > {\"email\":\"ada@example.com\"}\n\n\
             Dry run: nothing was changed at the vendor."
        );
        assert_eq!(
            shown.json,
            json!({
                "connection": "newsletter",
                "dry_run": true,
                "requests": [{
                    "operation": "users-forget",
                    "request": "POST https://api.example.com/api/users/forget",
                    "headers": [["api-key", "[redacted]"]],
                    "body": "{\"email\":\"ada@example.com\"}",
                }],
                "refusal": null,
            })
        );
        assert_eq!(shown.exit, Exit::Done);
    }

    /// The connector's answer.
    fn answer() -> CommandOutput {
        CommandOutput { people: "all refused".into(), json: json!({}), exit: Exit::Refused }
    }

    #[test]
    fn if_nothing_would_be_sent_the_answer_is_shown() {
        let shown = after(&[], Ok(answer())).unwrap();
        assert_eq!(
            shown.people,
            "connection newsletter: no request that changes something would be sent\n\nall refused\n\n\
             Dry run: nothing was changed at the vendor."
        );
        assert_eq!(shown.exit, Exit::Refused);
    }

    #[test]
    fn a_refusal_of_the_made_up_answer_does_not_hide_the_requests_and_any_other_is_one() {
        let shown = after(&[trace::tests::forget()], Err(refusal())).unwrap();
        assert!(
            shown.people.contains(
                "\n\nThe connector then failed, which may be due to the empty answer of a dry run: no such \
                 answer (Unread)\n\n"
            ),
            "{}",
            shown.people
        );
        assert_eq!(shown.exit, Exit::Refused);
        assert_eq!(after(&[], Err(refusal())).unwrap_err().exit(), Exit::Refused);
    }
}
