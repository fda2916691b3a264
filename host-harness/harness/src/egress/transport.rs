//! What carries a finished request to the vendor: the network, or something that stands in for it.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Method};

use crate::connection::{Connection, Target};
use host_model::contract::http::HttpError;

/// A finished request, credentials and all. It does not print.
#[derive(Clone)]
pub struct Outgoing {
    /// The operation that it carries out.
    pub operation: String,
    /// Its method.
    pub method: Method,
    /// Where it goes.
    pub target: Target,
    /// Encoded; begins with a slash.
    pub path_and_query: String,
    /// All but what HTTP itself needs.
    pub headers: HeaderMap,
    /// Within the cap.
    pub body: Option<Bytes>,
    /// The most that its answer may have, in bytes.
    pub response_cap: usize,
    /// Whether it may change something about people. A token exchange does not.
    pub acts: bool,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outgoing({})", self.operation)
    }
}

/// The vendor's answer, before anybody may see it. It does not print.
#[derive(Clone, Default)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// As they came.
    pub headers: HeaderMap,
    /// Within the cap.
    pub body: Vec<u8>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

/// Carries requests.
pub trait Transport: Send + Sync {
    /// Sends `outgoing` once, under the policy of `connection`, and reads the whole answer.
    fn send<'a>(
        &'a self,
        connection: &'a Connection,
        outgoing: Outgoing,
    ) -> BoxFuture<'a, Result<Answer, HttpError>>;
}

/// Lets reading requests through and answers the others itself, so that a call shows what it would do.
///
/// The answer is `200` with the body `{}`: a connector takes that for success where its vendor's body says no more.
pub struct DryRun<T>(pub T);

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send<'a>(
        &'a self,
        connection: &'a Connection,
        outgoing: Outgoing,
    ) -> BoxFuture<'a, Result<Answer, HttpError>> {
        (**self).send(connection, outgoing)
    }
}

impl<T: Transport> Transport for DryRun<T> {
    fn send<'a>(
        &'a self,
        connection: &'a Connection,
        outgoing: Outgoing,
    ) -> BoxFuture<'a, Result<Answer, HttpError>> {
        if outgoing.acts {
            let answer = Answer { status: 200, headers: HeaderMap::new(), body: b"{}".to_vec() };
            return Box::pin(std::future::ready(Ok(answer)));
        }
        self.0.send(connection, outgoing)
    }
}
