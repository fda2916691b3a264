//! Whom a call is about.

use std::sync::Arc;

use host_model::contract::{Subject, webhook::Delivery};

/// Whom a call is about.
#[derive(Clone, Debug)]
pub(crate) enum About {
    /// No person.
    Nobody,
    /// These.
    People(Vec<Subject>),
    /// Whoever is in this delivery: nobody knows them before it is read.
    Delivery(Arc<Delivery>),
}
