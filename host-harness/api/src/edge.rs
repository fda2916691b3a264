//! The layer between callers and routes: limits on connections, on the time for a request to arrive, and what applies
//! to every answer.

pub(crate) mod bind;
pub(crate) mod body_timeout;
pub(crate) mod caller_log;
pub(crate) mod closed;
pub(crate) mod current;
pub(crate) mod descriptors;
mod episode;
mod incoming;
pub(crate) mod listener;
pub(crate) mod panics;
pub(crate) mod passed_sockets;
pub(crate) mod request_id;
mod stalled;
pub(crate) mod to_the_end;

#[cfg(test)]
mod tests;
