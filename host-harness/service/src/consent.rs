//! Consent: applies the rules of [`host_model::consent`] to the store.
//!
//! `apply` carries out what the platform requests and `read` reads what the vendor has stored, using `outgoing` and
//! `reading`. `inbound` processes what the vendor sends by itself; `after_erasure` and `unidentified` process what it
//! sends about people who were erased here or who cannot be identified. `append` adds what the platform does not know
//! yet to the [`feed`], which `forward` posts. [`catalogue`] and [`mappings`] store what operators define about
//! notices, systems and items. `upkeep` deletes what has reached its retention time.

pub mod catalogue;
pub mod feed;
pub mod mappings;

pub(crate) mod after_erasure;
mod append;
pub(crate) mod apply;
pub(crate) mod arrival;
pub(crate) mod inbound;
mod look;
mod outgoing;
pub(crate) mod read;
mod reading;
mod reconcile;
mod still_there;
mod unidentified;
pub(crate) mod upkeep;
mod vendor_event;

#[cfg(test)]
mod tests;
