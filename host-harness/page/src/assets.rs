//! The style sheet and the scripts, which are part of the program.
//!
//! `htmx.min.js` is htmx 4.0.1 (<https://htmx.org>, licence 0BSD), as its npm package has it in `dist`.

use axum::{Router, http::header, response::IntoResponse, routing::get};

use crate::state::Page;

pub(crate) fn routes() -> Router<Page> {
    Router::new()
        .route("/page/style.css", get(style))
        .route("/page/page.js", get(script))
        .route("/page/htmx.min.js", get(htmx))
        .route("/page/icon.svg", get(icon))
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../static/style.css"))
}

async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("../static/page.js"))
}

async fn htmx() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("../static/htmx.min.js"))
}

async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml")], include_str!("../static/icon.svg"))
}
