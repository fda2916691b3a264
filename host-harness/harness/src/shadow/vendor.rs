//! A transport that sends nothing. It answers writes like a dry run, with `200` and `{}`, so that everything before the
//! first read is seen.

use std::{collections::BTreeMap, future::pending};

use futures::future::{BoxFuture, ready};
use host_model::contract::{
    http::{HttpError, Request},
    manifest::{Manifest, Operation},
};
use http::HeaderMap;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::run::PlannedRequest;
use crate::{
    conformance::token_answers,
    connection::Connection,
    egress::{Outgoing, Transport, VendorResponse},
};

pub(super) struct AbsentVendor {
    operations: Vec<Operation>,
    /// The answers with made-up secrets that the host captures, by operation.
    tokens: BTreeMap<String, Vec<u8>>,
    planned: Mutex<Vec<PlannedRequest>>,
    /// Notified when a request would read.
    reads: Notify,
}

impl AbsentVendor {
    pub(super) fn new(manifest: &Manifest) -> Self {
        Self {
            operations: manifest.operations.clone(),
            tokens: token_answers(manifest),
            planned: Mutex::default(),
            reads: Notify::new(),
        }
    }

    /// Notes what the connector asked for, which the host may still refuse.
    pub(super) fn asked(&self, request: &Request) {
        let declared = self.operations.iter().find(|declared| declared.name == request.operation);
        let operation = declared.map(Into::into);
        let planned = PlannedRequest { operation, is_permitted: false, contents: request.clone() };
        self.planned.lock().push(planned);
    }

    /// Completes when a request would read.
    pub(super) async fn read(&self) {
        self.reads.notified().await;
    }

    /// Returns and forgets what was asked for.
    pub(super) fn take_planned(&self) -> Vec<PlannedRequest> {
        std::mem::take(&mut self.planned.lock())
    }
}

impl Transport for AbsentVendor {
    fn send<'a>(
        &'a self,
        _: &'a Connection,
        outgoing: Outgoing,
    ) -> BoxFuture<'a, Result<VendorResponse, HttpError>> {
        let answer =
            |body: &[u8]| VendorResponse { status: 200, headers: HeaderMap::new(), body: body.to_vec() };
        if let Some(tokens) = self.tokens.get(&outgoing.operation) {
            return Box::pin(ready(Ok(answer(tokens))));
        }
        if let Some(last) = self.planned.lock().last_mut() {
            last.is_permitted = true;
        }
        if outgoing.acts {
            return Box::pin(ready(Ok(answer(b"{}"))));
        }
        self.reads.notify_one();
        // The call is dropped here.
        Box::pin(pending())
    }
}
