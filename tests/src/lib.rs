//! The harness of the suites that run host, plugin and stand-in together.

#![expect(clippy::panic, reason = "a test that cannot be set up has failed")]

mod bench;
mod components;
mod engine;
pub mod iterable;
pub mod logs;
mod vendor;

pub use bench::{Bench, puppet, secret, spec};
pub use components::{bytes, component, guest, load, plugin};
pub use engine::engine;
pub use iterable::{Project, ada};
pub use vendor::{Received, Reply, Vendor};
