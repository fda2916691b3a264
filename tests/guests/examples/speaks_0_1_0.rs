//! Built against the released contract 0.1.0, with every capability: like a component that was published before the
//! host supported a newer version.

use exports::privacy::saas_connector::{
    connector::{self, Check, Manifest, Operation, Outcome, SettingSpec},
    consent::{self, Change, Held, Item, ItemReport, Report, Standing},
    erasure::{self, PendingErasure, Receipt, Status},
    webhook_token,
    webhook_verify::{self, ConsentEvent, Delivery, Verdict},
};
use privacy::saas_connector::{
    credentials, http, log,
    types::{Choice, Error, ErrorKind, ItemId, Preference, Settings, Subject},
};

#[expect(unsafe_code, clippy::pedantic, reason = "generated from wit/released/0.1.0")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/released/0.1.0",
        world: "saas-connector",
    });

    export!(Released);
    use super::Released;
}
use bindings::{exports, privacy};

struct Released;

impl connector::Guest for Released {
    fn describe() -> Manifest {
        let operation = |name: &str, method: &str| Operation {
            name: name.to_owned(),
            purpose: format!("Shows {name}"),
            used_by: ["connector", "erasure", "consent"].map(str::to_owned).to_vec(),
            host_setting: "domain".to_owned(),
            method: method.to_owned(),
            path: format!("/{name}"),
            query: Vec::new(),
            content_type: None,
            fields: Vec::new(),
            captures: Vec::new(),
            response_headers: Vec::new(),
            response_limit: None,
            limits: Vec::new(),
            repeatable: false,
        };
        Manifest {
            name: "released".to_owned(),
            version: "1.0.0".to_owned(),
            vendor: "Example".to_owned(),
            documentation: "https://example.com".to_owned(),
            settings: vec![SettingSpec {
                name: "domain".to_owned(),
                label: "Domain".to_owned(),
                description: "The vendor's host".to_owned(),
                required: true,
                secret: false,
                default: None,
                options: Vec::new(),
            }],
            operations: vec![operation("look", "GET"), operation("search", "POST")],
            limits: Vec::new(),
            webhook_token_slot: None,
            identifier_kinds: ["email", "user-id"].map(str::to_owned).to_vec(),
            item_kinds: vec!["channel".to_owned()],
        }
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        log::write(log::Level::Info, "checks with 0.1.0");
        let outcome = if send("look").is_ok() { Outcome::Passed } else { Outcome::Failed };
        Ok(vec![Check { name: "look".to_owned(), outcome, detail: String::new() }])
    }
}

impl erasure::Guest for Released {
    fn erase(_: Settings, _: Subject) -> Result<Receipt, Error> {
        send("search")?;
        Ok(receipt(Status::Accepted))
    }

    fn confirm(_: Settings, erasures: Vec<PendingErasure>) -> Result<Vec<Receipt>, Error> {
        send("look")?;
        Ok(erasures.iter().map(|_| receipt(Status::Erased)).collect())
    }
}

impl consent::Guest for Released {
    fn list_items(_: Settings) -> Result<Vec<Item>, Error> {
        Ok(vec![Item { id: channel(), name: "News".to_owned(), parent: None }])
    }

    fn current(_: Settings, _: Subject) -> Result<Option<Vec<Held>>, Error> {
        send("look")?;
        Ok(Some(vec![Held { item: channel(), choice: Choice::OptOut }]))
    }

    fn apply(_: Settings, _: Subject, preferences: Vec<Preference>) -> Result<Report, Error> {
        let applied = |preference: Preference| ItemReport {
            item: preference.item,
            change: Change::Applied,
            detail: String::new(),
        };
        send("search")?;
        let items = preferences.into_iter().map(applied).collect();
        Ok(Report { items, standing: Standing::Known, settles_after_ms: None })
    }
}

impl webhook_verify::Guest for Released {
    fn verify(_: Settings, delivery: Delivery) -> Result<Verdict, Error> {
        if credentials::accepts_webhook_token("none") {
            return Ok(Verdict::Unauthenticated("there is no token".to_owned()));
        }
        let preference = Preference {
            item: channel(),
            choice: Choice::OptOut,
            chosen_at_ms: delivery.received_at_ms,
            source: "link".to_owned(),
        };
        let event = ConsentEvent { subject: Vec::new(), preferences: vec![preference], key: "1".to_owned() };
        Ok(Verdict::Authentic(vec![event]))
    }
}

impl webhook_token::Guest for Released {
    fn install(_: Settings) -> Result<webhook_token::Outcome, Error> {
        Ok(webhook_token::Outcome::Manual)
    }
}

fn send(operation: &str) -> Result<http::Response, Error> {
    let request =
        http::Request { operation: operation.to_owned(), values: Vec::new(), query: Vec::new(), body: None };
    http::send(&request).map_err(|error| Error {
        kind: ErrorKind::Unavailable,
        code: "NotSent".to_owned(),
        message: error.message,
        retry_after_ms: None,
        may_have_acted: error.request_sent,
    })
}

fn receipt(status: Status) -> Receipt {
    Receipt { status, evidence: String::new(), reference: None, confirm_after_ms: None }
}

fn channel() -> ItemId {
    ItemId { kind: "channel".to_owned(), id: "1".to_owned() }
}
