//! Accepts the connections that arrive at a listener, despite errors.
//! Tested in `src/edge/tests.rs`.

use std::{
    future::Future,
    io::{Error, ErrorKind},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::net::{TcpListener, TcpStream};

use super::episode::Episode;

/// How long to wait before the next attempt if no connection can be accepted: a connection that ends frees a
/// descriptor.
const RETRY: Duration = Duration::from_millis(100);

/// Accepts connections.
pub(crate) trait Accept: Send + 'static {
    /// Accepts the next connection. Cancel safe.
    fn accept(&self) -> impl Future<Output = Result<TcpStream, Error>> + Send;
}

impl Accept for TcpListener {
    async fn accept(&self) -> Result<TcpStream, Error> {
        Self::accept(self).await.map(|(stream, _)| stream)
    }
}

impl Accept for Arc<TcpListener> {
    async fn accept(&self) -> Result<TcpStream, Error> {
        Accept::accept(&**self).await
    }
}

/// The connections that arrive at a listener.
pub(super) struct Incoming<A> {
    name: &'static str,
    listener: A,
    failing: Episode,
}

impl<A: Accept> Incoming<A> {
    /// The connections of `listener`, which is called `name` in the log.
    pub(super) fn of(name: &'static str, listener: A) -> Self {
        Self { name, listener, failing: Episode::default() }
    }

    /// Accepts the next connection. While the process has no descriptors left, clients wait in the system's queue,
    /// which is logged once.
    pub(super) async fn next(&mut self) -> TcpStream {
        loop {
            match self.listener.accept().await {
                Ok(stream) => return stream,
                Err(error) if is_about_one_connection(&error) => {}
                Err(error) => {
                    if self.failing.begins(Instant::now()) {
                        tracing::error!(
                            listener = self.name,
                            %error,
                            "connections cannot be accepted; retrying until one can. If too many files are open, \
                             raise the limit of the process or lower max-connections"
                        );
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}

/// Whether the error concerns only one client, which has gone while it was waiting.
fn is_about_one_connection(error: &Error) -> bool {
    [ErrorKind::ConnectionAborted, ErrorKind::ConnectionRefused, ErrorKind::ConnectionReset]
        .contains(&error.kind())
}
