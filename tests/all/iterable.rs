//! The Iterable connector, in the sandbox, against the stand-in.

mod check;
mod component;
mod consent;
mod erasure;
mod refusals;
mod shared;
mod switches;
mod tls;
mod token;
mod webhook;
