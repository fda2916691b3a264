//! What tests of several crates share: waiting for a condition, and random input that can be repeated.

mod eventually;
mod exit;
mod random;

pub use eventually::eventually;
pub use exit::{exit_in_time, wait_for_exit};
pub use random::{cases, seed};
