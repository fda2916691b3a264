//! Request bodies that do not arrive in time are answered with 408.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{Request, State},
    http::{HeaderValue, header::CONNECTION},
    middleware::Next,
    response::{IntoResponse, Response},
};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::{
    problem::{Problem, kinds},
    sent_version::MAX_VERSION_BODY,
};

/// Gives the body `timeout` to arrive, or as long as a large one takes at a slow rate, from when a handler begins to
/// read it. For the handler, a late body fails; its answer is then replaced.
pub(crate) async fn limit(State(timeout): State<Duration>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let timeout = timeout.max(least_rate(&request));
    let is_late = Arc::new(AtomicBool::new(false));
    let request = request
        .map(|body| Body::new(TimedBody { body, timeout, deadline: None, is_late: Arc::clone(&is_late) }));
    let response = next.run(request).await;
    if is_late.load(Ordering::Relaxed) { too_slow(timeout) } else { response }
}

/// How long a body of the declared length takes at 1 Mbit/s, up to the length of the largest component.
fn least_rate(request: &Request) -> Duration {
    const BYTES_PER_SECOND: u64 = 1_000_000 / 8;
    // The length of a chunked body is unknown.
    let declared = request.body().size_hint().exact().unwrap_or_default();
    Duration::from_secs(declared.min(MAX_VERSION_BODY as u64).div_ceil(BYTES_PER_SECOND))
}

fn too_slow(timeout: Duration) -> Response {
    let seconds = timeout.as_secs();
    let detail = format!(
        "the body did not arrive within {seconds} seconds: send it faster, or raise `body-timeout-seconds` of the service"
    );
    let mut response = Problem::of(kinds::TOO_SLOW, detail).into_response();
    // The rest of the body would be read as the next request.
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The body arrived too late.
#[derive(Debug, thiserror::Error)]
#[error("the body did not arrive in time")]
struct TooLate;

/// A body that fails at its deadline.
struct TimedBody {
    body: Body,
    timeout: Duration,
    /// Starts at the first poll: nothing is read from the client before, so that a delay is not its fault.
    deadline: Option<Pin<Box<Sleep>>>,
    is_late: Arc<AtomicBool>,
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        let timeout = self.timeout;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(deadline.as_mut().poll(context));
        self.is_late.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(axum::Error::new(TooLate))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_body_may_take_as_long_as_it_takes_at_1_mbit_per_second() {
        let least = |declared: usize| least_rate(&Request::new(Body::from(vec![0; declared]))).as_secs();
        assert_eq!([0, 1, 125_000, 125_001, 2 << 20].map(least), [0, 1, 1, 2, 17]);
        assert_eq!([MAX_VERSION_BODY, MAX_VERSION_BODY + 1].map(least), [725, 725]);
    }
}
