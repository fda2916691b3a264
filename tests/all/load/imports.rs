//! The import audit and the export check.

use connector_tests::{Bench, spec};
use host_harness::{
    plugin::Wasi,
    sandbox::{CallFailure, FailureKind},
};
use std::sync::Arc;

use super::*;

const CONTRACT: &str =
    "a connector may import types, http, credentials, log of privacy:saas-connector and nothing else";

#[tokio::test]
async fn an_import_that_the_contract_does_not_have_is_named() {
    for import in [
        "example:other/thing@1.0.0",
        "privacy:saas-connector/erasure@0.2.0",
        "privacy:saas-connector/secrets@0.2.0",
        "http",
    ] {
        let bytes = component(&format!(r#"(component (import "{import}" (instance)))"#));
        assert_eq!(
            refusal(bytes).await,
            format!("imports {import}, which is not in the contract: {CONTRACT}")
        );
    }
}

#[tokio::test]
async fn an_import_of_wasi_is_refused_and_the_operators_way_out_named() {
    let refused = refusal(guest("wants_wasi")).await;
    let import = refused.strip_prefix("imports ").and_then(|rest| rest.split(", ").next()).unwrap();
    assert!(import.starts_with("wasi:"), "{refused}");
    assert_eq!(
        refused,
        format!(
            "imports {import}, which is not in the contract: {CONTRACT}; \
             if its toolchain cannot leave WASI out, set wasi = \"trapped\" for this plugin"
        )
    );
}

#[tokio::test]
async fn trapped_wasi_lets_a_guest_work_until_it_uses_some() {
    let trapped = LoadPolicy { wasi: Wasi::Trapped, ..Default::default() };
    let plugin = Arc::new(load_under(trapped, guest("wants_wasi")).await.unwrap());
    assert!(plugin.imports().iter().any(|import| import.starts_with("wasi:cli/environment@")), "{plugin:?}");
    let bench = Bench::default();
    let works = bench.calls(&plugin, &spec("wasi-works", &[])).test_connection().await.unwrap().unwrap();
    assert_eq!(works[0].name, "works");
    let uses = bench.calls(&plugin, &spec("wasi-uses", &[("read", "HOME")])).test_connection().await;
    let Err(CallFailure { kind, detail, may_have_acted: false }) = uses else { panic!("{uses:?}") };
    assert_eq!(kind, FailureKind::BadAnswer, "{detail}");
    assert!(detail.contains("wasi:cli/environment"), "{detail}");
    assert_eq!(
        bench.calls(&plugin, &spec("wasi-works", &[])).test_connection().await.unwrap().unwrap(),
        works
    );
}

#[tokio::test]
async fn wasi_allowed_lets_in_wasi_alone() {
    let trapped = LoadPolicy { wasi: Wasi::Trapped, ..Default::default() };
    let bytes = component(r#"(component (import "example:other/thing@1.0.0" (instance)))"#);
    assert_eq!(
        load_under(trapped, bytes).await.unwrap_err(),
        format!("imports example:other/thing@1.0.0, which is not in the contract: {CONTRACT}")
    );
}

#[tokio::test]
async fn an_import_of_another_type_than_the_contracts_is_refused() {
    let bytes = component(&connector(
        r#"(import "privacy:saas-connector/log@0.2.0" (instance (export "write" (func (param "level" u64)))))"#,
        "",
    ));
    let refused = refusal(bytes).await;
    assert!(refused.starts_with("does not fit the contract: "), "{refused}");
    assert!(refused.contains("privacy:saas-connector/log@0.2.0"), "{refused}");
}

#[tokio::test]
async fn what_exports_no_connector_is_none() {
    let none = "exports no privacy:saas-connector/connector, so it is not a connector; this host serves 0.1.0 and 0.2.0";
    assert_eq!(refusal(component("(component)")).await, none);
    let erasure =
        r#"(component (instance $i) (export "privacy:saas-connector/erasure@0.2.0" (instance $i)))"#;
    assert_eq!(refusal(component(erasure)).await, none);
}

#[tokio::test]
async fn an_export_that_the_contract_does_not_have_is_named() {
    for export in ["example:other/thing@1.0.0", "privacy:saas-connector/http@0.2.0"] {
        let bytes = component(&format!(r#"(component (instance $i) (export "{export}" (instance $i)))"#));
        assert_eq!(
            refusal(bytes).await,
            format!(
                "exports {export}, which is not in the contract: a connector may export connector, erasure, consent, \
                 webhook-verify, webhook-token of privacy:saas-connector and nothing else"
            )
        );
    }
}

#[tokio::test]
async fn an_export_without_its_functions_is_refused() {
    let empty =
        r#"(component (instance $i) (export "privacy:saas-connector/connector@0.2.0" (instance $i)))"#;
    let refused = refusal(component(empty)).await;
    assert!(refused.starts_with("does not fit the contract: ") && refused.contains("describe"), "{refused}");
}

#[tokio::test]
async fn an_export_of_another_type_than_the_contracts_is_refused() {
    assert_eq!(
        refusal(component(&connector("", ""))).await,
        "does not fit the contract: its export connector: describe: failed to convert function to given type: \
         type mismatch with results: expected 1-tuple, found 0-tuple"
    );
}

/// The handles are taken in the start function, since a guest of the contract has no other use for them.
#[tokio::test]
async fn handles_past_the_limit_end_the_guest() {
    let handles = r#"
        (type $r (resource (rep i32)))
        (core func $new (canon resource.new $r))
        (core module $taker
          (import "" "new" (func $new (param i32) (result i32)))
          (func $start (loop $again (drop (call $new (i32.const 1))) (br $again)))
          (start $start))
        (core instance (instantiate $taker (with "" (instance (export "new" (func $new))))))"#;
    let refused = refusal(component(&connector("", handles))).await;
    assert!(
        refused
            .starts_with("could not describe itself: the sandbox ended the call: it passed too much data ("),
        "{refused}"
    );
}

#[tokio::test]
async fn more_instances_or_memories_than_a_connector_needs_are_refused() {
    let crowd = format!("(core module $one) {}", "(core instance (instantiate $one))".repeat(20));
    let refused = refusal(component(&connector("", &crowd))).await;
    assert!(refused.starts_with("not a component that this host can run: "), "{refused}");
    let memories =
        "(core module $mem (memory 1)) (core instance (instantiate $mem)) (core instance (instantiate $mem))";
    let refused = refusal(component(&connector("", memories))).await;
    assert!(refused.starts_with("not a component that this host can run: "), "{refused}");
}

/// Returns a component that exports a connector whose functions have no arguments and no results.
fn connector(imports: &str, parts: &str) -> String {
    format!(
        r#"(component
          {imports}
          {parts}
          (core module $m (func (export "f")))
          (core instance $i (instantiate $m))
          (func $f (canon lift (core func $i "f")))
          (instance $connector (export "describe" (func $f)) (export "test-connection" (func $f)))
          (export "privacy:saas-connector/connector@0.2.0" (instance $connector)))"#
    )
}
