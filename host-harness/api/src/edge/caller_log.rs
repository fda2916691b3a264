//! Whether the current request may write log lines. A request that is refused has the share of its source.
//! Tested in `src/tests/refused.rs`.

use std::net::IpAddr;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use host_service::refused_log::{CallSource, RefusedLog};

/// The address of the client, in the extensions of its requests.
#[derive(Clone, Copy, Debug)]
pub struct ClientAddress(pub Option<IpAddr>);

struct CurrentCaller {
    source: CallSource,
    log: RefusedLog,
}

tokio::task_local! {
    static CURRENT: CurrentCaller;
}

/// Makes the source of the request known while it is handled.
pub(crate) async fn limit(State(log): State<RefusedLog>, request: Request, next: Next) -> Response {
    let address = request.extensions().get::<ClientAddress>().and_then(|address| address.0);
    let caller = CurrentCaller { source: CallSource::of(address), log };
    CURRENT.scope(caller, next.run(request)).await
}

/// The source of the current request.
pub(crate) fn source() -> CallSource {
    CURRENT.try_with(|caller| caller.source.clone()).unwrap_or(CallSource::Other)
}

/// Counts a line about the current request, whose API key has the name `key` if it has a valid one. Returns whether the
/// line may be written.
pub(crate) fn permits(key: Option<&str>) -> bool {
    let permitted = CURRENT.try_with(|caller| match key {
        Some(key) => caller.log.permits(&CallSource::ApiKey(key.to_owned())),
        None => caller.log.permits(&caller.source),
    });
    // Outside of a request, no caller can cause the line.
    permitted.unwrap_or(true)
}
