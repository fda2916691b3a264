//! The people that a call is about.

use std::sync::Arc;

use host_model::contract::{Subject, erasure::PendingErasure, webhook::Delivery};

/// The people that a call is about.
#[derive(Debug)]
pub(crate) enum CallSubject {
    /// No person.
    Nobody,
    /// These people.
    People(Vec<Subject>),
    /// The people of these erasures.
    Erasures(Vec<PendingErasure>),
    /// The people in this delivery, who are unknown before it is read.
    Delivery(Arc<Delivery>),
}
