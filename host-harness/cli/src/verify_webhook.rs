//! `verify-webhook`: verifies that a delivery comes from the vendor, and reads it.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use clap::Args;
use serde_json::json;

use super::{
    client::{ApiCall, ApiResponse, Client},
    exit::Exit,
    failure::Failure,
    on_version::OnVersionOption,
    output::{CommandOutput, coloured, detail},
    session::Session,
    words::{list, timestamp},
};
use host_api::types::deliveries::{Authenticity, DeliveryEvent, DeliveryVerdict, TrialDelivery};
use host_harness::door::AdmittedDelivery;
use host_model::contract::{consent::Choice, webhook::Delivery};

#[derive(Args)]
pub(super) struct VerifyWebhookCommand {
    /// The connection's key in the configuration. Its `webhook-tokens` name the accepted tokens.
    connection: String,
    /// A header of the delivery, as `NAME: VALUE`. May be given several times.
    #[arg(long, value_name = "HEADER")]
    header: Vec<String>,
    /// The file with the delivery's body; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    body: PathBuf,
    /// The full URL that the vendor called [default: the connection's `webhook-url`].
    #[arg(long)]
    url: Option<String>,
    /// The delivery's method.
    #[arg(long, default_value = "POST")]
    method: String,
    #[command(flatten)]
    on: OnVersionOption,
}

/// Does not print the headers, which contain the token.
impl std::fmt::Debug for VerifyWebhookCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VerifyWebhook")
    }
}

impl VerifyWebhookCommand {
    pub(super) async fn run(self, session: &Session) -> Result<CommandOutput, Failure> {
        let headers = self.header.iter().map(|header| name_and_value(header)).collect::<Result<_, _>>()?;
        let body = session.console.contents(&self.body)?;
        match session.remote()? {
            Some(client) => self.remotely(session, &client, headers, &body).await,
            None => self.alone(session, headers, body).await,
        }
    }

    async fn remotely(
        self,
        session: &Session,
        client: &Client,
        headers: Headers,
        body: &[u8],
    ) -> Result<CommandOutput, Failure> {
        let body = BASE64.encode(body);
        let delivery = TrialDelivery { method: Some(self.method), url: self.url, headers, body };
        let call = ApiCall::post(&["connection", &self.connection, "verify-webhook"]).json(&delivery);
        let call = self.on.add_to(call);
        Ok(output(session.awaited("waiting for the service to read it", client.ask(call)).await?))
    }

    async fn alone(
        self,
        session: &Session,
        headers: Headers,
        body: Vec<u8>,
    ) -> Result<CommandOutput, Failure> {
        self.on.check_absent()?;
        let calls = session.calls(&self.connection).await?;
        let connection = calls.connection();
        let own = connection.settings.get("webhook-url");
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let delivery = Delivery {
            method: self.method,
            url: self.url.or_else(|| own.cloned()).unwrap_or_default(),
            headers,
            body,
            received_at_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        };
        let admitted = AdmittedDelivery::admit(connection, calls.plugin().manifest(), delivery);
        let verdict = session.ask(&calls, calls.verify(&admitted)).await?;
        let value = DeliveryVerdict::of(self.connection, verdict);
        Ok(output(ApiResponse { json: json!(value), value }))
    }
}

/// Names in lower case with their values.
type Headers = Vec<(String, String)>;

/// A header may be a mistyped token, so no error shows it.
fn name_and_value(header: &str) -> Result<(String, String), Failure> {
    let (name, value) = header.split_once(':').unwrap_or_default();
    let name = name.trim().to_ascii_lowercase();
    if name.is_empty() {
        return Err(Failure::misused(
            "--header: expected NAME: VALUE, such as 'Content-Type: application/json'",
        ));
    }
    Ok((name, value.trim().to_owned()))
}

/// Shows the people in a delivery, since the operator already has its body.
fn output(ApiResponse { value, json }: ApiResponse<DeliveryVerdict>) -> CommandOutput {
    let DeliveryVerdict { connection, verdict, why, events } = &value;
    let (word, exit) = match verdict {
        Authenticity::Authentic => ("authentic", Exit::Done),
        Authenticity::Unauthenticated => ("unauthenticated", Exit::Refused),
        Authenticity::Unreadable => ("unreadable", Exit::Refused),
    };
    let no_choice = (exit == Exit::Done && events.is_empty()).then_some("contains no choices");
    let about = detail(why.as_deref().or(no_choice).unwrap_or_default());
    let mut lines = vec![format!("connection {connection}: {}{about}", coloured(word, exit))];
    lines.extend(events.iter().flat_map(event_lines));
    CommandOutput { people: lines.join("\n"), json, exit }
}

fn event_lines(event: &DeliveryEvent) -> Vec<String> {
    let who = list(event.subject.iter().map(|known| format!("{} {}", known.kind, known.value)));
    let mut lines = vec![format!("  {who} chose ({})", event.key)];
    lines.extend(event.preferences.iter().map(|made| {
        let at = timestamp(i64::try_from(made.chosen_at_ms).unwrap_or(i64::MAX));
        format!("    {} {}, {at}, {}", Choice::from(made.choice), made.item, made.source)
    }));
    lines.extend(event.changed.iter().map(|item| format!("    {item} changed without a choice")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::plain;
    use host_model::contract::{
        Subject,
        consent::Preference,
        webhook::{ConsentEvent, Verdict},
    };

    fn answer(verdict: Verdict) -> ApiResponse<DeliveryVerdict> {
        let value = DeliveryVerdict::of("newsletter".into(), verdict);
        ApiResponse { json: json!(value), value }
    }

    #[test]
    fn an_authentic_delivery_is_read() {
        let event = ConsentEvent {
            subject: Subject::email("ada@example.com").and("user-id", "u-17"),
            preferences: vec![Preference {
                item: "channel:1".parse().unwrap(),
                choice: Choice::OptOut,
                chosen_at_ms: 1_700_000_000_000,
                source: "EmailLink".into(),
            }],
            changed: Vec::new(),
            key: "k1".into(),
        };
        let shown = output(answer(Verdict::Authentic(vec![event])));
        assert_eq!(
            plain(&shown.people),
            "connection newsletter: authentic\n  email ada@example.com, user-id u-17 chose (k1)\n    \
             opt-out channel:1, 2023-11-14T22:13:20Z, EmailLink"
        );
        assert_eq!(
            shown.json,
            json!({
                "connection": "newsletter",
                "verdict": "authentic",
                "why": null,
                "events": [{
                    "key": "k1",
                    "subject": [
                        {"kind": "email", "value": "ada@example.com"},
                        {"kind": "user-id", "value": "u-17"},
                    ],
                    "preferences": [{
                        "item": {"kind": "channel", "id": "1"},
                        "choice": "opt_out",
                        "chosen_at_ms": 1_700_000_000_000_u64,
                        "source": "EmailLink",
                    }],
                    "changed": [],
                }],
            })
        );
    }

    #[test]
    fn what_is_of_no_concern_and_what_is_refused_is_said() {
        for (verdict, told, exit) in [
            (Verdict::Authentic(vec![]), "authentic: contains no choices", Exit::Done),
            (Verdict::Unauthenticated("no token".into()), "unauthenticated: no token", Exit::Refused),
            (Verdict::Unreadable("no JSON".into()), "unreadable: no JSON", Exit::Refused),
        ] {
            let shown = output(answer(verdict));
            assert_eq!(plain(&shown.people), format!("connection newsletter: {told}"));
            assert_eq!(shown.exit, exit);
        }
    }

    #[test]
    fn a_header_is_split_at_its_first_colon_and_never_shown() {
        assert_eq!(
            name_and_value("Authorization: OAuth2 a:b ").unwrap(),
            ("authorization".to_owned(), "OAuth2 a:b".to_owned())
        );
        for wrong in ["t-0123456789", ": t-0123456789", ""] {
            assert_eq!(
                name_and_value(wrong).unwrap_err().people(),
                "error: --header: expected NAME: VALUE, such as 'Content-Type: application/json'"
            );
        }
    }
}
