//! The transports that send a finished request to the vendor: the network or a substitute.
//! Tested in `src/egress/tests`.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Method};

use crate::connection::{Connection, Target};
use host_model::contract::http::HttpError;

/// A finished request, including credentials. `Debug` prints only the operation.
#[derive(Clone)]
pub struct Outgoing {
    /// The operation that it carries out.
    pub operation: String,
    /// The HTTP method.
    pub method: Method,
    /// The target.
    pub target: Target,
    /// The encoded path and query, which begins with a slash.
    pub path_and_query: String,
    /// The headers, except those that HTTP itself needs.
    pub headers: HeaderMap,
    /// The body, within its size limit.
    pub body: Option<Bytes>,
    /// Maximum size of its response, in bytes.
    pub response_cap: usize,
    /// Whether it may change something about people. A token exchange does not.
    pub acts: bool,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outgoing({})", self.operation)
    }
}

/// The vendor's response before masking. `Debug` does not print its content.
#[derive(Clone, Default)]
pub struct VendorResponse {
    /// The HTTP status.
    pub status: u16,
    /// The headers as received.
    pub headers: HeaderMap,
    /// The body, within its size limit.
    pub body: Vec<u8>,
}

impl fmt::Debug for VendorResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

/// Sends requests.
pub trait Transport: Send + Sync {
    /// Sends `outgoing` once under the policy of `connection`, and reads the entire response.
    fn send<'a>(
        &'a self,
        connection: &'a Connection,
        outgoing: Outgoing,
    ) -> BoxFuture<'a, Result<VendorResponse, HttpError>>;
}

/// Sends read requests and answers all others itself, so that a call shows what it would do.
///
/// The answer is `200` with the body `{}`, which a connector treats as success if its vendor's body contains nothing
/// more.
pub struct DryRun<T>(pub T);

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send<'a>(
        &'a self,
        connection: &'a Connection,
        outgoing: Outgoing,
    ) -> BoxFuture<'a, Result<VendorResponse, HttpError>> {
        (**self).send(connection, outgoing)
    }
}

impl<T: Transport> Transport for DryRun<T> {
    fn send<'a>(
        &'a self,
        connection: &'a Connection,
        outgoing: Outgoing,
    ) -> BoxFuture<'a, Result<VendorResponse, HttpError>> {
        if outgoing.acts {
            let answer = VendorResponse { status: 200, headers: HeaderMap::new(), body: b"{}".to_vec() };
            return Box::pin(std::future::ready(Ok(answer)));
        }
        self.0.send(connection, outgoing)
    }
}
