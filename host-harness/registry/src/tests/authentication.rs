//! Logins and tokens, and who is given them.

use host_model::secret::Secret;

use test_support::registry::Requires;

use super::*;

/// `ada:pa:ss`.
const BASIC: &str = "Basic YWRhOnBhOnNz";

fn login(password: &str) -> Credentials {
    let (user, _) = RegistryStandIn::LOGIN;
    Credentials::Login(Login { user: user.to_owned(), password: Secret::new(password).unwrap() })
}

fn logging_in(registry: &RegistryStandIn) -> RegistryAccess {
    RegistryAccess { credentials: login(RegistryStandIn::LOGIN.1), ..plain(registry) }
}

fn requires_token(registry: &RegistryStandIn, service: &RegistryStandIn) {
    registry.switches().requires = Requires::Token { realm: format!("http://{}/token", service.host()) };
}

/// Each request with what authorised it.
fn authorized(registry: &RegistryStandIn) -> Vec<(String, Option<String>)> {
    let received = registry.received().into_iter();
    registry.lines().into_iter().zip(received.map(|received| received.authorization)).collect()
}

fn with(authorization: &str, line: impl Into<String>) -> (String, Option<String>) {
    (line.into(), Some(authorization.to_owned()))
}

#[tokio::test]
async fn a_login_is_sent_once_the_registry_requires_it() {
    let registry = RegistryStandIn::start().await;
    let artefact = published(&registry, "one");
    registry.switches().requires = Requires::Basic;
    let client = Registry::new(logging_in(&registry)).unwrap();
    client.pull(&reference(&registry, ":1")).await.unwrap();
    assert_eq!(
        authorized(&registry),
        [
            ("GET manifests/1".to_owned(), None),
            with(BASIC, "GET manifests/1"),
            with(BASIC, format!("GET blobs/{}", digest(&artefact.component))),
            with(BASIC, format!("GET referrers/{}", artefact.digest())),
        ]
    );
}

#[tokio::test]
async fn a_token_is_asked_for_what_is_done_and_nothing_else_and_is_used_until_it_is_refused() {
    let registry = RegistryStandIn::start().await;
    let artefact = published(&registry, "one");
    requires_token(&registry, &registry);
    let client = Registry::new(logging_in(&registry)).unwrap();
    let reference = reference(&registry, ":1");
    client.resolve(&reference).await.unwrap();
    client.resolve(&reference).await.unwrap();
    registry.revoke_tokens();
    client.resolve(&reference).await.unwrap();

    let asked = |actions: &str| {
        let scope = format!("repository%3Aplugins%2Fiterable%3A{actions}");
        with(BASIC, format!("GET /token?service=the+registry&scope={scope}"))
    };
    assert_eq!(
        authorized(&registry),
        [
            ("GET manifests/1".to_owned(), None),
            asked("pull"),
            with("Bearer t-0", "GET manifests/1"),
            with("Bearer t-0", "GET manifests/1"),
            with("Bearer t-0", "GET manifests/1"),
            asked("pull"),
            with("Bearer t-1", "GET manifests/1"),
        ]
    );
    client.push(&reference, &artefact, &[]).await.unwrap();
    assert!(authorized(&registry).contains(&asked("pull%2Cpush")), "{:?}", authorized(&registry));
}

#[tokio::test]
async fn a_registry_without_a_login_issues_tokens_to_anyone() {
    let registry = RegistryStandIn::start().await;
    published(&registry, "one");
    requires_token(&registry, &registry);
    client(&registry).pull(&reference(&registry, ":1")).await.unwrap();
    assert!(registry.received()[1].line.starts_with("GET /token?"), "{:?}", registry.received());
    assert_eq!(registry.received()[1].authorization, None);
}

#[tokio::test]
async fn refused_and_missing_credentials_are_reported_with_the_host_that_refused() {
    let (registry, service) = (RegistryStandIn::start().await, RegistryStandIn::start().await);
    published(&registry, "one");
    let wrong = RegistryAccess {
        credentials: login("wrong"),
        token_services: vec![service.host()],
        ..plain(&registry)
    };
    let refused =
        |by: &RegistryStandIn| Err::<Digest, _>(RegistryError::CredentialsRefused { host: by.host() });
    for access in [plain(&registry), wrong.clone()] {
        registry.switches().requires = Requires::Basic;
        let client = Registry::new(access).unwrap();
        assert_eq!(client.resolve(&reference(&registry, ":1")).await, refused(&registry));
    }
    requires_token(&registry, &service);
    let client = Registry::new(wrong).unwrap();
    assert_eq!(client.resolve(&reference(&registry, ":1")).await, refused(&service));

    registry.switches().requires = Requires::Nothing;
    registry.switches().is_read_only = true;
    let pushed = super::client(&registry).push(&reference(&registry, ":1"), &artefact("two"), &[]).await;
    assert_eq!(pushed, refused(&registry));
}

#[tokio::test]
async fn credentials_are_given_to_a_token_service_elsewhere_only_if_it_is_listed() {
    let (registry, service) = (RegistryStandIn::start().await, RegistryStandIn::start().await);
    published(&registry, "one");
    requires_token(&registry, &service);
    let unlisted = Registry::new(logging_in(&registry)).unwrap();
    let error = unlisted.resolve(&reference(&registry, ":1")).await.unwrap_err();
    assert_eq!(error, RegistryError::TokenServiceNotAllowed { host: service.host() });
    assert_eq!(service.connections(), 0);

    let access = RegistryAccess { token_services: vec![service.host()], ..logging_in(&registry) };
    Registry::new(access).unwrap().resolve(&reference(&registry, ":1")).await.unwrap();
    assert_eq!(service.received()[0].authorization.as_deref(), Some(BASIC));

    // Without credentials, there is nothing to give away.
    client(&registry).resolve(&reference(&registry, ":1")).await.unwrap();
    assert_eq!(service.received()[1].authorization, None);
}

#[tokio::test]
async fn neither_login_nor_token_follows_to_the_storage_of_blobs_and_uploads() {
    let (registry, storage) = (RegistryStandIn::start().await, RegistryStandIn::start().await);
    let artefact = published(&registry, "one");
    storage.has_blob(&artefact.component);
    registry.switches().blobs_at = Some(format!("http://{}/stored/", storage.host()));
    registry.switches().uploads_at =
        Some(format!("http://{}/v2/{REPOSITORY}/blobs/uploads/1?state=abc", storage.host()));
    for requires in [Requires::Basic, Requires::Token { realm: format!("http://{}/token", registry.host()) }]
    {
        registry.switches().requires = requires;
        let client = Registry::new(logging_in(&registry)).unwrap();
        assert_eq!(client.pull(&reference(&registry, ":1")).await.unwrap().component, artefact.component);
        // The registry of this test does not look for uploads in its storage.
        let not_there = client.push(&reference(&registry, ":2"), &super::artefact("two"), &[]).await;
        assert!(matches!(not_there, Err(RegistryError::Answered { status: 400, .. })), "{not_there:?}");
    }
    let received = storage.received();
    let has = |begin: &str| received.iter().any(|received| received.line.starts_with(begin));
    assert!(has("GET /stored/sha256:") && has("PUT /v2/"), "{received:?}");
    assert!(received.iter().all(|received| received.authorization.is_none()), "{received:?}");
}

#[tokio::test]
async fn storage_that_refuses_is_given_no_credentials_and_no_signed_address_is_shown() {
    let (registry, storage) = (RegistryStandIn::start().await, RegistryStandIn::start().await);
    let artefact = published(&registry, "one");
    storage.has_blob(&artefact.component);
    storage.switches().requires = Requires::Basic;
    registry.switches().blobs_at = Some(format!("http://{}/v2/{REPOSITORY}/blobs/", storage.host()));
    let client = Registry::new(logging_in(&registry)).unwrap();
    let error = client.pull(&reference(&registry, ":1")).await.unwrap_err();
    let code = Some("UNAUTHORIZED".to_owned());
    assert_eq!(error, RegistryError::Answered { host: storage.host(), status: 401, code, retry_after: None });
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    assert_eq!(storage.received().len(), 1);
    assert_eq!(storage.received()[0].authorization, None);

    drop(storage);
    let unreachable = client.pull(&reference(&registry, ":1")).await.unwrap_err();
    assert!(!format!("{unreachable} {unreachable:?}").contains("s3cret"), "{unreachable:?}");
}

#[tokio::test]
async fn credentials_do_not_print() {
    let registry = RegistryStandIn::start().await;
    let access = logging_in(&registry);
    let printed = format!("{access:?} {:?}", Registry::new(access.clone()).unwrap());
    assert!(!printed.contains(RegistryStandIn::LOGIN.1), "{printed}");
}
