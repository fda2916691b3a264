//! Tests of replicas.

use host_harness::{
    clock::SystemClock,
    config::{Config, PluginSource},
    egress::Network,
    host::Host,
};
use host_store::testing::{Folder, write};
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

#[tokio::test]
async fn a_replica_whose_database_was_set_back_ends_before_it_serves_what_is_lost() {
    let folder = Folder::new();
    let store = folder.store().await;
    let mut membership = join(&store, Arc::new(SystemClock::default())).await.unwrap();
    membership.beats.give(ServedVersions::new(), 0).await.unwrap();
    // As on a standby that had not received the last signs of life.
    write(&store, |tx| {
        Box::pin(async move {
            Ok(sqlx::query("UPDATE replicas SET beats = beats - 100").execute(tx).await.map(drop)?)
        })
    })
    .await;
    let refused = membership.beats.give(ServedVersions::new(), 0).await;
    assert!(matches!(refused, Err(StoreError::SetBack)), "{refused:?}");
    let ended = async { membership.lost().await };
    if store.is_shared() {
        timeout(Duration::from_mins(1), ended).await.unwrap();
    }
}

#[test]
fn the_right_to_send_ends_before_others_take_over() {
    assert!(SENDS_FOR + MAX_BEAT < MAX_SILENCE);
}
