//! The page as a browser without scripts uses it, over a running service.

mod access;
mod browser;
mod new_request;
mod work;
