//! What vendors deliver: received and stored, then read, and kept for as long as it may be read again.

pub mod answer;
pub mod inbox;
mod kept;
mod rate;
mod reading;
pub mod receive;
pub mod tried;
pub mod upkeep;
