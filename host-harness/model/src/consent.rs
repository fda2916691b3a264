//! The rules of consent as pure functions, without a clock, store, network or sandbox.
//!
//! [`notice`] decides which notices reach a vendor, and [`mapping`] which of the vendor's items represent them. Every
//! choice that arrives is first compared with our own writes ([`echo`]), then passed to [`put_back`], which protects
//! opt-outs from our own writes of whole lists, and finally to [`newest`]. [`derive`](mod@derive) computes notice
//! preferences from the recorded choices, and [`outbound`] turns requested preferences into item choices and a report.
//! A [`Cause`] keeps a derived preference from being sent back to its origin.

pub mod cause;
pub mod derive;
pub mod echo;
pub mod identity;
pub mod mapping;
pub mod newest;
pub mod notice;
pub mod outbound;
pub mod put_back;
pub mod submitted;

pub use cause::Cause;
pub use notice::{Enforcement, NotPropagated, Notice, NoticeAnswer, NoticePreference, System, propagates};
