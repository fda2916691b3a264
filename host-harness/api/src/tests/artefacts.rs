//! Broken, hostile and wrongly signed components that are sent to publish: each is refused with its reason, and what serves is
//! unaffected.

use host_model::{
    case_section::{CaseTexts, SECTION, pack},
    contract::ContractVersion,
    digest::Digest,
};
use host_trust::{MAX_BUNDLE_BYTES, Statement};
use serde_json::{Value, json};

use super::publisher::{Publisher, Release};
use crate::testing::{ApiBench, guest, tagged_guest};

/// The revision of the version that serves.
const SERVING: u64 = 5;

/// The revision of a release that is signed for the plugin, and admitted if that is all that matters.
const NEXT: u64 = 6;

/// A component that must not serve.
struct Artefact {
    what: &'static str,
    release: Release,
    /// What the query of the publication adds.
    query: &'static str,
    /// The status and kind of the problem.
    problem: (u16, &'static str),
    /// The code in the history.
    reason: &'static str,
    /// Words of the problem's detail.
    says: &'static str,
}

/// An artefact without a bundle.
fn artefact(
    what: &'static str,
    component: impl Into<Vec<u8>>,
    problem: (u16, &'static str),
    reason: &'static str,
    says: &'static str,
) -> Artefact {
    let release = Release { component: component.into(), bundle: None };
    Artefact { what, release, query: "", problem, reason, says }
}

const NO_COMPONENT: (u16, &str) = (422, "no-component");
const NOT_PROVEN: (u16, &str) = (422, "not-proven");
const NOT_REPLACED: (u16, &str) = (409, "not-replaced");
const ASKS_FOR_MORE: (u16, &str) = (409, "asks-for-more");
const NOT_TRUSTED: (u16, &str) = (422, "not-trusted");

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

/// Those whose manifest or cases cannot be read.
fn misdescribed() -> Vec<Artefact> {
    let mut hidden = guest("build_two");
    replace(&mut hidden, b" of a test", " of\u{202e}test".as_bytes());
    let mut no_cases = guest("build_two");
    let name = [&[u8::try_from(SECTION.len()).unwrap()], SECTION.as_bytes(), b"{"].concat();
    no_cases.extend([0, u8::try_from(name.len()).unwrap()]);
    no_cases.extend(name);
    let manifest = |what, bytes, says| artefact(what, bytes, NO_COMPONENT, "bad-manifest", says);
    vec![
        manifest("a hidden character", hidden, "U+202E"),
        manifest("a manifest that breaks every rule", guest("breaks_every_rule"), "manifest"),
        artefact("cases that are no JSON", no_cases, NO_COMPONENT, "bad-cases", "connector-conformance"),
    ]
}

/// Those that cannot take the place of the version that serves.
fn unfit() -> Vec<Artefact> {
    let mut another_path = guest("build_verifies");
    replace(&mut another_path, b"/look", b"/grab");
    vec![
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
    let case = "about = \"Finds nothing\"\ncall.function = \"test-connection\"\noutcome.checks = []\n\
                [settings]\ndomain = \"vendor.example.com\"\n";
    let failing = CaseTexts::from([("finds-nothing".to_owned(), case.to_owned())]);
    let failing = pack(&guest("build_two"), &failing).unwrap();
    let failed = |what, bytes, says| artefact(what, bytes, NOT_PROVEN, "not-proven", says);
    vec![
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

/// Signs each of `artefacts` as a release of its own, with the revisions from `revision` on. A signature excuses nothing.
async fn signed(
    publisher: &Publisher,
    bench: &ApiBench,
    revision: u64,
    artefacts: impl IntoIterator<Item = Artefact>,
) -> Vec<Artefact> {
    let mut signed = Vec::new();
    for (revision, artefact) in (revision..).zip(artefacts) {
        let component = &artefact.release.component;
        // Cases are read once the manifest is.
        let loads = artefact.problem != NO_COMPONENT || artefact.reason == "bad-cases";
        let release = if loads {
            publisher.release(bench, component, revision).await
        } else {
            publisher.release_broken(component, revision)
        };
        signed.push(Artefact { release, ..artefact });
    }
    signed
}

/// Components that could serve, if they were signed as required.
async fn wrongly_signed(publisher: &Publisher, bench: &ApiBench) -> Vec<Artefact> {
    let component = tagged_guest("build_verifies", 1);
    let good = publisher.release(bench, &component, NEXT).await;
    let bundle = good.bundle.clone().unwrap();
    let edited = |place: &str, value: Value| {
        let mut bundle: Value = serde_json::from_str(&bundle).unwrap();
        *bundle.pointer_mut(place).unwrap() = value;
        Some(bundle.to_string())
    };
    let read: Value = serde_json::from_str(&bundle).unwrap();
    let envelope = &read["dsseEnvelope"];
    let signature = &envelope["signatures"][0];
    let twice = bundle.replacen('{', &format!("{{\"dsseEnvelope\":{envelope},"), 1);
    let later = publisher.release_broken(&component, NEXT + 1).bundle.unwrap();
    let later: Value = serde_json::from_str(&later).unwrap();
    let other = publisher.release(bench, &tagged_guest("build_verifies", 2), NEXT).await.bundle;
    let large = format!("{bundle}{}", " ".repeat(MAX_BUNDLE_BYTES));
    let earlier = json!("application/vnd.dev.sigstore.bundle+json;version=0.2");
    let with = |what, bundle, reason, says| Artefact {
        release: good.with(bundle),
        ..artefact(what, [], NOT_TRUSTED, reason, says)
    };
    let mut artefacts = vec![
        with("no bundle", None, "no-bundle", "has no bundle"),
        with("an empty bundle", Some(String::new()), "unreadable-bundle", "unreadable bundle"),
        with("half a bundle", Some(bundle[..bundle.len() / 2].to_owned()), "unreadable-bundle", "unreadable"),
        with("a large bundle", Some(large), "bundle-too-large", "expected at most 262144"),
        with("an earlier kind of bundle", edited("/mediaType", earlier), "other-bundle", "version=0.2"),
        with(
            "no signature",
            edited("/dsseEnvelope/signatures", json!([])),
            "stripped",
            "without a signature",
        ),
        with(
            "an empty signature",
            edited("/dsseEnvelope/signatures/0/sig", json!("")),
            "stripped",
            "without a",
        ),
        with(
            "two signatures",
            edited("/dsseEnvelope/signatures", json!([signature, signature])),
            "doubled",
            "ambiguous",
        ),
        with("two bundles", Some(format!("{bundle}\n{bundle}")), "doubled", "ambiguous"),
        with("a field that occurs twice", Some(twice), "doubled", "ambiguous"),
        with("the bundle of another component", other, "swapped", "its bundle is for"),
        with(
            "a statement that was changed",
            edited("/dsseEnvelope/payload", later["dsseEnvelope"]["payload"].clone()),
            "foreign-key",
            "it was changed afterwards",
        ),
    ];
    let stranger = Publisher::new().release(bench, &component, NEXT).await.bundle;
    artefacts.push(with("a foreign key", stranger, "foreign-key", "not signed by a key that is trusted"));
    let mut stated = async |what, change: fn(Statement) -> Statement, reason, says| {
        let next = |stated| change(Statement { revision: NEXT.try_into().unwrap(), ..stated });
        let bundle = publisher.release_as(bench, &component, next).await.bundle;
        artefacts.push(with(what, bundle, reason, says));
    };
    let ended = |stated| Statement { not_after: 1, ..stated };
    stated("a statement that is over", ended, "expired", "valid until 1970-01-01").await;
    let renamed = |stated| Statement { plugin: "other".to_owned(), ..stated };
    stated("another plugin's name", renamed, "other-plugin", "signed for plugin `other`").await;
    let digest = |stated| Statement { digest: Digest([7; 32]), ..stated };
    stated("another digest", digest, "swapped", "its bundle is for sha256:0707").await;
    let older = |stated| Statement { revision: 4.try_into().unwrap(), ..stated };
    stated("an older release", older, "replayed", "older than revision 5").await;
    let taken = |stated| Statement { revision: 5.try_into().unwrap(), ..stated };
    stated("a revision that another one has", taken, "revision-taken", "two releases have the same number")
        .await;
    let contract = |stated| Statement { contract: ContractVersion::V0_1_0, ..stated };
    stated("another contract", contract, "other-contract", "signed as using 0.1.0").await;
    let manifest = |stated| Statement { manifest: Digest([7; 32]), ..stated };
    stated("another manifest", manifest, "other-manifest", "manifest").await;
    artefacts
}

/// A service whose plugin `guest` needs a signature and serves a connection, with the replicas that it has.
struct Guarded {
    replicas: Vec<ApiBench>,
    key: String,
    serving: Value,
}

impl Guarded {
    async fn start(publisher: &Publisher) -> Self {
        let bench = ApiBench::with(&publisher.trusted()).await;
        let key = bench.operator().await;
        let first = publisher.release(&bench, &guest("build_verifies"), SERVING).await;
        let served = bench.send(&key, "POST", "/api/v1/plugins/guest?agree=true", Some(first.body())).await;
        assert_eq!(served.status, 200, "{served:?}");
        let host = bench.stand_in.address().to_string();
        let connection = json!({
            "key": "swapped", "tenant": "acme", "plugin": "guest", "settings": {"domain": host},
            "egress": {"hosts": [host], "loopback": true, "plain_http": true},
        });
        assert_eq!(bench.send(&key, "POST", "/api/v1/connection", Some(connection)).await.status, 201);
        let mut replicas = bench.further_replicas().await;
        let serving = running(&bench, &key).await;
        replicas.insert(0, bench);
        Self { replicas, key, serving }
    }

    /// Checks that the version still serves at `bench`, and that nothing of `what` reached the vendor.
    async fn serves_on(&self, bench: &ApiBench, what: &str) {
        assert_eq!(bench.stand_in.take_requests().len(), 0, "{what}: the vendor received something");
        assert_eq!(running(bench, &self.key).await, self.serving, "{what}");
        let tested = bench.get(&self.key, "/api/v1/connection/swapped/test").await.json;
        assert_eq!(tested["test_status"], "succeeded", "{what}: {tested}");
        assert_eq!(tested["checks"][0]["name"], "verifies", "{what}: {tested}");
        assert_eq!(bench.stand_in.take_requests().len(), 1, "{what}: the call reached the vendor");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_broken_hostile_or_wrongly_signed_component_is_refused_with_its_reason_and_what_serves_is_unaffected()
 {
    let publisher = Publisher::new();
    let service = Guarded::start(&publisher).await;
    let (first, key) = (&service.replicas[0], &service.key);
    let mut artefacts = wrongly_signed(&publisher, first).await;
    let signed_ones = [broken(), hostile(), misdescribed(), unfit(), unproven()].into_iter().flatten();
    artefacts.extend(signed(&publisher, first, NEXT + 1, signed_ones).await);
    assert!(artefacts.len() >= 20);
    // Each is sent to another replica.
    for (bench, artefact) in service.replicas.iter().cycle().zip(&artefacts) {
        let Artefact { what, release, query, problem, reason, says } = artefact;
        bench.stand_in.take_requests();
        let path = format!("/api/v1/plugins/guest{query}");
        let refused = bench.send(key, "POST", &path, Some(release.body())).await;
        assert_eq!(refused.problem(), *problem, "{what}: {refused:?}");
        assert!(refused.detail().contains(says), "{what}: {}", refused.detail());
        let digest = Digest::of(&release.component);
        let version = bench.get(key, &format!("/api/v1/plugins/guest/versions/{digest}")).await.json;
        let last = version["steps"].as_array().unwrap().last().unwrap();
        assert_eq!((&last["state"], &last["reason"]), (&json!("refused"), &json!(reason)), "{what}");
        assert_eq!(version["is_stored"], false, "{what}");
        service.serves_on(bench, what).await;
        // What is wrong with a signature is found wherever a component arrives.
        if *problem == NOT_TRUSTED {
            let uploaded = release.upload(bench, key).await;
            assert_eq!(
                (uploaded.problem(), &uploaded.json["reason"]),
                (NOT_TRUSTED, &json!(reason)),
                "{what}"
            );
        }
    }
    for bench in &service.replicas {
        service.serves_on(bench, "all of them").await;
    }
}

async fn running(bench: &ApiBench, key: &str) -> Value {
    bench.get(key, "/api/v1/plugins").await.json
}
