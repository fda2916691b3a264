//! Tests that a consent never undoes an erasure.

use iterable_stand_in::Fault;

use super::*;
use host_model::requests::Step;

#[tokio::test]
async fn a_forgotten_person_is_refused_and_the_report_says_so() {
    let mut bench = bench().await;
    bench.stand_in.with_project(|project| {
        project.forget(&iterable_stand_in::Identifier::email(ADA)).map_err(drop).unwrap();
    });
    bench.pass(std::time::Duration::from_hours(1));
    bench.work();
    let id = bench.sends(ADA, vec![bench.chosen(MAIL, Choice::OptOut)]).await;
    let view = bench.done(&id).await;
    assert_eq!(statuses(&view), ["refused"]);
    assert!(view.outcome.unwrap().to_string().contains("an erasure is never undone by a consent"));
    assert!(bench.stand_in.person(ADA).is_none());
}

#[tokio::test]
async fn an_erasure_holds_later_consents_back_until_it_is_confirmed() {
    let mut bench = bench().await;
    bench.stand_in.seed(ADA, None);
    bench.stand_in.fault(Fault::Gateway(503), "POST /api/users/forget", 2);
    bench.work();
    let erasure = bench.erase(ADA).await;
    let consent = bench.sends_notice(ADA, NoticeAnswer::OptIn).await;
    let erased_at = bench.done(&erasure).await.finished_at.unwrap();
    let view = bench.done(&consent).await;
    let began: Vec<_> = bench.attempts(&consent).await.iter().map(|attempt| attempt.began_at).collect();
    assert!(began.iter().all(|began| *began >= erased_at), "{began:?} {erased_at}");
    assert_eq!(statuses(&view), ["refused", "refused"]);
    let writes = bench.stand_in.requests().into_iter().filter(|r| r.path.contains("ubscri")).count();
    assert_eq!(writes, 0, "the vendor was not asked");
    assert!(bench.stand_in.is_forgotten(ADA) && bench.stand_in.person(ADA).is_none());
}

#[tokio::test]
async fn an_erasure_removes_preferences_and_feed_entries_and_leaves_a_keyed_hash() {
    let mut bench = bench().await;
    bench.stand_in.seed(ADA, None);
    bench.work();
    bench.hears(ADA, "e-1", bench.chosen(MAIL, Choice::OptOut)).await;
    let consent = bench.sends(ADA, vec![bench.chosen(PUSH, Choice::OptOut)]).await;
    bench.done(&consent).await;
    for table in ["choices", "writes", "notice_choices", "events", "event_keys"] {
        assert_ne!(bench.rows(table).await, 0, "{table}");
    }
    let erasure = bench.erase(ADA).await;
    bench.done(&erasure).await;
    for table in ["choices", "writes", "notice_choices", "events", "event_keys", "request_keys"] {
        assert_eq!(bench.rows(table).await, 0, "{table}");
    }
    assert_eq!(bench.rows("names").await, 1);
    bench.hears(ADA, "e-2", bench.chosen(PUSH, Choice::OptIn)).await;
    bench.sends_notice(ADA, NoticeAnswer::OptOut).await;
    bench.quiet().await;
    for table in ["choices", "writes", "notice_choices", "events", "event_keys", "request_keys"] {
        assert_eq!(bench.rows(table).await, 0, "{table}, after a later event and consent");
    }
}

#[tokio::test]
async fn an_erasure_that_the_vendor_accepted_removes_the_person_here_even_if_it_is_never_proven() {
    let mut bench = bench().await;
    bench.stand_in.seed(ADA, None);
    bench.hears(ADA, "e-1", bench.chosen(MAIL, Choice::OptOut)).await;
    bench.work();
    let erasure = bench.erase(ADA).await;
    bench.once(&erasure, |view| view.step == Step::Confirm).await;
    bench.park("newsletter", "no key").await;
    assert_eq!(bench.rows("choices").await, 1, "nothing is deleted before the request ends");
    bench.pass(std::time::Duration::from_hours(25 * 24));
    bench.look_after().await;
    assert_eq!(bench.view(&erasure).await.state, RequestState::Expired);
    for table in ["choices", "notice_choices", "events", "event_keys"] {
        assert_eq!(bench.rows(table).await, 0, "{table}");
    }
    bench.hears(ADA, "e-2", bench.chosen(MAIL, Choice::OptIn)).await;
    assert_eq!(bench.rows("choices").await, 0, "an erased person does not come back");
}
