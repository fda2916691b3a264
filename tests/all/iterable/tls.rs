//! TLS works with the authority that the operator names, and with no other.

use connector_tests::{Project, ada, component};
use host_harness::{
    contract::{ErrorKind, erasure::ErasureStatus},
    egress::Reach,
};
use iterable_stand_in::{ProjectType, StandIn};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls_pki_types::PrivatePkcs8KeyDer;

fn certificate() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap()
}

/// Starts a stand-in with a certificate, and a connection that trusts either this certificate or another one.
async fn project(trusted: bool) -> Project {
    let (own, other) = (certificate(), certificate());
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let stand_in =
        StandIn::builder().project(ProjectType::Email).tls(vec![own.cert.der().clone()], key.into());
    let authority = if trusted { &own } else { &other }.cert.der().clone();
    Project::at(stand_in.start().await.unwrap(), &component("iterable").await, ProjectType::Email, |spec| {
        spec.policy.reach = Reach::PublicAndLoopback;
        spec.policy.authorities = vec![authority];
    })
}

#[tokio::test]
async fn an_erasure_goes_over_tls_to_an_authority_that_the_operator_trusts() {
    let project = project(true).await;
    assert!(project.stand_in.url().starts_with("https://"));
    assert_eq!(project.erase(&ada(ProjectType::Email)).await.unwrap().status, ErasureStatus::Accepted);
    assert_eq!(project.requested(), ["POST /api/users/forget"]);
}

#[tokio::test]
async fn a_wrong_certificate_ends_it_before_anything_is_sent() {
    let project = project(false).await;
    let error = project.erase(&ada(ProjectType::Email)).await.unwrap_err();
    assert_eq!((error.kind, error.may_have_acted), (ErrorKind::Unavailable, false));
    assert!(error.message.contains("invalid peer certificate"), "{}", error.message);
    assert_eq!(project.requested(), [""; 0]);
}
