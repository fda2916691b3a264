//! The workspace's own source as it is parsed, without what is compiled for tests alone.

pub(super) mod mention;
pub(super) mod modules;
mod only_tests;
pub(super) mod package;
mod paths;
#[cfg(test)]
pub(super) mod sample;
mod tokens;
