//! The replicas of a service.

use super::{Exit, Running};

#[tokio::test(flavor = "multi_thread")]
async fn the_replicas_of_a_service_are_listed_with_what_they_serve() {
    let running = Running::connected().await;
    let listed = running.run(&["service", "replicas", "--json"]).await;
    assert_eq!(listed.exit, Exit::Done, "{}", listed.err);
    let replica = &listed.json()["replicas"][0];
    assert_eq!((&replica["version"], &replica["answers"]), (&env!("CARGO_PKG_VERSION").into(), &true.into()));
    let people = running.run(&["service", "replicas"]).await;
    for shown in ["leads", "answers", env!("CARGO_PKG_VERSION"), "iterable"] {
        assert!(people.out.contains(shown), "{shown}: {}", people.out);
    }
    running.assert_discreet();
}
