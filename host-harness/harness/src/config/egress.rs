//! Reads `[connections.….egress]`: where a connection's requests may go.
//! Tested in `src/config/tests.rs`.

use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;

use super::{
    problem::ConfigProblemKind,
    section::{Problems, Section},
};
use crate::connection::{EgressPolicy, PlainHttp, WrittenPolicy, authorities, check_host};

/// Reads the policy that `section` describes. Relative file names are resolved against `base`.
pub(super) fn policy(
    mut section: Section<'_>,
    base: &Path,
    problems: &mut Problems<'_>,
) -> Option<EgressPolicy> {
    let deadlines = section.part("deadlines", problems).and_then(|times| times.read(problems));
    let hosts_at = section.at("hosts");
    let (plain_http_at, authorities_at) = (section.at("plain-http"), section.at("authorities"));
    let place = section.place.clone();
    let mut written: WrittenPolicy<PathBuf> = section.read(problems)?;
    written.deadlines = deadlines.unwrap_or(written.deadlines);
    for wrong in written.hosts.iter().filter_map(|host| check_host(host).err()) {
        problems.add(hosts_at, &format!("{place}.hosts"), wrong.into());
    }
    let mut authorities = Vec::new();
    for file in &written.authorities {
        match read_authorities(&base.join(file)) {
            Ok(more) => authorities.extend(more),
            Err(wrong) => problems.add(authorities_at, &format!("{place}.authorities"), wrong),
        }
    }
    let policy = written.policy(authorities);
    policy
        .map_err(|PlainHttp| {
            problems.add(plain_http_at, &format!("{place}.plain-http"), ConfigProblemKind::PlainHttp);
        })
        .ok()
}

/// Reads the certificates of authorities in the file `path` (PEM, X.509).
pub fn read_authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConfigProblemKind> {
    let pem = std::fs::read(path)
        .map_err(|cause| ConfigProblemKind::Unreadable { path: path.to_owned(), cause: cause.to_string() })?;
    authorities(&pem).map_err(|why| ConfigProblemKind::NotAnAuthority { path: path.to_owned(), why })
}
