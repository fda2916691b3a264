use std::sync::Arc;

use iterable_stand_in::{Act, FIRST_WEBHOOK, Fault, Outcome, StandIn};
use rustls::crypto::ring::default_provider;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::service::client;

/// Returns a self-signed certificate for 127.0.0.1 and its key.
fn certificate() -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    (made.cert.der().clone(), key.into())
}

fn trusting(authority: &CertificateDer<'static>) -> reqwest::Client {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.clone()).unwrap();
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}

#[tokio::test]
async fn it_serves_https_to_those_who_trust_its_authority() {
    let (certificate, key) = certificate();
    let stand_in = StandIn::builder().tls(vec![certificate.clone()], key).start().await.unwrap();
    assert!(stand_in.url().starts_with("https://127.0.0.1:"));
    let url = stand_in.url() + "/api/channels";
    let answer = trusting(&certificate).get(&url).header("api-key", stand_in.api_key()).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    assert!(client().get(&url).send().await.unwrap_err().is_connect());
    assert_eq!(stand_in.requests().len(), 1);
}

#[tokio::test]
async fn deliveries_go_over_https_to_whom_they_trust() {
    for (trusted, outcome) in [(true, Outcome::Answered(500)), (false, Outcome::Unanswered)] {
        let (certificate, key) = certificate();
        let receiver = StandIn::builder().tls(vec![certificate.clone()], key).start().await.unwrap();
        receiver.fault(Fault::InternalError("GenericError".to_owned()), "POST /hook", 1);
        let builder = StandIn::builder();
        let stand_in = if trusted { builder.trust(certificate) } else { builder }.start().await.unwrap();
        stand_in.with_project(|project| project.webhook(FIRST_WEBHOOK).endpoint = receiver.url() + "/hook");
        stand_in.act("ada@example.com", &Act::UnsubscribeByLink { channel: 6539 });
        assert_eq!(stand_in.next_delivery().await.outcome, outcome);
    }
}
