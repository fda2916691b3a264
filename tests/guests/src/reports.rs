//! What the guests `reports` and `reports_on_trust` share: they send the requests of their setting `send`, and report
//! the outcome of their setting `outcome`, whatever the answers were.
//!
//! `send` lists requests such as `act:202 look:404`: the operation, and the status that the vendor is asked for in the
//! path. `look+ada@example.com:200` names a person.

use crate::{
    base::{
        exports::privacy::saas_connector::connector::{Check, Manifest, Operation, Outcome, Settings},
        privacy::saas_connector::http,
    },
    consent::exports::privacy::saas_connector::consent::{
        Change, Held, ItemReport, Preference, Report, Standing,
    },
    erasure::exports::privacy::saas_connector::erasure::{Receipt, Status},
    parts::{operation, setting},
    webhook_token::exports::privacy::saas_connector::webhook_token::Outcome as TokenOutcome,
};

/// The manifest of such a guest.
pub fn manifest(name: &str) -> Manifest {
    let used_by = ["erasure", "consent", "webhook-token"].map(str::to_owned).to_vec();
    let operation = |name, method, path| Operation {
        used_by: used_by.clone(),
        query: vec!["person".to_owned()],
        ..operation(name, method, path)
    };
    Manifest {
        settings: vec![setting("domain"), setting("send"), setting("outcome")],
        operations: vec![
            operation("act", "POST", "/act/{status}"),
            operation("look", "GET", "/look/{status}"),
        ],
        item_kinds: vec!["channel".to_owned()],
        ..crate::manifest(name)
    }
}

/// A check that passes.
pub fn checks() -> Vec<Check> {
    vec![Check { name: "report".to_owned(), outcome: Outcome::Passed, detail: String::new() }]
}

/// A receipt after the requests. The outcome `accepted-for-now` asks for a confirmation.
pub fn receipt(settings: &Settings) -> Receipt {
    send(settings);
    let outcome = of(settings, "outcome");
    Receipt {
        status: match outcome {
            "erased" => Status::Erased,
            "not-found" => Status::NotFound,
            _ => Status::Accepted,
        },
        evidence: String::new(),
        reference: None,
        confirm_after_ms: (outcome == "accepted-for-now").then_some(1),
    }
}

/// The choices of a person, after the requests.
pub fn held(settings: &Settings) -> Option<Vec<Held>> {
    send(settings);
    (of(settings, "outcome") != "unknown").then(Vec::new)
}

/// The same change for every preference, after the requests.
pub fn report(settings: &Settings, preferences: Vec<Preference>) -> Report {
    send(settings);
    let change = match of(settings, "outcome") {
        "applied" => Change::Applied,
        "unchanged" => Change::Unchanged,
        "pending" => Change::Pending,
        _ => Change::Refused,
    };
    let item = |preference: Preference| ItemReport { item: preference.item, change, detail: String::new() };
    Report {
        items: preferences.into_iter().map(item).collect(),
        standing: Standing::Known,
        settles_after_ms: None,
    }
}

/// `Installed` for the outcome `installed`, after the requests.
pub fn installed(settings: &Settings) -> TokenOutcome {
    send(settings);
    if of(settings, "outcome") == "installed" { TokenOutcome::Installed } else { TokenOutcome::Manual }
}

fn send(settings: &Settings) {
    for request in of(settings, "send").split_whitespace() {
        let (named, status) = request.split_once(':').unwrap_or((request, "200"));
        let (operation, person) = named.split_once('+').unwrap_or((named, ""));
        let query = if person.is_empty() { Vec::new() } else { vec![pair("person", person)] };
        let values = vec![pair("status", status)];
        let request = http::Request { operation: operation.to_owned(), values, query, body: None };
        let _whatever_it_says = http::send(&request);
    }
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn of<'a>(settings: &'a Settings, name: &str) -> &'a str {
    settings.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
}
