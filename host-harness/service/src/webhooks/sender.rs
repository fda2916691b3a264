//! The sender of a delivery, and what the log says about the answer that it gets.
//! Tested in `api/src/tests/refused.rs`.

use super::response::WebhookResponse;
use crate::{logged_path::logged_segment, refused_log::CallSource};

/// The request that brings a delivery.
#[derive(Clone, Debug)]
pub struct DeliverySender {
    /// The id that the sender gets with the response.
    pub request_id: Option<String>,
    /// Where the request comes from.
    pub source: CallSource,
}

impl DeliverySender {
    /// Logs the response to a delivery to the connection `key` of `tenant`, or to an address without a connection.
    pub(super) fn log(&self, tenant: Option<&str>, key: &str, answer: WebhookResponse) {
        let address = match tenant {
            Some(_) => None,
            None => Some(format!("/api/v1/plus/connection/{}/consent-webhook", logged_segment(key))),
        };
        tracing::info!(
            tenant,
            connection = tenant.map(|_| key),
            operation = "delivery",
            status = %answer.status(),
            address,
            request_id = self.request_id,
            "delivery answered"
        );
    }
}
