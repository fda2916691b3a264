//! The Iterable connector: erasure, consent both ways, consent webhooks and their token.
//!
//! Each capability is a function of its arguments: [`erasure::erase`], [`erasure::confirm`], [`consent::list_items`],
//! [`consent::current`], [`consent::apply`], [`webhook::verify`], [`token::install`] and [`check::test_connection`].
//! [`http::Vendor`] is their one way out. Only `component.rs` knows that there is a sandbox around them.

pub mod check;
pub mod consent;
pub mod erasure;
pub mod error;
pub mod http;
mod iterable;
pub mod manifest;
pub mod operations;
pub mod settings;
pub mod subject;
pub mod token;
pub mod webhook;

#[cfg(target_family = "wasm")]
mod component;
#[cfg(test)]
mod testing;
