//! The outcomes of calls as documents, with which the expected outcome of a case is compared. What a connector left out is
//! the word `none` there, because TOML cannot say that there is nothing.
//! Tested in `tests/all/conformance`.

use host_model::contract::{
    Check, CheckOutcome, ConnectorError, ErrorKind, Subject, TokenOutcome,
    consent::{Change, Choice, Item, ItemId, ItemReport, Preference, Report, Standing, VendorChoice},
    erasure::{ErasureStatus, Receipt},
    webhook::{ConsentEvent, Verdict},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::function::ConnectorFunction;

/// The word for what a connector left out.
const NONE: &str = "none";

fn or_none(value: Option<impl Serialize>) -> Value {
    value.map_or_else(|| json!(NONE), |value| json!(value))
}

pub(super) fn checks(checks: &[Check]) -> Value {
    json!({ "checks": checks })
}

pub(super) fn receipt(receipt: &Receipt) -> Value {
    json!({
        "status": receipt.status,
        "evidence": receipt.evidence,
        "reference": or_none(receipt.reference.as_ref()),
        "confirm-after-ms": or_none(receipt.confirm_after_ms),
    })
}

pub(super) fn receipts(receipts: &[Receipt]) -> Value {
    json!({ "receipts": receipts.iter().map(receipt).collect::<Vec<_>>() })
}

pub(super) fn items(items: &[Item]) -> Value {
    let item = |item: &Item| {
        let parent = or_none(item.parent.as_ref().map(ItemId::to_string));
        json!({"item": item.id.to_string(), "name": item.name, "parent": parent})
    };
    json!({ "items": items.iter().map(item).collect::<Vec<_>>() })
}

pub(super) fn choices(choices: Option<&[VendorChoice]>) -> Value {
    let choice = |held: &VendorChoice| json!({"item": held.item.to_string(), "choice": held.choice});
    json!({ "choices": or_none(choices.map(|choices| choices.iter().map(choice).collect::<Vec<_>>())) })
}

pub(super) fn report(report: &Report) -> Value {
    let item = |item: &ItemReport| json!({"item": item.item.to_string(), "change": item.change, "detail": item.detail});
    json!({
        "items": report.items.iter().map(item).collect::<Vec<_>>(),
        "standing": report.standing,
        "settles-after-ms": or_none(report.settles_after_ms),
    })
}

pub(super) fn verdict(verdict: &Verdict) -> Value {
    let (word, why, events) = match verdict {
        Verdict::Authentic(events) => ("authentic", "", events.as_slice()),
        Verdict::Unauthenticated(why) => ("unauthenticated", why.as_str(), [].as_slice()),
        Verdict::Unreadable(why) => ("unreadable", why.as_str(), [].as_slice()),
    };
    json!({"verdict": word, "why": why, "events": events.iter().map(event).collect::<Vec<_>>()})
}

fn event(event: &ConsentEvent) -> Value {
    let made = |made: &Preference| {
        json!({
            "item": made.item.to_string(),
            "choice": made.choice,
            "chosen-at-ms": made.chosen_at_ms,
            "source": made.source,
        })
    };
    let person = event.subject.identifiers().iter().map(|known| format!("{}:{}", known.kind, known.value));
    json!({
        "person": person.collect::<Vec<_>>(),
        "choices": event.preferences.iter().map(made).collect::<Vec<_>>(),
        "changed": event.changed.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "key": event.key,
    })
}

pub(super) fn token(outcome: TokenOutcome) -> Value {
    json!({ "token": outcome })
}

pub(super) fn error(error: &ConnectorError) -> Value {
    json!({"error": {
        "kind": error.kind,
        "code": error.code,
        "message": error.message,
        "retry-after-ms": or_none(error.retry_after_ms),
        "may-have-acted": error.may_have_acted,
    }})
}

/// Returns a document with every key that an outcome of `function` can have, and one element in each list. An expected
/// outcome may have no other keys.
pub(super) fn example(function: ConnectorFunction) -> Value {
    let item = || ItemId { kind: String::new(), id: String::new() };
    let choice = Choice::OptIn;
    let one = || Receipt::of(ErasureStatus::Erased);
    let mut example = match function {
        ConnectorFunction::TestConnection => {
            checks(&[Check { name: String::new(), outcome: CheckOutcome::Passed, detail: String::new() }])
        }
        ConnectorFunction::Erase => receipt(&one()),
        ConnectorFunction::Confirm => receipts(&[one()]),
        ConnectorFunction::ListItems => items(&[Item { id: item(), name: String::new(), parent: None }]),
        ConnectorFunction::Current => choices(Some(&[VendorChoice { item: item(), choice }])),
        ConnectorFunction::Apply => report(&Report {
            items: vec![ItemReport { item: item(), change: Change::Applied, detail: String::new() }],
            standing: Standing::Known,
            settles_after_ms: None,
        }),
        ConnectorFunction::Verify => verdict(&Verdict::Authentic(vec![ConsentEvent {
            subject: Subject::email(""),
            preferences: vec![Preference { item: item(), choice, chosen_at_ms: 0, source: String::new() }],
            changed: vec![item()],
            key: String::new(),
        }])),
        ConnectorFunction::InstallToken => token(TokenOutcome::Installed),
    };
    let failed = error(&ConnectorError {
        kind: ErrorKind::Other,
        code: String::new(),
        message: String::new(),
        retry_after_ms: None,
        may_have_acted: false,
    });
    if let (Some(keys), Value::Object(failed)) = (example.as_object_mut(), failed) {
        keys.extend(failed);
    }
    example
}
