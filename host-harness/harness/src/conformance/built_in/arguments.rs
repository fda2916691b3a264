//! The arguments with which the built-in set calls a function.

use host_model::contract::{
    Subject,
    consent::{Choice, ItemId, Preference},
    erasure::PendingErasure,
    manifest::{Manifest, RequestPart},
    webhook::Delivery,
};

use crate::conformance::{call::ConnectorCall, function::ConnectorFunction, made_up};

/// When choices and deliveries are made: 1 July 2026, in milliseconds since 1970.
const NOW_MS: u64 = 1_782_907_200_000;

/// Maximum number of item kinds that a person chooses about.
const MAX_KINDS: usize = 4;

/// Returns the calls of `function`. `body` is that of a delivery.
pub(super) fn calls(
    function: ConnectorFunction,
    manifest: &Manifest,
    people: &[Subject; 2],
    body: &[u8],
) -> Vec<ConnectorCall> {
    let [person, other] = people;
    match function {
        ConnectorFunction::TestConnection => vec![ConnectorCall::TestConnection],
        ConnectorFunction::Erase => vec![ConnectorCall::Erase(person.clone())],
        ConnectorFunction::Confirm => {
            let erasure = |subject: &Subject, reference: Option<&str>| PendingErasure {
                subject: subject.clone(),
                reference: reference.map(str::to_owned),
            };
            vec![ConnectorCall::Confirm(vec![
                erasure(person, None),
                erasure(other, Some("made-up-5f0c9b1e77")),
            ])]
        }
        ConnectorFunction::ListItems => vec![ConnectorCall::ListItems],
        ConnectorFunction::Current => vec![ConnectorCall::Current(person.clone())],
        ConnectorFunction::Apply => vec![ConnectorCall::Apply(person.clone(), preferences(manifest))],
        ConnectorFunction::Verify => {
            deliveries(manifest, body).into_iter().map(ConnectorCall::Verify).collect()
        }
        ConnectorFunction::InstallToken => vec![ConnectorCall::InstallToken],
    }
}

fn preferences(manifest: &Manifest) -> Vec<Preference> {
    let usual = ["list".to_owned()];
    let kinds =
        if manifest.item_kinds.is_empty() { usual.as_slice() } else { manifest.item_kinds.as_slice() };
    let choices = [("1", Choice::OptOut), ("2", Choice::OptIn)];
    let of_kind = |kind: &String| {
        choices.map(|(id, choice)| Preference {
            item: ItemId { kind: kind.clone(), id: id.to_owned() },
            choice,
            chosen_at_ms: NOW_MS,
            source: "PrivacyCenter".to_owned(),
        })
    };
    kinds.iter().take(MAX_KINDS).flat_map(of_kind).collect()
}

/// Returns a delivery with an accepted token, and one with another.
fn deliveries(manifest: &Manifest, body: &[u8]) -> Vec<Delivery> {
    let mut plain = Delivery {
        method: "POST".to_owned(),
        url: made_up::DEFAULT_WEBHOOK_URL.to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_vec(),
        received_at_ms: NOW_MS,
    };
    let Some(slot) = &manifest.webhook_token_slot else { return vec![plain] };
    let mut tokens = [made_up::webhook_token(), "another-token".to_owned()];
    let with = |token: &mut String| {
        match slot.place {
            RequestPart::Header => {
                plain.headers.push((slot.name.to_ascii_lowercase(), format!("Bearer {token}")));
            }
            RequestPart::Query | RequestPart::Body => {
                plain.url = format!("{}?{}={token}", made_up::DEFAULT_WEBHOOK_URL, slot.name);
            }
        }
        let delivery = plain.clone();
        plain.headers.truncate(1);
        delivery
    };
    tokens.iter_mut().map(with).collect()
}
