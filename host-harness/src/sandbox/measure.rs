//! The parts of a call, one by one, for the benches. Behind the feature `measure`, since a sandbox is never used twice.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Access, Calls, Sandbox, meter::Meter};
use crate::{
    bindings::{self, contract::types, exports},
    contract::Interface,
    webhook::Admitted,
};

/// An instance that is kept warm.
pub struct Warm {
    sandbox: Sandbox,
    verifier: exports::webhook_verify::Guest,
    settings: types::Settings,
}

impl Calls {
    /// A fresh store and instance, and nothing done with it.
    pub async fn instantiate(&self) -> wasmtime::Result<()> {
        self.begin(None).await.map(drop)
    }

    /// An instance to be called again and again.
    pub async fn warm(&self, admitted: &Admitted) -> wasmtime::Result<Option<Warm>> {
        let mut sandbox = self.begin(admitted.placeholder()).await?;
        let Some(guest) = &self.plugin.exports_of_calls().webhook_verify else { return Ok(None) };
        let verifier = guest.load(&mut sandbox.store, &sandbox.instance)?;
        Ok(Some(Warm { sandbox, verifier, settings: bindings::settings(&self.connection.settings) }))
    }

    async fn begin(&self, accepted_placeholder: Option<String>) -> wasmtime::Result<Sandbox> {
        let deadline = Instant::now() + Duration::from_hours(1);
        let access = self.access(Interface::WebhookVerify, accepted_placeholder, deadline);
        let meter = Arc::new(Meter::default());
        Sandbox::begin(&self.engine, self.plugin.pre(), &self.connection.limits, Some(access), meter).await
    }
}

impl Warm {
    /// Verifies in this instance; whether the guest answered.
    pub async fn verify(&mut self, admitted: &Admitted) -> wasmtime::Result<bool> {
        let delivery = bindings::delivery(admitted.delivery());
        let answer = self.verifier.call_verify(&mut self.sandbox.store, &self.settings, &delivery).await?;
        Ok(answer.is_ok())
    }
}
