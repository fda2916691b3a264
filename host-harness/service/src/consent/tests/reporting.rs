//! Tests of what is reported to the platform.

use std::time::Duration;

use super::*;
use host_model::consent::identity::IdentityMap;
use host_store::{alarms, testing::sql};

#[tokio::test]
async fn a_notice_is_opted_out_when_any_item_is_and_opted_in_only_once_all_are() {
    let mut bench = bench().await;
    bench.stand_in.seed(ADA, Some(iterable_stand_in::Subscriptions::default()));
    bench.work();
    bench.hears(ADA, "e-1", bench.chosen(MAIL, Choice::OptOut)).await;
    assert_eq!(bench.feed_words().await, ["6539 opt_out", "n-1 opt_out"]);
    bench.pass(Duration::from_secs(1));
    bench.hears(ADA, "e-2", bench.chosen(MAIL, Choice::OptIn)).await;
    assert_eq!(bench.feed_words().await[2..], ["6539 opt_in"], "the choice for push is not known yet");
    bench.quiet().await;
    assert_eq!(bench.feed_words().await[3..], ["n-1 opt_in"], "the vendor was asked about push");
    let requests = bench.stand_in.requests();
    assert!(requests.iter().all(|request| request.method == "GET"), "reading changes nothing");
}

#[tokio::test]
async fn a_person_whom_the_vendor_does_not_know_has_no_choices() {
    let mut bench = bench().await;
    bench.work();
    let subjects = vec![Subject::email(ADA)];
    let accepted = bench.parts.requests.reconcile("newsletter", subjects).await;
    let view = bench.done(&accepted[0].as_ref().unwrap().view.id).await;
    assert_eq!(view.outcome.unwrap()["reading"], "unknown to the vendor");
    assert_eq!((bench.rows("choices").await, bench.rows("events").await), (0, 0));
}

#[tokio::test]
async fn reconciling_finds_the_choice_whose_webhook_was_lost() {
    let mut bench = bench().await;
    bench.stand_in.seed(ADA, None);
    bench.work();
    let id = bench.sends_notice(ADA, NoticeAnswer::OptIn).await;
    bench.done(&id).await;
    bench.pass(Duration::from_hours(1));
    bench.stand_in.act(ADA, &iterable_stand_in::Act::UnsubscribeByLink { channel: 6541 });
    bench.pass(Duration::from_hours(1));
    bench.parts.requests.reconcile("newsletter", vec![Subject::email(ADA)]).await;
    bench.quiet().await;
    assert_eq!(bench.feed_words().await, ["6541 opt_out", "n-1 opt_out"]);
    bench.parts.requests.reconcile("newsletter", vec![Subject::email(ADA)]).await;
    bench.quiet().await;
    assert_eq!(bench.feed_words().await.len(), 2, "the second time there is nothing new");
}

#[tokio::test]
async fn an_event_of_the_feed_says_who_what_when_and_why() {
    let bench = bench().await;
    let chosen = bench.chosen(MAIL, Choice::OptOut);
    bench.hears(ADA, "e-1", chosen.clone()).await;
    let feed = bench.feed().await;
    let [item, notice] = feed.as_slice() else { panic!("{feed:?}") };
    let shown = serde_json::to_value(item).unwrap();
    assert_eq!(
        shown,
        serde_json::json!({
            "id": item.id, "cursor": 1, "tenant": "acme", "connection": "newsletter",
            "identity_map": { "email": ADA },
            "item": { "type": "Channel", "external_id": "6539", "name": "Marketing Channel (Email)" },
            "preference": "opt_out", "event_at": chosen.chosen_at_ms, "received_at": bench.parts.clock.date_ms(),
            "source": "PrivacyCenter", "cause": "newsletter/e-1",
        })
    );
    assert_eq!(
        serde_json::to_value(notice).unwrap()["notice_id_map"],
        serde_json::json!({ "n-1": "opt_out" })
    );
    assert_eq!(serde_json::from_value::<FeedEvent>(shown).unwrap(), *item);
    assert!(!format!("{item:?}").contains(ADA), "Debug output never contains a person");
}

#[tokio::test]
async fn what_is_heard_at_one_connection_goes_to_the_platform_and_to_no_other_connection() {
    let mut bench = bench_with(&[("acme", "newsletter"), ("acme", "shop")]).await;
    bench.stand_in.seed(ADA, None);
    bench.work();
    for item in [MAIL, PUSH] {
        bench.hears(ADA, item, bench.chosen(item, Choice::OptOut)).await;
    }
    bench.quiet().await;
    assert_eq!(bench.feed_words().await, ["6539 opt_out", "n-1 opt_out", "6541 opt_out"]);
    assert_eq!(bench.rows("requests WHERE action = 'consent' OR connection <> 'newsletter'").await, 0);
    assert_eq!(bench.rows("people WHERE connection <> 'newsletter'").await, 0);
    assert!(bench.stand_in.requests().iter().all(|request| request.method == "GET"));
}

#[tokio::test]
async fn a_cursor_resumes_where_it_stopped_and_sees_only_its_own_tenants() {
    let bench = bench().await;
    for n in 0..5 {
        bench.hears(&format!("{n}@example.com"), &format!("e-{n}"), bench.chosen(MAIL, Choice::OptOut)).await;
    }
    let parts = &bench.parts;
    let mut cursor = 0;
    let mut seen = Vec::new();
    loop {
        let page = parts.feed.events_after(&KeyReach::of_tenant("acme"), cursor, 3).await.unwrap();
        if page.events.is_empty() {
            assert_eq!(page.cursor, cursor);
            break;
        }
        cursor = page.cursor;
        seen.extend(page.events.into_iter().map(|event| event.id));
    }
    let all: Vec<_> = bench.feed().await.into_iter().map(|event| event.id).collect();
    assert_eq!((seen.len(), &seen), (10, &all));
    let others = parts.feed.events_after(&KeyReach::of_tenant("other"), 0, 3).await.unwrap();
    assert_eq!((others.events.len(), others.cursor), (0, 0));
    let nothing = KeyReach { tenants: Some([].into()), connections: None };
    assert_eq!(parts.feed.events_after(&nothing, 0, 3).await.unwrap().events.len(), 0);
}

#[tokio::test]
async fn a_damaged_event_of_the_feed_is_left_out_with_an_alarm_and_stops_no_other() {
    let bench = bench().await;
    for n in 0..3 {
        bench.hears(&format!("{n}@example.com"), &format!("e-{n}"), bench.chosen(MAIL, Choice::OptOut)).await;
    }
    let all = bench.feed().await;
    for (damage, seq) in [("sealed_identity = x'00'", all[0].cursor), ("news = 7", all[5].cursor)] {
        sql(&bench.parts.store, format!("UPDATE events SET {damage} WHERE seq = {seq}")).await;
    }
    let page = bench.parts.feed.events_after(&KeyReach::default(), 0, 1_000).await.unwrap();
    assert_eq!((page.events.as_slice(), page.cursor), (&all[1..5], all[5].cursor));
    assert_eq!(bench.feed().await.len(), 4, "read again, with only one alarm each");
    let open = bench.parts.store.read(|c| Box::pin(alarms::open(c))).await.unwrap();
    let told: Vec<_> = open.into_iter().map(|alarm| (alarm.kind, alarm.tenant, alarm.about)).collect();
    let wanted = |seq: i64| ("consent-event-damaged".to_owned(), "acme".to_owned(), seq.to_string());
    assert_eq!(told, [wanted(all[0].cursor), wanted(all[5].cursor)]);
}

#[test]
fn identifiers_are_reported_under_their_fides_names() {
    let subject = Subject::email(ADA).and("phone", "+1").and("user-id", "u-17").and("email", "second");
    let told = IdentityMap::from(&subject).0;
    let pairs: Vec<_> = told.iter().map(|(kind, value)| (kind.as_str(), value.as_str())).collect();
    assert_eq!(pairs, [("email", ADA), ("external_id", "u-17"), ("phone_number", "+1")]);
}
