//! Which addresses are connected to, by whatever way they are named.

use test_support::{
    Authority,
    registry::{Instead, Requires},
};

use super::*;

/// Returns why a plugin is not pulled through `client`, and that it is no plain refusal of the registry.
async fn failure(client: &Registry, registry: &RegistryStandIn) -> RegistryError {
    client.pull(&reference(registry, ":1")).await.unwrap_err()
}

fn refused(host: &str, address: &str, why: &str) -> RegistryError {
    let why = format!("the address {address} is not allowed ({why})");
    RegistryError::AddressRefused { host: host.to_owned(), why }
}

#[tokio::test]
async fn a_registry_whose_address_is_not_allowed_is_not_connected_to() {
    let registry = RegistryStandIn::start().await;
    let port = registry.port();
    let plain = "not loopback, and plain HTTP is only allowed to loopback";
    for (host, reach, address, why) in [
        (format!("127.0.0.1:{port}"), Reach::Public, "127.0.0.1", "loopback"),
        // A name is vetted when it is resolved.
        (format!("localhost:{port}"), Reach::Public, "127.0.0.1", "loopback"),
        ("10.0.0.1:5000".to_owned(), Reach::PublicAndLoopback, "10.0.0.1", "private"),
        (
            "169.254.169.254:5000".to_owned(),
            Reach::Public,
            "169.254.169.254",
            "link-local, used for cloud metadata",
        ),
        ("8.8.8.8:5000".to_owned(), Reach::Loopback, "8.8.8.8", plain),
    ] {
        let client = Registry::new(RegistryAccess { reach, ..RegistryAccess::to(&host) }).unwrap();
        let reference = format!("{host}/{REPOSITORY}:1").parse().unwrap();
        let error = client.pull(&reference).await.unwrap_err();
        let of_v6 = refused(&host, "::1", why);
        assert!(error == refused(&host, address, why) || error == of_v6, "{error}");
    }
    assert_eq!(registry.connections(), 0);
}

#[tokio::test]
async fn every_place_that_a_registry_leads_to_is_checked() {
    let registry = RegistryStandIn::start().await;
    let artefact = published(&registry, "one");
    let (client, plain) = (client(&registry), "not loopback, and plain HTTP is only allowed to loopback");
    for (place, host, address) in [
        ("http://10.0.0.1:5000/", "10.0.0.1:5000", "10.0.0.1"),
        ("http://169.254.169.254/latest/", "169.254.169.254", "169.254.169.254"),
        ("https://0x0a000001/", "10.0.0.1", "10.0.0.1"),
        ("https://[::ffff:10.0.0.1]/", "[::ffff:a00:1]", "::ffff:10.0.0.1"),
        ("//8.8.8.8/", "8.8.8.8", "8.8.8.8"),
    ] {
        let expected = refused(host, address, plain);
        registry.switches().blobs_at = Some(place.to_owned());
        assert_eq!(failure(&client, &registry).await, expected, "blobs at {place}");
        registry.switches().blobs_at = None;

        registry.switches().requires = Requires::Token { realm: place.to_owned() };
        let absolute = place.starts_with("http");
        let unread = RegistryError::CredentialsRefused { host: registry.host() };
        assert_eq!(failure(&client, &registry).await, if absolute { expected.clone() } else { unread });
        registry.switches().requires = Requires::Nothing;

        registry.switches().uploads_at = Some(place.to_owned());
        let pushed = client.push(&reference(&registry, ":2"), &super::artefact("two"), &[]).await;
        assert_eq!(pushed, Err(expected.clone()), "uploads at {place}");

        let link = vec![("link", format!("<{place}>; rel=\"next\"")), ("content-type", INDEX.to_owned())];
        let list = Bytes::from(json!({"schemaVersion": 2, "manifests": []}).to_string());
        let page = Instead::Answer(200, link, list);
        registry.switches().instead = [(format!("/referrers/{}", artefact.digest()), page)].into();
        assert_eq!(failure(&client, &registry).await, expected, "a next page at {place}");
        registry.switches().instead.clear();
    }
}

#[tokio::test]
async fn a_registry_with_tls_leads_to_no_place_without_it_and_to_none_with_a_user() {
    let authority = Authority::new();
    let (registry, plain) = (RegistryStandIn::with_tls(&authority).await, RegistryStandIn::start().await);
    published(&registry, "one");
    let access = RegistryAccess {
        reach: Reach::PublicAndLoopback,
        authorities: vec![authority.certificate()],
        ..RegistryAccess::to(format!("localhost:{}", registry.port()))
    };
    let client = Registry::new(access).unwrap();
    let reference = format!("localhost:{}/{REPOSITORY}:1", registry.port()).parse().unwrap();
    let own = format!("localhost:{}", registry.port());
    for (place, host) in [
        (format!("http://{}/stored/", plain.host()), plain.host()),
        (format!("https://ada:secret@{own}/stored/"), own.clone()),
        ("file:///etc/".to_owned(), String::new()),
    ] {
        registry.switches().blobs_at = Some(place);
        assert_eq!(client.pull(&reference).await, Err(RegistryError::LeadsAstray { host }));
    }
    assert_eq!(plain.connections(), 0);

    registry.switches().blobs_at = Some(format!("https://{own}/stored/"));
    assert_eq!(client.pull(&reference).await.unwrap().component, component("one"));
}

#[tokio::test]
async fn a_registry_is_trusted_by_the_configured_authority_and_by_no_other() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let registry = RegistryStandIn::with_tls(&ours).await;
    published(&registry, "one");
    let host = format!("localhost:{}", registry.port());
    let reference: PluginReference = format!("{host}/{REPOSITORY}:1").parse().unwrap();
    let trusting = |authorities| {
        let reach = Reach::PublicAndLoopback;
        Registry::new(RegistryAccess { authorities, reach, ..RegistryAccess::to(&host) }).unwrap()
    };
    for (authorities, why) in [(vec![theirs.certificate()], "BadSignature"), (vec![], "UnknownIssuer")] {
        let error = trusting(authorities).pull(&reference).await.unwrap_err();
        let why = format!("invalid peer certificate: {why}");
        assert_eq!(error, RegistryError::Unreachable { host: host.clone(), why });
    }
    assert_eq!(registry.lines(), [""; 0]);
    assert_eq!(
        trusting(vec![ours.certificate()]).pull(&reference).await.unwrap().component,
        component("one")
    );
}

#[tokio::test]
async fn a_registry_that_redirects_in_a_circle_is_given_up() {
    let registry = RegistryStandIn::start().await;
    let artefact = published(&registry, "one");
    let own = format!("http://{}/v2/{REPOSITORY}/blobs/", registry.host());
    registry.switches().blobs_at = Some(own);
    let error = failure(&client(&registry), &registry).await;
    assert_eq!(error, RegistryError::TooManyRedirects { host: registry.host(), max: 3 });
    let of_blob = format!("GET blobs/{}", digest(&artefact.component));
    let asked = registry.lines().into_iter().filter(|line| line.starts_with(&of_blob)).count();
    assert_eq!(asked, 4);
}

#[tokio::test]
async fn content_that_is_pushed_does_not_follow_a_redirect() {
    let (registry, another) = (RegistryStandIn::start().await, RegistryStandIn::start().await);
    let place = format!("http://{}/v2/{REPOSITORY}/blobs/uploads/1?state=abc", another.host());
    registry
        .switches()
        .instead
        .insert("/blobs/uploads/".to_owned(), Instead::Answer(307, vec![("location", place)], Bytes::new()));
    let error = client(&registry).push(&reference(&registry, ":1"), &artefact("one"), &[]).await.unwrap_err();
    let host = registry.host();
    assert_eq!(error, RegistryError::Answered { host, status: 307, code: None, retry_after: None });
    assert_eq!(another.connections(), 0);
}
