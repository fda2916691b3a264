//! Follows its setting `script`, a JSON list of steps, and reports the result of each. Its manifest needs every rule
//! that the host has for requests.

use serde_json::{Value, json};
use test_guests::{
    base::{
        exports::privacy::saas_connector::connector::{
            Capture, Check, Claim, Error, Exemption, Field, Guest as Connector, Limit, Manifest, Operation,
            Outcome, Place, Settings, TokenSlot,
        },
        privacy::saas_connector::{credentials, http, log, types::ErrorKind},
    },
    erasure::exports::privacy::saas_connector::erasure::{self, PendingErasure, Receipt, Status, Subject},
    parts::{field, operation, secret, setting},
    webhook_token::exports::privacy::saas_connector::webhook_token::{self, Outcome as TokenOutcome},
    webhook_verify::exports::privacy::saas_connector::webhook_verify::{self, Delivery, Verdict},
};

struct Puppet;

impl Connector for Puppet {
    fn describe() -> Manifest {
        Manifest {
            settings: vec![
                setting("domain"),
                setting("script"),
                setting("region"),
                setting("user"),
                secret("api-key"),
                secret("signing-key"),
            ],
            operations: operations(),
            limits: vec![
                Limit { name: "two-an-hour".to_owned(), requests: 2, period_ms: Some(3_600_000) },
                Limit { name: "one-at-a-time".to_owned(), requests: 1, period_ms: None },
            ],
            // Its script says what it sends.
            proves_without: [Claim::EraseAccepted, Claim::ConfirmErased]
                .map(|claim| Exemption { claim, reason: "A script is not checked.".to_owned() })
                .to_vec(),
            webhook_token_slot: Some(TokenSlot { place: Place::Header, name: "authorization".to_owned() }),
            ..test_guests::manifest("puppet")
        }
    }

    /// Returns a check for each step.
    fn test_connection(settings: Settings) -> Result<Vec<Check>, Error> {
        let steps = script(&settings)?;
        Ok(steps.iter().map(|step| check(&settings, step)).collect())
    }
}

impl erasure::Guest for Puppet {
    /// Returns the result of the first step as the evidence.
    fn erase(settings: Settings, _: Subject) -> Result<Receipt, Error> {
        let steps = script(&settings)?;
        let evidence = steps.first().map(|step| check(&settings, step).detail).unwrap_or_default();
        Ok(Receipt { status: Status::Accepted, evidence, reference: None, confirm_after_ms: None })
    }

    /// Returns the number of receipts that the setting `region` says.
    fn confirm(settings: Settings, _: Vec<PendingErasure>) -> Result<Vec<Receipt>, Error> {
        let receipt = Receipt {
            status: Status::Erased,
            evidence: String::new(),
            reference: None,
            confirm_after_ms: None,
        };
        Ok(vec![receipt; of(&settings, "region").parse().unwrap_or_default()])
    }
}

impl webhook_verify::Guest for Puppet {
    /// Reports the token that it saw, whether the host accepts it, and for which hashes and key forms the host accepts
    /// the body's signature.
    fn verify(_: Settings, delivery: Delivery) -> Result<Verdict, Error> {
        let header = |name: &str| {
            delivery.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
        };
        let presented = header("authorization").rsplit(' ').next().unwrap_or_default();
        let signature = bytes_of_hex(header("x-signature"));
        let accepts =
            |hash, form| credentials::accepts_hmac(hash, "signing-key", form, &delivery.body, &signature);
        let accepted: Vec<_> = [
            ("sha1", credentials::Hash::Sha1),
            ("sha256", credentials::Hash::Sha256),
            ("sha512", credentials::Hash::Sha512),
        ]
        .into_iter()
        .flat_map(|(name, hash)| {
            [
                ("text", credentials::KeyForm::Text),
                ("hex", credentials::KeyForm::Hex),
                ("base64", credentials::KeyForm::Base64),
            ]
            .map(|(form_name, form)| (format!("{name} {form_name}"), accepts(hash, form)))
        })
        .filter_map(|(name, accepted)| accepted.then_some(name))
        .collect();
        Ok(Verdict::Unreadable(
            json!({
                "authorization": header("authorization"),
                "token": credentials::accepts_webhook_token(presented),
                "guessed": credentials::accepts_webhook_token(header("x-guess")),
                "hmac": accepted,
            })
            .to_string(),
        ))
    }
}

impl webhook_token::Guest for Puppet {
    fn install(settings: Settings) -> Result<TokenOutcome, Error> {
        let done = check(&settings, &json!({ "send": "install" }));
        if matches!(done.outcome, Outcome::Passed) {
            return Ok(TokenOutcome::Installed);
        }
        Err(error(&done.detail))
    }
}

fn operations() -> Vec<Operation> {
    let json = Some("application/json".to_owned());
    let form = Some("application/x-www-form-urlencoded".to_owned());
    vec![
        Operation {
            query: vec!["page".to_owned()],
            ..with(
                operation("write", "POST", "/write"),
                vec![
                    field(Place::Header, "Authorization", "Bearer {api-key}"),
                    field(Place::Header, "X-Region", "eu {region}"),
                    field(Place::Header, "X-Sub", "{sub}"),
                    field(Place::Query, "key", "{api-key}"),
                ],
            )
        },
        with(
            operation("basic", "GET", "/basic"),
            vec![field(Place::Header, "Authorization", "Basic {user}:{api-key}")],
        ),
        Operation {
            content_type: json.clone(),
            ..with(operation("json", "POST", "/json"), vec![field(Place::Body, "auth.key", "{api-key}")])
        },
        Operation {
            content_type: form.clone(),
            ..with(operation("form", "POST", "/form"), vec![field(Place::Body, "key", "{api-key}")])
        },
        Operation {
            query: vec!["page".to_owned()],
            response_headers: vec!["Link".to_owned(), "Location".to_owned()],
            ..operation("person", "GET", "/people/{person}")
        },
        Operation {
            used_by: Vec::new(),
            content_type: form,
            captures: vec![
                Capture {
                    field: "access_token".to_owned(),
                    secret: "access-token".to_owned(),
                    lifetime: Some("expires_in".to_owned()),
                },
                Capture { field: "refresh_token".to_owned(), secret: "api-key".to_owned(), lifetime: None },
            ],
            ..with(operation("exchange", "POST", "/token"), vec![field(Place::Body, "refresh", "{api-key}")])
        },
        with(
            operation("guarded", "GET", "/guarded"),
            vec![field(Place::Header, "Authorization", "Bearer {access-token}")],
        ),
        Operation { limits: vec!["two-an-hour".to_owned()], ..operation("seldom", "GET", "/seldom") },
        Operation { limits: vec!["two-an-hour".to_owned()], ..operation("seldom-too", "GET", "/seldom-too") },
        Operation { limits: vec!["one-at-a-time".to_owned()], ..operation("alone", "GET", "/alone") },
        Operation { used_by: vec!["erasure".to_owned()], ..operation("forget", "POST", "/forget") },
        Operation { response_limit: Some(2 << 20), ..operation("export", "GET", "/export") },
        Operation {
            used_by: vec!["webhook-token".to_owned()],
            content_type: json,
            ..with(
                operation("install", "PUT", "/webhook"),
                vec![field(Place::Body, "authToken", "{webhook-token}")],
            )
        },
    ]
}

fn with(operation: Operation, fields: Vec<Field>) -> Operation {
    Operation { fields, ..operation }
}

fn of<'a>(settings: &'a Settings, name: &str) -> &'a str {
    settings.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
}

fn script(settings: &Settings) -> Result<Vec<Value>, Error> {
    serde_json::from_str(of(settings, "script"))
        .map_err(|fault| error(&format!("cannot read the script: {fault}")))
}

/// Runs one step: `send` an operation, `log` a line or `tell` all settings.
fn check(settings: &Settings, step: &Value) -> Check {
    if let Some(line) = step["log"].as_str() {
        log::write(log::Level::Info, line);
        return told("log", Outcome::Passed, String::new());
    }
    if step["tell"] == "settings" {
        return told("settings", Outcome::Passed, format!("{settings:?}"));
    }
    let operation = step["send"].as_str().unwrap_or_default();
    let request = http::Request {
        operation: operation.to_owned(),
        values: pairs(&step["values"]),
        query: pairs(&step["query"]),
        body: step["body"].as_str().map(|body| body.as_bytes().to_vec()),
    };
    match http::send(&request) {
        Ok(response) => told(operation, Outcome::Passed, shown(&response).to_string()),
        Err(error) => told(
            operation,
            Outcome::Failed,
            json!({
                "kind": format!("{:?}", error.kind),
                "message": error.message,
                "sent": error.request_sent,
                "wait": error.retry_after_ms,
            })
            .to_string(),
        ),
    }
}

fn shown(response: &http::Response) -> Value {
    let length = response.body.len();
    let body = (length <= 1_000).then(|| String::from_utf8_lossy(&response.body).into_owned());
    json!({
        "status": response.status,
        "headers": response.headers,
        "wait": response.retry_after_ms,
        "length": length,
        "body": body,
    })
}

fn told(name: &str, outcome: Outcome, detail: String) -> Check {
    Check { name: name.to_owned(), outcome, detail }
}

/// `[["name", "value"], …]`.
fn pairs(list: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    list.as_array().into_iter().flatten().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

fn bytes_of_hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .filter_map(|byte| u8::from_str_radix(text.get(2 * byte..2 * byte + 2)?, 16).ok())
        .collect()
}

fn error(message: &str) -> Error {
    Error {
        kind: ErrorKind::Other,
        code: "Puppet".to_owned(),
        message: message.to_owned(),
        retry_after_ms: None,
        may_have_acted: false,
    }
}

test_guests::base::export!(Puppet);
test_guests::erasure::export!(Puppet);
test_guests::webhook_verify::export!(Puppet);
test_guests::webhook_token::export!(Puppet);
