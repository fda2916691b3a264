//! Decides whether a component is signed by a key that is trusted for a plugin's name, and signs releases. Pure: no I/O,
//! clock or runtime.
//!
//! A release is a component and its bundle, a file beside it ([`bundle_file`]). Bundles are Sigstore bundles of version
//! 0.3 with one signature by a key on the curve P-256, ECDSA with SHA-256. A bundle contains either a DSSE envelope with an
//! in-toto [`Statement`] about the release, or a signature of the component itself.
//!
//! [`Trust`] is what the configuration says about one plugin's name: which keys, and what a bundle has to contain
//! ([`Required`]). [`Trust::verify`] returns [`Signed`], or a [`Refusal`] with a stable code. Whether a release is current
//! goes by the caller's records, which it passes as [`Arrival`]; it stores [`Signed::mark_after`] with what it admits.
//!
//! ```
//! # use host_trust::{Arrival, Required, Trust, TrustedKey};
//! # fn admit(public_key: &[u8], component: &[u8], bundle: Option<&[u8]>, now: i64) -> Result<(), Box<dyn std::error::Error>> {
//! let trust = Trust::new("newsletter", TrustedKey::from_pem(public_key)?, Required::Statement);
//! let signed = trust.verify(component, bundle, Arrival::FromOutside(None), now)?;
//! let mark = signed.mark_after(None);
//! # Ok(())
//! # }
//! ```
//!
//! A publisher signs with [`ReleaseKey::sign`]. [`BundleClaims`] is what a bundle says before anyone has verified it.

mod bundle;
mod claims;
mod doubled;
mod format;
mod json_object;
mod pae;
mod pem;
mod refusal;
mod release_key;
mod required;
mod revision;
mod signed;
mod statement;
mod statement_json;
mod trust;
mod trusted_key;

pub use claims::{BundleClaims, ClaimedContent};
pub use doubled::Doubled;
pub use format::{BUNDLE_SUFFIX, BUNDLE_TYPE, MAX_BUNDLE_BYTES, bundle_file};
pub use pem::{KeyError, KeyKind};
pub use refusal::Refusal;
pub use release_key::{ReleaseKey, SignError};
pub use required::Required;
pub use revision::{Arrival, HighWaterMark, NotARevision, Revision};
pub use signed::{Signed, SignedContent};
pub use statement::{
    ConformanceResult, ConformanceRun, MAX_VERSION, PREDICATE_TYPE, STATEMENT_TYPE, Statement, UnfitStatement,
};
pub use trust::Trust;
pub use trusted_key::{KeyFingerprint, NoTrustedKey, TrustedKey, TrustedKeys};
