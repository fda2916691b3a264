//! A vendor on the loopback interface, which records its requests and answers as a test specifies.

use std::{
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{Router, body::Body, extract::Request, response::Response};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use parking_lot::Mutex;
use tokio::{net::TcpListener, task::JoinHandle};

/// The maximum size of a request body, in bytes.
const CAP: usize = 8 << 20;

/// A request as received.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// Its headers, with names in lower case.
    pub headers: HeaderMap,
    /// Its complete body.
    pub body: Bytes,
}

impl Received {
    /// Returns method, path and query, such as `GET /people?page=2`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.uri)
    }

    /// Returns the value of a header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Reply {
    /// Creates an answer with a status and a body.
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A running vendor. It stops when dropped.
#[derive(Debug)]
pub struct Vendor {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    task: JoinHandle<()>,
}

impl Vendor {
    /// Starts a vendor that answers each request with `answer`.
    ///
    /// # Panics
    /// Panics if it cannot listen on the loopback interface.
    pub async fn start<A>(answer: impl Fn(Received) -> A + Clone + Send + Sync + 'static) -> Self
    where
        A: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .unwrap_or_else(|error| panic!("cannot listen on the loopback interface: {error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("no address: {error}"));
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        let router = Router::new().fallback(move |request: Request| {
            let (answer, kept) = (answer.clone(), Arc::clone(&kept));
            async move {
                let request = read(request).await;
                kept.lock().push(request.clone());
                written(answer(request).await)
            }
        });
        let task = tokio::spawn(async move {
            let _ends_with_the_test = axum::serve(listener, router).await;
        });
        Self { address, received, task }
    }

    /// Starts a vendor that answers `200 {}`.
    pub async fn agreeable() -> Self {
        Self::start(|_| async { Reply::new(200, "{}") }).await
    }

    /// Starts a vendor that never answers.
    pub async fn silent() -> Self {
        Self::start(|_| std::future::pending()).await
    }

    /// Returns its address, such as `127.0.0.1:8080`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Returns every request so far, in the order of arrival.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().clone()
    }

    /// Returns method, path and query of every request so far.
    pub fn lines(&self) -> Vec<String> {
        self.received().iter().map(Received::line).collect()
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(request: Request) -> Received {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, CAP).await.unwrap_or_default();
    Received { method: parts.method, uri: parts.uri, headers: parts.headers, body }
}

fn written(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or_default();
    for (name, value) in reply.headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().append(name, value);
        }
    }
    response
}
