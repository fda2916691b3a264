//! The rules of consent, as functions of their arguments: they know no clock, store, network or sandbox.
//!
//! [`notice`] says which notices reach a vendor, [`mapping`] which of the vendor's items stand for them. Whatever is heard
//! about a person's choices is first compared with our own writes ([`echo`]), then passes [`put_back`], which keeps opt-outs
//! from our own writes of whole lists, and then [`newest`]. [`derive`](mod@derive) reads notices out of what stands,
//! [`outbound`] turns requested preferences into item choices and a report. A [`Cause`] ends the round trip of a derived
//! preference.

pub mod cause;
pub mod derive;
pub mod echo;
pub mod identity;
pub mod mapping;
pub mod newest;
pub mod notice;
pub mod outbound;
pub mod put_back;

pub use cause::Cause;
pub use notice::{Answer, Enforcement, NotPropagated, Notice, NoticePreference, System, propagates};
