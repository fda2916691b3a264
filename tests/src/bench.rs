//! The parts of a host that a test needs: the shared engine, and its own runtime and egress.

use std::sync::Arc;

use host_harness::{
    clock::SystemClock,
    connection::{Connection, ConnectionSpec},
    egress::{Egress, Network, Reach, Transport},
    engine::Engine,
    plugin::{InUse, Plugin},
    sandbox::{Calls, Runtime},
    secret::Secret,
};
use serde_json::Value;

use crate::{components::plugin, engine::engine, vendor::Vendor};

/// The parts of a host for one test.
pub struct Bench {
    runtime: Runtime,
}

impl Default for Bench {
    /// Uses the shared engine and sends through the network.
    fn default() -> Self {
        Self::on(engine(), 16)
    }
}

impl Bench {
    /// Creates a bench on `engine` that runs at most `per_tenant` calls of each tenant at once.
    pub fn on(engine: Arc<Engine>, per_tenant: usize) -> Self {
        let egress = Arc::new(Egress::new(Arc::new(Network::default())));
        Self { runtime: Runtime::new(engine, per_tenant, Arc::new(SystemClock::default()), egress) }
    }

    /// Sends through `transport` instead of the network.
    #[must_use]
    pub fn with_transport(self, transport: Arc<dyn Transport>) -> Self {
        Self { runtime: self.runtime.with_egress(Arc::new(Egress::new(transport))) }
    }

    /// Returns the calls of the connection `spec` on `plugin`.
    ///
    /// # Panics
    /// Panics if the connection does not suit the plugin.
    pub fn calls(&self, plugin: &Arc<Plugin>, spec: &ConnectionSpec) -> Calls {
        let connection = spec.resolve(plugin.manifest()).unwrap_or_else(|errors| panic!("{errors:?}"));
        self.calls_as_resolved(Arc::clone(plugin), Arc::new(connection))
    }

    /// Returns the calls of the resolved `connection` on `plugin`.
    pub fn calls_as_resolved(&self, plugin: impl Into<InUse<Plugin>>, connection: Arc<Connection>) -> Calls {
        Calls::new(self.runtime.clone(), plugin, connection)
    }
}

/// Returns a connection of the tenant `acme` with these settings. `key` must be unique to the test, which finds its log
/// lines by it.
pub fn spec(key: &str, settings: &[(&str, &str)]) -> ConnectionSpec {
    ConnectionSpec {
        settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..ConnectionSpec::new("acme", key, "guest")
    }
}

/// Returns a secret with this value.
///
/// # Panics
/// Panics if the value is empty.
pub fn secret(value: &str) -> Secret {
    Secret::new(value).unwrap_or_else(|| panic!("a secret must not be empty"))
}

/// Returns calls of the guest `puppet` that follow `script`, with the key `k-0123456789` at `vendor`.
pub async fn puppet(
    key: &str,
    vendor: &Vendor,
    script: Value,
    change: impl FnOnce(&mut ConnectionSpec),
) -> Calls {
    let mut spec = spec(key, &[("script", &script.to_string())]);
    vendor.allow(&mut spec);
    spec.secrets.insert("api-key".to_owned(), secret("k-0123456789"));
    change(&mut spec);
    Bench::default().calls(&plugin("puppet").await, &spec)
}

impl Vendor {
    /// Sets this vendor as the connection's `domain` and allows no other host.
    pub fn allow(&self, spec: &mut ConnectionSpec) {
        spec.settings.insert("domain".to_owned(), self.address());
        spec.policy.hosts.insert(self.address());
        spec.policy.reach = Reach::Loopback;
    }
}
