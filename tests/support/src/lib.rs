//! What tests of several crates share: waiting for a condition, and random input that can be repeated.

mod eventually;
mod random;

pub use eventually::eventually;
pub use random::{cases, seed};
