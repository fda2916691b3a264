mod signed;

use iterable_stand_in::{Act, AuthType, FIRST_WEBHOOK};
use test_support::eventually;
use tokio_util::sync::CancellationToken;

use super::{stored::MAX_UNPROVEN, *};
use crate::{
    testing::{
        bench::component,
        inbox::{InboxBench, OPT_OUT, bearer},
    },
    tokens::{refresh::by_connector, schedule, settle::PushOutcome},
    webhooks::upkeep,
};
use host_harness::plugin::LoadPolicy;
use host_model::{contract::Identifier, token::TokenState};
use host_store::{
    PersonName, connections,
    deliveries::{self, DeliverySelection, DeliveryState},
    lease::Lease,
    people,
    testing::{lease, write},
};

/// How long bodies are kept.
const KEEP: Duration = Duration::from_hours(30 * 24);

#[tokio::test]
async fn a_delivery_is_stored_then_acknowledged_then_read_and_neither_token_nor_person_is_in_the_database() {
    let mut inbox = InboxBench::new().await;
    let token = inbox.token("newsletter").await;
    let body = OPT_OUT.replace("EmailLink", token.expose());
    assert_eq!(inbox.deliver("newsletter", &[&bearer(&token)], &body).await, WebhookResponse::Taken);
    let stored = inbox.list().await;
    assert_eq!((stored[0].state, stored[0].proven, stored[0].kept), (DeliveryState::Waiting, true, true));
    assert!(!inbox.holds(token.expose()) && !inbox.holds("ada@example.com"));
    inbox.read();
    let read = inbox.once_all_are(DeliveryState::Read).await;
    assert_eq!((read[0].events, inbox.event_count().await, read[0].readings), (1, 1, 1));
    assert!(read[0].plugin_digest.as_ref().unwrap().starts_with("sha256:"));
    let told = serde_json::to_value(&inbox.feed().await[0]).unwrap();
    assert_eq!(told["identity_map"], serde_json::json!({"email": "ada@example.com"}));
    assert!(!told.to_string().contains(token.expose()), "a token that a body repeats is masked");
    assert!(!inbox.holds(token.expose()) && !inbox.holds("ada@example.com"));
    assert_eq!(inbox.webhooks.tokens.list("newsletter").await.unwrap()[0].state, TokenState::Current);
}

#[tokio::test]
async fn a_revoked_token_is_refused_by_the_next_delivery() {
    let inbox = InboxBench::new().await;
    let token = inbox.token("newsletter").await;
    assert_eq!(inbox.deliver("newsletter", &[&bearer(&token)], OPT_OUT).await, WebhookResponse::Taken);
    inbox.webhooks.tokens.revoke("acme", "newsletter", 1).await.unwrap();
    assert_eq!(inbox.deliver("newsletter", &[&bearer(&token)], OPT_OUT).await, WebhookResponse::Refused);
}

#[tokio::test]
async fn a_delivery_sent_again_is_acknowledged_again_and_read_once() {
    let mut inbox = InboxBench::new().await;
    let (token, other) = (inbox.token("newsletter").await, inbox.token("newsletter").await);
    let spaced = OPT_OUT.replace(":[", " : [ ");
    for (token, body) in [(&token, OPT_OUT), (&token, OPT_OUT), (&other, spaced.as_str())] {
        assert_eq!(inbox.deliver("newsletter", &[&bearer(token)], body).await, WebhookResponse::Taken);
    }
    inbox.read();
    assert_eq!(inbox.once_all_are(DeliveryState::Read).await.len(), 1);
    let later = OPT_OUT.replace("23:34:15", "23:34:16");
    assert_eq!(inbox.deliver("newsletter", &[&bearer(&other)], &later).await, WebhookResponse::Taken);
    assert_eq!(inbox.once_all_are(DeliveryState::Read).await.len(), 2);
    assert_eq!(inbox.event_count().await, 1, "the later one repeats the recorded choice");
}

#[tokio::test]
async fn what_cannot_be_read_is_kept_and_read_again_by_another_version() {
    let mut inbox = InboxBench::new().await;
    let token = inbox.token("newsletter").await;
    inbox.deliver("newsletter", &[&bearer(&token)], "no JSON, ada@example.com").await;
    inbox.read();
    let unreadable = inbox.once_all_are(DeliveryState::Unreadable).await;
    assert!(unreadable[0].kept && unreadable[0].reason.as_ref().is_some_and(|why| !why.contains("ada")));
    assert_eq!(inbox.alarms().await, ["deliveries-unread newsletter"]);
    inbox.bench.parts.inbox.replay_after_swaps().await.unwrap();
    assert_eq!(inbox.list().await[0].readings, 1, "the same version does not read it again");
    let mut bytes = std::fs::read(component()).unwrap();
    // A custom section: the same component with another digest.
    bytes.extend([0, 5, 4]);
    bytes.extend(b"next");
    let host = &inbox.bench.parts.served.host();
    let next = host.load_admitted(bytes, &LoadPolicy::default()).await.unwrap();
    let stop = CancellationToken::new();
    let looking = tokio::spawn(upkeep::run(inbox.bench.parts.inbox.clone(), KEEP, stop));
    let digest = host.plugin("iterable").unwrap().replace(next).unwrap().to_string();
    let again = inbox.once(|list| list[0].plugin_digest.as_ref() == Some(&digest)).await;
    assert_eq!((again[0].state, again[0].readings), (DeliveryState::Unreadable, 2));
    assert_eq!(
        inbox
            .bench
            .parts
            .inbox
            .replay("acme", DeliverySelection::One(again[0].id.clone()), None)
            .await
            .unwrap(),
        1
    );
    inbox.once(|list| list[0].readings == 3 && list[0].state == DeliveryState::Unreadable).await;
    assert_eq!(inbox.alarms().await, ["deliveries-unread newsletter"], "raised again");
    looking.abort();
}

#[tokio::test]
async fn a_delivery_whose_reading_fails_stops_no_other_and_is_kept_for_a_replay() {
    let mut inbox = InboxBench::new().await;
    let (poisoned, other) = (inbox.token("newsletter").await, inbox.token("other").await);
    inbox.put(|spec| spec.limits.memory_bytes = 1);
    inbox.deliver("newsletter", &[&bearer(&poisoned)], OPT_OUT).await;
    inbox.deliver("other", &[&bearer(&other)], OPT_OUT).await;
    inbox.read();
    let list = inbox.once(|list| list[1].state == DeliveryState::Read).await;
    assert_eq!(list[0].state, DeliveryState::Waiting);
    let list = inbox.once(|list| list[0].state == DeliveryState::Stuck).await;
    assert_eq!((list[0].readings, list[0].kept), (8, true));
    assert_eq!(inbox.alarms().await, ["deliveries-unread newsletter"]);
    inbox.put(|_| {});
    let which = DeliverySelection::OfConnection("newsletter".to_owned());
    assert_eq!(inbox.bench.parts.inbox.replay("acme", which, None).await.unwrap(), 1);
    inbox.once_all_are(DeliveryState::Read).await;
    assert_eq!((inbox.event_count().await, inbox.alarms().await), (2, Vec::new()));
}

#[tokio::test]
async fn what_a_dead_process_was_reading_is_read_at_the_next_start() {
    let mut inbox = InboxBench::new().await;
    let token = inbox.token("newsletter").await;
    inbox.deliver("newsletter", &[&bearer(&token)], OPT_OUT).await;
    let lost = write(&inbox.bench.parts.store, |tx| {
        Box::pin(async move {
            deliveries::claim(tx, &lease(i64::MAX - 1, i64::MAX), &[], deliveries::FIRST).await
        })
    });
    let lost = lost.await.unwrap().unwrap();
    inbox.read();
    inbox.once_all_are(DeliveryState::Read).await;
    let end = deliveries::ReadingEnd { state: DeliveryState::Stuck, digest: None, reason: None, events: 0 };
    let late = write(&inbox.bench.parts.store, move |tx| {
        Box::pin(async move { deliveries::finish(tx, &lost, &end, 0).await })
    });
    assert_eq!(late.await, host_store::RowChange::Unchanged, "a claim that was taken back has no effect");
    assert_eq!((inbox.event_count().await, inbox.list().await[0].state), (1, DeliveryState::Read));
}

#[tokio::test]
async fn the_result_of_a_reading_is_stored_once_the_database_is_back() {
    let mut inbox = InboxBench::new().await;
    let token = inbox.token("newsletter").await;
    inbox.deliver("newsletter", &[&bearer(&token)], OPT_OUT).await;
    inbox.sql("ALTER TABLE events RENAME TO events_away").await;
    inbox.read();
    // The loop, and the result.
    eventually("the result waits", async || inbox.bench.clock.sleepers(), |count| *count == 2).await;
    inbox.sql("ALTER TABLE events_away RENAME TO events").await;
    // Long before its claim ends.
    inbox.bench.pass(Duration::from_secs(1));
    let is_read = |list: &Vec<deliveries::DeliveryView>| list[0].state == DeliveryState::Read;
    let read = eventually("it is read", async || inbox.list().await, is_read).await;
    assert_eq!((read[0].readings, inbox.event_count().await), (1, 1));
}

#[tokio::test]
async fn a_reading_that_this_process_does_not_know_of_is_done_again_at_once() {
    let mut inbox = InboxBench::new().await;
    let token = inbox.token("newsletter").await;
    inbox.deliver("newsletter", &[&bearer(&token)], OPT_OUT).await;
    let store = inbox.bench.parts.store.clone();
    let at = inbox.bench.clock.date_ms();
    let unknown = Lease { replica: store.replica().clone(), now: at, until: i64::MAX };
    write(&store, move |tx| {
        Box::pin(async move { deliveries::claim(tx, &unknown, &[], deliveries::FIRST).await })
    })
    .await
    .unwrap()
    .unwrap();
    inbox.read();
    let read = inbox.once_all_are(DeliveryState::Read).await;
    assert_eq!((read[0].readings, inbox.event_count().await), (2, 1));
}

#[tokio::test]
async fn a_connection_that_is_switched_off_receives_and_reads_once_it_is_on() {
    let mut inbox = InboxBench::new().await;
    let (off, on) = (inbox.token("newsletter").await, inbox.token("other").await);
    inbox.bench.change("newsletter", |stored| stored.enabled = false).await;
    assert_eq!(inbox.deliver("newsletter", &[&bearer(&off)], OPT_OUT).await, WebhookResponse::Taken);
    assert_eq!(inbox.deliver("other", &[&bearer(&on)], OPT_OUT).await, WebhookResponse::Taken);
    inbox.read();
    let list = inbox.once(|list| list[1].state == DeliveryState::Read).await;
    assert_eq!(list[0].state, DeliveryState::Waiting);
    inbox.bench.change("newsletter", |stored| stored.enabled = true).await;
    inbox.once_all_are(DeliveryState::Read).await;
}

#[tokio::test]
async fn an_erasure_takes_the_persons_deliveries_along_and_a_repeat_brings_nothing_back() {
    let mut inbox = InboxBench::new().await;
    let token = inbox.token("newsletter").await;
    inbox.deliver("newsletter", &[&bearer(&token)], OPT_OUT).await;
    inbox.deliver("newsletter", &[&bearer(&token)], &OPT_OUT.replace("ada@", "bob@")).await;
    inbox.read();
    inbox.once_all_are(DeliveryState::Read).await;
    let key = inbox.bench.parts.store.person_key("acme").await.unwrap();
    let ada: Vec<PersonName> = vec![key.name(&Identifier::new("email", "ada@example.com"))];
    write(&inbox.bench.parts.store, move |tx| {
        Box::pin(async move {
            let ada = people::known_as(tx, "newsletter", &ada).await?;
            deliveries::forget(tx, ada).await
        })
    })
    .await;
    assert_eq!(inbox.list().await.iter().map(|delivery| delivery.kept).collect::<Vec<_>>(), [false, true]);
    assert_eq!(inbox.deliver("newsletter", &[&bearer(&token)], OPT_OUT).await, WebhookResponse::Taken);
    assert_eq!((inbox.list().await.len(), inbox.event_count().await), (2, 2));
}

#[tokio::test]
async fn bodies_go_when_their_time_is_over() {
    let mut inbox = InboxBench::new().await;
    let token = inbox.token("newsletter").await;
    inbox.deliver("newsletter", &[&bearer(&token)], OPT_OUT).await;
    inbox.read();
    inbox.once_all_are(DeliveryState::Read).await;
    inbox.bench.clock.advance(Duration::from_hours(29 * 24));
    inbox.bench.parts.inbox.tidy(KEEP).await.unwrap();
    assert!(inbox.list().await[0].kept);
    inbox.bench.clock.advance(Duration::from_hours(24));
    inbox.bench.parts.inbox.tidy(KEEP).await.unwrap();
    assert_eq!(inbox.list().await, []);
}

#[tokio::test]
async fn what_is_damaged_is_set_aside_and_read_again_by_a_replay_alone_and_stops_no_other() {
    for damage in [
        "UPDATE deliveries SET sealed_delivery = x'01' WHERE connection = 'newsletter'",
        "UPDATE deliveries SET failures = 'many' WHERE connection = 'newsletter'",
    ] {
        let mut inbox = InboxBench::new().await;
        if damage.contains("'many'") && inbox.bench.folder.is_on_server() {
            // PostgreSQL keeps no text in a column of numbers.
            continue;
        }
        let (damaged, whole) = (inbox.token("newsletter").await, inbox.token("other").await);
        inbox.deliver("newsletter", &[&bearer(&damaged)], OPT_OUT).await;
        inbox.deliver("other", &[&bearer(&whole)], OPT_OUT).await;
        inbox.sql(damage).await;
        inbox.read();
        let list = inbox.once(|list| list[1].state == DeliveryState::Read).await;
        assert_eq!((list[0].state, list[0].kept), (DeliveryState::Damaged, true), "{damage}");
        assert_eq!(inbox.alarms().await, ["deliveries-unread newsletter"], "{damage}");
        for _ in 0..3 {
            inbox.bench.parts.inbox.replay_after_swaps().await.unwrap();
        }
        assert_eq!(inbox.list().await[0].state, DeliveryState::Damaged, "{damage}");
        assert_eq!(
            inbox
                .bench
                .parts
                .inbox
                .replay("acme", DeliverySelection::One(list[0].id.clone()), None)
                .await
                .unwrap(),
            1,
            "{damage}"
        );
    }
}

#[tokio::test]
async fn what_was_never_read_raises_an_alarm_when_its_body_goes_and_shows_for_a_week() {
    let inbox = InboxBench::new().await;
    let token = inbox.token("newsletter").await;
    inbox.deliver("newsletter", &[&bearer(&token)], OPT_OUT).await;
    inbox.bench.clock.advance(Duration::from_hours(30 * 24));
    inbox.bench.parts.inbox.tidy(KEEP).await.unwrap();
    assert_eq!(inbox.alarms().await, Vec::<String>::new(), "it is kept until the exact hour");
    inbox.bench.clock.advance(Duration::from_secs(1));
    inbox.bench.parts.inbox.tidy(KEEP).await.unwrap();
    let lost = inbox.list().await;
    assert_eq!((lost[0].state, lost[0].kept), (DeliveryState::Stuck, false));
    assert_eq!(lost[0].reason.as_deref(), Some("its body is no longer kept"));
    assert_eq!(inbox.alarms().await, ["deliveries-lost newsletter"]);
    inbox.bench.clock.advance(Duration::from_hours(7 * 24 + 1));
    inbox.bench.parts.inbox.tidy(KEEP).await.unwrap();
    assert_eq!(inbox.list().await, []);
}

#[tokio::test]
async fn nothing_is_stored_for_a_connection_that_is_deleted_in_the_meantime() {
    let inbox = InboxBench::new().await;
    let token = inbox.token("newsletter").await;
    // The host does not know of the deletion yet, and the token is still known.
    write(&inbox.bench.parts.store, |tx| {
        Box::pin(async move { connections::forget_connection(tx, "newsletter").await })
    })
    .await;
    assert_eq!(inbox.deliver("newsletter", &[&bearer(&token)], OPT_OUT).await, WebhookResponse::Refused);
    assert_eq!(inbox.list().await, []);
}

#[tokio::test]
async fn a_token_is_rotated_at_the_vendor_and_every_delivery_of_the_switch_over_is_accepted() {
    let mut inbox = InboxBench::new().await;
    inbox.put(|spec| drop(spec.settings.insert("webhook-id".into(), FIRST_WEBHOOK.to_string())));
    let first = inbox.token("newsletter").await;
    let stand_in = &inbox.bench.stand_in;
    stand_in.with_project(|project| {
        project.seed(Some("ada@example.com"), None, None);
        project.webhook(FIRST_WEBHOOK).auth_type = AuthType::OAuth2;
        project.webhook(FIRST_WEBHOOK).set_token(first.expose());
    });
    inbox.bench.pass(Duration::from_hours(80 * 24));
    let refreshing = tokio::spawn(schedule::run(
        inbox.bench.parts.tokens.clone(),
        inbox.bench.parts.served.clone(),
        CancellationToken::new(),
    ));
    let switched = |states: &Vec<TokenState>| *states == [TokenState::Former, TokenState::Current];
    eventually("the vendor has a new token", async || inbox.states().await, switched).await;
    refreshing.abort();
    let mut carried = Vec::new();
    for act in [Act::UnsubscribeByLink { channel: 6539 }, Act::RejoinChannel { channel: 6539 }] {
        inbox.bench.stand_in.act("ada@example.com", &act);
        inbox.bench.pass(Duration::from_secs(40));
        let sent = inbox.bench.stand_in.next_delivery().await;
        let header = sent.header("authorization").unwrap().to_owned();
        let body = String::from_utf8(sent.body_bytes()).unwrap();
        assert_eq!(inbox.deliver("newsletter", &[&header], &body).await, WebhookResponse::Taken);
        carried.push(header.contains(first.expose()));
    }
    assert_eq!(carried, [true, false], "Iterable's senders switch after a minute");
    inbox.read();
    inbox.once_all_are(DeliveryState::Read).await;
    assert_eq!(inbox.states().await, [TokenState::Former, TokenState::Current]);
    let hand = by_connector(inbox.bench.parts.served.clone());
    let by_hand = inbox.webhooks.tokens.rotate("acme", "other", &*hand).await.unwrap();
    assert_eq!(by_hand, Some(PushOutcome::ByHand), "without a webhook id the vendor accepts none");
}
