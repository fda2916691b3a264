//! Converts the host's types to the guest's.
//! Tested in `tests/all/egress`.

use super::generated::{
    contract::types,
    exports::{erasure, webhook_verify},
};
use host_model::contract::{
    Settings, Subject,
    consent::{Choice, ItemId, Preference},
    erasure::PendingErasure,
    webhook::Delivery,
};

pub(crate) fn settings(settings: &Settings) -> types::Settings {
    settings.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

pub(crate) fn subject(subject: &Subject) -> types::Subject {
    subject
        .identifiers()
        .iter()
        .map(|identifier| types::Identifier {
            kind: identifier.kind.clone(),
            value: identifier.value.clone(),
        })
        .collect()
}

pub(crate) fn preferences(preferences: &[Preference]) -> Vec<types::Preference> {
    preferences
        .iter()
        .map(|preference| types::Preference {
            item: item_id(&preference.item),
            choice: match preference.choice {
                Choice::OptIn => types::Choice::OptIn,
                Choice::OptOut => types::Choice::OptOut,
            },
            chosen_at_ms: preference.chosen_at_ms,
            source: preference.source.clone(),
        })
        .collect()
}

fn item_id(item: &ItemId) -> types::ItemId {
    types::ItemId { kind: item.kind.clone(), id: item.id.clone() }
}

pub(crate) fn erasures(erasures: &[PendingErasure]) -> Vec<erasure::PendingErasure> {
    erasures
        .iter()
        .map(|pending| erasure::PendingErasure {
            subject: subject(&pending.subject),
            reference: pending.reference.clone(),
        })
        .collect()
}

pub(crate) fn delivery(delivery: &Delivery) -> webhook_verify::Delivery {
    webhook_verify::Delivery {
        method: delivery.method.clone(),
        url: delivery.url.clone(),
        headers: delivery.headers.clone(),
        body: delivery.body.clone(),
        received_at_ms: delivery.received_at_ms,
    }
}
