//! The screens, a file each: its routes, its forms and what its template shows.

mod agreed;
mod alarms;
mod audit;
mod bulk_acts;
mod catalogue;
mod chosen;
mod connection;
mod connection_fields;
mod connection_form;
mod connections;
mod deliveries;
mod difference;
mod keys;
mod mapping;
mod mapping_file;
mod mapping_tree;
mod new_key;
mod new_request;
mod operation;
mod permissions;
mod person;
mod pins;
mod plugin;
mod plugin_paths;
mod plugins;
mod pull;
mod release;
mod replicas;
mod request;
mod requests;
mod reveal;
mod shown_request;
mod sign_in;
mod start;
mod trust;
mod upload;
mod version;
mod webhook;

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
        .merge(bulk_acts::routes())
        .merge(alarms::routes())
        .merge(person::routes())
        .merge(reveal::routes())
        .merge(audit::routes())
        .merge(keys::routes())
        .merge(replicas::routes())
        .merge(new_key::routes())
        .merge(webhook::routes())
        .merge(deliveries::routes())
        .merge(plugins::routes())
        .merge(plugin::routes())
        .merge(pins::routes())
        .merge(release::routes())
        .merge(version::routes())
        .merge(difference::routes())
        .merge(upload::routes())
        .merge(operation::routes())
}
