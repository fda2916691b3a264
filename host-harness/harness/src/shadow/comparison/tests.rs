use host_model::{
    contract::{
        ErrorKind, Subject,
        consent::{Choice, ItemId, Preference},
        http::Request,
        manifest::Effect,
    },
    failure::FailureKind,
};

use super::*;
use crate::shadow::run::PlannedOperation;

fn event() -> ConsentEvent {
    let item = ItemId { kind: "channel".to_owned(), id: "1".to_owned() };
    let made = Preference { item, choice: Choice::OptOut, chosen_at_ms: 1, source: "link".to_owned() };
    ConsentEvent {
        subject: Subject::email("ada@example.com"),
        preferences: vec![made],
        changed: Vec::new(),
        key: "1".to_owned(),
    }
}

fn authentic(events: &[ConsentEvent]) -> ShadowRun {
    ended(ShadowEnd::Judged(Verdict::Authentic(events.to_vec())))
}

fn ended(end: ShadowEnd) -> ShadowRun {
    ShadowRun { requests: Vec::new(), end }
}

fn request(name: &str, effect: Effect, body: &str) -> PlannedRequest {
    let operation = PlannedOperation {
        name: name.to_owned(),
        method: "POST".to_owned(),
        path: format!("/{name}/{{email}}"),
        effect,
    };
    let values = vec![("email".to_owned(), "ada@example.com".to_owned())];
    let body = Some(body.as_bytes().to_vec());
    let contents = Request { operation: name.to_owned(), values, body, ..Request::default() };
    PlannedRequest { operation: Some(operation), is_permitted: true, contents }
}

fn asking(requests: &[PlannedRequest]) -> ShadowRun {
    ShadowRun { requests: requests.to_vec(), end: ShadowEnd::Reading }
}

#[test]
fn each_difference_of_a_delivery_has_its_kind() {
    let unauthenticated = |why: &str| ended(ShadowEnd::Judged(Verdict::Unauthenticated(why.to_owned())));
    let unreadable = |why: &str| ended(ShadowEnd::Judged(Verdict::Unreadable(why.to_owned())));
    let read = authentic(&[event()]);
    let other_person = ConsentEvent { subject: Subject::email("bob@example.com"), ..event() };
    let mut other_choice = event();
    other_choice.preferences[0].choice = Choice::OptIn;
    let other_key = ConsentEvent { key: "2".to_owned(), ..event() };
    for (before, after, kind) in [
        (&read, &read, None),
        (&unreadable("a"), &unreadable("b"), None),
        (&unauthenticated("a"), &unauthenticated("b"), None),
        (&read, &unauthenticated(""), Some(DifferenceKind::NoLongerAuthentic)),
        (&unreadable(""), &unauthenticated(""), Some(DifferenceKind::NoLongerAuthentic)),
        (&read, &unreadable(""), Some(DifferenceKind::NoLongerReadable)),
        (&unauthenticated(""), &read, Some(DifferenceKind::NowAuthentic)),
        (&unreadable(""), &read, Some(DifferenceKind::NowReadable)),
        (&read, &authentic(&[]), Some(DifferenceKind::FewerEvents)),
        (&read, &authentic(&[event(), event()]), Some(DifferenceKind::MoreEvents)),
        (&read, &authentic(&[other_person]), Some(DifferenceKind::OtherPerson)),
        (&read, &authentic(&[other_choice]), Some(DifferenceKind::OtherChoices)),
        (&read, &authentic(&[other_key]), Some(DifferenceKind::OtherKey)),
        (&read, &ended(ShadowEnd::Failed(ErrorKind::Other)), Some(DifferenceKind::OtherEnd)),
        (&read, &ended(ShadowEnd::Stopped(FailureKind::Trapped)), Some(DifferenceKind::OtherEnd)),
    ] {
        let found = difference(before, after);
        assert_eq!(found.as_ref().map(|found| found.kind), kind, "{before:?} {after:?}");
        assert!(!format!("{found:?}").contains("example.com"), "{found:?}");
    }
}

#[test]
fn another_request_is_shown_as_declared_and_other_values_are_not_shown() {
    let look = request("look", Effect::Read, "{}");
    let forget = request("forget", Effect::Write, r#"{"a":1,"b":2}"#);
    let reordered = request("forget", Effect::Write, r#"{"b":2, "a":1}"#);
    let changed = request("forget", Effect::Write, r#"{"a":1,"b":3}"#);
    let refused = PlannedRequest { is_permitted: false, ..look.clone() };
    let undeclared = PlannedRequest { operation: None, is_permitted: false, ..look.clone() };
    let found = |before: &[PlannedRequest], after: &[PlannedRequest]| {
        difference(&asking(before), &asking(after)).map(|found| format!("{}: {}", found.kind, found.detail))
    };
    for (before, after, expected) in [
        (vec![look.clone()], vec![look.clone()], None),
        (vec![forget.clone()], vec![reordered], None),
        (
            vec![look.clone()],
            vec![forget.clone(), look.clone()],
            Some(
                "other-request: forget (POST /forget/{email}, write) instead of look (POST /look/{email}, read)",
            ),
        ),
        (
            vec![forget.clone(), look.clone()],
            vec![forget.clone()],
            Some("other-request: no request instead of look (POST /look/{email}, read)"),
        ),
        (vec![forget], vec![changed], Some("other-values: forget (POST /forget/{email}, write)")),
        (
            vec![look.clone()],
            vec![refused],
            Some(
                "other-request: look (POST /look/{email}, read), which the host refuses instead of look (POST \
                 /look/{email}, read)",
            ),
        ),
        (
            vec![look],
            vec![undeclared],
            Some(
                "other-request: an operation that is not declared instead of look (POST /look/{email}, read)",
            ),
        ),
    ] {
        assert_eq!(found(&before, &after).as_deref(), expected);
    }
}

#[test]
fn another_end_names_both() {
    let (was, is) = (ShadowEnd::Reported("erased".to_owned()), ShadowEnd::Stopped(FailureKind::Trapped));
    let found = difference(&ended(was), &ended(is)).unwrap();
    assert_eq!(
        (found.kind, found.detail.as_str()),
        (DifferenceKind::OtherEnd, "the sandbox ending it (trapped) instead of erased")
    );
}
