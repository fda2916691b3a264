//! Minimum and maximum length of a secret, so that it can be masked in responses and logs.

/// Minimum length of a secret. Shorter ones would match ordinary text, so they could not be masked in responses and
/// logs.
pub(crate) const MIN_SECRET_CHARS: usize = 6;

/// Maximum length of a secret, in bytes. A private key or a service account has about 4,000. Building the search for a
/// secret takes 1,600 times its size in memory, of which 350 times its size remain allocated.
pub(crate) const MAX_SECRET_BYTES: usize = 16 << 10;
