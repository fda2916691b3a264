//! Consent both ways: the rules, as functions of their arguments, and what puts them to work around the store.
//!
//! The rules know no clock, store, network or sandbox. [`notice`] says which notices reach a vendor, [`mapping`] which of
//! the vendor's items stand for them. Whatever is heard about a person's choices passes [`newest`], and before it
//! [`put_back`], which keeps opt-outs from our own writes of whole lists; [`derive`](mod@derive) reads
//! notices out of what stands, [`outbound`] turns requested preferences into item choices and a report. A [`Cause`] ends
//! the round trip of a derived preference.
//!
//! At work they are in `outgoing` (what the platform asks), `inbound` (what the vendor tells) and `reading` (what it
//! holds); `after_erasure` and `unidentified` take in what the vendor says about people who were erased here, or who cannot be
//! told apart. `tell` puts what the platform does not know yet into the [`feed`], which `forward` posts. [`catalogue`] and
//! [`mappings`] keep what operators say of notices, systems and items; `retention` takes away what was kept long enough.

pub mod catalogue;
pub mod feed;
pub mod mappings;

pub(crate) mod after_erasure;
pub(crate) mod apply;
pub(crate) mod arrival;
mod heard;
pub(crate) mod inbound;
mod outgoing;
pub(crate) mod read;
mod reading;
mod still_there;
mod tell;
mod unidentified;

pub use host_model::consent::*;

#[cfg(test)]
mod tests;
