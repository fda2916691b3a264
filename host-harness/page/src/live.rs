//! Screens that stay current while one looks: the vendored htmx asks for the screen again, and replaces one element of it.
//! `static/page.js` has the rest: nothing is asked for while the tab is hidden or the user has paused the updates.

use axum::http::HeaderMap;

/// Returns whether a request refreshes a screen that the browser shows already.
pub(crate) fn is_refresh(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
}
