//! `[connections.….egress]`: where a connection's requests may go.

use std::{
    collections::BTreeSet,
    num::{NonZeroU64, NonZeroUsize},
    path::{Path, PathBuf},
    time::Duration,
};

use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde::Deserialize;

use super::{
    problem::Wrong,
    section::{Problems, Section},
};
use crate::{
    connection::{Deadlines, EgressPolicy},
    egress::Reach,
};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Egress {
    #[serde(default)]
    hosts: BTreeSet<String>,
    #[serde(default)]
    loopback: bool,
    #[serde(default)]
    plain_http: bool,
    #[serde(default)]
    authorities: Vec<PathBuf>,
    #[serde(default)]
    denied_operations: BTreeSet<String>,
    request_cap: Option<NonZeroUsize>,
    response_cap: Option<NonZeroUsize>,
    declared_response_cap: Option<NonZeroUsize>,
    limiter_patience_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::struct_field_names, reason = "each key of the file names its unit")]
struct Times {
    connect_ms: Option<NonZeroU64>,
    first_byte_ms: Option<NonZeroU64>,
    between_bytes_ms: Option<NonZeroU64>,
    total_ms: Option<NonZeroU64>,
}

/// The policy that `section` describes; files are looked for in `base`.
pub(super) fn policy(
    mut section: Section<'_>,
    base: &Path,
    problems: &mut Problems<'_>,
) -> Option<EgressPolicy> {
    let times = section.part("deadlines", problems).and_then(|times| times.read::<Times>(problems));
    let (plain_http_at, authorities_at) = (section.at("plain-http"), section.at("authorities"));
    let place = section.place.clone();
    let egress: Egress = section.read(problems)?;
    let reach = match (egress.loopback, egress.plain_http) {
        (false, false) => Reach::Public,
        (true, false) => Reach::PublicAndLoopback,
        (true, true) => Reach::Loopback,
        (false, true) => {
            problems.add(plain_http_at, &format!("{place}.plain-http"), Wrong::PlainHttp);
            return None;
        }
    };
    let mut authorities = Vec::new();
    for file in &egress.authorities {
        match read_authorities(&base.join(file)) {
            Ok(more) => authorities.extend(more),
            Err(wrong) => problems.add(authorities_at, &format!("{place}.authorities"), wrong),
        }
    }
    let usual = EgressPolicy::default();
    Some(EgressPolicy {
        hosts: egress.hosts,
        reach,
        authorities,
        denied_operations: egress.denied_operations,
        request_cap: egress.request_cap.map_or(usual.request_cap, NonZeroUsize::get),
        response_cap: egress.response_cap.map_or(usual.response_cap, NonZeroUsize::get),
        declared_response_cap: egress
            .declared_response_cap
            .map_or(usual.declared_response_cap, NonZeroUsize::get),
        deadlines: times.map_or(usual.deadlines, |times| deadlines(&times)),
        limiter_patience: egress.limiter_patience_ms.map_or(usual.limiter_patience, Duration::from_millis),
    })
}

fn deadlines(times: &Times) -> Deadlines {
    let usual = Deadlines::default();
    let or = |ms: Option<NonZeroU64>, usual| ms.map_or(usual, |ms| Duration::from_millis(ms.get()));
    Deadlines {
        connect: or(times.connect_ms, usual.connect),
        first_byte: or(times.first_byte_ms, usual.first_byte),
        between_bytes: or(times.between_bytes_ms, usual.between_bytes),
        total: or(times.total_ms, usual.total),
    }
}

/// Every certificate in `path`, each one that TLS can trust: a wrong one would show only at the first request.
fn read_authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, Wrong> {
    let pem = std::fs::read(path)
        .map_err(|cause| Wrong::Unreadable { path: path.to_owned(), cause: cause.to_string() })?;
    let not = |why: String| Wrong::NotAnAuthority { path: path.to_owned(), why };
    let authorities = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| not(error.to_string()))?;
    if authorities.is_empty() {
        return Err(not("no CERTIFICATE section in it".to_owned()));
    }
    let mut trusted = rustls::RootCertStore::empty();
    for authority in &authorities {
        trusted.add(authority.clone()).map_err(|error| not(error.to_string()))?;
    }
    Ok(authorities)
}
