//! The context of a delivery.

/// A delivery that has been read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeliveryArrival<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) connection: &'a str,
    /// The delivery's id.
    pub(crate) delivery: &'a str,
    /// The time of arrival, in milliseconds since the Unix epoch.
    pub(crate) received_at: i64,
}
