//! Where a connection's requests may go: the operator's half of the permission, which the manifest cannot widen.
//!
//! A policy is written down with the keys of the configuration file, in TOML and in JSON alike. In the file, `authorities`
//! names PEM files; everywhere else it holds the PEM texts themselves.

use std::{collections::BTreeSet, time::Duration};

use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};

use super::{
    above_zero::above_zero,
    address::Reach,
    authorities::{authorities, pem},
    deadlines::{Deadlines, LONGEST_WAIT},
};
use host_model::time::millis_u64;

/// The operator's policy for one connection. Written down with the keys of the configuration file, times in whole
/// milliseconds and authorities as PEM texts; caps and deadlines are above 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "WrittenPolicy<String>", try_from = "WrittenPolicy<String>")]
pub struct EgressPolicy {
    /// Hosts beyond those that the manifest's options allow, as `host` or `host:port`.
    pub hosts: BTreeSet<String>,
    /// Which addresses they may be on. Special ranges other than loopback stay closed, whatever it says.
    pub reach: Reach,
    /// Certificate authorities to trust; the public ones where empty.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Operations that this connection may not send, though the manifest declares them.
    pub denied_operations: BTreeSet<String>,
    /// The largest request body, in bytes. Iterable takes 4 MB.
    pub request_cap: usize,
    /// The largest answer, in bytes, where the operation declares nothing else.
    pub response_cap: usize,
    /// The largest answer that an operation may declare: it fits into a call's memory with room beside it.
    pub declared_response_cap: usize,
    /// How long each part of a request may take.
    pub deadlines: Deadlines,
    /// How long a request may wait for the host's own limiter before it is refused. A limit of a second frees up within
    /// that; one of a day is not waited for.
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
    /// The same, with no wait longer than a day.
    pub(super) fn bounded(mut self) -> Self {
        let times = &mut self.deadlines;
        let waits = [&mut times.connect, &mut times.first_byte, &mut times.between_bytes, &mut times.total];
        for wait in waits.into_iter().chain([&mut self.limiter_patience]) {
            *wait = LONGEST_WAIT.min(*wait);
        }
        self
    }
}

/// An egress policy as it is written down, with its authorities in the form `A`. Caps and times are above 0.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case", bound(deserialize = "A: Deserialize<'de>"))]
pub struct WrittenPolicy<A> {
    /// See [`EgressPolicy::hosts`].
    pub hosts: BTreeSet<String>,
    /// Whether hosts may be on this machine.
    pub loopback: bool,
    /// Whether they may be spoken to without TLS, which needs `loopback`.
    pub plain_http: bool,
    /// See [`EgressPolicy::authorities`].
    pub authorities: Vec<A>,
    /// See [`EgressPolicy::denied_operations`].
    pub denied_operations: BTreeSet<String>,
    /// In bytes.
    #[serde(deserialize_with = "above_zero")]
    pub request_cap: usize,
    /// In bytes.
    #[serde(deserialize_with = "above_zero")]
    pub response_cap: usize,
    /// In bytes.
    #[serde(deserialize_with = "above_zero")]
    pub declared_response_cap: usize,
    /// In milliseconds.
    pub limiter_patience_ms: u64,
    /// How long each part of a request may take.
    pub deadlines: Deadlines,
}

/// Plain HTTP was allowed without loopback.
#[derive(Debug, thiserror::Error)]
#[error("plain HTTP goes to this machine alone: write loopback = true beside it, or leave it out")]
pub struct PlainHttp;

/// Why a written policy is none.
#[derive(Debug, thiserror::Error)]
pub enum NoPolicy {
    /// Plain HTTP beyond this machine.
    #[error("plain-http: {0}")]
    PlainHttp(#[from] PlainHttp),
    /// Authorities that cannot be trusted.
    #[error("authorities: expected certificates that can be trusted as authorities (PEM, X.509): {0}")]
    Authorities(String),
}

impl<A> WrittenPolicy<A> {
    /// `policy` with its authorities left out.
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

    /// The policy, with `authorities` for those that were written.
    pub(crate) fn policy(self, authorities: Vec<CertificateDer<'static>>) -> Result<EgressPolicy, PlainHttp> {
        let reach = match (self.loopback, self.plain_http) {
            (false, false) => Reach::Public,
            (true, false) => Reach::PublicAndLoopback,
            (true, true) => Reach::Loopback,
            (false, true) => return Err(PlainHttp),
        };
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
