//! A vendor with its address, and connections to it.

use serde_json::{Value, json};

use super::writers::Vendor;

/// A vendor on the loopback that answers every request with 200.
pub(super) struct AddressedVendor {
    address: String,
    vendor: Vendor,
}

impl AddressedVendor {
    pub(super) async fn start() -> Self {
        let vendor = Vendor::default();
        Self { address: vendor.start().await, vendor }
    }

    /// Returns and forgets the paths that it was asked for.
    pub(super) fn take(&self) -> Vec<String> {
        self.vendor.take()
    }

    /// The body that creates a connection `key` of `acme` to it.
    pub(super) fn connection(&self, plugin: &str, key: &str) -> Value {
        json!({
            "key": key, "tenant": "acme", "plugin": plugin, "settings": {"domain": self.address},
            "egress": {"hosts": [self.address], "loopback": true, "plain_http": true},
        })
    }
}
