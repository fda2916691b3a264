//! Where a proof makes its calls: the new version's own sandbox, whose requests go to a vendor in this process.
//! Tested in `tests/all/conformance`.

use std::sync::Arc;

use futures::future::BoxFuture;
use host_model::{
    contract::{
        Settings,
        http::{HttpError, Request},
    },
    failure::CallFailure,
};
use parking_lot::Mutex;
use serde_json::Value;
use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

use super::{call::ConnectorCall, jump_clock::JumpClock, made_up};
use crate::{
    calls::{Calls, Runtime},
    connection::{CallLimits, Connection},
    egress::{CallUsage, Egress, Outgoing, Trace, TraceEvent, Transport, VendorResponse},
    engine::Engine,
    plugin::Plugin,
};

/// A vendor that exists only in this process.
pub(super) trait PretendedVendor: Send + Sync {
    /// Notes a request as the connector asked for it, which the host may still refuse.
    fn asked(&self, request: &Request);
    /// Answers the request for `operation`.
    fn answer(&self, operation: &str) -> Result<VendorResponse, HttpError>;
}

/// The version that is proven, and the limits of its calls.
pub(super) struct Stage {
    pub(super) engine: Arc<Engine>,
    pub(super) plugin: Arc<Plugin>,
    pub(super) limits: CallLimits,
}

/// What a call came to.
pub(super) struct CallResultDocument {
    pub(super) outcome: Result<Value, CallFailure>,
    /// What it used; `None` if the connector does not export the function.
    pub(super) usage: Option<CallUsage>,
}

impl Stage {
    /// Returns a connection with these settings, or a sentence about each setting that does not fit.
    pub(super) fn connection(&self, settings: &Settings) -> Result<Arc<Connection>, Vec<String>> {
        let manifest = self.plugin.manifest();
        let mut spec = made_up::connection(manifest, settings.clone());
        spec.limits = self.limits.clone();
        let sentence =
            |error: &crate::connection::SettingError| format!("setting {}: {}", error.setting, error.problem);
        spec.resolve(manifest).map(Arc::new).map_err(|errors| errors.iter().map(sentence).collect())
    }

    /// Makes `call` on a connection whose vendor is `vendor`. Nothing that the connector logs is written.
    pub(super) async fn call(
        &self,
        connection: &Arc<Connection>,
        vendor: Arc<dyn PretendedVendor>,
        call: &ConnectorCall,
    ) -> CallResultDocument {
        let runtime = isolated(&self.engine, Arc::new(Pretence(Arc::clone(&vendor))));
        let used = Arc::<Mutex<Option<CallUsage>>>::default();
        let trace = Trace::new({
            let used = Arc::clone(&used);
            move |event| match event {
                TraceEvent::Asked(request) => vendor.asked(request),
                TraceEvent::Call(usage) => *used.lock() = Some(usage.clone()),
                TraceEvent::Exchange(_) => {}
            }
        });
        let calls = Calls::new(runtime, Arc::clone(&self.plugin), Arc::clone(connection)).traced(trace);
        let outcome = call.make(&calls).with_subscriber(NoSubscriber::new()).await;
        let usage = used.lock().take();
        CallResultDocument { outcome, usage }
    }
}

/// Returns a runtime for one call that shares only its engine with others. Its clock jumps to the end of every wait, and it
/// has turns of its own, so that no call waits until a vendor shows what another one wrote.
pub(crate) fn isolated(engine: &Arc<Engine>, transport: Arc<dyn Transport>) -> Runtime {
    let clock = Arc::new(JumpClock::default());
    let egress = Arc::new(Egress::with_clock(transport, Arc::clone(&clock) as _));
    Runtime::new(Arc::clone(engine), 1, clock, egress)
}

/// Sends to a pretended vendor.
struct Pretence(Arc<dyn PretendedVendor>);

impl Transport for Pretence {
    fn send<'a>(
        &'a self,
        _: &'a Connection,
        outgoing: Outgoing,
    ) -> BoxFuture<'a, Result<VendorResponse, HttpError>> {
        Box::pin(std::future::ready(self.0.answer(&outgoing.operation)))
    }
}
