//! A transport that sends only while this replica may act.
//! Tested in `src/replica/tests.rs`.

use std::sync::Arc;

use futures::future::BoxFuture;
use host_harness::{
    connection::Connection,
    egress::{Outgoing, Transport, VendorResponse},
};
use host_model::contract::http::{HttpError, HttpErrorKind};

use crate::sending_right::SendingRight;

const LOST_TOUCH: &str =
    "this replica has lost touch with its database, and others may have taken over its work";

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
        Box::pin(async move {
            if !self.sending_right.may_send() {
                return Err(not_sent());
            }
            tokio::select! {
                // First, so that a process that was frozen in the middle goes no further.
                biased;
                () = self.sending_right.ended() => {
                    Err(cut_off())
                }
                answer = self.transport.send(connection, outgoing) => answer,
            }
        })
    }
}

/// The error of a request that this replica had no right to send.
fn not_sent() -> HttpError {
    let (kind, message) = (HttpErrorKind::HostUnavailable, format!("nothing was sent: {LOST_TOUCH}"));
    HttpError { kind, message, request_sent: false, retry_after_ms: None }
}

/// The error of a request during which the right to send ended.
fn cut_off() -> HttpError {
    let (kind, message) = (HttpErrorKind::HostUnavailable, format!("the request was cut off: {LOST_TOUCH}"));
    HttpError { kind, message, request_sent: true, retry_after_ms: None }
}
