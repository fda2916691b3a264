//! Tests of replicas.

use host_harness::{
    config::{Config, PluginSource},
    egress::Network,
    host::Host,
};
use iterable_stand_in::StandIn;

use super::{others::MAX_SILENCE, *};
use crate::{
    sending_right::SENDS_FOR,
    testing::bench::{component, spec},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_gave_no_sign_of_life_for_a_while_sends_nothing() {
    let stand_in = StandIn::builder().start().await.unwrap();
    let sending_right = SendingRight::Shared(Arc::default());
    let config = Config::default().with_plugin("iterable", PluginSource::file(component())).unwrap();
    let config = config.with_connection(spec(&stand_in, "acme", "newsletter")).unwrap();
    let fenced = Fenced::new(Arc::new(Network::default()), sending_right.clone());
    let host = Host::builder(config).with_transport(Arc::new(fenced)).start().await.unwrap();
    let checks = async || format!("{:?}", host.connection("newsletter").unwrap().test_connection().await);
    let refused = checks().await;
    assert!(refused.contains("nothing was sent: this replica has lost touch with its database"), "{refused}");
    assert!(stand_in.requests().is_empty());
    sending_right.renew(Instant::now());
    checks().await;
    assert!(!stand_in.requests().is_empty());
}

#[test]
fn the_right_to_send_ends_before_others_take_over() {
    assert!(SENDS_FOR + MAX_BEAT < MAX_SILENCE);
}
