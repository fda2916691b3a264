//! What a complete call prepares in addition to its work.

use super::*;
use crate::{
    config::{Config, PluginSource},
    connection::{AUTOMATA_BUILT, ConnectionSpec, Reach},
    host::Host,
};
use host_model::contract::{
    consent::{Choice, Preference},
    webhook::Delivery,
};
use iterable_stand_in::StandIn;

/// The documented event for an opt-out through an email link.
const OPT_OUT: &str = r#"{"email":"ada@example.com","eventName":"emailUnSubscribe","dataFields":{"unsubSource":"EmailLink","createdAt":"2026-03-20 23:34:15 +00:00","channelIds":[6539],"email":"ada@example.com"}}"#;

/// Creates the calls of a connection to `stand_in` that accepts the token `t-0123456789`, all on this thread.
async fn accepting(stand_in: &StandIn) -> Calls {
    let component = xtask::components::current("iterable").unwrap();
    let mut spec = ConnectionSpec::new("acme", "newsletter", "iterable");
    let vendor = stand_in.address().to_string();
    spec.settings.insert("domain".to_owned(), vendor.clone());
    spec.policy.hosts.insert(vendor);
    spec.policy.reach = Reach::Loopback;
    spec.secrets.insert("api-key".to_owned(), Secret::new(stand_in.api_key()).unwrap());
    spec.accepted_tokens = vec![Secret::new("t-0123456789").unwrap().into()];
    let config = Config::default().with_plugin("iterable", PluginSource::file(component)).unwrap();
    let host = Host::start(config.with_connection(spec).unwrap()).await.unwrap();
    host.connection("newsletter").unwrap()
}

fn delivered(calls: &Calls, body: &str) -> AdmittedDelivery {
    let delivery = Delivery {
        method: "POST".to_owned(),
        url: "https://hooks.example.com/hook".to_owned(),
        headers: vec![("authorization".to_owned(), "Bearer t-0123456789".to_owned())],
        body: body.as_bytes().to_vec(),
        received_at_ms: 1_790_000_000_000,
    };
    AdmittedDelivery::admit(&calls.connection, calls.plugin.manifest(), delivery)
}

#[tokio::test]
async fn a_whole_call_builds_a_search_only_if_it_has_prose() {
    let stand_in = StandIn::builder().start().await.unwrap();
    let calls = accepting(&stand_in).await;
    let read = delivered(&calls, OPT_OUT);
    let unread = delivered(&calls, "no JSON, from ada@example.com");

    let before = AUTOMATA_BUILT.get();
    let Ok(Ok(Verdict::Authentic(events))) = calls.verify(&read).await else {
        panic!("the delivery was not read")
    };
    assert_eq!(events.len(), 1);
    let subject = Subject::email("ada@example.com");
    let choice = Preference {
        item: "channel:6539".parse().unwrap(),
        choice: Choice::OptOut,
        chosen_at_ms: 0,
        source: "Test".to_owned(),
    };
    calls.apply(&subject, &[choice]).await.unwrap().unwrap();
    assert_eq!(AUTOMATA_BUILT.get() - before, 0);

    let Ok(Ok(Verdict::Unreadable(_))) = calls.verify(&unread).await else { panic!("the delivery was read") };
    assert_eq!(AUTOMATA_BUILT.get() - before, 1);
}
