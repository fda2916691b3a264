//! The service under a supervisor: started, signalled and stopped at any moment.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a failed set-up fails the test"
)]

#[path = "supervised/closed.rs"]
mod closed;
#[path = "supervised/fides.rs"]
mod fides;
#[path = "serve/fides_client.rs"]
mod fides_client;
#[path = "supervised/notified.rs"]
mod notified;
#[path = "cli/operator.rs"]
mod operator;
#[path = "supervised/program.rs"]
mod program;
#[path = "supervised/signals.rs"]
mod signals;
#[path = "supervised/sockets.rs"]
mod sockets;
#[path = "supervised/watched.rs"]
mod watched;
