//! Consent at work: what puts the rules of [`host_model::consent`] to work around the store.
//!
//! `apply` carries out what the platform asks and `read` reads what the vendor holds, by `outgoing` and `reading`; `inbound` takes in
//! what the vendor says of its own accord, and `after_erasure` and `unidentified` what it says about people who were erased here, or
//! who cannot be told apart. `tell` puts what the platform does not know yet into the [`feed`], which `forward` posts. [`catalogue`] and
//! [`mappings`] keep what operators say of notices, systems and items; `upkeep` deletes what was kept long enough.

pub mod catalogue;
pub mod feed;
pub mod mappings;

pub(crate) mod after_erasure;
pub(crate) mod apply;
pub(crate) mod arrival;
mod heard;
pub(crate) mod inbound;
mod look;
mod outgoing;
pub(crate) mod read;
mod reading;
mod reconcile;
mod still_there;
mod tell;
mod unidentified;
pub(crate) mod upkeep;

#[cfg(test)]
mod tests;
