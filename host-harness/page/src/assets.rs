//! The style sheet and the script, which are part of the program.

use axum::{Router, http::header, response::IntoResponse, routing::get};

use crate::state::Page;

pub(crate) fn routes() -> Router<Page> {
    Router::new()
        .route("/page/style.css", get(style))
        .route("/page/page.js", get(script))
        .route("/page/icon.svg", get(icon))
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../static/style.css"))
}

async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("../static/page.js"))
}

async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml")], include_str!("../static/icon.svg"))
}
