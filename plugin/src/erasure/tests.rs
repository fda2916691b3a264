use serde_json::json;
use sha2::{Digest, Sha256};

use super::*;
use crate::{
    http::{Request, Response, SendErrorKind},
    testing::{Script, hold_to_manifest, identifiers, settings},
};

const SUCCESS: &str = r#"{"msg":"","code":"Success","params":null}"#;
const FORGOTTEN: &str = r#"{"msg":"","code":"ForgottenUserError","params":null}"#;
const UNKNOWN: &str =
    r#"{"msg":"User does not exist. Email: a@example.com","code":"BadParams","params":null}"#;
const UNKNOWN_BY_CODE: &str = r#"{"msg":"","code":"UnknownEmailError","params":null}"#;
const SOMEBODY: &str = r#"{"user":{"email":"a@example.com","dataFields":{}}}"#;

fn listed(field: &str, values: &[&str]) -> String {
    let hashes: Vec<_> = values.iter().map(|value| hex::encode(Sha256::digest(value))).collect();
    json!({ field: hashes }).to_string()
}

fn erase_email(script: &mut Script) -> Result<Receipt, Error> {
    erase(&settings(&[]), script, &identifiers(&[("email", "a@example.com")]))
}

fn pending(subject: &[(&str, &str)], reference: Option<&str>) -> PendingErasure {
    PendingErasure { subject: identifiers(subject), reference: reference.map(str::to_owned) }
}

fn confirm_email(script: &mut Script, reference: Option<&str>) -> Receipt {
    let erasures = [pending(&[("email", "A@example.com ")], reference)];
    confirm(&settings(&[]), script, &erasures).unwrap().remove(0)
}

#[test]
fn erasing_sends_one_forget_and_is_accepted() {
    let mut script = Script::of("erasure").answers("forget", 200, SUCCESS);
    let receipt = erase_email(&mut script).unwrap();
    assert_eq!(script.bodies(), [json!({"email": "a@example.com"})]);
    assert_eq!(
        receipt,
        Receipt {
            status: Status::Accepted,
            evidence: "email: Iterable accepted the request and needs up to ten minutes".to_owned(),
            reference: Some("taken".to_owned()),
            confirm_after_ms: Some(660_000),
        }
    );
}

#[test]
fn erasing_twice_succeeds_whatever_iterable_says_the_second_time() {
    for (status, body, reference, wait) in [
        (200, SUCCESS, "taken", 660_000),
        (200, FORGOTTEN, "already-forgotten", 60_000),
        (400, FORGOTTEN, "already-forgotten", 60_000),
        (409, FORGOTTEN, "already-forgotten", 60_000),
        (400, UNKNOWN, "unknown-person", 60_000),
        (400, UNKNOWN_BY_CODE, "unknown-person", 60_000),
    ] {
        let mut script = Script::of("erasure").answers("forget", status, body);
        let receipt = erase_email(&mut script).unwrap();
        assert_eq!(receipt.status, Status::Accepted, "{status} {body}: nothing is proven yet");
        assert_eq!(receipt.reference.as_deref(), Some(reference));
        assert_eq!(receipt.confirm_after_ms, Some(wait));
    }
}

#[test]
fn a_hybrid_project_forgets_under_both_identifiers() {
    let subject = identifiers(&[("email", "a@example.com"), ("user-id", "U1")]);
    let mut script = Script::of("erasure").answers("forget", 200, SUCCESS).answers("forget", 400, UNKNOWN);
    let receipt = erase(&settings(&[("project-type", "hybrid")]), &mut script, &subject).unwrap();
    assert_eq!(script.bodies(), [json!({"userId": "U1"}), json!({"email": "a@example.com"})]);
    assert_eq!(receipt.reference.as_deref(), Some("taken,unknown-person"));
    assert_eq!(receipt.confirm_after_ms, Some(660_000));
}

#[test]
fn an_identifier_refused_does_not_keep_the_other_from_being_forgotten() {
    let invalid = r#"{"msg":"Invalid userId: U1","code":"InvalidUserIdError","params":null}"#;
    let subject = identifiers(&[("email", "a@example.com"), ("user-id", "U1")]);
    let mut script = Script::of("erasure").answers("forget", 400, invalid).answers("forget", 200, SUCCESS);
    let error = erase(&settings(&[("project-type", "hybrid")]), &mut script, &subject).unwrap_err();
    script.done();
    assert_eq!(
        (error.kind, error.code.as_str(), error.may_have_acted),
        (ErrorKind::Rejected, "InvalidUserIdError", true)
    );
    assert_eq!(
        error.message,
        "Iterable refused `forget` (status 400, code InvalidUserIdError): it considers the user-id malformed"
    );
}

#[test]
fn the_wrong_kind_of_identifier_points_at_the_project_type() {
    let refusal = r#"{"msg":"email is not allowed for a@example.com","code":"BadParams"}"#;
    let error = erase_email(&mut Script::of("erasure").answers("forget", 400, refusal)).unwrap_err();
    assert_eq!((error.kind, error.may_have_acted), (ErrorKind::Rejected, false));
    assert_eq!(
        error.message,
        "Iterable refused `forget` (status 400, code BadParams): does this project identify people by email? \
         Setting `project-type` is `email`"
    );
}

#[test]
fn a_person_without_a_usable_identifier_sends_nothing() {
    let mut script = Script::of("erasure");
    let error = erase(&settings(&[]), &mut script, &identifiers(&[("user-id", "u")])).unwrap_err();
    assert_eq!((error.kind, script.sent.len()), (ErrorKind::MissingIdentity, 0));
}

#[test]
fn an_unanswered_forget_may_have_acted() {
    let mut script = Script::of("erasure").fails("forget", SendErrorKind::TimedOut, true);
    let error = erase_email(&mut script).unwrap_err();
    assert_eq!((error.kind, error.may_have_acted), (ErrorKind::Unavailable, true));
    for status in [502, 200] {
        let error = erase_email(&mut Script::of("erasure").answers("forget", status, "<html>")).unwrap_err();
        assert!(error.may_have_acted, "{status}");
    }
}

#[test]
fn a_full_day_says_when_to_come_back() {
    let body = r#"{"msg":"Exceeded rate limit.","code":"RateLimitExceeded","params":{"rateLimitReset":30}}"#;
    let error = erase_email(&mut Script::of("erasure").answers("forget", 429, body)).unwrap_err();
    assert_eq!(
        (error.kind, error.retry_after_ms, error.may_have_acted),
        (ErrorKind::RateLimited, Some(30_000), false)
    );
}

#[test]
fn gone_and_listed_is_erased() {
    let mut script = Script::of("erasure").answers("read-user-by-email", 200, "{}").answers(
        "list-forgotten-emails",
        200,
        &listed("hashedEmails", &["z@example.com", "a@example.com"]),
    );
    let receipt = confirm_email(&mut script, Some("taken"));
    assert_eq!(receipt.status, Status::Erased);
    assert_eq!(
        receipt.evidence,
        "email: the profile is gone, and the list of forgotten users contains the person"
    );
    assert_eq!((receipt.reference, receipt.confirm_after_ms), (None, None));
}

#[test]
fn no_person_is_reported_erased_without_the_whole_proof() {
    let unlisted = listed("hashedEmails", &["b@example.com"]);
    for reference in [None, Some("taken"), Some("already-forgotten"), Some("?")] {
        let mut script = Script::of("erasure").answers("read-user-by-email", 200, SOMEBODY);
        assert_eq!(
            confirm_email(&mut script, reference).status,
            Status::Accepted,
            "profile there, {reference:?}"
        );
        let mut script = Script::of("erasure").answers("read-user-by-email", 200, "{}").answers(
            "list-forgotten-emails",
            200,
            &unlisted,
        );
        let receipt = confirm_email(&mut script, reference);
        assert_eq!(
            (receipt.status, receipt.confirm_after_ms),
            (Status::Accepted, Some(600_000)),
            "{reference:?}"
        );
    }
}

#[test]
fn a_list_that_outgrew_its_limit_shows_only_the_first_half() {
    let mut script = Script::of("erasure").answers("read-user-by-email", 200, "{}").fails(
        "list-forgotten-emails",
        SendErrorKind::TooLarge,
        true,
    );
    let receipt = confirm_email(&mut script, Some("taken"));
    assert_eq!((receipt.status, receipt.confirm_after_ms), (Status::Accepted, None));
    assert_eq!(
        receipt.evidence,
        "email: the profile is gone; the list of forgotten users exceeded its size limit, so only this first half is proven"
    );
}

#[test]
fn an_unknown_person_is_not_found_only_at_the_second_look() {
    let mut script = Script::of("erasure").answers("read-user-by-email", 200, "{}").answers(
        "list-forgotten-emails",
        200,
        &listed("hashedEmails", &[]),
    );
    let receipt = confirm_email(&mut script, Some("unknown-person"));
    assert_eq!((receipt.status, receipt.reference), (Status::NotFound, None));
}

#[test]
fn an_unknown_person_who_turns_up_later_is_forgotten_then() {
    let mut script =
        Script::of("erasure").answers("read-user-by-email", 200, SOMEBODY).answers("forget", 200, SUCCESS);
    let receipt = confirm_email(&mut script, Some("unknown-person"));
    script.done();
    assert_eq!((receipt.status, receipt.reference.as_deref()), (Status::Accepted, Some("taken")));
}

#[test]
fn a_full_limit_for_one_who_turned_up_later_keeps_no_others_receipt_back() {
    let erasures = [
        pending(&[("email", "a@example.com")], Some("unknown-person")),
        pending(&[("email", "b@example.com")], Some("taken")),
    ];
    let limited = r#"{"msg":"Exceeded rate limit.","code":"RateLimitExceeded"}"#;
    let mut script = Script::of("erasure")
        .answers("read-user-by-email", 200, SOMEBODY)
        .answers("forget", 429, limited)
        .answers("read-user-by-email", 200, "{}")
        .answers("list-forgotten-emails", 200, &listed("hashedEmails", &["b@example.com"]));
    let receipts = confirm(&settings(&[]), &mut script, &erasures).unwrap();
    script.done();
    assert_eq!((receipts[0].status, receipts[1].status), (Status::Accepted, Status::Erased));
    assert_eq!(receipts[0].reference.as_deref(), Some("unknown-person"));
    assert!(receipts[0].confirm_after_ms.is_some(), "it is asked about again");
}

#[test]
fn confirming_begins_no_erasure_of_a_person_still_there() {
    for reference in [None, Some("taken"), Some("already-forgotten")] {
        let mut script = Script::of("erasure").answers("read-user-by-email", 200, SOMEBODY);
        confirm_email(&mut script, reference);
        assert_eq!(script.sent.len(), 1);
    }
}

#[test]
fn each_list_is_read_once_for_all_erasures() {
    let erasures = [
        pending(&[("email", "a@example.com"), ("user-id", "U1")], Some("taken,taken")),
        pending(&[("user-id", "U2")], Some("unknown-person")),
        pending(&[("phone-number", "1")], None),
        pending(&[("email", "b@example.com")], Some("taken")),
    ];
    let mut script = Script::of("erasure")
        .answers("read-user-by-user-id", 200, "{}")
        .answers("read-user-by-email", 200, "{}")
        .answers("read-user-by-user-id", 400, "No user with that id exists!")
        .answers("read-user-by-email", 200, "{}")
        .answers("list-forgotten-emails", 200, &listed("hashedEmails", &["a@example.com"]))
        .answers("list-forgotten-user-ids", 200, &listed("hashedUserIds", &["u1"]));
    let receipts = confirm(&settings(&[("project-type", "hybrid")]), &mut script, &erasures).unwrap();
    script.done();
    let statuses: Vec<_> = receipts.iter().map(|receipt| receipt.status).collect();
    assert_eq!(statuses, [Status::Erased, Status::NotFound, Status::Accepted, Status::Accepted]);
    assert_eq!(
        receipts[2].evidence,
        "the person has no user-id or email, by which this project identifies people"
    );
}

#[test]
fn the_status_is_the_least_complete_of_all_identifiers() {
    let erasures = [pending(&[("email", "a@example.com"), ("user-id", "U1")], Some("taken,taken"))];
    let mut script = Script::of("erasure")
        .answers("read-user-by-user-id", 200, "{}")
        .answers("read-user-by-email", 200, SOMEBODY)
        .answers("list-forgotten-user-ids", 200, &listed("hashedUserIds", &["u1"]));
    let receipts = confirm(&settings(&[("project-type", "hybrid")]), &mut script, &erasures).unwrap();
    assert_eq!(receipts[0].status, Status::Accepted);
    assert_eq!(receipts[0].reference.as_deref(), Some("taken,taken"));
}

#[test]
fn one_malformed_person_does_not_keep_the_others_back() {
    let erasures = [pending(&[("email", "foo@")], None), pending(&[("email", "a@example.com")], None)];
    let mut script = Script::of("erasure")
        .answers(
            "read-user-by-email",
            400,
            r#"{"msg":"Invalid email: foo@","code":"InvalidEmailAddressError"}"#,
        )
        .answers("read-user-by-email", 200, "{}")
        .answers("list-forgotten-emails", 200, &listed("hashedEmails", &["a@example.com"]));
    let receipts = confirm(&settings(&[]), &mut script, &erasures).unwrap();
    assert_eq!((receipts[0].status, receipts[1].status), (Status::Accepted, Status::Erased));
}

#[test]
fn subscriptions_that_cannot_be_read_do_not_keep_a_receipt_back() {
    let odd = r#"{"user":{"email":"a@example.com","dataFields":{"unsubscribedChannelIds":["x"],"emailListIds":{}}}}"#;
    let mut script = Script::of("erasure").answers("read-user-by-email", 200, odd);
    assert_eq!(confirm_email(&mut script, Some("taken")).status, Status::Accepted);
}

#[test]
fn a_shared_user_id_is_not_acted_on_in_an_email_project_nor_a_shared_address_in_a_user_id_project() {
    let both = [("user-id", "shared"), ("email", "a@example.com")];
    for (project, read, list, body) in [
        ("email", "read-user-by-email", "list-forgotten-emails", json!({"email": "a@example.com"})),
        ("user-id", "read-user-by-user-id", "list-forgotten-user-ids", json!({"userId": "shared"})),
    ] {
        let settings = settings(&[("project-type", project)]);
        let mut script = Script::of("erasure").answers("forget", 200, SUCCESS);
        erase(&settings, &mut script, &identifiers(&both)).unwrap();
        assert_eq!(script.bodies(), [body], "{project}");
        let hashes = listed(if project == "email" { "hashedEmails" } else { "hashedUserIds" }, &["x"]);
        let mut script = Script::of("erasure").answers(read, 200, "{}").answers(list, 200, &hashes);
        confirm(&settings, &mut script, &[pending(&both, Some("taken"))]).unwrap();
        script.done();
    }
}

#[test]
fn four_hundred_thousand_hashes_prove_many_erasures() {
    let others = r#""5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03","#.repeat(399_998);
    let known = |person| hex::encode(Sha256::digest(person));
    let (first, last) = (known("first@example.com"), known("last@example.com"));
    let body = format!(r#"{{"hashedEmails":["{first}",{others}"{last}"]}}"#);
    let erasures = ["first", "last", "nobody"]
        .map(|name| pending(&[("email", &format!("{name}@example.com"))], Some("taken")));
    let mut reads = 0;
    let mut vendor = |request: Request| {
        hold_to_manifest(&request, "erasure");
        let is_list = request.operation.name == "list-forgotten-emails";
        reads += usize::from(is_list);
        let body = if is_list { body.clone() } else { "{}".to_owned() };
        Ok(Response { status: 200, retry_after_ms: None, body: body.into_bytes() })
    };
    let receipts = confirm(&settings(&[]), &mut vendor, &erasures).unwrap();
    let statuses: Vec<_> = receipts.iter().map(|receipt| receipt.status).collect();
    assert_eq!(statuses, [Status::Erased, Status::Erased, Status::Accepted]);
    assert_eq!(reads, 1);
}

#[test]
fn a_list_that_cannot_be_read_is_an_error_and_no_receipt() {
    for (status, body, kind) in [
        (200, "<html>", ErrorKind::Other),
        (200, r#"{"code":"BadParams"}"#, ErrorKind::Rejected),
        (400, r#"{"code":"BadParams"}"#, ErrorKind::Rejected),
        (401, r#"{"code":"BadApiKey"}"#, ErrorKind::Unauthorized),
        (503, "", ErrorKind::Unavailable),
    ] {
        let mut script = Script::of("erasure").answers("read-user-by-email", 200, "{}").answers(
            "list-forgotten-emails",
            status,
            body,
        );
        let error = confirm(&settings(&[]), &mut script, &[pending(&[("email", "a@example.com")], None)])
            .unwrap_err();
        assert_eq!((error.kind, error.may_have_acted), (kind, false), "{status} {body}");
    }
}

#[test]
fn receipts_and_errors_hold_no_personal_data() {
    let bodies =
        [SUCCESS, FORGOTTEN, UNKNOWN, UNKNOWN_BY_CODE, "a@example.com", r#"{"code":"a@example.com"}"#];
    for status in [200, 400, 401, 404, 409, 429, 500] {
        for body in bodies {
            let said =
                format!("{:?}", erase_email(&mut Script::of("erasure").answers("forget", status, body)));
            assert!(!said.contains("example"), "{said}");
        }
    }
}
