//! Webhook deliveries: received and stored, then read, and kept for as long as they may be read again.

pub mod inbox;
mod rate;
mod read_by;
mod reading;
pub mod receive;
pub mod response;
pub mod sender;
pub mod setup;
pub(crate) mod stored_delivery;
pub mod tried;
pub mod upkeep;
