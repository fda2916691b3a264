//! The types that the API reads and writes: served by the handlers, described by the OpenAPI document, read by the
//! command line. Members and enum words are in snake case; the kebab-case spellings of version 0.1.0 are still
//! accepted. Rows of the database and the host's own types are converted only here.

pub mod alarms;
pub mod api_keys;
pub mod attempts;
pub mod audit;
pub mod bulk_acts;
pub mod callback;
pub mod chosen_at;
pub mod connection_list;
pub mod connections;
pub mod consent;
pub mod deliveries;
pub mod egress;
pub mod erasure;
pub mod events;
pub mod given_settings;
pub mod health;
pub mod item;
pub mod limits;
pub mod manifest;
pub mod mapping;
pub mod merge_patch;
mod mirror;
pub mod notices;
pub(crate) mod object;
pub mod observed;
pub mod page;
pub mod pauses;
pub mod people;
pub mod pins;
pub mod plugin_operations;
pub mod plugins;
pub mod problem;
pub mod registries;
pub mod release_rules;
pub mod releases;
pub mod replicas;
pub mod requests;
pub mod service;
pub mod shadow;
pub mod status;
pub mod tokens;
pub mod trust;
pub mod version_difference;
pub mod versions;
pub mod webhook_setup;
