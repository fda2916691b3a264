//! A transport that sends only while this replica may act.
//! Tested in `src/replica/tests.rs`.

use std::sync::Arc;

use futures::future::BoxFuture;
use host_harness::{
    connection::Connection,
    egress::{Outgoing, Transport, VendorResponse},
};
use host_model::contract::http::{HttpError, HttpErrorKind};

use super::sending_right::SendingRight;

/// Sends through another transport while this replica may act.
pub(crate) struct Fenced {
    transport: Arc<dyn Transport>,
    sending_right: SendingRight,
}

impl Fenced {
    pub(crate) fn new(transport: Arc<dyn Transport>, sending_right: SendingRight) -> Self {
        Self { transport, sending_right }
    }
}

impl Transport for Fenced {
    fn send<'a>(
        &'a self,
        connection: &'a Connection,
        outgoing: Outgoing,
    ) -> BoxFuture<'a, Result<VendorResponse, HttpError>> {
        if self.sending_right.may_send() {
            return self.transport.send(connection, outgoing);
        }
        let message = "nothing was sent: this replica has lost touch with its database, and others may have taken over its work";
        let error = HttpError {
            kind: HttpErrorKind::Unreachable,
            message: message.to_owned(),
            request_sent: false,
            retry_after_ms: None,
        };
        Box::pin(std::future::ready(Err(error)))
    }
}
