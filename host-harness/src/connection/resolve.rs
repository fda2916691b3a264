//! From what the operator wrote to what a call may use, checked against the plugin's manifest.

use std::collections::BTreeMap;

use super::{CallLimits, Connection, EgressPolicy, TenantId};
use crate::{
    contract::manifest::{Manifest, SettingSpec},
    secret::Secret,
};

/// A connection as the operator wrote it, before a manifest gave the names a meaning.
#[derive(Clone, Debug)]
pub struct ConnectionSpec {
    /// Whose it is.
    pub tenant: TenantId,
    /// Unique across tenants.
    pub key: String,
    /// The name of the plugin that carries it.
    pub plugin: String,
    /// Non-secret settings.
    pub settings: BTreeMap<String, String>,
    /// Secret settings.
    pub secrets: BTreeMap<String, Secret>,
    /// The address for this connection's webhooks.
    pub webhook_url: Option<String>,
    /// Tokens that deliveries may carry.
    pub accepted_tokens: Vec<Secret>,
    /// The token to hand to the vendor.
    pub token_to_install: Option<Secret>,
    /// Where requests may go.
    pub policy: EgressPolicy,
    /// What one call may use up.
    pub limits: CallLimits,
}
