//! Reading keys from PEM.

use rustls_pki_types::pem::{PemObject, SectionKind};
use zeroize::Zeroizing;

/// A key could not be read. Contains nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not PEM.
    #[error(
        "is not PEM: expected base64 between `-----BEGIN {}-----` and `-----END {}-----`",
        .expected.label(),
        .expected.label()
    )]
    NotPem {
        /// The expected kind.
        expected: KeyKind,
    },
    /// There is no section that can be read.
    #[error(
        "contains no key that can be read; expected `{}`{}",
        .expected.label(),
        .expected.hint()
    )]
    NoSection {
        /// The expected kind.
        expected: KeyKind,
    },
    /// There is more than one section.
    #[error("contains {found} sections of PEM; expected one, `{}`: give each key by itself", .expected.label())]
    Sections {
        /// The number of sections.
        found: usize,
        /// The expected kind.
        expected: KeyKind,
    },
    /// The section is of another kind.
    #[error("contains another kind of PEM; expected `{}`{}", .expected.label(), .expected.hint())]
    OtherSection {
        /// The expected kind.
        expected: KeyKind,
    },
    /// It is not a key on the curve P-256, or not encoded as one.
    #[error(
        "is not a key on the curve P-256 with an uncompressed public key{}",
        .expected.hint()
    )]
    NotP256 {
        /// The expected kind.
        expected: KeyKind,
    },
    /// It is encoded as a P-256 key, but its point is not on the curve.
    #[error("is damaged: its point is not on the curve P-256; copy the key again")]
    NotOnCurve,
    /// The system provides no randomness.
    #[error("could not be checked, since the system provides no randomness")]
    NoRandomness,
}

/// Which half of a key is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// A public key, as X.509's `SubjectPublicKeyInfo`.
    Public,
    /// A private key, as PKCS #8 without a password.
    Private,
}

impl KeyKind {
    fn label(self) -> &'static str {
        match self {
            Self::Public => "PUBLIC KEY",
            Self::Private => "PRIVATE KEY",
        }
    }

    fn section(self) -> SectionKind {
        match self {
            Self::Public => SectionKind::PublicKey,
            Self::Private => SectionKind::PrivateKey,
        }
    }

    /// How such a key is made.
    fn hint(self) -> &'static str {
        match self {
            Self::Public => ", as `openssl pkey -pubout` writes it",
            Self::Private => {
                ", as `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` writes it, without a password"
            }
        }
    }
}

/// Returns the DER of the one section of `pem`.
///
/// A second key beside it is refused: which one counts must not depend on their order.
pub(crate) fn only_section(pem: &[u8], expected: KeyKind) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut sections = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
        let (kind, der) = section.map_err(|_| KeyError::NotPem { expected })?;
        sections.push((kind, Zeroizing::new(der)));
    }
    match <[_; 1]>::try_from(sections) {
        Ok([(kind, der)]) if kind == expected.section() => Ok(der),
        Ok(_) => Err(KeyError::OtherSection { expected }),
        Err(sections) if sections.is_empty() => Err(KeyError::NoSection { expected }),
        Err(sections) => Err(KeyError::Sections { found: sections.len(), expected }),
    }
}
