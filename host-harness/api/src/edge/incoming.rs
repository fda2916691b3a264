//! The connections that arrive at a listener, past all errors.

use std::{
    future::Future,
    io::{Error, ErrorKind},
    time::{Duration, Instant},
};

use tokio::net::{TcpListener, TcpStream};

use super::episode::Episode;

/// How long to wait before the next try while none can be accepted: connections that end free a descriptor.
const RETRY: Duration = Duration::from_millis(100);

/// What accepts connections.
pub(crate) trait Accept: Send + 'static {
    /// The next one. Cancel safe.
    fn accept(&self) -> impl Future<Output = Result<TcpStream, Error>> + Send;
}

impl Accept for TcpListener {
    async fn accept(&self) -> Result<TcpStream, Error> {
        Self::accept(self).await.map(|(stream, _)| stream)
    }
}

/// The connections that arrive at a listener.
pub(super) struct Incoming<A> {
    name: &'static str,
    listener: A,
    failing: Episode,
}

impl<A: Accept> Incoming<A> {
    /// Those of `listener`, which the log calls `name`.
    pub(super) fn of(name: &'static str, listener: A) -> Self {
        Self { name, listener, failing: Episode::default() }
    }

    /// The next one. While the process has no descriptor left, clients wait in the system's queue; that is logged once.
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
                            "no connection can be accepted, and it is tried again until one can. If too many files are open, \
                             raise the limit of the process or lower max-connections"
                        );
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}

/// Whether the client has gone while it waited: the next one is not affected.
fn is_about_one_connection(error: &Error) -> bool {
    [ErrorKind::ConnectionAborted, ErrorKind::ConnectionRefused, ErrorKind::ConnectionReset]
        .contains(&error.kind())
}
