//! The individual parts of a call, for the benches. Behind the feature `measure`, because a sandbox must never be
//! reused otherwise.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::Calls;
use crate::{
    bindings::{self, contract::types},
    door::AdmittedDelivery,
    plugin::{InUse, Plugin},
    sandbox::{
        call_subject::CallSubject, instance::Sandbox, masks::Masks, meter::Meter, people_search::PeopleSearch,
    },
};
use host_model::contract::{Interface, Subject, consent::Preference};

/// An instance that is reused for several calls.
pub struct WarmInstance {
    sandbox: Sandbox,
    plugin: InUse<Plugin>,
    settings: Arc<types::Settings>,
}

impl Calls {
    /// Creates a new store and instance without using it.
    pub async fn instantiate(&self) -> wasmtime::Result<()> {
        self.begin(Interface::WebhookVerify, None).await.map(drop)
    }

    /// Creates an instance that can be called repeatedly. The limits of a single call apply to all of them together.
    pub async fn warm(
        &self,
        interface: Interface,
        admitted: &AdmittedDelivery,
    ) -> wasmtime::Result<Option<WarmInstance>> {
        let exports = self.plugin.exports_of_calls();
        if exports.webhook_verify().is_none() || exports.consent().is_none() {
            return Ok(None);
        }
        let sandbox = self.begin(interface, admitted.placeholder()).await?;
        let settings = Arc::new(bindings::settings(&self.connection.settings));
        Ok(Some(WarmInstance { sandbox, plugin: self.plugin.clone(), settings }))
    }

    async fn begin(
        &self,
        interface: Interface,
        accepted_placeholder: Option<String>,
    ) -> wasmtime::Result<Sandbox> {
        let deadline = Instant::now() + Duration::from_hours(1);
        let people = PeopleSearch::new(&CallSubject::Nobody);
        let masks = Arc::new(Masks::new(self.connection.redactor.clone(), CallSubject::Nobody));
        let access = self.access(interface, accepted_placeholder, people, masks, deadline);
        let meter = Arc::new(Meter::default());
        Sandbox::begin(self.plugin.pre(), &self.connection.limits, Some(access), meter).await
    }
}

impl WarmInstance {
    /// Verifies a delivery in this instance. Fails unless the guest returns a verdict.
    pub async fn verify(&mut self, admitted: &AdmittedDelivery) -> wasmtime::Result<()> {
        let delivery = bindings::delivery(admitted.delivery());
        let Some(capability) = self.plugin.exports_of_calls().webhook_verify() else {
            return Err(no_answer());
        };
        let arguments = (Arc::clone(&self.settings), delivery);
        capability.verify.call(&mut self.sandbox, arguments).await?.map(drop).map_err(|_| no_answer())
    }

    /// Applies preferences in this instance. Fails unless the guest returns a report.
    pub async fn apply(&mut self, subject: &Subject, preferences: &[Preference]) -> wasmtime::Result<()> {
        let (subject, preferences) = (bindings::subject(subject), bindings::preferences(preferences));
        let Some(capability) = self.plugin.exports_of_calls().consent() else { return Err(no_answer()) };
        let arguments = (Arc::clone(&self.settings), subject, preferences);
        capability.apply.call(&mut self.sandbox, arguments).await?.map(drop).map_err(|_| no_answer())
    }
}

fn no_answer() -> wasmtime::Error {
    wasmtime::Error::msg("the guest returned no result")
}
