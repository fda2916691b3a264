//! The steps with Fides, in order.

mod callback;
mod connection;
mod consent;
mod erasure;
mod feed;

use super::trial::Trial;
use crate::programs::step::Step;

pub(super) const ALL: &[Step<Trial>] = &[
    ("test the connection with a wrong vendor key", connection::fails),
    ("test the connection with the right one", connection::succeeds),
    ("send an erasure", erasure::sent),
    ("restart the service during a poll", erasure::restarted),
    ("poll the erasure once it is proven", erasure::proven),
    ("poll an erasure that the vendor refused", erasure::refused),
    ("retry the refused erasure", erasure::retried),
    ("opt a person out of a notice", consent::opted_out),
    ("opt the person in again", consent::opted_in),
    ("opt a person out of an unknown notice", consent::about_an_unknown_notice),
    ("opt a forgotten person in", consent::of_a_forgotten_person),
    ("opt a person out, which the vendor refuses", consent::refused),
    ("opt a person in during an erasure", consent::held_back),
    ("store a choice made at the vendor", feed::stored),
    ("be called back for an erasure", callback::called_back),
    ("be called back after a replay", callback::called_back_after_a_replay),
];
