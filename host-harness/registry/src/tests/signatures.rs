//! Bundles that refer to a plugin.

use test_support::registry::Referrers;

use super::*;

const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// Stores a referrer of `subject` with these layers and returns its manifest.
fn referrer(registry: &RegistryStandIn, subject: &Artefact, kind: &str, layers: &[Value]) -> Bytes {
    let mut manifest = manifest(layers);
    manifest["artifactType"] = kind.into();
    manifest["config"] = layer(registry, EMPTY, &Bytes::from_static(b"{}"));
    manifest["subject"] = descriptor(MANIFEST, &subject.manifest);
    let manifest = Bytes::from(manifest.to_string());
    registry.has_manifest(&digest(&manifest).to_string(), MANIFEST, &manifest);
    manifest
}

fn bundle(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn signed(registry: &RegistryStandIn, subject: &Artefact, bundle: &Bytes) -> Bytes {
    referrer(registry, subject, BUNDLE, &[layer(registry, BUNDLE, bundle)])
}

/// Lists `referrers` under the tag for registries that do not list them. The types are as wrong as they may be.
fn listed(registry: &RegistryStandIn, subject: &Artefact, referrers: &[&Bytes]) {
    let entries: Vec<_> = referrers
        .iter()
        .map(|referrer| {
            let mut entry = descriptor(MANIFEST, referrer);
            entry["artifactType"] = EMPTY.into();
            entry
        })
        .collect();
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).to_string();
    registry.has_manifest(&subject.digest().to_string().replace(':', "-"), INDEX, &index.into());
}

async fn pulled(registry: &RegistryStandIn) -> Result<Vec<Bytes>, RegistryError> {
    let mut bundles = client(registry).pull(&reference(registry, ":1")).await?.bundles;
    bundles.sort();
    Ok(bundles)
}

#[tokio::test]
async fn all_bundles_of_a_plugin_are_found_on_one_page_and_on_several() {
    let registry = RegistryStandIn::start().await;
    let artefact = published(&registry, "one");
    for text in ["a", "b", "c"] {
        signed(&registry, &artefact, &bundle(text));
    }
    for how in [Referrers::Listed, Referrers::Paged] {
        registry.switches().referrers = how;
        assert_eq!(pulled(&registry).await, Ok(vec![bundle("a"), bundle("b"), bundle("c")]));
    }
    assert!(registry.lines().iter().any(|line| line.ends_with("?page=2")), "{:?}", registry.lines());
}

#[tokio::test]
async fn a_registry_that_lists_no_referrers_is_asked_for_the_tag_of_the_list() {
    let registry = RegistryStandIn::start().await;
    let artefact = published(&registry, "one");
    registry.switches().referrers = Referrers::Unknown;
    assert_eq!(pulled(&registry).await, Ok(vec![]));
    let tag = format!("GET manifests/{}", artefact.digest().to_string().replace(':', "-"));
    assert_eq!(registry.lines().last(), Some(&tag));

    let referrers = ["a", "b"].map(|text| signed(&registry, &artefact, &bundle(text)));
    listed(&registry, &artefact, &[&referrers[0], &referrers[1]]);
    assert_eq!(pulled(&registry).await, Ok(vec![bundle("a"), bundle("b")]));
}

#[tokio::test]
async fn only_the_referrers_own_manifest_says_what_it_is_and_what_it_refers_to() {
    let registry = RegistryStandIn::start().await;
    let (another, artefact) = (published(&registry, "another"), published(&registry, "one"));
    registry.switches().referrers = Referrers::Unknown;
    let of_another = signed(&registry, &another, &bundle("of another"));
    let text = layer(&registry, BUNDLE, &bundle("text"));
    let bill = referrer(&registry, &artefact, "application/spdx+json", &[text]);
    let deleted = signed(&registry, &artefact, &bundle("deleted"));
    registry.forget_manifest(&digest(&deleted).to_string());
    let list = Bytes::from(json!({"schemaVersion": 2, "manifests": []}).to_string());
    registry.has_manifest("a-list", INDEX, &list);
    let ours = signed(&registry, &artefact, &bundle("ours"));
    listed(&registry, &artefact, &[&of_another, &bill, &deleted, &list, &ours]);
    assert_eq!(pulled(&registry).await, Ok(vec![bundle("ours")]));
}

#[tokio::test]
async fn an_artefact_without_a_type_has_that_of_its_configuration() {
    let registry = RegistryStandIn::start().await;
    let artefact = published(&registry, "one");
    let mut manifest = manifest(&[layer(&registry, BUNDLE, &bundle("a"))]);
    manifest["config"] = layer(&registry, BUNDLE, &Bytes::from_static(b"{}"));
    manifest["subject"] = descriptor(MANIFEST, &artefact.manifest);
    let manifest = Bytes::from(manifest.to_string());
    registry.has_manifest(&digest(&manifest).to_string(), MANIFEST, &manifest);
    assert_eq!(pulled(&registry).await, Ok(vec![bundle("a")]));
}

#[tokio::test]
async fn a_bundle_and_a_referrer_with_other_bytes_are_refused() {
    let registry = RegistryStandIn::start().await;
    let artefact = published(&registry, "one");
    let referrer = signed(&registry, &artefact, &bundle("a"));
    registry.has_instead(&bundle("a"), &bundle("b"));
    let differs = |part, expected: &Bytes, found: &Bytes| {
        let (expected, found) = (digest(expected), digest(found));
        Err(RegistryError::DigestDiffers { part, expected, found })
    };
    assert_eq!(pulled(&registry).await, differs(RegistryPart::Bundle, &bundle("a"), &bundle("b")));

    registry.switches().referrers = Referrers::Unknown;
    listed(&registry, &artefact, &[&referrer]);
    let other = signed(&registry, &artefact, &bundle("c"));
    registry.has_manifest(&digest(&referrer).to_string(), MANIFEST, &other);
    assert_eq!(pulled(&registry).await, differs(RegistryPart::Manifest, &referrer, &other));
}

#[tokio::test]
async fn no_more_bundles_and_referrers_are_read_than_their_bounds_allow() {
    let registry = RegistryStandIn::start().await;
    let artefact = published(&registry, "one");
    let of = |number: usize| Bytes::from(number.to_string());
    for number in 0..MAX_BUNDLES {
        signed(&registry, &artefact, &of(number));
    }
    assert_eq!(pulled(&registry).await.unwrap().len(), MAX_BUNDLES);
    signed(&registry, &artefact, &of(MAX_BUNDLES));
    assert_eq!(pulled(&registry).await.unwrap().len(), MAX_BUNDLES);
    let too_many = |part, max| Err(RegistryError::TooMany { part, max });

    for number in 0..=MAX_REFERRERS {
        referrer(
            &registry,
            &artefact,
            "application/spdx+json",
            &[layer(&registry, "text/plain", &of(number))],
        );
    }
    let before = registry.lines().len();
    assert_eq!(pulled(&registry).await, too_many(RegistryPart::Referrer, MAX_REFERRERS));
    assert_eq!(registry.lines().len() - before, 3);
    // Pages are followed up to a bound as well.
    registry.switches().referrers = Referrers::Paged;
    assert_eq!(pulled(&registry).await, too_many(RegistryPart::Referrer, MAX_REFERRERS));
    assert_eq!(registry.lines().len() - before, 3 + 12);
}

#[tokio::test]
async fn a_bundle_that_declares_too_many_bytes_is_left_out_and_a_plugin_without_its_bundles_asks_for_none() {
    let registry = RegistryStandIn::start().await;
    let artefact = published(&registry, "one");
    let mut large = layer(&registry, BUNDLE, &bundle("a"));
    large["size"] = (MAX_BUNDLE_BYTES + 1).into();
    referrer(&registry, &artefact, BUNDLE, &[large]);
    signed(&registry, &artefact, &bundle("b"));
    assert_eq!(pulled(&registry).await, Ok(vec![bundle("b")]));
    let of_bundle = format!("GET blobs/{}", digest(b"a"));
    assert!(!registry.lines().contains(&of_bundle), "{:?}", registry.lines());
    let before = registry.lines().len();
    let alone = client(&registry).pull_without_bundles(&reference(&registry, ":1")).await.unwrap();
    assert_eq!((alone.digest, alone.bundles), (artefact.digest(), vec![]));
    let asked = registry.lines().split_off(before);
    assert!(asked.iter().all(|line| !line.contains("referrers")), "{asked:?}");
}

#[tokio::test]
async fn a_list_of_referrers_that_cannot_be_had_is_not_an_empty_one() {
    let registry = RegistryStandIn::start().await;
    let artefact = published(&registry, "one");
    let at = format!("/referrers/{}", artefact.digest());
    let broken = test_support::registry::Instead::Answer(503, vec![], Bytes::new());
    registry.switches().instead.insert(at.clone(), broken);
    let host = registry.host();
    let answered = RegistryError::Answered { host: host.clone(), status: 503, code: None, retry_after: None };
    assert_eq!(pulled(&registry).await, Err(answered));

    let kind = vec![("content-type", INDEX.to_owned())];
    let no_list = test_support::registry::Instead::Answer(200, kind, Bytes::from_static(b"{}"));
    registry.switches().instead.insert(at, no_list);
    assert_eq!(
        pulled(&registry).await,
        Err(RegistryError::NotUnderstood { part: RegistryPart::Referrers, host })
    );
}
