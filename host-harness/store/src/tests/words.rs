//! The words of enums, which each type defines twice: for JSON and for everything else.

use std::fmt::Display;

use serde::Serialize;
use serde_json::json;
use strum::VariantArray;

use crate::deliveries::DeliveryState;
use host_model::{
    bulk::{BulkKind, BulkResult, BulkState},
    consent::{Enforcement, NoticeAnswer, newest::Origin},
    contract::{
        Claim, ContractVersion, Interface,
        consent::Choice,
        manifest::{Effect, RequestPart},
    },
    plugin_version::{VersionSource, VersionState},
    requests::{Action, RequestState, Step},
    token::TokenState,
};

/// Returns the words of `T`, after checking that they are the same in JSON.
fn words<T: VariantArray + Display + Serialize>() -> Vec<String> {
    let word = |value: &T| {
        assert_eq!(json!(value), json!(value.to_string()));
        value.to_string()
    };
    T::VARIANTS.iter().map(word).collect()
}

#[test]
fn a_word_is_the_same_in_json_and_in_the_database_and_never_changes() {
    assert_eq!(words::<Action>(), ["erasure", "consent", "reading"]);
    assert_eq!(words::<RequestState>(), ["waiting", "running", "done", "failed", "skipped", "expired"]);
    assert_eq!(words::<Step>(), ["act", "confirm"]);
    assert_eq!(words::<BulkKind>(), ["replay"]);
    assert_eq!(words::<BulkState>(), ["pending", "running", "done", "withdrawn", "expired"]);
    assert_eq!(words::<BulkResult>(), ["done", "refused"]);
    assert_eq!(words::<Origin>(), ["platform", "vendor", "reading", "merged"]);
    assert_eq!(words::<TokenState>(), ["offered", "current", "former", "retired", "revoked"]);
    assert_eq!(
        words::<DeliveryState>(),
        ["waiting", "read", "of-no-concern", "unreadable", "stuck", "damaged", "refused"]
    );
    assert_eq!(words::<Choice>(), ["opt-in", "opt-out"]);
    assert_eq!(words::<Enforcement>(), ["frontend", "system_wide", "not_applicable"]);
    assert_eq!(words::<NoticeAnswer>(), ["opt_in", "opt_out", "acknowledge", "tcf"]);
    assert_eq!(words::<Interface>(), ["connector", "erasure", "consent", "webhook-verify", "webhook-token"]);
    assert_eq!(words::<ContractVersion>(), ["0.1.0", "0.2.0"]);
    assert_eq!(words::<RequestPart>(), ["header", "query", "body"]);
    assert_eq!(words::<Effect>(), ["read", "write"]);
    assert_eq!(
        words::<Claim>(),
        [
            "erase-accepted",
            "erase-erased",
            "erase-not-found",
            "confirm-erased",
            "confirm-not-found",
            "apply-applied",
            "apply-unchanged",
            "apply-pending",
            "current-read",
            "token-installed"
        ]
    );
    assert_eq!(
        words::<VersionState>(),
        ["uploaded", "compiled", "proven", "approved", "serving", "retired", "refused"]
    );
    assert_eq!(words::<VersionSource>(), ["upload", "file", "registry", "earlier"]);
}
