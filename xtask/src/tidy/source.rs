//! The workspace's own source, parsed, without what is compiled only for tests.

pub(super) mod mention;
pub(super) mod modules;
pub(super) mod only_tests;
pub(super) mod package;
pub(super) mod parsed;
mod paths;
#[cfg(test)]
pub(super) mod test_sample;
mod tokens;
