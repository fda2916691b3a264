//! A connection whose settings, secrets and targets fit its plugin.

use std::collections::BTreeMap;

use super::{
    limits::CallLimits, policy::EgressPolicy, redactor::Redactor, target::Target, tenant::TenantId,
    token::AcceptedToken,
};
use host_model::{
    contract::{Settings, manifest::Identifying},
    secret::{Secret, Secrets},
};

/// What a call may use. Checked against the plugin's manifest by
/// [`ConnectionSpec::resolve`](super::ConnectionSpec::resolve). Lives until either of them changes.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The tenant that it belongs to. Connection pools and semaphores are never shared across tenants.
    pub tenant: TenantId,
    /// Unique across tenants.
    pub key: String,
    /// Non-secret settings with defaults filled in, including `webhook-url` if it is known.
    pub settings: Settings,
    /// Secret settings by name.
    pub secrets: Secrets,
    /// Tokens that are accepted in deliveries.
    pub accepted_tokens: Vec<AcceptedToken>,
    /// The token that `webhook-token.install` installs at the vendor.
    pub token_to_install: Option<Secret>,
    /// Where requests may go, and how long and large they may be.
    pub policy: EgressPolicy,
    /// The resource limits of one call.
    pub limits: CallLimits,
    /// The hosts in its host settings, by setting. Each is allowed by the manifest or the policy.
    pub(crate) targets: BTreeMap<String, Target>,
    /// Finds its secrets.
    pub(crate) redactor: Redactor,
    /// The identifier kinds that identify a person.
    pub identifying: Identifying,
    /// The vendor account, identified by its secrets. Connections with the same account share its limits and its
    /// people's turns.
    pub account: [u8; 32],
}

impl Connection {
    /// Sets the token to install. This alone does not make deliveries with it accepted.
    #[must_use]
    pub(crate) fn installing(&self, token: Secret) -> Self {
        let redactor = self.redactor.and(&Redactor::of([&token]));
        Self { token_to_install: Some(token), redactor, ..self.clone() }
    }
}
