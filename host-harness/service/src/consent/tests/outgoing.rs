//! Tests of what the platform requests.

use super::*;

#[tokio::test]
async fn a_person_unknown_to_the_vendor_is_created_and_then_opted_out() {
    let mut bench = bench().await;
    bench.work();
    let id = bench.sends_notice(ADA, NoticeAnswer::OptOut).await;
    let view = bench.done(&id).await;
    assert_eq!(statuses(&view), ["executed", "executed"]);
    assert!(bench.stand_in.person(ADA).is_some());
    let mut out = bench.out_of(ADA);
    out.sort_unstable();
    assert_eq!(out, [6539, 6541]);
    assert_eq!(bench.feed_words().await, Vec::<String>::new(), "the platform knows what it sent");
}

#[tokio::test]
async fn a_choice_that_the_vendor_has_already_needs_no_update() {
    let mut bench = bench().await;
    bench.stand_in.seed(ADA, None);
    bench.work();
    let id = bench.sends(ADA, vec![bench.chosen(MAIL, Choice::OptIn)]).await;
    assert_eq!(statuses(&bench.done(&id).await), ["no-update-needed"]);
}

#[tokio::test]
async fn a_person_without_a_usable_identifier_is_skipped_and_the_report_says_so() {
    let mut bench = bench().await;
    bench.work();
    let asked = PersonTask::Consent(SubmittedChoices {
        notices: Vec::new(),
        items: vec![bench.chosen(MAIL, Choice::OptOut).into()],
    });
    // The connector cannot put it into a path, so it cannot find a person by it.
    let id = bench.submit("newsletter", asked, Subject::email("..")).await.view.id;
    let view = bench.once(&id, |view| view.finished_at.is_some()).await;
    assert_eq!((view.state, statuses(&view)), (RequestState::Skipped, vec!["missing-identity".to_owned()]));
}

#[tokio::test]
async fn what_came_from_here_is_not_sent_here_again() {
    let mut bench = bench().await;
    bench.work();
    bench.hears(ADA, "e-1", bench.chosen(MAIL, Choice::OptOut)).await;
    let told = bench.feed().await;
    let cause = told.last().unwrap().news.cause.clone();
    bench.stand_in.take_requests();
    let notice = NoticePreference {
        notice: "n-1".into(),
        preference: NoticeAnswer::OptOut,
        chosen_at_ms: bench.now(),
        source: "PrivacyCenter".into(),
        cause: Some(cause),
    };
    let asked = PersonTask::Consent(SubmittedChoices { notices: vec![notice.into()], items: Vec::new() });
    let id = bench.submit("newsletter", asked, Subject::email(ADA)).await.view.id;
    assert_eq!(statuses(&bench.done(&id).await), ["no-update-needed"]);
    assert!(bench.stand_in.take_requests().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn a_plan_is_sealed_until_its_request_is_done_and_gone_after() {
    let mut bench = bench().await;
    let id = bench.sends(ADA, vec![bench.chosen(MAIL, Choice::OptOut)]).await;
    assert_eq!(statuses(&bench.view(&id).await), ["pending"]);
    assert_eq!(bench.rows("request_keys").await, 1);
    bench.work();
    bench.done(&id).await;
    assert_eq!(bench.rows("request_keys").await, 0);
}
