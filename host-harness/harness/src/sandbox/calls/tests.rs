//! What a whole call prepares beside its work.

use super::*;
use crate::{egress::BUILT, service::tests::Bench};
use host_model::contract::{
    consent::{Choice, Preference},
    webhook::Delivery,
};

/// As documented for an opt-out by a link in a mail.
const OPT_OUT: &str = r#"{"email":"ada@example.com","eventName":"emailUnSubscribe","dataFields":{"unsubSource":"EmailLink","createdAt":"2026-03-20 23:34:15 +00:00","channelIds":[6539],"email":"ada@example.com"}}"#;

/// The calls of a connection that accepts the token `t-0123456789`, all on this thread.
fn accepting(bench: &Bench) -> Calls {
    let calls = bench.shared.host.connection("newsletter").unwrap();
    let accepted_tokens = vec![Secret::new("t-0123456789").unwrap().into()];
    let connection = Connection { accepted_tokens, ..Connection::clone(&calls.connection) };
    Calls { connection: Arc::new(connection), ..calls }
}

fn delivered(calls: &Calls, body: &str) -> Admitted {
    let delivery = Delivery {
        method: "POST".to_owned(),
        url: "https://hooks.example.com/hook".to_owned(),
        headers: vec![("authorization".to_owned(), "Bearer t-0123456789".to_owned())],
        body: body.as_bytes().to_vec(),
        received_at_ms: 1_790_000_000_000,
    };
    Admitted::at_the_door(&calls.connection, calls.plugin.manifest(), delivery)
}

#[tokio::test]
async fn a_whole_call_builds_a_search_only_if_it_has_prose() {
    let bench = Bench::new().await;
    let calls = accepting(&bench);
    let read = delivered(&calls, OPT_OUT);
    let unread = delivered(&calls, "no JSON, from ada@example.com");

    let before = BUILT.get();
    let Ok(Ok(Verdict::Authentic(events))) = calls.verify(&read).await else { panic!("it is not read") };
    assert_eq!(events.len(), 1);
    let subject = Subject::email("ada@example.com");
    let choice = Preference {
        item: "channel:6539".parse().unwrap(),
        choice: Choice::OptOut,
        chosen_at_ms: 0,
        source: "Test".to_owned(),
    };
    calls.apply(&subject, &[choice]).await.unwrap().unwrap();
    assert_eq!(BUILT.get() - before, 0);

    let Ok(Ok(Verdict::Unreadable(_))) = calls.verify(&unread).await else { panic!("it is read") };
    assert_eq!(BUILT.get() - before, 1);
}
