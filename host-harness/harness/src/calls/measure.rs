//! The parts of a call, one by one, for the benches. Behind the feature `measure`, since a sandbox is never used twice.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::Calls;
use crate::{
    bindings::{self, contract::types},
    door::Admitted,
    plugin::Plugin,
    sandbox::{about::About, instance::Sandbox, masks::Masks, meter::Meter},
};
use host_model::contract::{Interface, Subject, consent::Preference};

/// An instance that is kept warm.
pub struct Warm {
    sandbox: Sandbox,
    plugin: Arc<Plugin>,
    settings: Arc<types::Settings>,
}

impl Calls {
    /// A fresh store and instance, and nothing done with it.
    pub async fn instantiate(&self) -> wasmtime::Result<()> {
        self.begin(Interface::WebhookVerify, None).await.map(drop)
    }

    /// An instance to be called again and again; its limits are those of one call, for all of them together.
    pub async fn warm(&self, interface: Interface, admitted: &Admitted) -> wasmtime::Result<Option<Warm>> {
        let exports = self.plugin.exports_of_calls();
        if exports.webhook_verify().is_none() || exports.consent().is_none() {
            return Ok(None);
        }
        let sandbox = self.begin(interface, admitted.placeholder()).await?;
        let settings = Arc::new(bindings::settings(&self.connection.settings));
        Ok(Some(Warm { sandbox, plugin: Arc::clone(&self.plugin), settings }))
    }

    async fn begin(
        &self,
        interface: Interface,
        accepted_placeholder: Option<String>,
    ) -> wasmtime::Result<Sandbox> {
        let deadline = Instant::now() + Duration::from_hours(1);
        let masks = Arc::new(Masks::new(self.connection.redactor.clone(), About::Nobody));
        let access = self.access(interface, accepted_placeholder, masks, deadline);
        let meter = Arc::new(Meter::default());
        Sandbox::begin(self.plugin.pre(), &self.connection.limits, Some(access), meter).await
    }
}

impl Warm {
    /// Verifies in this instance; whether the guest answered.
    pub async fn verify(&mut self, admitted: &Admitted) -> wasmtime::Result<bool> {
        let delivery = bindings::delivery(admitted.delivery());
        let Some(capability) = self.plugin.exports_of_calls().webhook_verify() else { return Ok(false) };
        let arguments = (Arc::clone(&self.settings), delivery);
        Ok(capability.verify.call(&mut self.sandbox, arguments).await?.is_ok())
    }
    /// Applies in this instance; whether the guest answered.
    pub async fn apply(&mut self, subject: &Subject, preferences: &[Preference]) -> wasmtime::Result<bool> {
        let (subject, preferences) = (bindings::subject(subject), bindings::preferences(preferences));
        let Some(capability) = self.plugin.exports_of_calls().consent() else { return Ok(false) };
        let arguments = (Arc::clone(&self.settings), subject, preferences);
        Ok(capability.apply.call(&mut self.sandbox, arguments).await?.is_ok())
    }
}
