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
            format!("imports {import:?}, which is not in the contract: {CONTRACT}")
        );
    }
}

#[tokio::test]
async fn an_import_of_wasi_is_refused_and_the_operators_way_out_named() {
    let refused = refusal(guest("wants_wasi")).await;
    let import = refused.strip_prefix("imports \"").and_then(|rest| rest.split("\", ").next()).unwrap();
    assert!(import.starts_with("wasi:"), "{refused}");
    assert_eq!(
        refused,
        format!(
            "imports {import:?}, which is not in the contract: {CONTRACT}; \
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
    let Err(CallFailure { kind, detail, may_have_acted: false, .. }) = uses else { panic!("{uses:?}") };
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
        format!("imports \"example:other/thing@1.0.0\", which is not in the contract: {CONTRACT}")
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

/// Toolchains add exports of their own, such as `exports` or `init`.
#[tokio::test]
async fn an_export_that_the_contract_does_not_have_is_listed_and_ignored() {
    let names = ["example:other/thing@1.0.0", "exports", "privacy:saas-connector/http@0.2.0"];
    let plugin = load(exporting(&names)).await.unwrap();
    assert_eq!(plugin.ignored_exports(), names);
    assert_eq!(plugin.exports(), connector_tests::plugin("build_one").await.exports());
    assert!(connector_tests::plugin("build_one").await.ignored_exports().is_empty());
}

/// It may be an interface of a later version, which the connector relies on.
#[tokio::test]
async fn an_export_of_another_version_of_the_contract_is_refused_whatever_its_interface() {
    assert_eq!(
        refusal(exporting(&["privacy:saas-connector/access@0.9.0"])).await,
        "exports \"privacy:saas-connector/access@0.9.0\"; this host serves 0.1.0 and 0.2.0"
    );
}

/// Returns the guest `build_one` with further exports, all of them the same empty instance.
fn exporting(names: &[&str]) -> Vec<u8> {
    let mut bytes = extended("(component)");
    let instance = instances(&bytes) - 1;
    let mut exports = Vec::new();
    leb(&mut exports, u32::try_from(names.len()).unwrap());
    for name in names {
        exports.push(0);
        leb(&mut exports, u32::try_from(name.len()).unwrap());
        exports.extend_from_slice(name.as_bytes());
        exports.push(5);
        leb(&mut exports, instance);
        exports.push(0);
    }
    section(&mut bytes, 11, &exports);
    bytes
}

/// Returns the number of instances in the outermost index space of a component: imported, made and exported.
fn instances(bytes: &[u8]) -> u32 {
    use wasmparser::{ComponentAlias, ComponentExternalKind, Payload};
    let (mut depth, mut instances) = (0, 0);
    for payload in wasmparser::Parser::new(0).parse_all(bytes) {
        let is_instance = |kind| kind == ComponentExternalKind::Instance;
        let found = match payload.unwrap() {
            Payload::Version { .. } => {
                depth += 1;
                continue;
            }
            Payload::End(_) => {
                depth -= 1;
                continue;
            }
            _ if depth > 1 => continue,
            Payload::ComponentInstanceSection(made) => made.count() as usize,
            Payload::ComponentImportSection(imports) => {
                imports.into_iter().filter(|import| is_instance(import.as_ref().unwrap().ty.kind())).count()
            }
            Payload::ComponentExportSection(exports) => {
                exports.into_iter().filter(|export| is_instance(export.as_ref().unwrap().kind)).count()
            }
            Payload::ComponentAliasSection(aliases) => aliases
                .into_iter()
                .filter(|alias| {
                    matches!(alias.as_ref().unwrap(), ComponentAlias::InstanceExport { kind, .. } if is_instance(*kind))
                })
                .count(),
            _ => 0,
        };
        instances += u32::try_from(found).unwrap();
    }
    instances
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
