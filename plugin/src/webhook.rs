//! What Iterable tells the platform: whether a delivery is Iterable's, and which choices it tells of.

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
