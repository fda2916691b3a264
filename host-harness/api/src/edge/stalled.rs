//! Limits writes to a client that does not read.
//! Tested in `src/edge/tests.rs`.

use std::{
    io::{Error, ErrorKind, IoSlice},
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// A stream that fails with [`ErrorKind::TimedOut`] once a write has been pending for `bound`. hyper has no timer for
/// this.
pub(super) struct Stalling {
    stream: TcpStream,
    bound: Duration,
    under_way: Arc<()>,
    pending: Option<Pending>,
}

struct Pending {
    deadline: Pin<Box<Sleep>>,
    /// The end of an answer may still have to be written after its body has been passed on.
    _under_way: Weak<()>,
}

impl Stalling {
    /// `under_way` has one more weak reference while a write is pending.
    pub(super) fn new(stream: TcpStream, bound: Duration, under_way: Arc<()>) -> Self {
        Self { stream, bound, under_way, pending: None }
    }

    fn bounded<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<Result<T, Error>>,
    ) -> Poll<Result<T, Error>> {
        if written.is_ready() {
            self.pending = None;
            return written;
        }
        let Self { bound, under_way, pending, .. } = self;
        let pending = pending.get_or_insert_with(|| Pending {
            deadline: Box::pin(sleep(*bound)),
            _under_way: Arc::downgrade(under_way),
        });
        pending.deadline.as_mut().poll(context).map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Stalling {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stalling {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, Error>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bounded(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize, Error>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.bounded(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // Neither waits for the client: a TCP stream has no buffer of its own.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
