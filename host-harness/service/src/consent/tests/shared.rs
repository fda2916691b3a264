//! Tests that people stay separate, whatever they share: two people of an email project with one user id.

use iterable_stand_in::{ForgetUnknown, Switches};
use test_support::eventually;

use super::*;
use host_store::connections;

const BOB: &str = "bob@example.com";

/// Returns a person with the user id that several people share.
fn with_shared_id(email: &str) -> Subject {
    Subject::email(email).and("user-id", "u-shared")
}

impl Bench {
    /// Returns the feed's events about this address, as words.
    async fn feed_of(&self, email: &str) -> Vec<String> {
        let of = |event: &FeedEvent| event.identity_map.0.get("email").is_some_and(|known| known == email);
        let feed = self.feed().await;
        let items = feed.into_iter().filter(of).filter_map(|event| match event.news.chosen {
            FeedChoice::Item { item, preference } => Some(format!("{} {preference}", item.external_id)),
            FeedChoice::Notice { .. } => None,
        });
        items.collect()
    }

    /// Returns the people read at the vendor, by address.
    fn reads(&self) -> Vec<String> {
        let asked =
            self.stand_in.requests().into_iter().filter(|r| r.method == "GET" && r.path.contains("/users/"));
        asked.map(|r| r.path.rsplit('/').next().unwrap_or_default().replace("%40", "@")).collect()
    }
}

#[tokio::test]
async fn two_people_with_one_user_id_are_heard_each_for_themselves() {
    let bench = bench().await;
    bench.hears_as(with_shared_id(ADA), "e-1", bench.chosen(MAIL, Choice::OptOut)).await;
    bench.pass(std::time::Duration::from_mins(1));
    bench.hears_as(with_shared_id(BOB), "e-2", bench.chosen(MAIL, Choice::OptOut)).await;
    bench.pass(std::time::Duration::from_mins(1));
    bench.hears_as(with_shared_id(BOB), "e-3", bench.chosen(MAIL, Choice::OptIn)).await;
    assert_eq!(bench.feed_of(ADA).await, ["6539 opt_out"]);
    assert_eq!(bench.feed_of(BOB).await, ["6539 opt_out", "6539 opt_in"]);
    // Bob's later choice does not override Ada's.
    let late =
        bench.sends(ADA, vec![Preference { chosen_at_ms: 1, ..bench.chosen(MAIL, Choice::OptIn) }]).await;
    let mut bench = bench;
    bench.work();
    assert_eq!(statuses(&bench.done(&late).await), ["not-applicable"]);
}

#[tokio::test]
async fn an_erasure_of_one_leaves_everything_of_another_with_the_same_user_id() {
    let mut bench = bench().await;
    bench.stand_in.seed(ADA, None);
    bench.stand_in.seed(BOB, None);
    bench.hears_as(with_shared_id(BOB), "e-1", bench.chosen(PUSH, Choice::OptOut)).await;
    bench.work();
    let asked = PersonTask::Erasure;
    let erasure = bench.submit("newsletter", asked, with_shared_id(ADA)).await.view.id;
    bench.done(&erasure).await;
    assert_eq!(bench.feed_of(BOB).await, ["6541 opt_out"], "reported events are kept");
    let opt_out = bench.sends_as(with_shared_id(BOB), vec![bench.chosen(MAIL, Choice::OptOut)]).await;
    assert_eq!(statuses(&bench.done(&opt_out).await), ["executed"]);
    bench.hears_as(with_shared_id(BOB), "e-2", bench.chosen(PUSH, Choice::OptIn)).await;
    assert_eq!(bench.feed_of(BOB).await, ["6541 opt_out", "6541 opt_in"]);
    assert_eq!(bench.alarms().await, [""; 0]);
}

#[tokio::test]
async fn a_person_of_a_hybrid_project_known_by_email_and_later_by_both_is_one_person() {
    let bench = bench().await;
    let at = bench.parts.clock.date_ms();
    write(&bench.parts.store, move |tx| {
        Box::pin(async move { connections::key_by(tx, "newsletter", &"email user-id".into(), at).await })
    })
    .await;
    bench.hears(ADA, "e-1", bench.chosen(MAIL, Choice::OptOut)).await;
    let by_id = Subject::default().and("user-id", "u-1");
    bench.hears_as(by_id.clone(), "e-2", bench.chosen(PUSH, Choice::OptOut)).await;
    assert_eq!(bench.rows("people").await, 2, "it is not known yet that they are one person");
    bench
        .hears_as(Subject::email(ADA).and("user-id", "u-1"), "e-3", bench.chosen(PUSH, Choice::OptOut))
        .await;
    bench.hears_as(by_id, "e-4", bench.chosen(MAIL, Choice::OptOut)).await;
    assert_eq!(bench.rows("people").await, 1);
    assert_eq!(bench.rows("choices").await, 2, "one for each item");
    assert_eq!(bench.rows("attributes").await, 0);
}

#[tokio::test]
async fn an_event_that_identifies_no_person_is_reported_and_all_people_it_may_be_about_are_read() {
    let mut bench = bench().await;
    for email in [ADA, BOB] {
        bench.stand_in.seed(email, None);
        bench.hears_as(with_shared_id(email), email, bench.chosen(PUSH, Choice::OptOut)).await;
    }
    let people = bench.rows("people").await;
    bench
        .hears_as(Subject::default().and("user-id", "u-shared"), "e-3", bench.chosen(MAIL, Choice::OptOut))
        .await;
    bench
        .hears_as(Subject::default().and("user-id", "u-shared"), "e-3", bench.chosen(MAIL, Choice::OptOut))
        .await;
    assert_eq!(bench.rows("people").await, people, "no person is created or merged");
    let told: Vec<_> =
        bench.feed().await.into_iter().filter(|event| !event.identity_map.0.contains_key("email")).collect();
    assert_eq!(told.len(), 2, "the item and its notice, once");
    assert!(told.iter().all(|event| event.identity_map.0["external_id"] == "u-shared"));
    bench.work();
    bench.quiet().await;
    let mut reads = bench.reads();
    reads.sort();
    reads.dedup();
    assert_eq!(reads, [ADA, BOB]);
    assert_eq!(bench.alarms().await, [""; 0]);
}

#[tokio::test]
async fn an_identifier_that_very_many_share_alarms_instead_of_reading_them_all() {
    let bench = bench().await;
    for n in 0..25 {
        bench
            .hears_as(
                with_shared_id(&format!("{n}@example.com")),
                &format!("e-{n}"),
                bench.chosen(PUSH, Choice::OptOut),
            )
            .await;
    }
    let requests = bench.rows("requests").await;
    bench
        .hears_as(Subject::default().and("user-id", "u-shared"), "e-x", bench.chosen(MAIL, Choice::OptOut))
        .await;
    assert_eq!(bench.rows("requests").await, requests);
    assert_eq!(bench.alarms().await, ["consent-event-unidentified"]);
}

#[tokio::test]
async fn a_request_that_identifies_no_person_is_refused_with_the_accepted_kinds() {
    let bench = bench().await;
    let submission = crate::requests::accept::Submission {
        connection: "newsletter".into(),
        subject: Subject::default().and("user-id", "u-shared"),
        asked: PersonTask::Erasure,
        idempotency_key: None,
        repeat: crate::requests::accept::Repeat::Keep,
        callback: None,
    };
    let refused = bench.parts.requests.accept(submission).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "connection newsletter does not identify people by these identifier kinds; it accepts email"
    );
    assert_eq!(bench.rows("people").await, 0);
}

#[tokio::test]
async fn an_opt_out_of_an_erased_person_whom_the_vendor_still_has_is_applied_and_an_opt_in_is_refused() {
    let mut bench = bench().await;
    bench.stand_in.seed(ADA, None);
    bench.work();
    let erasure = bench.erase(ADA).await;
    bench.done(&erasure).await;
    // The person returns at the vendor.
    bench.stand_in.with_project(|project| project.unforget(&iterable_stand_in::Identifier::email(ADA)));
    bench.stand_in.seed(ADA, None);
    let both = vec![bench.chosen(MAIL, Choice::OptOut), bench.chosen(PUSH, Choice::OptIn)];
    let consent = bench.sends(ADA, both).await;
    assert_eq!(statuses(&bench.done(&consent).await), ["executed", "refused"]);
    assert_eq!(bench.out_of(ADA), [6539]);
    assert_eq!(bench.alarms().await, ["erased-person-still-there"]);
}

#[tokio::test]
async fn an_event_about_an_erased_person_is_kept_with_an_alarm_if_the_vendor_still_has_them() {
    let mut bench = bench().await;
    bench.stand_in.seed(ADA, None);
    bench.work();
    let erasure = bench.erase(ADA).await;
    bench.done(&erasure).await;
    bench.hears(ADA, "e-1", bench.chosen(MAIL, Choice::OptOut)).await;
    bench.quiet().await;
    assert_eq!(bench.feed_of(ADA).await, [""; 0], "the vendor does not have the person");
    assert_eq!(bench.alarms().await, [""; 0]);
    bench.stand_in.with_project(|project| project.unforget(&iterable_stand_in::Identifier::email(ADA)));
    bench.stand_in.seed(ADA, None);
    bench.hears(ADA, "e-2", bench.chosen(MAIL, Choice::OptOut)).await;
    bench.quiet().await;
    assert_eq!(bench.feed_of(ADA).await, ["6539 opt_out"]);
    assert_eq!(bench.alarms().await, ["erased-person-still-there"]);
}

#[tokio::test]
async fn an_opt_out_of_an_erased_person_is_kept_if_the_vendor_will_not_say_whether_it_has_them() {
    let mut bench = bench().await;
    bench.stand_in.seed(ADA, None);
    bench.work();
    let erasure = bench.erase(ADA).await;
    bench.done(&erasure).await;
    let refusal = serde_json::json!({"code": "BadParams", "msg": "no"});
    bench.stand_in.fault(iterable_stand_in::Fault::Answer(400, refusal), "GET /api/users/*", 9);
    bench.hears(ADA, "e-1", bench.chosen(MAIL, Choice::OptOut)).await;
    bench.hears(ADA, "e-2", bench.chosen(PUSH, Choice::OptIn)).await;
    bench.quiet().await;
    assert_eq!(bench.feed_of(ADA).await, ["6539 opt_out"]);
    assert_eq!(bench.alarms().await, ["erased-person-not-checked"]);
}

#[tokio::test]
async fn an_opt_out_of_an_erased_person_is_kept_if_the_vendor_could_not_be_asked_for_a_month() {
    let mut bench = bench().await;
    bench.stand_in.seed(ADA, None);
    bench.work();
    let erasure = bench.erase(ADA).await;
    bench.done(&erasure).await;
    bench.park("newsletter", "no key").await;
    bench.hears(ADA, "e-1", bench.chosen(MAIL, Choice::OptOut)).await;
    bench.pass(std::time::Duration::from_hours(26 * 24));
    let feed = async || {
        bench.pass(std::time::Duration::from_mins(1));
        bench.feed_of(ADA).await
    };
    let feed = eventually("an event is in the feed", feed, |feed| !feed.is_empty()).await;
    assert_eq!(feed, ["6539 opt_out"]);
    let mut alarms = bench.alarms().await;
    alarms.sort();
    assert_eq!(alarms, ["erased-person-not-checked", "request-expired"]);
}

#[tokio::test]
async fn an_opt_out_of_a_person_whom_an_erasure_did_not_find_creates_no_person() {
    let mut bench = bench().await;
    let refusing = Switches { forget_unknown: ForgetUnknown::Refused, ..Switches::default() };
    bench.stand_in.with_project(|project| project.set_switches(refusing));
    bench.work();
    let erasure = bench.erase(ADA).await;
    let view = bench.once(&erasure, |view| view.finished_at.is_some()).await;
    assert_eq!(view.outcome.unwrap()["receipt"]["status"], "not-found");
    let opt_out = bench.sends(ADA, vec![bench.chosen(MAIL, Choice::OptOut)]).await;
    assert_eq!(statuses(&bench.done(&opt_out).await), ["not-applicable"]);
    assert!(bench.stand_in.person(ADA).is_none(), "no person is created");
    bench.pass(std::time::Duration::from_secs(1));
    // A person who opts in wants to be there.
    let opt_in = bench.sends(ADA, vec![bench.chosen(MAIL, Choice::OptIn)]).await;
    assert_eq!(statuses(&bench.done(&opt_in).await), ["no-update-needed"]);
    assert!(bench.stand_in.person(ADA).is_some());
}

#[tokio::test]
async fn an_item_that_changed_without_a_choice_is_read_if_it_is_mapped() {
    let mut bench = bench().await;
    bench.stand_in.seed(ADA, None);
    bench.work();
    for (key, id, reads) in [("e-1", "channel:1", 0), ("e-2", MAIL, 1)] {
        let event = ConsentEvent {
            subject: Subject::email(ADA),
            preferences: Vec::new(),
            changed: vec![item(id)],
            key: key.into(),
        };
        bench.hears_event(event).await;
        bench.quiet().await;
        assert_eq!(bench.reads().len(), reads, "{id}");
    }
}
