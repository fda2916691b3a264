//! Iterable's API: its requests, and what its answers mean. Building and reading are pure; [`client`] combines them.

pub(crate) mod client;
pub(crate) mod forgotten;
pub(crate) mod lenient;
pub(crate) mod model;
pub(crate) mod request;
pub(crate) mod response;
