use iterable_stand_in::{Act, AuthType, FIRST_WEBHOOK};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    testing::{
        bench::component,
        inbox::{Inbox, OPT_OUT, bearer},
    },
    tokens::{refresh::by_connector, schedule, settle::Pushed},
    webhooks::upkeep,
};
use host_harness::plugin::LoadPolicy;
use host_model::{contract::Identifier, token::TokenState};
use host_store::{
    PersonName,
    deliveries::{DeliveryState, Which},
    people,
    testing::write,
};

/// How long bodies are kept.
const KEEP: Duration = Duration::from_hours(30 * 24);

#[tokio::test]
async fn a_delivery_is_stored_then_acknowledged_then_read_and_neither_token_nor_person_is_in_the_database() {
    let mut inbox = Inbox::new().await;
    let token = inbox.token("newsletter").await;
    let body = OPT_OUT.replace("EmailLink", token.expose());
    assert_eq!(inbox.deliver("newsletter", &[&bearer(&token)], &body).await, Answer::Taken);
    let stored = inbox.list().await;
    assert_eq!((stored[0].state, stored[0].proven, stored[0].kept), (DeliveryState::Waiting, true, true));
    assert!(!inbox.holds(token.expose()) && !inbox.holds("ada@example.com"));
    inbox.read();
    let read = inbox.once_all_are(DeliveryState::Read).await;
    assert_eq!((read[0].events, inbox.told().await, read[0].readings), (1, 1, 1));
    assert!(read[0].plugin_digest.as_ref().unwrap().starts_with("sha256:"));
    let told = serde_json::to_value(&inbox.feed().await[0]).unwrap();
    assert_eq!(told["identity_map"], serde_json::json!({"email": "ada@example.com"}));
    assert!(!told.to_string().contains(token.expose()), "a token that a body repeats is masked");
    assert!(!inbox.holds(token.expose()) && !inbox.holds("ada@example.com"));
    assert_eq!(inbox.webhooks.tokens.list("newsletter").await.unwrap()[0].state, TokenState::Current);
}

#[tokio::test]
async fn a_revoked_token_is_refused_by_the_next_delivery() {
    let inbox = Inbox::new().await;
    let token = inbox.token("newsletter").await;
    assert_eq!(inbox.deliver("newsletter", &[&bearer(&token)], OPT_OUT).await, Answer::Taken);
    inbox.webhooks.tokens.revoke("acme", "newsletter", 1).await.unwrap();
    assert_eq!(inbox.deliver("newsletter", &[&bearer(&token)], OPT_OUT).await, Answer::Refused);
}

#[tokio::test]
async fn a_delivery_sent_again_is_acknowledged_again_and_read_once() {
    let mut inbox = Inbox::new().await;
    let (token, other) = (inbox.token("newsletter").await, inbox.token("newsletter").await);
    let spaced = OPT_OUT.replace(":[", " : [ ");
    for (token, body) in [(&token, OPT_OUT), (&token, OPT_OUT), (&other, spaced.as_str())] {
        assert_eq!(inbox.deliver("newsletter", &[&bearer(token)], body).await, Answer::Taken);
    }
    inbox.read();
    assert_eq!(inbox.once_all_are(DeliveryState::Read).await.len(), 1);
    let later = OPT_OUT.replace("23:34:15", "23:34:16");
    assert_eq!(inbox.deliver("newsletter", &[&bearer(&other)], &later).await, Answer::Taken);
    assert_eq!(inbox.once_all_are(DeliveryState::Read).await.len(), 2);
    assert_eq!(inbox.told().await, 1, "the later one says what stands already");
}

#[tokio::test]
async fn what_cannot_be_read_is_kept_and_read_again_by_another_version() {
    let mut inbox = Inbox::new().await;
    let token = inbox.token("newsletter").await;
    inbox.deliver("newsletter", &[&bearer(&token)], "no JSON, ada@example.com").await;
    inbox.read();
    let unreadable = inbox.once_all_are(DeliveryState::Unreadable).await;
    assert!(unreadable[0].kept && unreadable[0].reason.as_ref().is_some_and(|why| !why.contains("ada")));
    assert_eq!(inbox.alarms().await, ["deliveries-unread newsletter"]);
    inbox.bench.parts.inbox.replay_after_swaps().await.unwrap();
    assert_eq!(inbox.list().await[0].readings, 1, "the same version has said what it makes of it");
    let mut bytes = std::fs::read(component()).unwrap();
    // A custom section: the same component under another digest.
    bytes.extend([0, 5, 4]);
    bytes.extend(b"next");
    let host = &inbox.bench.parts.served.host();
    let next = host.load(bytes, &LoadPolicy::default()).await.unwrap();
    let stop = CancellationToken::new();
    let looking = tokio::spawn(upkeep::run(inbox.bench.parts.inbox.clone(), KEEP, stop));
    let digest = host.plugin("iterable").unwrap().replace(next).unwrap().to_string();
    let again = inbox.once(|list| list[0].plugin_digest.as_ref() == Some(&digest)).await;
    assert_eq!((again[0].state, again[0].readings), (DeliveryState::Unreadable, 2));
    assert_eq!(
        inbox.bench.parts.inbox.replay("acme", Which::One(again[0].id.clone()), None).await.unwrap(),
        1
    );
    inbox.once(|list| list[0].readings == 3 && list[0].state == DeliveryState::Unreadable).await;
    assert_eq!(inbox.alarms().await, ["deliveries-unread newsletter"], "raised again");
    looking.abort();
}

#[tokio::test]
async fn a_delivery_whose_reading_fails_stops_no_other_and_is_kept_for_a_replay() {
    let mut inbox = Inbox::new().await;
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
    let which = Which::OfConnection("newsletter".to_owned());
    assert_eq!(inbox.bench.parts.inbox.replay("acme", which, None).await.unwrap(), 1);
    inbox.once_all_are(DeliveryState::Read).await;
    assert_eq!((inbox.told().await, inbox.alarms().await), (2, Vec::new()));
}

#[tokio::test]
async fn what_a_dead_process_was_reading_is_read_at_the_next_start() {
    let mut inbox = Inbox::new().await;
    let token = inbox.token("newsletter").await;
    inbox.deliver("newsletter", &[&bearer(&token)], OPT_OUT).await;
    let lost = write(&inbox.bench.parts.store, |tx| {
        Box::pin(async move { deliveries::claim(tx, i64::MAX - 1, i64::MAX, &[]).await })
    });
    let lost = lost.await.unwrap().unwrap();
    inbox.read();
    inbox.once_all_are(DeliveryState::Read).await;
    let end = deliveries::End { state: DeliveryState::Stuck, digest: None, reason: None, events: 0 };
    let late = write(&inbox.bench.parts.store, move |tx| {
        Box::pin(async move { deliveries::finish(tx, &lost, &end, 0).await })
    });
    assert!(!late.await, "a claim that was taken back ends nothing");
    assert_eq!((inbox.told().await, inbox.list().await[0].state), (1, DeliveryState::Read));
}

#[tokio::test]
async fn a_connection_that_is_switched_off_receives_and_reads_once_it_is_on() {
    let mut inbox = Inbox::new().await;
    let (off, on) = (inbox.token("newsletter").await, inbox.token("other").await);
    let switch = |store: &host_store::Store, enabled: i64| {
        let store = store.clone();
        async move {
            write(&store, move |tx| {
                Box::pin(async move {
                    sqlx::query("UPDATE connections SET enabled = $1 WHERE key = 'newsletter'")
                        .bind(enabled)
                        .execute(tx)
                        .await?;
                    Ok(())
                })
            })
            .await;
        }
    };
    switch(&inbox.bench.parts.store, 0).await;
    assert_eq!(inbox.deliver("newsletter", &[&bearer(&off)], OPT_OUT).await, Answer::Taken);
    assert_eq!(inbox.deliver("other", &[&bearer(&on)], OPT_OUT).await, Answer::Taken);
    inbox.read();
    let list = inbox.once(|list| list[1].state == DeliveryState::Read).await;
    assert_eq!(list[0].state, DeliveryState::Waiting);
    switch(&inbox.bench.parts.store, 1).await;
    inbox.once_all_are(DeliveryState::Read).await;
}

#[tokio::test]
async fn an_erasure_takes_the_persons_deliveries_along_and_a_repeat_brings_nothing_back() {
    let mut inbox = Inbox::new().await;
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
    assert_eq!(inbox.deliver("newsletter", &[&bearer(&token)], OPT_OUT).await, Answer::Taken);
    assert_eq!((inbox.list().await.len(), inbox.told().await), (2, 2));
}

#[tokio::test]
async fn bodies_go_when_their_time_is_over() {
    let mut inbox = Inbox::new().await;
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
        let mut inbox = Inbox::new().await;
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
            inbox.bench.parts.inbox.replay("acme", Which::One(list[0].id.clone()), None).await.unwrap(),
            1,
            "{damage}"
        );
    }
}

#[tokio::test]
async fn what_was_never_read_raises_an_alarm_when_its_body_goes_and_shows_for_a_week() {
    let inbox = Inbox::new().await;
    let token = inbox.token("newsletter").await;
    inbox.deliver("newsletter", &[&bearer(&token)], OPT_OUT).await;
    inbox.bench.clock.advance(Duration::from_hours(30 * 24));
    inbox.bench.parts.inbox.tidy(KEEP).await.unwrap();
    assert_eq!(inbox.alarms().await, Vec::<String>::new(), "to the hour it is kept");
    inbox.bench.clock.advance(Duration::from_secs(1));
    inbox.bench.parts.inbox.tidy(KEEP).await.unwrap();
    let lost = inbox.list().await;
    assert_eq!((lost[0].state, lost[0].kept), (DeliveryState::Stuck, false));
    assert_eq!(lost[0].reason.as_deref(), Some("its body was kept no longer"));
    assert_eq!(inbox.alarms().await, ["deliveries-lost newsletter"]);
    inbox.bench.clock.advance(Duration::from_hours(7 * 24 + 1));
    inbox.bench.parts.inbox.tidy(KEEP).await.unwrap();
    assert_eq!(inbox.list().await, []);
}

#[tokio::test]
async fn of_a_connection_that_is_deleted_meanwhile_nothing_is_stored() {
    let inbox = Inbox::new().await;
    let token = inbox.token("newsletter").await;
    // The host has not heard of it yet, and its token is still known.
    inbox.sql("DELETE FROM connections WHERE key = 'newsletter'").await;
    assert_eq!(inbox.deliver("newsletter", &[&bearer(&token)], OPT_OUT).await, Answer::Refused);
    assert_eq!(inbox.list().await, []);
}

#[tokio::test]
async fn a_token_is_rotated_at_the_vendor_and_every_delivery_of_the_switch_over_is_accepted() {
    let mut inbox = Inbox::new().await;
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
    while inbox.states().await != [TokenState::Former, TokenState::Current] {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    refreshing.abort();
    let mut carried = Vec::new();
    for act in [Act::UnsubscribeByLink { channel: 6539 }, Act::RejoinChannel { channel: 6539 }] {
        inbox.bench.stand_in.act("ada@example.com", &act);
        inbox.bench.pass(Duration::from_secs(40));
        let sent = inbox.bench.stand_in.next_delivery().await;
        let header = sent.header("authorization").unwrap().to_owned();
        let body = String::from_utf8(sent.body_bytes()).unwrap();
        assert_eq!(inbox.deliver("newsletter", &[&header], &body).await, Answer::Taken);
        carried.push(header.contains(first.expose()));
    }
    assert_eq!(carried, [true, false], "Iterable's senders switch over after a minute");
    inbox.read();
    inbox.once_all_are(DeliveryState::Read).await;
    assert_eq!(inbox.states().await, [TokenState::Former, TokenState::Current]);
    let hand = by_connector(inbox.bench.parts.served.clone());
    let by_hand = inbox.webhooks.tokens.rotate("acme", "other", &*hand).await.unwrap();
    assert_eq!(by_hand, Some(Pushed::ByHand), "without a webhook id the vendor takes none");
}
