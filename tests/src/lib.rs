//! Harness and the suites that run host, plugin and stand-in together.

mod bench;
mod guests;
pub mod logs;
mod vendor;

pub use bench::{Bench, engine, puppet, secret, spec};
pub use guests::{guest, load, plugin};
pub use vendor::{Received, Reply, Vendor};
