//! The operator's page: screens over the API, rendered on the server from the templates in `templates/`, usable without
//! scripts.
//!
//! A screen calls the API in this process in the name of the API key that signed in, and so can do exactly what that key
//! can do. Nothing else here reads the service's data, except for the sessions.

mod advice;
mod answers;
mod assets;
mod confirm;
mod done;
mod form;
mod frame;
mod guard;
mod live;
mod screens;
mod session;
mod sign_in_address;
mod state;
mod text;
mod user;

#[cfg(test)]
mod tests;

use axum::middleware;
use host_api::page::{ApiClient, Pages};
use host_service::{parts::Parts, settings::ServiceConfig};

use crate::{guard::AllowedEntrances, session::Sessions, state::Page};

/// Returns the page; `None` if the configuration turns it off.
pub fn pages(api: ApiClient, parts: &Parts, config: &ServiceConfig) -> Option<Pages> {
    let settings = config.page.as_ref()?;
    let sessions = Sessions::new(parts.store.clone(), parts.clock.clone(), settings);
    let entrances = AllowedEntrances::of(settings);
    // The assets are no secret, and the screen that says why nothing else is served uses them.
    let pages = screens::routes()
        .layer(middleware::map_response(answers::in_words))
        .layer(middleware::from_fn_with_state(entrances, guard::check))
        .merge(assets::routes())
        .layer(middleware::from_fn(guard::add_headers));
    let not_found = || guard::protected(answers::not_found());
    Some(Pages { screens: pages.with_state(Page { api, sessions }), not_found })
}
