use Choice::{OptIn, OptOut};
use serde_json::json;

use super::*;
use crate::{
    consent::{Cause, Enforcement, NoticeAnswer},
    contract::consent::{Change, ItemReport, Report, Standing},
};

mod answers;

fn id(text: &str) -> ItemId {
    text.parse().unwrap()
}

/// A channel with two message types and a channel of its own, for three notices and a fourth without items.
fn mapping() -> Vec<StoredItem> {
    let item = |item: &str, parent: Option<&str>, notice: Option<&str>| StoredItem {
        id: id(item),
        name: item.into(),
        parent: parent.map(id),
        notice: notice.map(str::to_owned),
    };
    vec![
        item("channel:1", None, Some("pri_email")),
        item("message-type:1", Some("channel:1"), Some("pri_news")),
        item("message-type:2", Some("channel:1"), None),
        item("channel:2", None, Some("pri_email")),
    ]
}

fn notices() -> Vec<Notice> {
    let notice = |id: &str, key: &str, enforcement| Notice {
        id: id.into(),
        key: Some(key.into()),
        name: id.into(),
        data_uses: ["marketing".to_owned()].into(),
        enforcement,
    };
    vec![
        notice("pri_email", "email", Enforcement::SystemWide),
        notice("pri_news", "news", Enforcement::SystemWide),
        notice("pri_bare", "bare", Enforcement::SystemWide),
        notice("pri_page", "page", Enforcement::Frontend),
    ]
}

fn about(notice: &str, preference: NoticeAnswer, chosen_at_ms: u64) -> NoticePreference {
    NoticePreference { notice: notice.into(), preference, chosen_at_ms, source: "test".into(), cause: None }
}

fn direct(item: &str, choice: Choice, chosen_at_ms: u64) -> Preference {
    Preference { item: id(item), choice, chosen_at_ms, source: "test".into() }
}

fn planned(notices_wanted: Vec<NoticePreference>, items: Vec<Preference>, ledger: &RecordedChoices) -> Plan {
    let (notices, mapping) = (notices(), mapping());
    let terms = Terms { connection: "acme", system: None, notices: &notices, mapping: &mapping };
    Plan::of(&PlatformRequest { notices: notices_wanted, items }, terms, ledger)
}

/// The choices to apply: item, choice and time.
fn applied(plan: &Plan) -> Vec<(String, Choice, u64)> {
    plan.preferences().iter().map(|p| (p.item.to_string(), p.choice, p.chosen_at_ms)).collect()
}

/// One line per entry.
fn report_lines(plan: &Plan) -> Vec<String> {
    let line = |entry: &RequestEntry| {
        let status = serde_json::to_value(entry.status).unwrap();
        let item = entry.item.as_ref().map(ToString::to_string).unwrap_or_default();
        let notice = entry.notice_id.as_deref().unwrap_or_default();
        format!("{notice} {item} {}: {}", status.as_str().unwrap(), entry.why)
    };
    plan.report().iter().map(line).collect()
}

fn stands(origin: Origin, choice: Choice, chosen_at_ms: u64) -> RecordedChoice {
    RecordedChoice { choice, chosen_at_ms, vendor_at_ms: None, origin, source: "before".into() }
}

#[test]
fn a_notices_choice_goes_to_every_item_that_stands_for_it_with_its_time() {
    let plan =
        planned(vec![about("pri_email", NoticeAnswer::OptOut, 5_000)], vec![], &RecordedChoices::new());
    assert_eq!(
        applied(&plan),
        [("channel:1".to_owned(), OptOut, 5_000), ("channel:2".to_owned(), OptOut, 5_000)]
    );
    assert_eq!(
        report_lines(&plan),
        [
            "pri_email channel:1 pending: still to be applied",
            "pri_email channel:2 pending: still to be applied"
        ]
    );
    let by_key = planned(vec![about("email", NoticeAnswer::OptOut, 5_000)], vec![], &RecordedChoices::new());
    assert_eq!(by_key, plan);
}

#[test]
fn the_report_follows_the_request_and_says_why_nothing_is_applied() {
    let wanted = vec![
        about("pri_none", NoticeAnswer::OptOut, 1),
        about("pri_page", NoticeAnswer::OptOut, 1),
        about("pri_bare", NoticeAnswer::OptOut, 1),
        about("pri_email", NoticeAnswer::Acknowledge, 1),
        about("pri_news", NoticeAnswer::OptIn, 1),
    ];
    let plan = planned(wanted, vec![direct("email-list:7", OptIn, 1)], &RecordedChoices::new());
    assert_eq!(
        report_lines(&plan),
        [
            "pri_none  refused: there is no notice `pri_none`: register it, then send the preference again",
            "pri_page  not-applicable: notice `pri_page` is not enforced system-wide, so its choices are sent to no vendor",
            "pri_bare  not-applicable: no vendor item is mapped to it",
            "pri_email  not-applicable: `acknowledge` is neither an opt-in nor an opt-out",
            "pri_news message-type:1 pending: still to be applied",
            " email-list:7 pending: still to be applied",
        ]
    );
    assert_eq!(applied(&plan).len(), 2);
}

#[test]
fn a_derived_preference_is_not_sent_to_where_it_came_from() {
    let caused = |connection: &str| {
        let cause = Some(Cause::of_event(connection, "event-1"));
        planned(
            vec![NoticePreference { cause, ..about("pri_email", NoticeAnswer::OptOut, 1) }],
            vec![],
            &RecordedChoices::new(),
        )
    };
    assert_eq!(applied(&caused("acme")), []);
    assert_eq!(
        report_lines(&caused("acme")),
        ["pri_email  no-update-needed: it originated from this connection"]
    );
    assert_eq!(applied(&caused("other")).len(), 2);
}

#[test]
fn a_superseded_choice_is_not_applied() {
    let ledger = RecordedChoices::from([
        (id("channel:1"), stands(Origin::Vendor, OptIn, 9_000)),
        (id("channel:2"), stands(Origin::Platform, OptOut, 9_000)),
    ]);
    let plan = planned(vec![about("pri_email", NoticeAnswer::OptOut, 5_000)], vec![], &ledger);
    assert_eq!(applied(&plan), []);
    assert_eq!(
        report_lines(&plan),
        [
            "pri_email channel:1 not-applicable: a newer opt-in made at the vendor takes precedence",
            "pri_email channel:2 no-update-needed: a newer opt-out made at the platform has the same effect",
        ]
    );
    let plan = planned(vec![about("pri_email", NoticeAnswer::OptIn, 9_999)], vec![], &ledger);
    assert_eq!(
        applied(&plan),
        [("channel:1".to_owned(), OptIn, 9_999)],
        "the recorded choice may be applied again"
    );
    assert_eq!(
        report_lines(&plan)[1],
        "pri_email channel:2 not-applicable: an opt-out made at the platform in the same second takes precedence"
    );
}

#[test]
fn a_retry_never_sends_a_choice_that_was_overtaken_meanwhile() {
    let plan = planned(vec![about("pri_email", NoticeAnswer::OptIn, 5_000)], vec![], &RecordedChoices::new());
    let kept = serde_json::to_string(&plan).unwrap();
    let plan: Plan = serde_json::from_str(&kept).unwrap();
    let ledger = RecordedChoices::from([
        (id("channel:1"), stands(Origin::Vendor, OptOut, 6_000)),
        (id("channel:2"), stands(Origin::Platform, OptIn, 5_000)),
    ]);
    let plan = plan.against(&ledger);
    assert_eq!(applied(&plan), [("channel:2".to_owned(), OptIn, 5_000)]);
}

#[test]
fn of_two_choices_for_one_item_in_a_request_the_newest_is_applied_once() {
    let wanted =
        vec![about("pri_news", NoticeAnswer::OptIn, 9_000), about("news", NoticeAnswer::OptOut, 5_000)];
    let items = vec![direct("message-type:1", OptIn, 9_500), direct("message-type:1", OptOut, 8_000)];
    let plan = planned(wanted, items, &RecordedChoices::new());
    assert_eq!(applied(&plan), [("message-type:1".to_owned(), OptIn, 9_000)]);
    assert_eq!(
        report_lines(&plan),
        [
            "pri_news message-type:1 pending: still to be applied",
            "pri_news message-type:1 not-applicable: a newer opt-in made at the platform takes precedence",
            " message-type:1 pending: still to be applied",
            " message-type:1 not-applicable: a newer opt-in made at the platform takes precedence",
        ]
    );
}

#[test]
fn a_mapping_that_goes_round_in_circles_ends() {
    let item = |item: &str, parent: &str| StoredItem {
        id: id(item),
        name: String::new(),
        parent: Some(id(parent)),
        notice: None,
    };
    let mapping = [item("channel:1", "channel:2"), item("channel:2", "channel:1")];
    let terms = Terms { connection: "acme", system: None, notices: &[], mapping: &mapping };
    let requested: PlatformRequest = serde_json::from_value(json!({"items": [
        {"item": {"kind": "channel", "id": "1"}, "choice": "opt-in", "chosen-at-ms": 1, "source": "test"},
    ]}))
    .unwrap();
    assert_eq!(applied(&Plan::of(&requested, terms, &RecordedChoices::new())).len(), 1);
}
