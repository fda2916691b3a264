//! The state of the screens in separate parts: a handler extracts the one or two that it uses.

use axum::extract::FromRef;
use host_api::page::ApiClient;

use crate::session::Sessions;

/// The state of the screens.
#[derive(Clone, FromRef)]
pub(crate) struct Page {
    pub(crate) api: ApiClient,
    pub(crate) sessions: Sessions,
}
