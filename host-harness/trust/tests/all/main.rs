//! What is trusted, and each way in which it is refused.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "an unexpected result fails the test")]

mod changes;
mod claims;
mod currency;
mod interop;
mod keys;
mod messages;
mod publisher;
mod refusals;
mod statements;
