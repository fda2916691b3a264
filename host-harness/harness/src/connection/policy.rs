//! Where a connection's requests may go: the operator's half of the permission, which the manifest cannot extend.
//!
//! A policy has the keys of the configuration file, in both TOML and JSON. In the file, `authorities` lists PEM files;
//! everywhere else it contains the PEM texts themselves.

use std::{collections::BTreeSet, time::Duration};

use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};

use super::{
    above_zero::above_zero,
    address::Reach,
    authorities::{authorities, pem},
    deadlines::{Deadlines, MAX_DEADLINE},
};
use host_model::time::millis_u64;

/// The operator's policy for one connection. Serialized with the keys of the configuration file, with times in whole
/// milliseconds and authorities as PEM texts. Size limits and deadlines are above 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "WrittenPolicy<String>", try_from = "WrittenPolicy<String>")]
pub struct EgressPolicy {
    /// Hosts in addition to those that the manifest's options allow, as `host` or `host:port`.
    pub hosts: BTreeSet<String>,
    /// Which addresses the hosts may have. Special ranges other than loopback are never allowed.
    pub reach: Reach,
    /// Certificate authorities to trust; the public ones if empty.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Operations that this connection may not send although the manifest declares them.
    pub denied_operations: BTreeSet<String>,
    /// Maximum size of a request body, in bytes. Iterable accepts 4 MB.
    pub request_cap: usize,
    /// Maximum size of a response, in bytes, unless the operation declares its own.
    pub response_cap: usize,
    /// Maximum response size that an operation may declare. It fits into a call's memory with room to spare.
    pub declared_response_cap: usize,
    /// How long each part of a request may take.
    pub deadlines: Deadlines,
    /// How long a request may wait for the host's own limiter before it is refused. Long enough for a limit per second;
    /// a limit per day is not waited for.
    pub limiter_patience: Duration,
}

impl Default for EgressPolicy {
    fn default() -> Self {
        Self {
            hosts: BTreeSet::new(),
            reach: Reach::Public,
            authorities: Vec::new(),
            denied_operations: BTreeSet::new(),
            request_cap: 4 << 20,
            response_cap: 1 << 20,
            declared_response_cap: 48 << 20,
            deadlines: Deadlines::default(),
            limiter_patience: Duration::from_secs(2),
        }
    }
}

impl EgressPolicy {
    /// Limits all waits to one day.
    pub(super) fn bounded(mut self) -> Self {
        let times = &mut self.deadlines;
        let waits = [&mut times.connect, &mut times.first_byte, &mut times.between_bytes, &mut times.total];
        for wait in waits.into_iter().chain([&mut self.limiter_patience]) {
            *wait = MAX_DEADLINE.min(*wait);
        }
        self
    }
}

/// The serialized form of an egress policy, with its authorities in the form `A`. Size limits and times are above 0.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case", bound(deserialize = "A: Deserialize<'de>"))]
pub struct WrittenPolicy<A> {
    /// See [`EgressPolicy::hosts`].
    pub hosts: BTreeSet<String>,
    /// Whether hosts may be on this machine.
    pub loopback: bool,
    /// Whether requests may be sent without TLS, which requires `loopback`.
    pub plain_http: bool,
    /// See [`EgressPolicy::authorities`].
    pub authorities: Vec<A>,
    /// See [`EgressPolicy::denied_operations`].
    pub denied_operations: BTreeSet<String>,
    /// See [`EgressPolicy::request_cap`].
    #[serde(deserialize_with = "above_zero")]
    pub request_cap: usize,
    /// See [`EgressPolicy::response_cap`].
    #[serde(deserialize_with = "above_zero")]
    pub response_cap: usize,
    /// See [`EgressPolicy::declared_response_cap`].
    #[serde(deserialize_with = "above_zero")]
    pub declared_response_cap: usize,
    /// See [`EgressPolicy::limiter_patience`]; in milliseconds.
    pub limiter_patience_ms: u64,
    /// How long each part of a request may take.
    pub deadlines: Deadlines,
}

/// A reach as a configuration writes it.
#[derive(Clone, Copy, Debug)]
pub struct WrittenReach {
    /// Whether hosts may be on this machine.
    pub loopback: bool,
    /// Whether requests may be sent without TLS, which requires `loopback`.
    pub plain_http: bool,
}

impl TryFrom<WrittenReach> for Reach {
    type Error = PlainHttp;

    fn try_from(WrittenReach { loopback, plain_http }: WrittenReach) -> Result<Self, PlainHttp> {
        match (loopback, plain_http) {
            (false, false) => Ok(Self::Public),
            (true, false) => Ok(Self::PublicAndLoopback),
            (true, true) => Ok(Self::Loopback),
            (false, true) => Err(PlainHttp),
        }
    }
}

/// Plain HTTP is enabled without loopback.
#[derive(Debug, thiserror::Error)]
#[error("plain HTTP is only allowed to this machine: set loopback = true as well, or omit it")]
pub struct PlainHttp;

/// Why a serialized policy is invalid.
#[derive(Debug, thiserror::Error)]
pub enum NoPolicy {
    /// Plain HTTP is enabled for other machines.
    #[error("plain-http: {0}")]
    PlainHttp(#[from] PlainHttp),
    /// The authorities cannot be trusted.
    #[error("authorities: expected certificates that can be trusted as authorities (PEM, X.509): {0}")]
    Authorities(String),
}

impl<A> WrittenPolicy<A> {
    /// Creates the serialized form of `policy` without its authorities.
    fn without_authorities(policy: &EgressPolicy) -> Self {
        Self {
            hosts: policy.hosts.clone(),
            loopback: policy.reach != Reach::Public,
            plain_http: policy.reach == Reach::Loopback,
            authorities: Vec::new(),
            denied_operations: policy.denied_operations.clone(),
            request_cap: policy.request_cap,
            response_cap: policy.response_cap,
            declared_response_cap: policy.declared_response_cap,
            limiter_patience_ms: millis_u64(policy.limiter_patience),
            deadlines: policy.deadlines,
        }
    }

    /// Creates the policy, with `authorities` in place of the serialized ones.
    pub(crate) fn policy(self, authorities: Vec<CertificateDer<'static>>) -> Result<EgressPolicy, PlainHttp> {
        let reach = WrittenReach { loopback: self.loopback, plain_http: self.plain_http }.try_into()?;
        Ok(EgressPolicy {
            hosts: self.hosts,
            reach,
            authorities,
            denied_operations: self.denied_operations,
            request_cap: self.request_cap,
            response_cap: self.response_cap,
            declared_response_cap: self.declared_response_cap,
            deadlines: self.deadlines,
            limiter_patience: Duration::from_millis(self.limiter_patience_ms),
        })
    }
}

impl<A> Default for WrittenPolicy<A> {
    fn default() -> Self {
        Self::without_authorities(&EgressPolicy::default())
    }
}

impl From<EgressPolicy> for WrittenPolicy<String> {
    fn from(policy: EgressPolicy) -> Self {
        let authorities = policy.authorities.iter().map(pem).collect();
        Self { authorities, ..Self::without_authorities(&policy) }
    }
}

impl TryFrom<WrittenPolicy<String>> for EgressPolicy {
    type Error = NoPolicy;

    fn try_from(written: WrittenPolicy<String>) -> Result<Self, NoPolicy> {
        let read = written.authorities.iter().map(|pem| authorities(pem.as_bytes()));
        let each: Vec<_> = read.collect::<Result<_, _>>().map_err(NoPolicy::Authorities)?;
        Ok(written.policy(each.concat())?)
    }
}

#[cfg(test)]
mod tests;
