//! What a delivery brings, and when.

/// A delivery that was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) connection: &'a str,
    /// The delivery's id.
    pub(crate) delivery: &'a str,
    /// In milliseconds since 1970 in UTC.
    pub(crate) received_at: i64,
}
