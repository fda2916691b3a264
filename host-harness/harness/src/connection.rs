//! A tenant's use of one connector: everything that a call may use, in a single value.
//!
//! Sandbox, imports and egress take what they need from here and never access a store.

mod above_zero;
mod address;
mod authorities;
mod deadlines;
mod limits;
mod policy;
mod redactor;
mod resolve;
mod resolved;
mod secret_bounds;
mod setting;
mod target;
mod tenant;
pub mod token;

pub(crate) use above_zero::above_zero;
pub use address::Reach;
pub(crate) use authorities::authorities;
pub use deadlines::Deadlines;
pub(crate) use deadlines::MAX_DEADLINE;
pub use limits::CallLimits;
pub use policy::{EgressPolicy, NoPolicy, PlainHttp, WrittenPolicy, WrittenReach};
#[cfg(any(test, feature = "measure"))]
pub use redactor::AUTOMATA_BUILT;
pub(crate) use redactor::Redactor;
pub use resolve::{ConnectionSpec, SettingError, SettingPlace, SettingProblem};
pub use resolved::Connection;
pub(crate) use secret_bounds::{MAX_SECRET_BYTES, MIN_SECRET_CHARS};
pub(crate) use setting::{WEBHOOK_TOKEN, WEBHOOK_URL, allows};
pub(crate) use target::address_refused;
pub use target::{Target, TargetError, check_host, is_address, web_address};
pub use tenant::TenantId;
pub use token::AcceptedToken;
