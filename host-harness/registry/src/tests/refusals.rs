//! What a registry answers wrongly, too late, too long or not at all.

use std::time::Duration;

use host_harness::connection::Deadlines;
use test_support::eventually;

use test_support::registry::Instead;

use super::*;

#[tokio::test]
async fn a_manifest_with_another_digest_than_requested_or_declared_is_refused() {
    let registry = RegistryStandIn::start().await;
    let artefact = published(&registry, "one");
    let other = Bytes::from(manifest(&[]).to_string());
    registry.has_manifest(&artefact.digest().to_string(), MANIFEST, &other);
    let pinned = reference(&registry, ":1").pinned(artefact.digest());
    let differs = RegistryError::DigestDiffers {
        part: RegistryPart::Manifest,
        expected: artefact.digest(),
        found: digest(&other),
    };
    assert_eq!(client(&registry).pull(&pinned).await, Err(differs.clone()));

    let declared = vec![("docker-content-digest", artefact.digest().to_string())];
    registry.switches().instead.insert("/manifests/1".to_owned(), Instead::Answer(200, declared, other));
    assert_eq!(client(&registry).pull(&reference(&registry, ":1")).await, Err(differs));
}

#[tokio::test]
async fn a_component_with_other_bytes_than_its_manifest_names_is_refused() {
    let registry = RegistryStandIn::start().await;
    let (artefact, expected, other) = (published(&registry, "one"), component("one"), component("two"));
    assert_eq!(expected.len(), other.len());
    registry.has_instead(&expected, &other);
    let error = client(&registry).pull(&reference(&registry, ":1")).await.unwrap_err();
    let (expected, found) = (digest(&artefact.component), digest(&other));
    assert_eq!(error, RegistryError::DigestDiffers { part: RegistryPart::Component, expected, found });
}

#[tokio::test]
async fn a_component_that_is_cut_off_is_refused() {
    let registry = RegistryStandIn::start().await;
    published(&registry, "one");
    let cut = component("one").slice(..9);
    registry.has_instead(&component("one"), &cut);
    let error = client(&registry).pull(&reference(&registry, ":1")).await.unwrap_err();
    let (expected, found) = (digest(&component("one")), digest(&cut));
    assert_eq!(error, RegistryError::DigestDiffers { part: RegistryPart::Component, expected, found });
}

#[tokio::test]
async fn a_component_that_declares_too_many_bytes_is_refused_before_it_is_requested() {
    let registry = RegistryStandIn::start().await;
    let mut manifest = manifest(&[layer(&registry, "application/wasm", &component("one"))]);
    manifest["layers"][0]["size"] = (MAX_COMPONENT_BYTES + 1).into();
    let too_large = RegistryError::TooLarge { part: RegistryPart::Component, max_bytes: MAX_COMPONENT_BYTES };
    assert_eq!(refusal(&registry, &manifest).await, too_large);
    assert_eq!(registry.lines(), ["GET manifests/1"]);
}

#[tokio::test]
async fn no_more_of_a_component_is_read_than_its_manifest_declares() {
    let registry = RegistryStandIn::start().await;
    let expected = published(&registry, "one").component;
    let max_bytes = expected.len() as u64;
    let longer = Bytes::from(vec![0; expected.len() + 1]);
    let too_large = RegistryError::TooLarge { part: RegistryPart::Component, max_bytes };
    // The last one declares twice as much and never sends it.
    let half = Instead::Half(expected.clone());
    for instead in [Instead::Answer(200, vec![], longer.clone()), Instead::Unmeasured(longer), half] {
        registry.switches().instead.insert(format!("/blobs/{}", digest(&expected)), instead);
        assert_eq!(client(&registry).pull(&reference(&registry, ":1")).await, Err(too_large.clone()));
    }
}

#[tokio::test]
async fn a_manifest_is_read_up_to_its_bound() {
    let registry = RegistryStandIn::start().await;
    let longest = usize::try_from(MAX_MANIFEST_BYTES).unwrap();
    let too_large = RegistryError::TooLarge { part: RegistryPart::Manifest, max_bytes: MAX_MANIFEST_BYTES };
    let padded = |length: usize| {
        let mut text = published(&registry, "one").manifest.to_vec();
        text.resize(length, b' ');
        Bytes::from(text)
    };
    for (body, expected) in [(padded(longest), None), (padded(longest + 1), Some(too_large))] {
        for instead in [Instead::Answer(200, vec![], body.clone()), Instead::Unmeasured(body)] {
            registry.switches().instead.insert("/manifests/1".to_owned(), instead);
            assert_eq!(client(&registry).pull(&reference(&registry, ":1")).await.err(), expected);
        }
    }
}

#[tokio::test]
async fn what_the_registry_does_not_have_is_not_found() {
    let registry = RegistryStandIn::start().await;
    let not_found = |part| RegistryError::NotFound { part, host: registry.host() };
    let error = client(&registry).pull(&reference(&registry, ":1")).await.unwrap_err();
    assert_eq!(error, not_found(RegistryPart::Manifest));
    let gone = manifest(&[descriptor("application/wasm", &component("one"))]);
    assert_eq!(refusal(&registry, &gone).await, not_found(RegistryPart::Component));
}

#[tokio::test]
async fn a_registry_that_is_down_is_unreachable() {
    let registry = RegistryStandIn::start().await;
    let (access, reference) = (plain(&registry), reference(&registry, ":1"));
    let host = registry.host();
    drop(registry);
    let client = Registry::new(access).unwrap();
    let ended = async || client.pull(&reference).await;
    let unreachable = eventually(
        "the port is closed",
        ended,
        |error| matches!(error, Err(RegistryError::Unreachable { host: named, why }) if *named == host && why.contains("refused")),
    );
    unreachable.await.unwrap_err();
}

#[tokio::test]
async fn a_registry_that_does_not_go_on_is_waited_for_no_longer_than_configured() {
    let registry = RegistryStandIn::start().await;
    let (artefact, reference) = (published(&registry, "one"), reference(&registry, ":1"));
    let short = Duration::from_millis(50);
    let long = Duration::from_mins(5);
    let never = Deadlines { connect: long, first_byte: long, between_bytes: long, total: long };
    let blob = format!("/blobs/{}", digest(&artefact.component));
    let begins = artefact.component.slice(..9);
    for (at, instead, deadlines) in [
        ("/manifests/1", Instead::Silence, Deadlines { first_byte: short, ..never }),
        (blob.as_str(), Instead::Half(begins), Deadlines { between_bytes: short, ..never }),
        ("/manifests/1", Instead::Silence, Deadlines { total: short, ..never }),
    ] {
        registry.switches().instead = [(at.to_owned(), instead)].into();
        let client = Registry::new(RegistryAccess { deadlines, ..plain(&registry) }).unwrap();
        let pulled = tokio::time::timeout(Duration::from_secs(20), client.pull(&reference));
        assert_eq!(pulled.await.unwrap(), Err(RegistryError::TimedOut { host: registry.host() }), "{at}");
    }
}

#[tokio::test]
async fn a_failure_of_the_registry_is_reported_with_its_code_and_its_wait() {
    let registry = RegistryStandIn::start().await;
    published(&registry, "one");
    for (body, code) in [
        (r#"{"errors": [{"code": "TOOMANYREQUESTS"}]}"#, Some("TOOMANYREQUESTS")),
        (r#"{"errors": [{"code": "\u001b[2J"}]}"#, None),
        ("<html>", None),
    ] {
        let headers = vec![("retry-after", "7".to_owned())];
        let answer = Instead::Answer(429, headers, Bytes::from_static(body.as_bytes()));
        registry.switches().instead.insert("/manifests/1".to_owned(), answer);
        let error = client(&registry).pull(&reference(&registry, ":1")).await.unwrap_err();
        let (host, code) = (registry.host(), code.map(str::to_owned));
        let retry_after = Some(Duration::from_secs(7));
        assert_eq!(error, RegistryError::Answered { host, status: 429, code, retry_after });
    }
}
