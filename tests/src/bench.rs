//! What a test needs of a host: the shared engine, and room, turns and a way out of its own.

use std::sync::Arc;

use host_harness::{
    clock::SystemClock,
    connection::{Connection, ConnectionSpec},
    egress::{Egress, Network, Reach, Transport},
    engine::Engine,
    plugin::Plugin,
    sandbox::{Calls, Runtime},
    secret::Secret,
};
use serde_json::Value;

use crate::{components::plugin, engine::engine, vendor::Vendor};

/// A host's parts for one test.
pub struct Bench {
    runtime: Runtime,
}

impl Default for Bench {
    /// On the shared engine, sending through the network.
    fn default() -> Self {
        Self::on(engine(), 16)
    }
}

impl Bench {
    /// On `engine`, with room for `per_tenant` calls of each tenant.
    pub fn on(engine: Arc<Engine>, per_tenant: usize) -> Self {
        let egress = Arc::new(Egress::new(Arc::new(Network::default())));
        Self { runtime: Runtime::new(engine, per_tenant, Arc::new(SystemClock::default()), egress) }
    }

    /// The same, sending through `transport`.
    #[must_use]
    pub fn through(self, transport: Arc<dyn Transport>) -> Self {
        Self { runtime: self.runtime.through(Arc::new(Egress::new(transport))) }
    }

    /// The calls of the connection `spec` on `plugin`.
    ///
    /// # Panics
    /// Where the connection does not suit the plugin.
    pub fn calls(&self, plugin: &Arc<Plugin>, spec: &ConnectionSpec) -> Calls {
        let connection = spec.resolve(plugin.manifest()).unwrap_or_else(|errors| panic!("{errors:?}"));
        self.calls_as_resolved(plugin, &Arc::new(connection))
    }

    /// The calls of `connection` as it is on `plugin`.
    pub fn calls_as_resolved(&self, plugin: &Arc<Plugin>, connection: &Arc<Connection>) -> Calls {
        Calls::new(self.runtime.clone(), Arc::clone(plugin), Arc::clone(connection))
    }
}

/// A connection of the tenant `acme` with these settings; `key` has to be a test's own, since its log lines are found by it.
pub fn spec(key: &str, settings: &[(&str, &str)]) -> ConnectionSpec {
    ConnectionSpec {
        settings: settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..ConnectionSpec::new("acme", key, "guest")
    }
}

/// A secret of that value.
///
/// # Panics
/// Where it is empty.
pub fn secret(value: &str) -> Secret {
    Secret::new(value).unwrap_or_else(|| panic!("a secret is not empty"))
}

/// Calls of the guest `puppet` with the key `k-0123456789` at `vendor`, following `script`.
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
    /// Lets the connection go to this vendor, and no further, as its `domain`.
    pub fn allow(&self, spec: &mut ConnectionSpec) {
        spec.settings.insert("domain".to_owned(), self.address());
        spec.policy.hosts.insert(self.address());
        spec.policy.reach = Reach::Loopback;
    }
}
