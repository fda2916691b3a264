//! Reads a delivery's body within limits of size and time.
//! Tested in `src/webhook/tests/wire.rs`.

use std::{error::Error, time::Duration};

use axum::body::{Body, Bytes, to_bytes};
use http_body_util::LengthLimitError;

use host_harness::clock::Clock;
use host_service::webhooks::{receive::MAX_DELIVERY_BODY, response::Incomplete};

/// Returns the whole body, of at most [`MAX_DELIVERY_BODY`] bytes, if it arrives within `timeout`.
pub(super) async fn read(body: Body, clock: &dyn Clock, timeout: Duration) -> Result<Bytes, Incomplete> {
    let deadline = clock.now() + timeout;
    tokio::select! {
        biased;
        read = to_bytes(body, MAX_DELIVERY_BODY) => read.map_err(|error| why(&error)),
        () = clock.sleep_until(deadline) => Err(Incomplete::TooSlow),
    }
}

fn why(error: &axum::Error) -> Incomplete {
    let is_too_large = error.source().is_some_and(<dyn Error>::is::<LengthLimitError>);
    if is_too_large { Incomplete::TooLarge } else { Incomplete::Broken }
}
