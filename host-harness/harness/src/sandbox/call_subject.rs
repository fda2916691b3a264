//! The people that a call is about.

use std::sync::Arc;

use host_model::contract::{Subject, webhook::Delivery};

/// The people that a call is about.
#[derive(Clone, Debug)]
pub(crate) enum CallSubject {
    /// No person.
    Nobody,
    /// These people.
    People(Vec<Subject>),
    /// The people in this delivery, who are unknown before it is read.
    Delivery(Arc<Delivery>),
}
