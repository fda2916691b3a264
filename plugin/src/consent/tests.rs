use serde_json::{Value, json};

mod reading;
mod repeated;

use super::*;
use crate::{
    error::ErrorKind,
    http::{Request, Response, SendErrorKind},
    testing::{Script, hold_to_manifest, identifiers, settings},
};

const CHANNELS: &str = r#"{"channels":[
    {"id":1,"name":"Marketing Channel","channelType":"Marketing","messageMedium":"Email"},
    {"id":2,"name":"Push Marketing Channel","channelType":"Marketing","messageMedium":"Push"}]}"#;
const MESSAGE_TYPES: &str = r#"{"messageTypes":[
    {"id":12,"name":"Push news","channelId":2,"subscriptionPolicy":"OptOut","createdAt":1504224062138},
    {"id":11,"name":"Beta","channelId":1,"subscriptionPolicy":"OptIn","createdAt":1504224062138},
    {"id":10,"name":"News","channelId":1},
    {"id":13,"name":"Lost","channelId":9}]}"#;
const LISTS: &str = r#"{"lists":[{"id":100,"name":"VIP","createdAt":1,"listType":"Standard"},
    {"id":101,"name":"all users","createdAt":1,"listType":"Dynamic"}]}"#;
const SUCCESS: &str = r#"{"msg":"","code":"Success","params":null}"#;
const FORGOTTEN: &str = r#"{"msg":"","code":"ForgottenUserError","params":null}"#;
const OFF: &str = r#"{"code":"NotFound","msg":"Endpoint not found for project: 9"}"#;
const NEVER_CHOSE: &str = r#"{"user":{"email":"a@example.com","dataFields":{"name":"A"}}}"#;

fn preference(kind: &str, id: &str, choice: Choice) -> Preference {
    let item = ItemId { kind: kind.to_owned(), id: id.to_owned() };
    Preference { item, choice, chosen_at_ms: 1_600_000_000_000, source: "test".to_owned() }
}

fn out(kind: &str, id: &str) -> Preference {
    preference(kind, id, Choice::OptOut)
}

fn r#in(kind: &str, id: &str) -> Preference {
    preference(kind, id, Choice::OptIn)
}

fn user(profile: &Value) -> String {
    json!({"user": {"email": "a@example.com", "dataFields": profile}}).to_string()
}

fn apply_with(api: &str, script: &mut Script, preferences: &[Preference]) -> Result<Report, Error> {
    let subject = identifiers(&[("email", "a@example.com")]);
    apply(&settings(&[("subscriptions-api", api)]), script, &subject, preferences)
}

/// A script that starts with the catalogue and this profile.
fn met(profile: &str) -> Script {
    Script::of("consent")
        .answers("list-channels", 200, CHANNELS)
        .answers("list-message-types", 200, MESSAGE_TYPES)
        .answers("read-user-by-email", 200, profile)
}

fn changes(report: &Report) -> Vec<Change> {
    report.items.iter().map(|item| item.change).collect()
}

#[test]
fn opting_out_of_a_channel_keeps_every_other_choice() {
    let profile =
        json!({"unsubscribedChannelIds": [7, 2], "unsubscribedMessageTypeIds": [10], "emailListIds": [100]});
    let mut script = Script::of("consent")
        .answers("list-channels", 200, CHANNELS)
        .answers("read-user-by-email", 200, &user(&profile))
        .answers("replace-subscriptions", 200, SUCCESS);
    let report = apply_with("off", &mut script, &[out("channel", "1")]).unwrap();
    assert_eq!(
        script.bodies(),
        [
            json!({"email": "a@example.com", "unsubscribedChannelIds": [7, 2, 1], "validateChannelAlignment": false})
        ]
    );
    assert_eq!((changes(&report), report.standing), (vec![Change::Applied], Standing::Known));
    assert_eq!(report.settles_after_ms, Some(60_000));
}

#[test]
fn each_policy_writes_its_own_list_and_only_lists_that_change() {
    let mut script = Script::of("consent")
        .answers("list-message-types", 200, MESSAGE_TYPES)
        .answers("list-email-lists", 200, LISTS)
        .answers("read-user-by-email", 200, NEVER_CHOSE)
        .answers("replace-subscriptions", 200, SUCCESS);
    let preferences = [r#in("message-type", "11"), out("message-type", "10"), r#in("email-list", "100")];
    apply_with("off", &mut script, &preferences).unwrap();
    let wanted = json!({"email": "a@example.com", "unsubscribedMessageTypeIds": [10], "subscribedMessageTypeIds": [11],
        "emailListIds": [100], "validateChannelAlignment": false});
    assert_eq!(script.bodies(), [wanted]);
}

#[test]
fn what_is_already_so_is_unchanged_and_costs_no_write() {
    let profile = json!({"unsubscribedChannelIds": [1], "subscribedMessageTypeIds": [11]});
    let mut script = met(&user(&profile));
    let preferences =
        [out("channel", "1"), r#in("channel", "2"), r#in("message-type", "11"), r#in("message-type", "10")];
    for api in ["auto", "off", "on"] {
        let report = apply_with(api, &mut script, &preferences).unwrap();
        assert_eq!((changes(&report), report.settles_after_ms), (vec![Change::Unchanged; 4], None));
        script = met(&user(&profile));
    }
}

#[test]
fn opposite_choices_for_a_channel_and_its_message_type_are_both_applied() {
    let profile = json!({"unsubscribedMessageTypeIds": [10]});
    let mut script = met(&user(&profile)).answers("replace-subscriptions", 200, SUCCESS);
    let report = apply_with("off", &mut script, &[r#in("message-type", "10"), out("channel", "1")]).unwrap();
    let wanted = json!({"email": "a@example.com", "unsubscribedChannelIds": [1], "unsubscribedMessageTypeIds": [],
        "validateChannelAlignment": false});
    assert_eq!(script.bodies(), [wanted]);
    assert_eq!(changes(&report), [Change::Applied, Change::Applied]);
    assert_eq!(
        report.items[0].detail,
        "the person is opted out of channel 1, which overrides this: no messages of this type are sent"
    );
    assert_eq!(report.items[1].detail, "");
}

#[test]
fn an_unknown_person_is_created_first() {
    let mut script = Script::of("consent")
        .answers("list-channels", 200, CHANNELS)
        .answers("read-user-by-email", 200, "{}")
        .answers("create-user", 200, SUCCESS)
        .answers("replace-subscriptions", 200, SUCCESS);
    let report = apply_with("off", &mut script, &[out("channel", "1")]).unwrap();
    assert_eq!((changes(&report), report.standing), (vec![Change::Applied], Standing::Created));
    assert_eq!(script.bodies()[0], json!({"email": "a@example.com"}));
}

#[test]
fn a_new_person_whom_iterable_does_not_know_everywhere_yet_is_pending() {
    let unknown = r#"{"msg":"User does not exist. Email:  UserId: u","code":"BadParams"}"#;
    for (api, write) in [("off", "replace-subscriptions"), ("on", "leave-channel-by-user-id")] {
        let mut script = Script::of("consent")
            .answers("list-channels", 200, CHANNELS)
            .answers("read-user-by-user-id", 400, "No user with that id exists!")
            .answers("create-user", 200, SUCCESS)
            .answers(write, 400, unknown);
        let settings = settings(&[("project-type", "user-id"), ("subscriptions-api", api)]);
        let subject = identifiers(&[("user-id", "u")]);
        let report = apply(&settings, &mut script, &subject, &[out("channel", "1")]).unwrap();
        assert_eq!((changes(&report), report.settles_after_ms), (vec![Change::Pending], Some(60_000)));
        assert_eq!(report.standing, Standing::Created);
    }
}

#[test]
fn a_forgotten_person_is_refused_and_the_list_of_the_forgotten_is_not_read() {
    for status in [400, 409] {
        let created = Script::of("consent")
            .answers("list-channels", 200, CHANNELS)
            .answers("read-user-by-email", 200, "{}")
            .answers("create-user", status, FORGOTTEN);
        let replaced = Script::of("consent")
            .answers("list-channels", 200, CHANNELS)
            .answers("read-user-by-email", 200, NEVER_CHOSE)
            .answers("leave-channel-by-email", 404, OFF)
            .answers("replace-subscriptions", status, FORGOTTEN);
        let added = Script::of("consent")
            .answers("list-channels", 200, CHANNELS)
            .answers("read-user-by-email", 200, NEVER_CHOSE)
            .answers("leave-channel-by-email", status, FORGOTTEN);
        for mut script in [created, replaced, added] {
            let report =
                apply_with("auto", &mut script, &[out("channel", "1"), out("channel", "2")]).unwrap();
            script.done();
            assert_eq!((changes(&report), report.standing), (vec![Change::Refused; 2], Standing::Forgotten));
            assert_eq!(report.settles_after_ms, None);
        }
    }
}

#[test]
fn the_subscriptions_api_changes_one_at_a_time() {
    let mut script = met(NEVER_CHOSE).answers("leave-channel-by-email", 200, SUCCESS).answers(
        "join-message-type-by-email",
        202,
        "",
    );
    let report = apply_with("auto", &mut script, &[out("channel", "2"), r#in("message-type", "11")]).unwrap();
    assert_eq!(changes(&report), [Change::Applied, Change::Pending]);
    assert_eq!(report.settles_after_ms, Some(60_000));
    let values: Vec<_> = script.sent.iter().skip(3).map(|request| request.values.clone()).collect();
    let email = ("email", "a@example.com".to_owned());
    assert_eq!(values, [[("id", "2".to_owned()), email.clone()], [("id", "11".to_owned()), email]]);
}

#[test]
fn auto_falls_back_on_the_documented_404_and_on_no_other() {
    let script = |body| {
        Script::of("consent")
            .answers("list-channels", 200, CHANNELS)
            .answers("read-user-by-email", 200, NEVER_CHOSE)
            .answers("leave-channel-by-email", 404, body)
    };
    let mut off = script(OFF).answers("replace-subscriptions", 200, SUCCESS);
    let report = apply_with("auto", &mut off, &[out("channel", "1")]).unwrap();
    off.done();
    assert_eq!(changes(&report), [Change::Applied]);
    for body in ["<html>Action not found</html>", ""] {
        let error = apply_with("auto", &mut script(body), &[out("channel", "1")]).unwrap_err();
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::Other, "status-404"));
    }
    let error = apply_with("on", &mut script(OFF), &[out("channel", "1")]).unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::InvalidSettings, "subscriptions-api"));
}

#[test]
fn one_choice_refused_takes_no_other_down_with_it() {
    let refusal = r#"{"msg":"opt-in is not enabled","code":"BadParams"}"#;
    let mut script = met(NEVER_CHOSE)
        .answers("replace-subscriptions", 400, refusal)
        .answers("replace-subscriptions", 200, SUCCESS)
        .answers("replace-subscriptions", 400, refusal);
    let report = apply_with("off", &mut script, &[r#in("message-type", "11"), out("channel", "1")]).unwrap();
    script.done();
    assert_eq!(changes(&report), [Change::Refused, Change::Applied]);
    assert_eq!(report.items[0].detail, "Iterable refused it (status 400, code BadParams)");
    let mut script = met(NEVER_CHOSE).answers("join-message-type-by-email", 400, refusal).answers(
        "leave-channel-by-email",
        200,
        SUCCESS,
    );
    let report = apply_with("on", &mut script, &[r#in("message-type", "11"), out("channel", "1")]).unwrap();
    assert_eq!(changes(&report), [Change::Refused, Change::Applied]);
}

#[test]
fn a_list_refused_alone_is_not_sent_again() {
    let refusal = r#"{"msg":"no such channel","code":"Success"}"#;
    let mut script = Script::of("consent")
        .answers("list-channels", 200, CHANNELS)
        .answers("read-user-by-email", 200, NEVER_CHOSE)
        .answers("replace-subscriptions", 400, refusal);
    let report = apply_with("off", &mut script, &[out("channel", "1")]).unwrap();
    assert_eq!((changes(&report), report.settles_after_ms), (vec![Change::Refused], None));
    assert_eq!(report.items[0].detail, "Iterable refused it (status 400)");
}

#[test]
fn items_that_do_not_exist_are_refused_with_the_reason() {
    let mut script =
        Script::of("consent").answers("list-channels", 200, CHANNELS).answers("list-email-lists", 200, LISTS);
    let preferences =
        [out("channel", "99"), out("channel", "01"), out("phone", "1"), r#in("email-list", "101")];
    let report = apply_with("auto", &mut script, &preferences).unwrap();
    script.done();
    assert_eq!((changes(&report), report.settles_after_ms), (vec![Change::Refused; 4], None));
    let details: Vec<_> = report.items.iter().map(|item| item.detail.as_str()).collect();
    assert_eq!(
        details,
        [
            "this project has no channel with that id",
            "this project has no channel with that id",
            "Iterable has no items of kind `phone`",
            "people cannot be added to or removed from this list: it is not a standard list",
        ]
    );
}

#[test]
fn of_two_choices_for_one_item_the_newer_counts_and_on_a_tie_the_opt_out() {
    for (first, second, opted_out) in
        [(1_000, 2_000, false), (2_000, 1_000, true), (1_999, 1_000, true), (1_000, 1_999, true)]
    {
        let mut script = Script::of("consent").answers("list-channels", 200, CHANNELS).answers(
            "read-user-by-email",
            200,
            &user(&json!({"unsubscribedChannelIds": []})),
        );
        if opted_out {
            script = script.answers("replace-subscriptions", 200, SUCCESS);
        }
        let preferences = [
            Preference { chosen_at_ms: first, ..out("channel", "1") },
            Preference { chosen_at_ms: second, ..r#in("channel", "1") },
        ];
        let report = apply_with("off", &mut script, &preferences).unwrap();
        script.done();
        let wanted =
            if opted_out { [Change::Applied, Change::Refused] } else { [Change::Refused, Change::Unchanged] };
        assert_eq!(changes(&report), wanted, "{first} {second}");
    }
}

#[test]
fn a_hybrid_project_acts_on_whom_it_knows_and_creates_by_user_id() {
    let settings = settings(&[("project-type", "hybrid"), ("subscriptions-api", "off")]);
    let subject = identifiers(&[("email", "a@example.com"), ("user-id", "u")]);
    let mut known = Script::of("consent")
        .answers("list-channels", 200, CHANNELS)
        .answers("read-user-by-user-id", 200, "{}")
        .answers("read-user-by-email", 200, NEVER_CHOSE)
        .answers("replace-subscriptions", 200, SUCCESS);
    apply(&settings, &mut known, &subject, &[out("channel", "1")]).unwrap();
    assert_eq!(known.bodies()[0]["email"], "a@example.com");
    let mut unknown = Script::of("consent")
        .answers("list-channels", 200, CHANNELS)
        .answers("read-user-by-user-id", 200, "{}")
        .answers("read-user-by-email", 200, "{}")
        .answers("create-user", 200, SUCCESS)
        .answers("replace-subscriptions", 200, SUCCESS);
    apply(&settings, &mut unknown, &subject, &[out("channel", "1")]).unwrap();
    assert_eq!(unknown.bodies()[0], json!({"userId": "u"}));
}

#[test]
fn a_dry_run_answers_every_write_with_an_empty_object() {
    let mut script = Script::of("consent")
        .answers("list-channels", 200, CHANNELS)
        .answers("read-user-by-email", 200, "{}")
        .answers("create-user", 200, "{}")
        .answers("leave-channel-by-email", 200, "{}");
    let report = apply_with("auto", &mut script, &[out("channel", "1")]).unwrap();
    assert_eq!(changes(&report), [Change::Applied]);
}

#[test]
fn a_failure_half_way_may_have_acted() {
    let mut script = met(NEVER_CHOSE).answers("leave-channel-by-email", 200, SUCCESS).answers(
        "leave-channel-by-email",
        429,
        "Too Many Requests",
    );
    let error = apply_with(
        "on",
        &mut script,
        &[out("channel", "1"), out("channel", "2"), r#in("message-type", "10")],
    )
    .unwrap_err();
    assert_eq!((error.kind, error.may_have_acted), (ErrorKind::RateLimited, true));
    let mut script = met(NEVER_CHOSE).fails("replace-subscriptions", SendErrorKind::Unreachable, true);
    let error =
        apply_with("off", &mut script, &[out("channel", "1"), r#in("message-type", "10")]).unwrap_err();
    assert_eq!((error.kind, error.may_have_acted), (ErrorKind::Unavailable, true));
}

#[test]
fn a_list_that_cannot_be_read_as_a_whole_is_not_written_back_and_keeps_no_other_from_it() {
    let profile = user(&json!({"unsubscribedChannelIds": [1, "two"], "unsubscribedMessageTypeIds": ["10"]}));
    let error = apply_with("off", &mut met(&profile), &[out("channel", "2"), out("message-type", "12")]);
    let error = error.unwrap_err();
    assert_eq!(
        (error.kind, error.code.as_str(), error.may_have_acted),
        (ErrorKind::Other, "unreadable-answer", false)
    );
    assert_eq!(
        error.message,
        "`unsubscribedChannelIds` of the profile contains an entry that is not an id, and writing the list back would lose it"
    );
    let mut script = met(&profile).answers("replace-subscriptions", 200, SUCCESS);
    let report = apply_with("off", &mut script, &[out("channel", "1"), out("message-type", "12")]).unwrap();
    assert_eq!(changes(&report), [Change::Unchanged, Change::Applied]);
    let wanted = json!({"email": "a@example.com", "unsubscribedMessageTypeIds": [10, 12], "validateChannelAlignment": false});
    assert_eq!(script.bodies(), [wanted]);
}

#[test]
fn one_subscription_at_a_time_needs_no_whole_list() {
    let profile = user(&json!({"unsubscribedChannelIds": [1, "two"]}));
    for choice in [out("channel", "2"), r#in("channel", "2")] {
        let operation = match choice.choice {
            Choice::OptIn => "join-channel-by-email",
            Choice::OptOut => "leave-channel-by-email",
        };
        let mut script = Script::of("consent")
            .answers("list-channels", 200, CHANNELS)
            .answers("read-user-by-email", 200, &profile)
            .answers(operation, 200, SUCCESS);
        assert_eq!(changes(&apply_with("on", &mut script, &[choice]).unwrap()), [Change::Applied]);
    }
}

#[test]
fn a_person_without_a_usable_identifier_sends_nothing() {
    let mut script = Script::of("consent");
    let subject = identifiers(&[("user-id", "u")]);
    let error = apply(&settings(&[]), &mut script, &subject, &[out("channel", "1")]).unwrap_err();
    assert_eq!((error.kind, script.sent.len()), (ErrorKind::MissingIdentity, 0));
}
