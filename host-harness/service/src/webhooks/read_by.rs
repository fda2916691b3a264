//! Has a connector read a delivery, and counts the call if its connection takes part in a release in steps.

use host_harness::{
    clock::Clock,
    door::{AdmittedDelivery, TokenCheck},
};
use host_model::{
    contract::webhook::Delivery,
    digest::Digest,
    release::{call_kind::CallKind, counts::CallEnd},
};
use host_store::deliveries::ClaimedDelivery;

use super::reading::DeliveryReading;
use crate::served::serving::{ConnectionCalls, end_of};

/// What a version made of a delivery.
pub(super) struct ReadBy {
    pub(super) reading: DeliveryReading,
    pub(super) version: Digest,
}

/// Has the version that serves the connection read the delivery, or the one that takes it up.
pub(super) async fn read_by(
    of: &ConnectionCalls,
    claim: &ClaimedDelivery,
    delivery: Delivery,
    clock: &dyn Clock,
) -> ReadBy {
    let calls = of.for_delivery(claim);
    let version = calls.plugin().digest();
    let check = if claim.accepted { TokenCheck::Accepted } else { TokenCheck::NotAccepted };
    let began = clock.now();
    let verdict = calls.verify(&AdmittedDelivery::from_store(calls.connection(), delivery, check)).await;
    let took = clock.now().saturating_sub(began);
    let answered = end_of(&verdict);
    let reading =
        if claim.proven { DeliveryReading::of_proven(verdict) } else { DeliveryReading::of(verdict) };
    let end = match reading {
        DeliveryReading::Unreadable(_) => Some(CallEnd::Unreadable),
        _ => answered,
    };
    // A delivery that is read again would count like several.
    if let Some(end) = end.filter(|_| claim.failures == 0) {
        of.serving().count(CallKind::WebhookVerify, version, end, took);
    }
    ReadBy { reading, version }
}
