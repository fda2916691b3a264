//! The addresses of the screens about plugins, and the paths of the API behind them.

use axum::response::{IntoResponse as _, Redirect, Response};
use host_api::types::plugin_operations::PluginOperation;

use crate::text::segment;

/// Returns the address of the screen of a plugin.
pub(super) fn plugin(name: &str) -> String {
    format!("/plugins/{}", segment(name))
}

/// Returns the path of a plugin in the API.
pub(super) fn plugin_in_api(name: &str) -> String {
    format!("/api/v1{}", plugin(name))
}

/// Returns the address of the screen of a version.
pub(super) fn version(name: &str, digest: &str) -> String {
    format!("{}/versions/{}", plugin(name), segment(digest))
}

/// Returns the path of a version in the API.
pub(super) fn version_in_api(name: &str, digest: &str) -> String {
    format!("/api/v1{}", version(name, digest))
}

/// Returns the address of the screen of an operation.
pub(super) fn operation(id: &str) -> String {
    format!("/plugin-operations/{}", segment(id))
}

/// Leads to the screen of an operation that has begun.
pub(super) fn to_begun(operation: &PluginOperation) -> Response {
    Redirect::to(&self::operation(&operation.id)).into_response()
}
