//! The screens, a file each: its routes, its forms and what its template shows.

mod alarms;
mod new_request;
mod audit;
mod keys;
mod new_key;
mod person;
mod catalogue;
mod connection;
mod connection_fields;
mod connection_form;
mod connections;
mod mapping;
mod mapping_file;
mod mapping_tree;
mod request;
mod requests;
mod reveal;
mod sign_in;
mod start;

use axum::Router;

use crate::state::Page;

pub(crate) fn routes() -> Router<Page> {
    Router::new()
        .merge(start::routes())
        .merge(sign_in::routes())
        .merge(requests::routes())
        .merge(new_request::routes())
        .merge(request::routes())
        .merge(connections::routes())
        .merge(connection_form::routes())
        .merge(connection::routes())
        .merge(mapping::routes())
        .merge(mapping_file::routes())
        .merge(catalogue::routes())
        .merge(alarms::routes())
        .merge(person::routes())
        .merge(reveal::routes())
        .merge(audit::routes())
        .merge(keys::routes())
        .merge(new_key::routes())
}
