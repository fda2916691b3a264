use super::*;
use crate::contract::{ConnectorError, ErrorKind};

fn answer(items: &[(&str, Change, &str)], standing: Standing) -> Report {
    let item = |(item, change, detail): &(&str, Change, &str)| ItemReport {
        item: id(item),
        change: *change,
        detail: (*detail).to_owned(),
    };
    Report { items: items.iter().map(item).collect(), standing, settles_after_ms: None }
}

fn both(preference: NoticeAnswer) -> Plan {
    planned(vec![about("pri_email", preference, 5_000)], vec![], &RecordedChoices::new())
}

fn error(kind: ErrorKind) -> ConnectorError {
    let (code, message) = ("Code".to_owned(), "what the connector said".to_owned());
    ConnectorError { kind, code, message, retry_after_ms: None, may_have_acted: false }
}

#[test]
fn each_item_reports_its_result() {
    let report =
        answer(&[("channel:1", Change::Applied, ""), ("channel:2", Change::Unchanged, "")], Standing::Known);
    let plan = both(NoticeAnswer::OptIn).conclude(Ok(&report));
    assert_eq!(applied(&plan), []);
    assert_eq!(
        report_lines(&plan),
        [
            "pri_email channel:1 executed: the vendor accepted it",
            "pri_email channel:2 no-update-needed: the vendor already had this choice",
        ]
    );
    let report = answer(
        &[("channel:1", Change::Refused, "no marketing channel"), ("channel:2", Change::Applied, "")],
        Standing::Created,
    );
    assert_eq!(
        report_lines(&both(NoticeAnswer::OptIn).conclude(Ok(&report))),
        [
            "pri_email channel:1 refused: no marketing channel",
            "pri_email channel:2 executed: the vendor accepted it after creating the person",
        ]
    );
}

#[test]
fn what_is_pending_stays_open_and_alone_is_applied_again() {
    let report = answer(
        &[("channel:1", Change::Applied, ""), ("channel:2", Change::Pending, "waits for the person")],
        Standing::Known,
    );
    let plan = both(NoticeAnswer::OptIn).conclude(Ok(&report));
    assert_eq!(applied(&plan), [("channel:2".to_owned(), OptIn, 5_000)]);
    assert_eq!(
        report_lines(&plan),
        [
            "pri_email channel:1 executed: the vendor accepted it",
            "pri_email channel:2 pending: waits for the person",
        ]
    );
    let plan = plan.conclude(Ok(&answer(&[("channel:2", Change::Unchanged, "")], Standing::Known)));
    assert_eq!(applied(&plan), []);
    assert_eq!(
        report_lines(&plan)[1],
        "pri_email channel:2 executed: it is in effect",
        "our own write caused it, so an update was needed"
    );
}

#[test]
fn a_forgotten_person_is_refused_and_no_consent_undoes_the_erasure() {
    let report = answer(
        &[("channel:1", Change::Refused, "gone"), ("channel:2", Change::Applied, "")],
        Standing::Forgotten,
    );
    let plan = both(NoticeAnswer::OptIn).conclude(Ok(&report));
    assert_eq!(applied(&plan), []);
    for line in report_lines(&plan) {
        assert!(line.ends_with(
            "refused: the vendor has erased this person; an erasure is never undone by a consent"
        ));
    }
}

#[test]
fn a_person_without_a_usable_identifier_is_skipped_and_not_failed() {
    let plan = both(NoticeAnswer::OptOut).conclude(Err(&error(ErrorKind::MissingIdentity)));
    assert_eq!(applied(&plan), []);
    assert_eq!(
        report_lines(&plan),
        [
            "pri_email channel:1 missing-identity: what the connector said (Code)",
            "pri_email channel:2 missing-identity: what the connector said (Code)",
        ]
    );
}

#[test]
fn an_error_that_may_pass_leaves_all_open_and_another_ends_it() {
    for kind in [ErrorKind::Unauthorized, ErrorKind::RateLimited, ErrorKind::Unavailable, ErrorKind::Other] {
        assert_eq!(both(NoticeAnswer::OptOut).conclude(Err(&error(kind))), both(NoticeAnswer::OptOut));
    }
    for kind in [ErrorKind::InvalidSettings, ErrorKind::Rejected, ErrorKind::Unsupported] {
        let plan = both(NoticeAnswer::OptOut).conclude(Err(&error(kind)));
        assert_eq!(applied(&plan), []);
        assert_eq!(report_lines(&plan)[0], "pri_email channel:1 refused: what the connector said (Code)");
    }
}

#[test]
fn an_item_that_the_connector_passed_over_is_refused() {
    let report = answer(&[("channel:1", Change::Applied, "")], Standing::Known);
    let plan = both(NoticeAnswer::OptOut).conclude(Ok(&report));
    assert_eq!(report_lines(&plan)[1], "pri_email channel:2 refused: the connector did not report on it");
}

#[test]
fn a_channels_opt_out_shadows_its_message_type_and_both_are_applied_as_given() {
    let wanted =
        vec![about("pri_email", NoticeAnswer::OptOut, 5_000), about("pri_news", NoticeAnswer::OptIn, 6_000)];
    let plan = planned(wanted, vec![direct("message-type:2", OptOut, 5_000)], &RecordedChoices::new());
    let as_given = [
        ("channel:1".to_owned(), OptOut, 5_000),
        ("channel:2".to_owned(), OptOut, 5_000),
        ("message-type:1".to_owned(), OptIn, 6_000),
        ("message-type:2".to_owned(), OptOut, 5_000),
    ];
    assert_eq!(applied(&plan), as_given);
    let items: Vec<_> = as_given.iter().map(|(item, ..)| (item.as_str(), Change::Applied, "")).collect();
    let plan = plan.conclude(Ok(&answer(&items, Standing::Known)));
    assert_eq!(
        report_lines(&plan),
        [
            "pri_email channel:1 executed: the vendor accepted it",
            "pri_email channel:2 executed: the vendor accepted it",
            "pri_news message-type:1 executed: the vendor accepted it; Channel 1 is opted out, which shadows this opt-in",
            " message-type:2 executed: the vendor accepted it",
        ]
    );
}

#[test]
fn an_opt_out_that_stood_before_shadows_as_well() {
    let ledger = RecordedChoices::from([(id("channel:1"), stands(Origin::Vendor, OptOut, 1_000))]);
    let plan = planned(vec![about("pri_news", NoticeAnswer::OptIn, 6_000)], vec![], &ledger);
    let plan = plan.conclude(Ok(&answer(&[("message-type:1", Change::Unchanged, "")], Standing::Known)));
    assert_eq!(
        report_lines(&plan),
        ["pri_news message-type:1 no-update-needed: the vendor already had this choice; \
          Channel 1 is opted out, which shadows this opt-in"]
    );
}
