//! How short and how long a secret may be, so that it can be kept out of answers and logs.

/// Shorter secrets would be found in innocent text, and so could not be kept out of answers and logs.
pub(crate) const SHORTEST_SECRET: usize = 6;

/// The longest secret, in bytes. A private key or a service account has some 4,000. Building the search for a secret takes
/// 1,600 times its size in memory, and 350 times its size stay.
pub(crate) const MAX_SECRET_BYTES: usize = 16 << 10;
