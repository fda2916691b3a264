//! Runs calls as a version would make them, with no request leaving the host, and compares what two versions make of the
//! same call.
//!
//! A call goes on until it would read from the vendor. It runs in the version's own sandbox, on a connection as it is
//! resolved for real calls, but shares nothing with them but the engine: no limits, no captured secrets, no turns.

mod call;
mod comparison;
mod run;
mod vendor;

pub use call::ShadowCall;
pub use comparison::{BehaviourDifference, DifferenceKind, difference};
pub use run::{PlannedOperation, PlannedRequest, ShadowEnd, ShadowRun};
