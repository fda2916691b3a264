//! A panic in a handler fails only one request: the caller gets an answer, and the log contains the place.
//! Tested in `src/edge/tests/answers.rs`.

use std::{
    any::Any,
    cell::Cell,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
};

use axum::{
    Router,
    extract::{MatchedPath, Request},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use futures::FutureExt;

use super::request_id;
use crate::{
    access,
    problem::{Problem, kinds},
};

tokio::task_local! {
    /// Where the handler panicked: file, line and column. Known only if the program called [`log_places_of_panics`].
    static PLACE: Cell<Option<String>>;
}

/// `routes`, which answer with 500 if a handler panics.
pub(crate) fn caught<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    routes.layer(middleware::from_fn(catch))
}

async fn catch(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let answering = async {
        let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
        answered.map_err(|message| (message, PLACE.with(Cell::take)))
    };
    match PLACE.scope(Cell::default(), answering).await {
        Ok(response) => response,
        Err((message, place)) => {
            // With a valid key, the line is always written: the answer refers to it, and it is a fault to mend.
            if access::has_key() || access::permits_line() {
                tracing::error!(
                    request_id = request_id::current(),
                    operation = route.as_ref().map(MatchedPath::as_str),
                    place,
                    panic = literal(&*message),
                    "a handler panicked"
                );
            }
            let detail = "a handler panicked: the service's log has the place, under the id in x-request-id";
            Problem::of(kinds::INTERNAL, detail).into_response()
        }
    }
}

/// The message, if it is a literal: a formatted one may contain a person or a secret.
fn literal(message: &(dyn Any + Send)) -> Option<&'static str> {
    message.downcast_ref::<&'static str>().copied()
}

/// Logs each panic of the process with its place, but without its message, which may contain a person or a secret.
/// Programs call it at their start, since a library must not replace the panic hook of its process.
pub fn log_places_of_panics() {
    panic::set_hook(Box::new(|panic| {
        if !is_noted(panic) {
            tracing::error!(
                place = panic.location().map(tracing::field::display),
                "panic outside of a handler"
            );
        }
    }));
}

/// Records where a handler panicked, for its line in the log. Returns whether it was a handler.
pub(crate) fn is_noted(panic: &PanicHookInfo<'_>) -> bool {
    let place = panic.location().map(ToString::to_string);
    PLACE.try_with(|noted| noted.set(place)).is_ok()
}
