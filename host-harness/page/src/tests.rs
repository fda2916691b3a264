//! The page as a browser without scripts uses it, over a running service.

mod access;
mod audit;
mod browser;
mod connections;
mod keys;
mod many_requests;
mod mapping;
mod new_request;
mod person;
mod plugins;
mod registries;
mod replicas;
mod webhook;
mod work;
