//! A call of one function of the contract, with its arguments.

use host_model::{
    contract::{ConnectorError, Subject, consent::Preference, erasure::PendingErasure, webhook::Delivery},
    failure::CallFailure,
};
use serde_json::Value;

use super::{function::ConnectorFunction, outcome};
use crate::{door::AdmittedDelivery, sandbox::Calls};

/// A function with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ConnectorCall {
    TestConnection,
    Erase(Subject),
    Confirm(Vec<PendingErasure>),
    ListItems,
    Current(Subject),
    Apply(Subject, Vec<Preference>),
    Verify(Delivery),
    InstallToken,
}

impl ConnectorCall {
    pub(super) fn function(&self) -> ConnectorFunction {
        match self {
            Self::TestConnection => ConnectorFunction::TestConnection,
            Self::Erase(_) => ConnectorFunction::Erase,
            Self::Confirm(_) => ConnectorFunction::Confirm,
            Self::ListItems => ConnectorFunction::ListItems,
            Self::Current(_) => ConnectorFunction::Current,
            Self::Apply(..) => ConnectorFunction::Apply,
            Self::Verify(_) => ConnectorFunction::Verify,
            Self::InstallToken => ConnectorFunction::InstallToken,
        }
    }

    /// Makes the call, and returns its outcome as a document.
    pub(super) async fn make(&self, calls: &Calls) -> Result<Value, CallFailure> {
        Ok(match self {
            Self::TestConnection => {
                document(calls.test_connection().await?, |checks| outcome::checks(&checks))
            }
            Self::Erase(person) => document(calls.erase(person).await?, |receipt| outcome::receipt(&receipt)),
            Self::Confirm(erasures) => {
                document(calls.confirm(erasures).await?, |receipts| outcome::receipts(&receipts))
            }
            Self::ListItems => document(calls.list_items().await?, |items| outcome::items(&items)),
            Self::Current(person) => {
                document(calls.current(person).await?, |choices| outcome::choices(choices.as_deref()))
            }
            Self::Apply(person, preferences) => {
                document(calls.apply(person, preferences).await?, |report| outcome::report(&report))
            }
            Self::Verify(delivery) => {
                let manifest = calls.plugin().manifest();
                let admitted = AdmittedDelivery::admit(calls.connection(), manifest, delivery.clone());
                document(calls.verify(&admitted).await?, |verdict| outcome::verdict(&verdict))
            }
            Self::InstallToken => document(calls.install_token().await?, outcome::token),
        })
    }
}

fn document<T>(answer: Result<T, ConnectorError>, shown: impl FnOnce(T) -> Value) -> Value {
    match answer {
        Ok(value) => shown(value),
        Err(error) => outcome::error(&error),
    }
}
