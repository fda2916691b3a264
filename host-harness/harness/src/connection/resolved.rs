//! A connection whose settings, secrets and targets suit its plugin.

use std::collections::BTreeMap;

use super::{
    limits::CallLimits, policy::EgressPolicy, redactor::Redactor, target::Target, tenant::TenantId,
    token::AcceptedToken,
};
use host_model::{
    contract::{Settings, manifest::Identifying},
    secret::{Secret, Secrets},
};

/// What a call may use. Checked against the plugin's manifest by [`ConnectionSpec::resolve`](super::ConnectionSpec::resolve); lives until either changes.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Whose it is. Connection pools and semaphores never cross it.
    pub tenant: TenantId,
    /// Unique across tenants.
    pub key: String,
    /// Non-secret settings, defaults filled in, `webhook-url` among them where it is known.
    pub settings: Settings,
    /// Secret settings by name.
    pub secrets: Secrets,
    /// Tokens that deliveries may carry.
    pub accepted_tokens: Vec<AcceptedToken>,
    /// The token that `webhook-token.install` hands to the vendor.
    pub token_to_install: Option<Secret>,
    /// Where requests may go, and how long and large they may be.
    pub policy: EgressPolicy,
    /// What one call may use up.
    pub limits: CallLimits,
    /// The hosts that its host settings name, by setting: each allowed by manifest or policy.
    pub(crate) targets: BTreeMap<String, Target>,
    /// Finds its secrets.
    pub(crate) redactor: Redactor,
    /// The identifier kinds that identify a person.
    pub identifying: Identifying,
    /// The vendor account, told by its secrets: connections that share it share its limits and its people's turns.
    pub account: [u8; 32],
}

impl Connection {
    /// The same with `token` as the one to install. Deliveries that carry it are not accepted for that.
    #[must_use]
    pub(crate) fn installing(&self, token: Secret) -> Self {
        let redactor = self.redactor.and(&Redactor::of([&token]));
        Self { token_to_install: Some(token), redactor, ..self.clone() }
    }
}
