//! Certificate authorities as PEM texts.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls_pki_types::{CertificateDer, pem::PemObject};

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
