//! The page as a browser without scripts uses it, over a running service.

mod access;
mod audit;
mod browser;
mod new_request;
mod keys;
mod person;
mod connections;
mod mapping;
mod plugins;
mod webhook;
mod work;
