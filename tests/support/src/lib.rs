//! What tests of several crates share: waiting for a condition, the log of a test, random
//! input that can be repeated, certificates, and a registry.

mod authority;
mod eventually;
mod exit;
mod key_pems;
mod logged;
mod random;
pub mod registry;

pub use authority::Authority;
pub use eventually::eventually;
pub use exit::{exit_in_time, wait_for_exit};
pub use key_pems::KeyPems;
pub use logged::Logged;
pub use random::{cases, seed};
