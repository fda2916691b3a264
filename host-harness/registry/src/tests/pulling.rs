//! Pulls: which requests are sent, and which layouts are read.

use super::*;

#[tokio::test]
async fn a_tag_is_resolved_once_and_everything_else_is_requested_by_digest() {
    let registry = RegistryStandIn::start().await;
    let artefact = published(&registry, "one");
    let pulled = client(&registry).pull(&reference(&registry, ":1")).await.unwrap();

    assert_eq!(pulled.digest, artefact.digest());
    assert_eq!(pulled.manifest, artefact.manifest);
    assert_eq!(pulled.component, component("one"));
    assert_eq!(pulled.bundles, Vec::<Bytes>::new());
    assert_eq!(
        registry.lines(),
        [
            "GET manifests/1".to_owned(),
            format!("GET blobs/{}", digest(&component("one"))),
            format!("GET referrers/{}", artefact.digest()),
        ]
    );
}

#[tokio::test]
async fn a_pinned_reference_leads_to_the_same_plugin_after_its_tag_has_moved() {
    let registry = RegistryStandIn::start().await;
    let first = published(&registry, "one");
    let (client, tagged) = (client(&registry), reference(&registry, ":1"));
    let pinned = tagged.pinned(client.resolve(&tagged).await.unwrap());
    let second = published(&registry, "two");

    assert_eq!(client.pull(&pinned).await.unwrap().component, component("one"));
    assert_eq!(client.resolve(&pinned).await, Ok(first.digest()));
    assert_eq!(client.resolve(&tagged).await, Ok(second.digest()));
    assert_eq!(registry.lines()[1], format!("GET manifests/{}", first.digest()));
}

#[tokio::test]
async fn the_layouts_of_newer_and_of_older_tools_are_read() {
    let registry = RegistryStandIn::start().await;
    for kind in ["application/wasm", "application/vnd.module.wasm.content.layer.v1+wasm"] {
        let component = component(kind.len().to_string().as_str());
        let readme = Bytes::from_static(b"# Read me");
        let manifest = manifest(&[descriptor("text/markdown", &readme), layer(&registry, kind, &component)]);
        registry.has_manifest("1", MANIFEST, &manifest.to_string().into());
        let pulled = client(&registry).pull(&reference(&registry, ":1")).await.unwrap();
        assert_eq!(pulled.component, component, "{kind}");
    }
}

#[tokio::test]
async fn what_is_no_plugin_is_refused_before_its_content_is_requested() {
    let registry = RegistryStandIn::start().await;
    let (one, two) = (component("one"), component("two"));
    let wasm = |content: &Bytes| layer(&registry, "application/wasm", content);
    let list = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []});
    let mut both = manifest(&[wasm(&one)]);
    both["manifests"] = json!([]);
    let mut of_another_type = manifest(&[wasm(&one)]);
    of_another_type["mediaType"] = INDEX.into();
    let mut of_sha512 = manifest(&[wasm(&one)]);
    of_sha512["layers"][0]["digest"] = format!("sha512:{}", "a7".repeat(64)).into();
    for (manifest, why) in [
        (list, NotAPlugin::IsAList),
        (json!({"schemaVersion": 1}), NotAPlugin::NoManifest),
        (both, NotAPlugin::NoManifest),
        (of_another_type, NotAPlugin::NoManifest),
        (manifest(&[]), NotAPlugin::Layers { found: 0 }),
        (manifest(&[layer(&registry, "text/plain", &one)]), NotAPlugin::Layers { found: 0 }),
        (manifest(&[wasm(&one), wasm(&two)]), NotAPlugin::Layers { found: 2 }),
    ] {
        assert_eq!(refusal(&registry, &manifest).await, RegistryError::NotAPlugin(why), "{manifest}");
    }
    let other_digest = RegistryError::OtherDigest { part: RegistryPart::Component };
    assert_eq!(refusal(&registry, &of_sha512).await, other_digest);
    assert!(registry.lines().iter().all(|line| line == "GET manifests/1"), "{:?}", registry.lines());
}

#[tokio::test]
async fn a_reference_to_another_registry_is_refused_and_nothing_is_sent() {
    let (registry, another) = (RegistryStandIn::start().await, RegistryStandIn::start().await);
    let error = client(&registry).pull(&reference(&another, ":1")).await.unwrap_err();
    assert_eq!(error, RegistryError::OtherRegistry { host: another.host() });
    assert_eq!((registry.connections(), another.connections()), (0, 0));
}

#[test]
fn a_host_that_is_no_registry_is_refused() {
    for host in
        ["registry.example.com/plugins", "https://registry.example.com", "ada@registry.example.com", ""]
    {
        let error = Registry::new(RegistryAccess::to(host)).unwrap_err();
        assert_eq!(error, RegistryError::NotAHost { host: host.to_owned() });
    }
}
