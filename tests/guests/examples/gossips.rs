//! Puts personal data and the vendor's texts into everything that it returns or logs: log lines, errors, evidence,
//! details and reasons. Its setting `end` says how its calls end: `well`, `rejected`, `unavailable` or `trap`.

use test_guests::{
    base::{
        exports::privacy::saas_connector::connector::{Check, Error, Guest, Manifest, Outcome, Settings},
        privacy::saas_connector::{
            log,
            types::{ErrorKind, Preference, Subject},
        },
    },
    consent::exports::privacy::saas_connector::consent::{
        self, Change, Held, Item, ItemReport, Report, Standing,
    },
    erasure::exports::privacy::saas_connector::erasure::{self, PendingErasure, Receipt, Status},
    parts::{secret, setting},
    webhook_verify::exports::privacy::saas_connector::webhook_verify::{self, Delivery, Verdict},
};

struct Gossips;

impl Guest for Gossips {
    fn describe() -> Manifest {
        Manifest {
            settings: vec![setting("end"), secret("api-key")],
            identifier_kinds: ["email", "user-id", "phone"].map(test_guests::identifier_kind).to_vec(),
            item_kinds: vec!["channel".to_owned()],
            ..test_guests::manifest("gossips")
        }
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        Ok(vec![Check { name: "gossip".to_owned(), outcome: Outcome::Passed, detail: String::new() }])
    }
}

impl erasure::Guest for Gossips {
    fn erase(settings: Settings, subject: Subject) -> Result<Receipt, Error> {
        let told = named(&subject);
        ends(&settings, &told)?;
        Ok(Receipt { status: Status::Accepted, evidence: told, reference: None, confirm_after_ms: Some(1) })
    }

    fn confirm(settings: Settings, erasures: Vec<PendingErasure>) -> Result<Vec<Receipt>, Error> {
        let told: Vec<_> = erasures.iter().map(|erasure| named(&erasure.subject)).collect();
        ends(&settings, &told.join(" "))?;
        let receipt =
            |evidence| Receipt { status: Status::Erased, evidence, reference: None, confirm_after_ms: None };
        Ok(told.into_iter().map(receipt).collect())
    }
}

impl consent::Guest for Gossips {
    fn list_items(_: Settings) -> Result<Vec<Item>, Error> {
        Ok(Vec::new())
    }

    fn current(settings: Settings, subject: Subject) -> Result<Option<Vec<Held>>, Error> {
        ends(&settings, &named(&subject))?;
        Ok(None)
    }

    fn apply(settings: Settings, subject: Subject, preferences: Vec<Preference>) -> Result<Report, Error> {
        let told = named(&subject);
        ends(&settings, &told)?;
        let report = |preference: Preference| ItemReport {
            item: preference.item,
            change: Change::Refused,
            detail: told.clone(),
        };
        Ok(Report {
            items: preferences.into_iter().map(report).collect(),
            standing: Standing::Known,
            settles_after_ms: None,
        })
    }
}

impl webhook_verify::Guest for Gossips {
    fn verify(settings: Settings, delivery: Delivery) -> Result<Verdict, Error> {
        let told = aloud(&format!("{} {}", delivery.url, String::from_utf8_lossy(&delivery.body)));
        ends(&settings, &told)?;
        Ok(Verdict::Unreadable(told))
    }
}

fn named(subject: &Subject) -> String {
    let values: Vec<_> = subject.iter().map(|identifier| identifier.value.as_str()).collect();
    aloud(&values.join(" and "))
}

/// The text as it is, in capitals and percent-encoded. Also logs it at every level.
fn aloud(told: &str) -> String {
    let encoded = told.replace('+', "%2B").replace('@', "%40");
    let told = format!("{told}, {}, {encoded}", told.to_uppercase());
    for level in [log::Level::Debug, log::Level::Info, log::Level::Warn, log::Level::Error] {
        log::write(level, &told);
    }
    told
}

fn ends(settings: &Settings, told: &str) -> Result<(), Error> {
    let end = settings.iter().find(|(name, _)| name == "end").map_or("well", |(_, end)| end.as_str());
    let kind = match end {
        "rejected" => ErrorKind::Rejected,
        "unavailable" => ErrorKind::Unavailable,
        "trap" => core::arch::wasm32::unreachable(),
        _ => return Ok(()),
    };
    Err(Error {
        kind,
        code: told.to_owned(),
        message: told.to_owned(),
        retry_after_ms: None,
        may_have_acted: false,
    })
}

test_guests::base::export!(Gossips);
test_guests::erasure::export!(Gossips);
test_guests::consent::export!(Gossips);
test_guests::webhook_verify::export!(Gossips);
