//! Certificate authorities in PEM format.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls_pki_types::{CertificateDer, pem::PemObject};

/// Parses every certificate in `pem` and checks that TLS can trust it: otherwise, a wrong one would only show at the
/// first request.
pub(crate) fn authorities(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let authorities = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    if authorities.is_empty() {
        return Err("no CERTIFICATE section found".to_owned());
    }
    let mut trusted = rustls::RootCertStore::empty();
    for authority in &authorities {
        trusted.add(authority.clone()).map_err(|error| error.to_string())?;
    }
    Ok(authorities)
}

/// Encodes a certificate with lines of 64 characters, as RFC 7468 requires.
pub(super) fn pem(certificate: &CertificateDer<'_>) -> String {
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
