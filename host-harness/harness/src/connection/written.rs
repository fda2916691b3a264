//! How policies and limits are written down: the keys of the configuration file, in TOML and in JSON alike.
//!
//! In the file, `authorities` names PEM files; everywhere else it holds the PEM texts themselves.

use std::{collections::BTreeSet, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, Unexpected},
};

use super::{Deadlines, EgressPolicy};
use crate::egress::Reach;
use host_model::time::millis_u64;

/// An egress policy as it is written down, with its authorities in the form `A`.
#[derive(Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case", bound(deserialize = "A: Deserialize<'de>"))]
pub(crate) struct Written<A> {
    pub(crate) hosts: BTreeSet<String>,
    pub(crate) loopback: bool,
    pub(crate) plain_http: bool,
    pub(crate) authorities: Vec<A>,
    pub(crate) denied_operations: BTreeSet<String>,
    #[serde(deserialize_with = "above_zero")]
    pub(crate) request_cap: usize,
    #[serde(deserialize_with = "above_zero")]
    pub(crate) response_cap: usize,
    #[serde(deserialize_with = "above_zero")]
    pub(crate) declared_response_cap: usize,
    pub(crate) limiter_patience_ms: u64,
    pub(crate) deadlines: Deadlines,
}

/// Plain HTTP was allowed without loopback.
#[derive(Debug, thiserror::Error)]
#[error("plain HTTP goes to this machine alone: write loopback = true beside it, or leave it out")]
pub(crate) struct PlainHttp;

/// Why a written policy is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPolicy {
    #[error("plain-http: {0}")]
    PlainHttp(#[from] PlainHttp),
    #[error("authorities: expected certificates that can be trusted as authorities (PEM, X.509): {0}")]
    Authorities(String),
}

impl<A> Written<A> {
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

impl<A> Default for Written<A> {
    fn default() -> Self {
        Self::without_authorities(&EgressPolicy::default())
    }
}

impl From<EgressPolicy> for Written<String> {
    fn from(policy: EgressPolicy) -> Self {
        let authorities = policy.authorities.iter().map(pem).collect();
        Self { authorities, ..Self::without_authorities(&policy) }
    }
}

impl TryFrom<Written<String>> for EgressPolicy {
    type Error = NoPolicy;

    fn try_from(written: Written<String>) -> Result<Self, NoPolicy> {
        let read = written.authorities.iter().map(|pem| authorities(pem.as_bytes()));
        let each: Vec<_> = read.collect::<Result<_, _>>().map_err(NoPolicy::Authorities)?;
        Ok(written.policy(each.concat())?)
    }
}

/// Every certificate in `pem`, each one that TLS can trust: a wrong one would show only at the first request.
pub(crate) fn authorities(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let authorities = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    if authorities.is_empty() {
        return Err("no CERTIFICATE section in it".to_owned());
    }
    let mut trusted = rustls::RootCertStore::empty();
    for authority in &authorities {
        trusted.add(authority.clone()).map_err(|error| error.to_string())?;
    }
    Ok(authorities)
}

/// Lines of 64 characters, as RFC 7468 wants them.
fn pem(certificate: &CertificateDer<'_>) -> String {
    let text = STANDARD.encode(certificate);
    let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at_checked(64).unwrap_or((rest, ""));
        pem = pem + line + "\n";
        rest = more;
    }
    pem + "-----END CERTIFICATE-----\n"
}

/// A whole number above 0.
pub(super) fn above_zero<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default + PartialEq,
{
    let number = T::deserialize(from)?;
    if number == T::default() {
        return Err(D::Error::invalid_value(Unexpected::Unsigned(0), &"a whole number above 0"));
    }
    Ok(number)
}

/// A time above 0 in whole milliseconds.
pub(super) mod ms {
    use super::{Deserializer, Duration, Serializer, above_zero, millis_u64};

    pub(in crate::connection) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(millis_u64(*time).max(1))
    }

    pub(in crate::connection) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Duration, D::Error> {
        above_zero(from).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests;
