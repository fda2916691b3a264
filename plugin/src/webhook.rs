//! Consent webhooks: whether a delivery comes from Iterable, and which choices it reports.

mod delivery;
mod event;
mod reading;
mod time;
mod verify;

pub use self::{
    delivery::Delivery,
    reading::{ConsentEvent, Reading},
    verify::{Verdict, verify},
};
