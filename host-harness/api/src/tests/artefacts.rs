//! Broken and hostile components that are sent to publish: each is refused with its reason, and what serves is unaffected.

use host_model::case_section::{CaseTexts, SECTION, pack};
use serde_json::{Value, json};

use crate::testing::{ApiBench, guest};

/// A component that must not serve.
struct Artefact {
    what: &'static str,
    bytes: Vec<u8>,
    /// What the query of the publication adds.
    query: &'static str,
    /// The status and kind of the problem.
    problem: (u16, &'static str),
    /// The code in the history.
    reason: &'static str,
    /// Words of the problem's detail.
    says: &'static str,
}

fn artefact(
    what: &'static str,
    bytes: impl Into<Vec<u8>>,
    problem: (u16, &'static str),
    reason: &'static str,
    says: &'static str,
) -> Artefact {
    Artefact { what, bytes: bytes.into(), query: "", problem, reason, says }
}

const NO_COMPONENT: (u16, &str) = (422, "no-component");
const NOT_PROVEN: (u16, &str) = (422, "not-proven");
const NOT_REPLACED: (u16, &str) = (409, "not-replaced");
const ASKS_FOR_MORE: (u16, &str) = (409, "asks-for-more");

/// Those whose bytes are no component that a host could run.
fn broken() -> Vec<Artefact> {
    let refused = |what, bytes, says| artefact(what, bytes, NO_COMPONENT, "not-loaded", says);
    let whole = guest("build_two");
    let cut = whole[..whole.len() / 2].to_vec();
    vec![
        refused("an empty file", Vec::new(), "it is not WebAssembly"),
        refused("a script", b"#!/bin/sh\necho hello\n".to_vec(), "it is not WebAssembly"),
        refused("half a component", cut, "it is cut off"),
        refused("a core module", b"\0asm\x01\0\0\0".to_vec(), "core module"),
        refused("an unknown format", b"\0asm\x0d\0\x02\0".to_vec(), "its version of the binary format"),
        artefact("a large file", vec![0; 3 << 20], NO_COMPONENT, "too-large", "more than the 2097152"),
        refused(
            "a later contract",
            text(r#"(instance $i) (export "privacy:saas-connector/connector@0.9.0" (instance $i))"#),
            "this host serves 0.1.0 and 0.2.0",
        ),
        refused("no connector", text(""), "exports no privacy:saas-connector/connector"),
    ]
}

/// Those that reach for more than a connector has, or would keep the host busy.
fn hostile() -> Vec<Artefact> {
    let refused = |what, bytes, says| artefact(what, bytes, NO_COMPONENT, "not-loaded", says);
    let undescribed = |what, name, says| artefact(what, guest(name), NO_COMPONENT, "not-described", says);
    let levels: Vec<_> = (1..=60)
        .map(|level| {
            let below = level - 1;
            format!(
                "(component $c{level} (alias outer 1 $c{below} (component $c)) (instance (instantiate $c)) \
                 (instance (instantiate $c)))"
            )
        })
        .collect();
    let nested = format!("(component $c0) {} (instance (instantiate $c60))", levels.concat());
    let types = [&[1], [0x41, 1, 1].repeat(30).as_slice(), &[0x41, 0]].concat();
    let head = [b"\0asm\x0d\0\x01\0\x07".as_slice(), &[u8::try_from(types.len()).unwrap()]].concat();
    let deep = [head, types].concat();
    vec![
        refused(
            "an import of sockets",
            text(r#"(import "wasi:sockets/tcp@0.2.0" (instance))"#),
            r#"imports "wasi:sockets/tcp@0.2.0", which is not in the contract"#,
        ),
        refused("a toolchain's imports", guest("wants_wasi"), "imports \"wasi:"),
        refused("components that expand without end", text(&nested), "expand to more than 1000000"),
        refused("types that are nested deep", deep, "nested more than 16 levels deep"),
        refused("a memory of 1 GiB", guest("huge_memory"), "limits.memory-bytes"),
        undescribed("a start that traps", "traps_at_start", "the sandbox ended the call"),
        undescribed("a start without end", "spins_at_start", "the sandbox ended the call"),
        undescribed("a description without end", "describe_loops", "the sandbox ended the call"),
        undescribed("a description that sends a request", "describe_sends", "could not describe itself"),
    ]
}

/// Those whose manifest prevents them from taking the place of the version that serves.
fn unfit() -> Vec<Artefact> {
    let mut hidden = guest("build_two");
    replace(&mut hidden, b" of a test", " of\u{202e}test".as_bytes());
    let mut another_path = guest("build_verifies");
    replace(&mut another_path, b"/look", b"/grab");
    let manifest = |what, bytes, says| artefact(what, bytes, NO_COMPONENT, "bad-manifest", says);
    vec![
        manifest("a hidden character", hidden, "U+202E"),
        manifest("a manifest that breaks every rule", guest("breaks_every_rule"), "manifest"),
        artefact(
            "another connector",
            guest("reports_on_trust"),
            NOT_REPLACED,
            "another-connector",
            "reports",
        ),
        artefact("more permissions", another_path, ASKS_FOR_MORE, "asks-for-more", "/grab"),
        artefact("fewer interfaces", guest("build_one"), ASKS_FOR_MORE, "offers-less", "webhook-verify"),
        Artefact {
            query: "?agree=true",
            ..artefact("a required new setting", guest("build_greedy"), NOT_REPLACED, "settings", "region")
        },
    ]
}

/// Those that fail their proof.
fn unproven() -> Vec<Artefact> {
    let mut no_cases = guest("build_two");
    let name = [&[u8::try_from(SECTION.len()).unwrap()], SECTION.as_bytes(), b"{"].concat();
    no_cases.extend([0, u8::try_from(name.len()).unwrap()]);
    no_cases.extend(name);
    let case = "about = \"Finds nothing\"\ncall.function = \"test-connection\"\noutcome.checks = []\n\
                [settings]\ndomain = \"vendor.example.com\"\n";
    let failing = CaseTexts::from([("finds-nothing".to_owned(), case.to_owned())]);
    let failing = pack(&guest("build_two"), &failing).unwrap();
    let failed = |what, bytes, says| artefact(what, bytes, NOT_PROVEN, "not-proven", says);
    vec![
        artefact("cases that are no JSON", no_cases, NO_COMPONENT, "bad-cases", "connector-conformance"),
        failed("a case that fails", failing, "finds-nothing"),
        failed("a trap in each erasure", guest("traps_on_erase"), "it trapped"),
        failed("an erasure without end", guest("loops_on_erase"), "its CPU time is used up"),
        failed("an erasure that sends nothing", guest("reports"), "which needs a write that was answered"),
        failed("an error that names the person", guest("names_the_person"), "person"),
    ]
}

fn text(content: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {content})")).unwrap()
}

/// Replaces every occurrence of `text` in `bytes` by another text of the same length.
fn replace(bytes: &mut [u8], text: &[u8], by: &[u8]) {
    assert_eq!(text.len(), by.len());
    let at: Vec<_> = (0..bytes.len() - text.len()).filter(|at| bytes[*at..].starts_with(text)).collect();
    assert!(!at.is_empty(), "the component has no such text");
    for at in at {
        bytes[at..at + by.len()].copy_from_slice(by);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_broken_or_hostile_component_is_refused_with_its_reason_and_what_serves_is_unaffected() {
    let file = xtask::components::current("guests/build_verifies").unwrap();
    let bench = ApiBench::with(&format!("plugins.guest.file = '{}'", file.display())).await;
    let key = bench.operator().await;
    let host = bench.stand_in.address().to_string();
    let connection = json!({
        "key": "swapped", "tenant": "acme", "plugin": "guest", "settings": {"domain": host},
        "egress": {"hosts": [host], "loopback": true, "plain_http": true},
    });
    assert_eq!(bench.send(&key, "POST", "/api/v1/connection", Some(connection)).await.status, 201);
    let serving = running(&bench, &key).await;
    let artefacts: Vec<_> = [broken(), hostile(), unfit(), unproven()].into_iter().flatten().collect();
    for Artefact { what, bytes, query, problem, reason, says } in artefacts {
        bench.stand_in.take_requests();
        let refused = bench.post_component(&key, &format!("guest{query}"), &bytes).await;
        assert_eq!(refused.problem(), problem, "{what}: {refused:?}");
        assert!(refused.detail().contains(says), "{what}: {}", refused.detail());
        assert_eq!(bench.stand_in.take_requests().len(), 0, "{what}: the vendor received something");
        let digest = host_model::digest::Digest::of(&bytes);
        let version = bench.get(&key, &format!("/api/v1/plugins/guest/versions/{digest}")).await.json;
        let last = version["steps"].as_array().unwrap().last().unwrap();
        assert_eq!((&last["state"], &last["reason"]), (&json!("refused"), &json!(reason)), "{what}");
        assert_eq!(version["is_stored"], false, "{what}");
        assert_eq!(running(&bench, &key).await, serving, "{what}");
        let tested = bench.get(&key, "/api/v1/connection/swapped/test").await.json;
        assert_eq!(tested["test_status"], "succeeded", "{what}: {tested}");
        assert_eq!(tested["checks"][0]["name"], "verifies", "{what}: {tested}");
        assert_eq!(bench.stand_in.take_requests().len(), 1, "{what}: the call reached the vendor");
    }
}

async fn running(bench: &ApiBench, key: &str) -> Value {
    bench.get(key, "/api/v1/plugins").await.json
}
