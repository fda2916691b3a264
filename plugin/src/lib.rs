//! The Iterable connector: erasure, consent both ways, consent webhooks and their token.
//!
//! Each capability is a function of its arguments: [`erasure::erase`], [`erasure::confirm`], [`consent::list_items`],
//! [`consent::current`], [`consent::apply`], [`webhook::verify`], [`token::install`] and [`check::test_connection`].
//! They reach Iterable only through [`http::Vendor`]. Only `component.rs` knows about the sandbox around them.
//!
//! ```
//! use iterable_connector::{erasure, http::{Request, Response}, settings::Settings, subject::Identifier};
//!
//! let mut vendor = |request: Request| {
//!     assert_eq!(request.operation.name, "forget");
//!     Ok(Response { status: 200, retry_after_ms: None, body: br#"{"code":"Success"}"#.to_vec() })
//! };
//! let person = Identifier { kind: "email".to_owned(), value: "someone@example.com".to_owned() };
//! let receipt = erasure::erase(&Settings::read(&[])?, &mut vendor, &[person])?;
//! assert_eq!(receipt.status, erasure::Status::Accepted);
//! # Ok::<(), iterable_connector::error::Error>(())
//! ```

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
