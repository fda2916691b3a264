//! Reading a delivery's body, bounded in size and in time.

use std::{error::Error, time::Duration};

use axum::body::{Body, Bytes, to_bytes};
use http_body_util::LengthLimitError;

use host_harness::clock::Clock;
use host_service::webhooks::{answer::Incomplete, receive::LARGEST_BODY};

/// The whole body, of at most [`LARGEST_BODY`] bytes, if it arrives within `timeout`.
pub(super) async fn read(body: Body, clock: &dyn Clock, timeout: Duration) -> Result<Bytes, Incomplete> {
    let deadline = clock.now() + timeout;
    tokio::select! {
        biased;
        read = to_bytes(body, LARGEST_BODY) => read.map_err(|error| why(&error)),
        () = clock.sleep_until(deadline) => Err(Incomplete::TooSlow),
    }
}

fn why(error: &axum::Error) -> Incomplete {
    let is_too_large = error.source().is_some_and(<dyn Error>::is::<LengthLimitError>);
    if is_too_large { Incomplete::TooLarge } else { Incomplete::Broken }
}
