//! `verify-webhook`: checks that a delivery is the vendor's and reads it.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::Args;
use serde_json::{Value, json};

use super::{
    Console, Exit, Failure, Shown,
    session::Session,
    shown::{detail, toned},
};
use crate::{
    contract::webhook::{ConsentEvent, Delivery, Verdict},
    webhook::Admitted,
};

#[derive(Args)]
pub(super) struct VerifyWebhook {
    /// The connection's key in the configuration, where `webhook-tokens` names the accepted tokens.
    connection: String,
    /// A header of the delivery, as `NAME: VALUE`. May be given several times.
    #[arg(long, value_name = "HEADER")]
    header: Vec<String>,
    /// The file with the delivery's body; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    body: PathBuf,
    /// The whole address that the vendor called; the connection's `webhook-url` where it is left out.
    #[arg(long)]
    url: Option<String>,
    /// The delivery's method.
    #[arg(long, default_value = "POST")]
    method: String,
}

/// Its headers hold the token.
impl std::fmt::Debug for VerifyWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VerifyWebhook")
    }
}

impl VerifyWebhook {
    pub(super) async fn run(self, session: &Session) -> Result<Shown, Failure> {
        session.only_alone(
            "verify-webhook",
            "a service verifies each delivery as it comes: `connector-host delivery list` shows them",
        )?;
        let headers = self.header.iter().map(|header| name_and_value(header)).collect::<Result<_, _>>()?;
        let body = body(&self.body, &session.console)?;
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
        let admitted = Admitted::at_the_door(connection, calls.plugin().manifest(), delivery);
        let verdict = session.ask(&calls, calls.verify(&admitted)).await?;
        Ok(shown(&self.connection, &verdict))
    }
}

/// A header may be a token in a wrong form, so no error shows it.
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

fn body(file: &Path, console: &Console) -> Result<Vec<u8>, Failure> {
    let read = if file == Path::new("-") { console.rest() } else { std::fs::read(file) };
    read.map_err(|error| Failure::misused(format!("--body: cannot read {}: {error}", file.display())))
}

/// The people in a delivery are shown: whoever asks has its body.
fn shown(connection: &str, verdict: &Verdict) -> Shown {
    let exit = Exit::from(verdict);
    let (word, events, why) = match verdict {
        Verdict::Authentic(events) => ("authentic", events.as_slice(), None),
        Verdict::Unauthenticated(why) => ("unauthenticated", [].as_slice(), Some(why)),
        Verdict::Unreadable(why) => ("unreadable", [].as_slice(), Some(why)),
    };
    let about = match why {
        Some(why) => why.as_str(),
        None if events.is_empty() => "the vendor's, and no choice in it",
        None => "",
    };
    let mut lines = vec![format!("connection {connection}: {}{}", toned(word, exit), detail(about))];
    lines.extend(events.iter().flat_map(told));
    let events: Vec<_> = events.iter().map(json_of).collect();
    let json = json!({"connection": connection, "verdict": word, "why": why, "events": events});
    Shown { people: lines.join("\n"), json, exit }
}

fn told(event: &ConsentEvent) -> Vec<String> {
    let who: Vec<_> =
        event.subject.identifiers().iter().map(|known| format!("{} {}", known.kind, known.value)).collect();
    let mut lines = vec![format!("  {} chose ({})", who.join(", "), event.key)];
    for preference in &event.preferences {
        let at = i64::try_from(preference.chosen_at_ms)
            .ok()
            .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        let at = at.map_or_else(|| format!("{} ms", preference.chosen_at_ms), |at| at.to_string());
        lines.push(format!("    {} {}, {at}, {}", preference.choice, preference.item, preference.source));
    }
    lines
}

fn json_of(event: &ConsentEvent) -> Value {
    let subject: Vec<_> = event
        .subject
        .identifiers()
        .iter()
        .map(|known| json!({"kind": known.kind, "value": known.value}))
        .collect();
    let preferences: Vec<_> = event
        .preferences
        .iter()
        .map(|made| {
            json!({"item": made.item, "choice": made.choice, "chosen-at-ms": made.chosen_at_ms, "source": made.source})
        })
        .collect();
    json!({"key": event.key, "subject": subject, "preferences": preferences})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::tests::plain,
        contract::{
            Subject,
            consent::{Choice, Preference},
        },
    };

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
            key: "k1".into(),
        };
        let shown = shown("newsletter", &Verdict::Authentic(vec![event]));
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
                        "choice": "opt-out",
                        "chosen-at-ms": 1_700_000_000_000_u64,
                        "source": "EmailLink",
                    }],
                }],
            })
        );
    }

    #[test]
    fn what_is_of_no_concern_and_what_is_refused_is_said() {
        for (verdict, told, exit) in [
            (Verdict::Authentic(vec![]), "authentic: the vendor's, and no choice in it", Exit::Done),
            (Verdict::Unauthenticated("no token".into()), "unauthenticated: no token", Exit::Refused),
            (Verdict::Unreadable("no JSON".into()), "unreadable: no JSON", Exit::Refused),
        ] {
            let shown = shown("newsletter", &verdict);
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
