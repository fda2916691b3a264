//! What stands between callers and the routes: how many connections there are, how long a request may take to arrive, and
//! what holds for every answer.

pub(crate) mod body_timeout;
pub(crate) mod descriptors;
mod episode;
mod incoming;
pub(crate) mod listener;
pub(crate) mod panics;
pub(crate) mod request_id;
mod stalled;

#[cfg(test)]
mod tests;
