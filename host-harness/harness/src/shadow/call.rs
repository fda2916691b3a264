//! A call that is made without sending anything.
//! Tested in `tests/all/shadow.rs`.

use std::{collections::BTreeSet, sync::Arc};

use host_model::{
    contract::{
        Interface, Subject,
        consent::{Preference, Report},
        erasure::PendingErasure,
        webhook::Delivery,
    },
    failure::CallFailure,
};
use serde::Serialize;
use serde_json::json;
use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

use super::{
    run::{ShadowEnd, ShadowRun},
    vendor::AbsentVendor,
};
use crate::{
    calls::{CallResult, Calls},
    conformance::isolated,
    door::{AdmittedDelivery, TokenCheck},
    egress::{Trace, TraceEvent},
};

/// A call with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShadowCall {
    /// `webhook-verify.verify` of a delivery that was stored with the result of its token check.
    Verify(Delivery, TokenCheck),
    /// `erasure.erase`.
    Erase(Subject),
    /// `erasure.confirm` of one erasure.
    Confirm(PendingErasure),
    /// `consent.apply`.
    Apply(Subject, Vec<Preference>),
    /// `consent.current`.
    Current(Subject),
}

impl ShadowCall {
    /// Returns the interface that it needs.
    pub fn interface(&self) -> Interface {
        match self {
            Self::Verify(..) => Interface::WebhookVerify,
            Self::Erase(_) | Self::Confirm(_) => Interface::Erasure,
            Self::Apply(..) | Self::Current(_) => Interface::Consent,
        }
    }

    /// Makes the call on the version and the connection of `calls`, until it would read from the vendor. Sends nothing,
    /// writes nothing that the connector logs, and neither waits for nor delays other calls, except for its place in
    /// the engine's pool.
    pub async fn run(&self, calls: &Calls) -> ShadowRun {
        let vendor = Arc::new(AbsentVendor::new(calls.plugin().manifest()));
        let noted = Arc::clone(&vendor);
        let trace = Trace::new(move |event| {
            if let TraceEvent::Asked(request) = event {
                noted.asked(request);
            }
        });
        let runtime = isolated(calls.engine(), Arc::clone(&vendor) as _);
        let apart = Calls::new(runtime, calls.plugin().clone(), Arc::clone(calls.connection())).traced(trace);
        let end = tokio::select! {
            biased;
            () = vendor.read() => ShadowEnd::Reading,
            end = self.make(&apart).with_subscriber(NoSubscriber::new()) => end.unwrap_or_else(|failure| ShadowEnd::Stopped(failure.kind)),
        };
        ShadowRun { requests: vendor.take_planned(), end }
    }

    async fn make(&self, calls: &Calls) -> Result<ShadowEnd, CallFailure> {
        Ok(match self {
            Self::Verify(delivery, check) => {
                let admitted = AdmittedDelivery::from_store(calls.connection(), delivery.clone(), *check);
                ended(calls.verify(&admitted).await, ShadowEnd::Judged)?
            }
            Self::Erase(person) => ended(calls.erase(person).await, |receipt| reported([receipt.status]))?,
            Self::Confirm(erasure) => {
                let receipts = calls.confirm(std::slice::from_ref(erasure)).await;
                ended(receipts, |receipts| reported(receipts.iter().map(|receipt| receipt.status)))?
            }
            Self::Apply(person, preferences) => {
                ended(calls.apply(person, preferences).await, |Report { items, .. }| {
                    reported(items.iter().map(|item| item.change))
                })?
            }
            Self::Current(person) => ended(calls.current(person).await, |held| {
                reported([if held.is_some() { "choices" } else { "an unknown person" }])
            })?,
        })
    }
}

fn ended<T>(answer: CallResult<T>, end: impl FnOnce(T) -> ShadowEnd) -> Result<ShadowEnd, CallFailure> {
    Ok(match answer? {
        Ok(value) => end(value),
        Err(error) => ShadowEnd::Failed(error.kind),
    })
}

/// Returns each of `outcomes` once, in the contract's words.
fn reported(outcomes: impl IntoIterator<Item = impl Serialize>) -> ShadowEnd {
    let words = outcomes.into_iter().filter_map(|outcome| Some(json!(outcome).as_str()?.to_owned()));
    let words: BTreeSet<String> = words.collect();
    ShadowEnd::Reported(words.into_iter().collect::<Vec<_>>().join(", "))
}
