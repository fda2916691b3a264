//! Pushes.

use test_support::registry::Referrers;

use super::*;

fn bundle(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[tokio::test]
async fn a_plugin_is_published_with_its_bundles_before_its_tag() {
    let registry = RegistryStandIn::start().await;
    let artefact = artefact("one");
    let pushed = client(&registry).push(&reference(&registry, ":1"), &artefact, &[bundle("a")]).await;
    assert_eq!(pushed, Ok(artefact.digest()));

    let referrer = artefact.referrer(b"a");
    let uploaded = |content: &[u8]| {
        let digest = digest(content).to_string();
        [
            format!("HEAD blobs/{digest}"),
            "POST blobs/uploads/".to_owned(),
            format!("PUT blobs/uploads/1?state=abc&digest={}", digest.replace(':', "%3A")),
        ]
    };
    let manifest = |content: &[u8]| [format!("PUT manifests/{}", digest(content))];
    let expected = [
        uploaded(&artefact.config).as_slice(),
        &uploaded(&artefact.component),
        &manifest(&artefact.manifest),
        &uploaded(b"{}"),
        &uploaded(b"a"),
        &manifest(&referrer),
        &["PUT manifests/1".to_owned()],
    ]
    .concat();
    assert_eq!(registry.lines(), expected);

    let pulled = client(&registry).pull(&reference(&registry, ":1")).await.unwrap();
    let Pulled { digest, component, bundles, .. } = pulled;
    assert_eq!((digest, component, bundles), (artefact.digest(), super::component("one"), vec![bundle("a")]));
}

#[tokio::test]
async fn a_bundle_is_entered_in_the_list_under_its_tag_if_the_registry_lists_no_referrers() {
    let registry = RegistryStandIn::start().await;
    registry.switches().referrers = Referrers::Unknown;
    let (client, artefact, reference) = (client(&registry), artefact("one"), reference(&registry, ":1"));
    client.push(&reference, &artefact, &[bundle("a")]).await.unwrap();
    client.push(&reference, &artefact, &[bundle("b")]).await.unwrap();
    client.push(&reference, &artefact, &[bundle("a")]).await.unwrap();

    let tag = artefact.digest().to_string().replace(':', "-");
    let (kind, list) = registry.manifest(&tag).unwrap();
    let list: Value = serde_json::from_slice(&list).unwrap();
    let entry = |bundle: &[u8]| {
        let mut entry = descriptor(MANIFEST, &artefact.referrer(bundle));
        entry["artifactType"] = BUNDLE.into();
        entry
    };
    assert_eq!(kind, INDEX);
    assert_eq!(
        list,
        json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry(b"a"), entry(b"b")]})
    );
    assert_eq!(client.pull(&reference).await.unwrap().bundles, [bundle("a"), bundle("b")]);
}

#[tokio::test]
async fn what_others_entered_in_the_list_under_a_tag_stays_as_it_is() {
    let registry = RegistryStandIn::start().await;
    registry.switches().referrers = Referrers::Unknown;
    let artefact = artefact("one");
    let tag = artefact.digest().to_string().replace(':', "-");
    let theirs =
        json!({"digest": digest(b"x").to_string(), "mediaType": MANIFEST, "size": 1, "of-theirs": [1, 2]});
    let list =
        json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [theirs], "annotations": {"a": "b"}});
    registry.has_manifest(&tag, INDEX, &list.to_string().into());
    client(&registry).push(&reference(&registry, ":1"), &artefact, &[bundle("a")]).await.unwrap();
    let (_, after) = registry.manifest(&tag).unwrap();
    let after: Value = serde_json::from_slice(&after).unwrap();
    assert_eq!((&after["manifests"][0], &after["annotations"]), (&theirs, &json!({"a": "b"})));
    assert_eq!(after["manifests"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_list_under_a_tag_that_cannot_be_read_is_left_as_it_is() {
    let registry = RegistryStandIn::start().await;
    registry.switches().referrers = Referrers::Unknown;
    let artefact = artefact("one");
    let tag = artefact.digest().to_string().replace(':', "-");
    for list in ["{}", "[", "{\"manifests\": 1}"] {
        registry.has_manifest(&tag, INDEX, &Bytes::from_static(list.as_bytes()));
        let pushed = client(&registry).push(&reference(&registry, ":1"), &artefact, &[bundle("a")]).await;
        let (part, host) = (RegistryPart::Referrers, registry.host());
        assert_eq!(pushed, Err(RegistryError::NotUnderstood { part, host }));
        assert_eq!(registry.manifest(&tag).unwrap().1, list);
    }
    assert_eq!(registry.manifest("1"), None);
}

#[tokio::test]
async fn what_the_registry_has_is_not_uploaded_again() {
    let registry = RegistryStandIn::start().await;
    let (client, artefact, reference) = (client(&registry), artefact("one"), reference(&registry, ":1"));
    client.push(&reference, &artefact, &[bundle("a")]).await.unwrap();
    let before = registry.lines().len();
    client.push(&reference, &artefact, &[bundle("a")]).await.unwrap();
    let again = &registry.lines()[before..];
    assert!(again.iter().all(|line| !line.contains("uploads")), "{again:?}");
}

#[tokio::test]
async fn the_layout_is_that_of_wasm_artefacts_and_the_same_for_the_same_component() {
    let text = "(component (import \"a:b/c@0.1.0\" (instance)) (component (import \"inner\" (func))) \
                (import \"log\" (func $log)) (export \"run\" (func $log)))";
    let component = Bytes::from(wat::parse_str(text).unwrap());
    let artefact = Artefact::of(component.clone()).unwrap();
    let config: Value = serde_json::from_slice(&artefact.config).unwrap();
    assert_eq!(
        config,
        json!({
            "created": "1970-01-01T00:00:00Z",
            "architecture": "wasm",
            "os": "wasip2",
            "layerDigests": [digest(&component).to_string()],
            "component": {"imports": ["a:b/c@0.1.0", "log"], "exports": ["run"]},
        })
    );
    let manifest: Value = serde_json::from_slice(artefact.manifest()).unwrap();
    assert_eq!(
        manifest,
        json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor("application/vnd.wasm.config.v0+json", &artefact.config),
            "layers": [descriptor("application/wasm", &component)],
        })
    );
    // The digest is part of what users sign: it is the same in every version of this program.
    let empty = Artefact::of(Bytes::from_static(b"\0asm\x0d\0\x01\0")).unwrap();
    assert_eq!(
        empty.digest().to_string(),
        "sha256:61d00ba73e1d335f8b55c58a3981cab28024cc33118f99c6fb2c4804dbb9b28a"
    );
}

#[test]
fn only_a_component_that_can_be_pulled_again_is_published() {
    let no_component =
        |bytes: Vec<u8>| matches!(Artefact::of(bytes.into()), Err(NotAnArtefact::NoComponent(_)));
    assert!(no_component(wat::parse_str("(module)").unwrap()));
    assert!(no_component(b"plugin".to_vec()));
    assert!(no_component(component("one").slice(..12).to_vec()));
    let too_large = vec![0; usize::try_from(MAX_COMPONENT_BYTES).unwrap() + 1];
    assert_eq!(Artefact::of(too_large.into()), Err(NotAnArtefact::TooLarge));
}

#[tokio::test]
async fn a_reference_by_digest_publishes_that_artefact_or_none() {
    let registry = RegistryStandIn::start().await;
    let (client, artefact) = (client(&registry), artefact("one"));
    let pinned = reference(&registry, ":1").pinned(artefact.digest());
    assert_eq!(client.push(&pinned, &artefact, &[]).await, Ok(artefact.digest()));
    let before = registry.lines().len();
    assert_eq!(registry.manifest("1"), None);

    let other = super::artefact("two");
    let (part, expected, found) = (RegistryPart::Manifest, artefact.digest(), other.digest());
    let differs = RegistryError::DigestDiffers { part, expected, found };
    assert_eq!(client.push(&pinned, &other, &[]).await, Err(differs));
    assert_eq!(registry.lines().len(), before);
}
