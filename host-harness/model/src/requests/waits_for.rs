//! What a waiting request waits for, as a word by which requests can be found.

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumString, VariantArray};

/// What a waiting request waits for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, AsRefStr, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum WaitsFor {
    /// Another version of its plugin, because its requests contradict what the last one reported.
    AnotherVersion,
    /// Its connection, which is gone, not enabled or not served, or does not carry out such requests.
    Connection,
    /// Its connection, which is parked until an operator resumes it.
    Parked,
    /// Its connection, which an operator paused.
    Paused,
    /// The vendor, which did not answer the last attempts at the connection.
    Vendor,
    /// A limit of the vendor that is reached.
    Limit,
    /// The vendor, which may not show the last change of the person yet.
    Settling,
    /// An earlier request about the same person.
    EarlierRequest,
    /// The time of its next attempt.
    Retry,
}
