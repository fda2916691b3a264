//! Harness and the suites that run host, plugin and stand-in together.

#![expect(clippy::panic, reason = "a test that cannot be set up has failed")]

mod bench;
mod components;
pub mod iterable;
pub mod logs;
mod vendor;

pub use bench::{Bench, engine, puppet, secret, spec};
pub use components::{bytes, component, guest, load, plugin};
pub use iterable::{Project, ada};
pub use vendor::{Received, Reply, Vendor};
