//! Code that the test guests share: generated bindings, with a module for each interface that a guest may export. All
//! modules use the same types. A guest is an example of this crate; its README.md explains how to add one.

#![expect(missing_docs, clippy::same_length_and_capacity, reason = "generated bindings")]

pub mod builds;
pub mod eraser;
pub mod parts;
pub mod refers;
pub mod reports;
pub mod signed;

use base::exports::privacy::saas_connector::connector::{IdentifierKind, Identifies, Manifest};

/// A manifest with this name and otherwise only defaults, for a guest to build on.
pub fn manifest(name: &str) -> Manifest {
    Manifest {
        name: name.to_owned(),
        version: "0.0.0".to_owned(),
        vendor: "Nobody".to_owned(),
        documentation: "https://example.com".to_owned(),
        settings: Vec::new(),
        operations: Vec::new(),
        limits: Vec::new(),
        webhook_token_slot: None,
        identifier_kinds: vec![identifier_kind("email")],
        item_kinds: Vec::new(),
        proves_without: Vec::new(),
    }
}

/// A kind of identifier that always identifies.
pub fn identifier_kind(name: &str) -> IdentifierKind {
    IdentifierKind { name: name.to_owned(), identifies: Identifies::Always }
}

/// The world `base`: the imports, the shared types and the interface `connector`. Every guest exports it.
pub mod base {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "base",
        pub_export_macro: true,
        default_bindings_module: "test_guests::base",
    });
}

macro_rules! capability {
    ($($(#[$doc:meta])* $module:ident, $world:literal, $path:literal;)*) => {$(
        $(#[$doc])*
        pub mod $module {
            wit_bindgen::generate!({
                path: ["../../wit", "wit"],
                world: $world,
                pub_export_macro: true,
                default_bindings_module: $path,
                with: { "privacy:saas-connector/types@0.2.0": crate::base::privacy::saas_connector::types },
            });
        }
    )*};
}

capability! {
    /// The interface `erasure`, with the types of `base`.
    erasure, "test:guests/erasure", "test_guests::erasure";
    /// The interface `consent`, with the types of `base`.
    consent, "test:guests/consent", "test_guests::consent";
    /// The interface `webhook-verify`, with the types of `base`.
    webhook_verify, "test:guests/webhook-verify", "test_guests::webhook_verify";
    /// The interface `webhook-token`, with the types of `base`.
    webhook_token, "test:guests/webhook-token", "test_guests::webhook_token";
}
