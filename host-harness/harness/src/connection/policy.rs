//! Where a connection's requests may go: the operator's half of the permission, which the manifest cannot widen.

use std::{collections::BTreeSet, time::Duration};

use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};

use super::written::{Written, ms};
use crate::egress::Reach;

/// The operator's policy for one connection. Written down with the keys of the configuration file, times in whole
/// milliseconds and authorities as PEM texts; caps and deadlines are above 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Written<String>", try_from = "Written<String>")]
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

/// The longest wait that counts: more is a slip, and past what clocks can add.
pub(super) const LONGEST_WAIT: Duration = Duration::from_hours(24);

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

/// How long each part of a request may take; more than a day counts as a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deadlines {
    /// Until connected, TLS included.
    #[serde(rename = "connect-ms", with = "ms")]
    pub connect: Duration,
    /// Until the answer begins, connecting included.
    #[serde(rename = "first-byte-ms", with = "ms")]
    pub first_byte: Duration,
    /// Between two parts of the body.
    #[serde(rename = "between-bytes-ms", with = "ms")]
    pub between_bytes: Duration,
    /// All of it.
    #[serde(rename = "total-ms", with = "ms")]
    pub total: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(15),
            between_bytes: Duration::from_secs(5),
            total: Duration::from_secs(30),
        }
    }
}
