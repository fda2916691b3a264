//! Requests during a release in steps.

use std::collections::BTreeSet;

use host_model::release::share::Share;

use super::*;
use crate::testing::releases::serve_release;

#[tokio::test]
async fn during_a_release_each_erasure_is_confirmed_by_the_version_that_carried_it_out() {
    let mut bench = Bench::new().await;
    serve_release(&bench, Share::try_from(5_000).unwrap()).await;
    bench.work();
    let mut versions = BTreeSet::new();
    for n in 0..16 {
        let email = format!("ada{n}@example.com");
        bench.stand_in.seed(&*email, None);
        let id = bench.erase(&email).await;
        bench.once(&id, |view| view.state == RequestState::Done).await;
        let attempts = bench.attempts(&id).await;
        let acted_by = &attempts[0].plugin_digest;
        assert_eq!((attempts[0].step, attempts[1].step), (Step::Act, Step::Confirm), "{attempts:?}");
        assert!(attempts.iter().all(|attempt| attempt.plugin_digest == *acted_by), "{attempts:?}");
        versions.insert(acted_by.clone());
    }
    assert_eq!(versions.len(), 2, "people are on both versions");
}
