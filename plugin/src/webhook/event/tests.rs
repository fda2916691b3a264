use serde_json::{Value, json};

use super::*;
use crate::testing::identifiers;

/// A recorded event, with the address replaced.
fn unsubscribe() -> Value {
    json!({"email": "docs@example.com", "eventName": "emailUnSubscribe", "dataFields": {
        "campaignId": 1_089_024, "messageId": "bf008db8ab194b65816398c05bf30f99",
        "emailId": "c1089024:t1526112:docs@example.com", "workflowName": "My test workflow", "messageTypeIds": [],
        "locale": null, "templateId": 1_526_112, "emailSubject": "Upcoming events!", "labels": [],
        "unsubSource": "EmailLink", "createdAt": "2020-03-20 23:34:15 +00:00", "templateName": "My test template",
        "emailListIds": [], "messageTypeId": 31082, "experimentId": null, "channelIds": [27447],
        "campaignName": "My test campaign", "workflowId": 76786, "email": "docs@example.com", "channelId": 27447}})
}

fn subscribe(fields: Value) -> Value {
    let mut event = json!({"email": "a@example.com", "eventName": "emailSubscribe",
        "dataFields": {"createdAt": "2022-04-19 03:33:50 +00:00", "signupSource": "WebForm"}});
    let Value::Object(fields) = fields else { panic!("expected an object") };
    fields.into_iter().for_each(|(name, value)| event["dataFields"][name] = value);
    event
}

/// 19 April 2022, an hour after the events here.
const RECEIVED: u64 = 1_650_342_830_000;

fn read_json(event: &Value) -> Result<Option<ConsentEvent>, String> {
    read(event.to_string().as_bytes(), RECEIVED).map(|reading| reading.event)
}

fn event_of(event: &Value) -> ConsentEvent {
    read_json(event).unwrap().unwrap()
}

fn unsubscribe_with(fields: Value) -> Value {
    let mut event = subscribe(fields);
    event["eventName"] = json!("emailUnSubscribe");
    event
}

/// What an event reports about items, such as `opt-out channel:1` and `changed email-list:2`.
fn said(event: &ConsentEvent) -> Vec<String> {
    let choice = |preference: &Preference| match preference.choice {
        Choice::OptIn => "opt-in",
        Choice::OptOut => "opt-out",
    };
    let line = |what: &str, item: &ItemId| format!("{what} {}:{}", item.kind, item.id);
    let chosen = event.preferences.iter().map(|preference| line(choice(preference), &preference.item));
    chosen.chain(event.changed.iter().map(|item| line("changed", item))).collect()
}

fn items_of(event: &Value) -> Vec<(String, String, Choice)> {
    let preferences = read_json(event).unwrap().unwrap().preferences;
    preferences
        .into_iter()
        .map(|preference| (preference.item.kind, preference.item.id, preference.choice))
        .collect()
}

#[test]
fn an_opt_out_by_a_mail_link_is_read_whole() {
    let event = read_json(&unsubscribe()).unwrap().unwrap();
    assert_eq!(event.subject, identifiers(&[("email", "docs@example.com")]));
    let wanted = Preference {
        item: ItemId { kind: "channel".to_owned(), id: "27447".to_owned() },
        choice: Choice::OptOut,
        chosen_at_ms: 1_584_747_255_000,
        source: "EmailLink".to_owned(),
    };
    assert_eq!(event.preferences, [wanted]);
    assert_eq!(event.key.len(), 64);
    assert!(!event.key.contains("example"));
}

#[test]
fn arrays_say_what_changed_and_may_be_absent() {
    let both = subscribe(json!({"channelIds": [1, 2, 1], "messageTypeIds": [1]}));
    let wanted = [("channel", "1"), ("channel", "2"), ("message-type", "1")]
        .map(|(kind, id)| (kind.to_owned(), id.to_owned(), Choice::OptIn));
    assert_eq!(items_of(&both), wanted);
    for fields in [json!({"channelIds": [1]}), json!({"channelIds": [1], "messageTypeIds": null})] {
        assert_eq!(items_of(&subscribe(fields)).len(), 1);
    }
}

#[test]
fn the_channel_of_the_message_is_no_choice() {
    let fields = json!({"channelIds": [], "messageTypeIds": [5], "channelId": 7, "messageTypeId": 8});
    assert_eq!(items_of(&subscribe(fields)), [("message-type".to_owned(), "5".to_owned(), Choice::OptIn)]);
    assert_eq!(read_json(&subscribe(json!({"channelId": 7, "messageTypeId": 8}))), Ok(None));
}

#[test]
fn leaving_a_list_by_oneself_is_an_opt_out_of_it() {
    for fields in [
        json!({"emailListIds": [3], "channelIds": [], "messageTypeIds": []}),
        json!({"userListIds": [3]}),
        json!({"emailListId": 3}),
        json!({"emailListId": "3", "emailListIds": [3], "userListIds": ["3"]}),
    ] {
        for source in ["EmailLink", "Complaint", "SMS", "emaillink"] {
            let mut event = unsubscribe_with(fields.clone());
            event["dataFields"]["unsubSource"] = json!(source);
            let event = event_of(&event);
            assert_eq!(said(&event), ["opt-out email-list:3"], "{fields} {source}");
            assert_eq!(event.preferences[0].source, source);
        }
    }
}

#[test]
fn every_other_change_of_a_list_is_no_choice_and_has_the_person_read() {
    for fields in [json!({"emailListIds": [3]}), json!({"userListIds": [3]}), json!({"emailListId": 3})] {
        assert_eq!(said(&event_of(&subscribe(fields.clone()))), ["changed email-list:3"], "{fields}");
        for source in ["API", "ListAPI", "Import", "WebApp", "Workflow", "HardBounce", "New", ""] {
            let mut event = unsubscribe_with(fields.clone());
            event["dataFields"]["unsubSource"] = json!(source);
            assert_eq!(said(&event_of(&event)), ["changed email-list:3"], "{fields} {source}");
        }
        assert_eq!(said(&event_of(&unsubscribe_with(fields))), ["changed email-list:3"]);
    }
}

#[test]
fn a_list_beside_a_channel_takes_no_choice_from_it() {
    let fields = json!({"channelIds": [1], "emailListIds": [3]});
    assert_eq!(said(&event_of(&subscribe(fields.clone()))), ["opt-in channel:1", "changed email-list:3"]);
    assert_eq!(said(&event_of(&unsubscribe_with(fields))), ["opt-out channel:1", "changed email-list:3"]);
}

#[test]
fn an_event_is_known_by_its_name_in_any_case() {
    for name in ["emailUnSubscribe", "emailUnsubscribe", "emailunsubscribe", "EMAILUNSUBSCRIBE"] {
        let mut event = unsubscribe();
        event["eventName"] = json!(name);
        assert_eq!(event_of(&event), event_of(&unsubscribe()), "{name}");
    }
}

#[test]
fn fields_that_no_decision_needs_may_hold_anything() {
    for odd in [json!("7"), json!("garbage"), json!({}), json!([1]), json!(1.5), json!(null)] {
        let mut event = unsubscribe();
        for name in
            ["channelId", "messageTypeId", "campaignId", "unsubSource", "emailListId", "userId", "messageId"]
        {
            event["dataFields"][name] = odd.clone();
        }
        event["dataFields"]["unsubSource"] = odd.clone();
        assert!(said(&event_of(&event)).contains(&"opt-out channel:27447".to_owned()), "{odd}");
    }
}

#[test]
fn ids_are_read_from_text_and_one_odd_id_takes_no_other_down_with_it() {
    let reading = |fields: Value| read(unsubscribe_with(fields).to_string().as_bytes(), RECEIVED);
    let odd = reading(
        json!({"channelIds": ["1", 2, "x", null], "messageTypeIds": "5", "unsubSource": "EmailLink"}),
    );
    let Reading { event, warning } = odd.unwrap();
    assert_eq!(said(&event.unwrap()), ["opt-out channel:1", "opt-out channel:2", "opt-out message-type:5"]);
    assert_eq!(
        warning.as_deref(),
        Some("`emailUnSubscribe` contains 2 item ids that cannot be read: they are left out")
    );
    assert_eq!(
        reading(json!({"channelIds": ["a@example.com"]})),
        Err("`emailUnSubscribe` contains 1 item ids, none of which can be read".to_owned())
    );
}

#[test]
fn an_opt_out_without_a_time_counts_from_its_receipt_and_an_opt_in_is_no_choice() {
    for created_at in [json!(null), json!("yesterday"), json!("2022-04-19 03:33:50"), json!([]), json!("")] {
        let fields = json!({"channelIds": [1], "emailListIds": [3], "createdAt": created_at});
        let out = event_of(&unsubscribe_with(fields.clone()));
        assert_eq!(said(&out), ["opt-out channel:1", "changed email-list:3"], "{created_at}");
        assert_eq!(out.preferences[0].chosen_at_ms, RECEIVED, "{created_at}");
        assert_eq!(said(&event_of(&subscribe(fields))), ["changed channel:1", "changed email-list:3"]);
    }
    let mut complaint =
        json!({"email": "a@example.com", "eventName": "emailComplaint", "dataFields": {"channelId": 1}});
    assert_eq!(event_of(&complaint).preferences[0].chosen_at_ms, RECEIVED);
    complaint["dataFields"]["createdAt"] = json!("2022-04-19T03:33:50.250Z");
    assert_eq!(event_of(&complaint).preferences[0].chosen_at_ms, 1_650_339_230_250);
}

#[test]
fn two_events_without_a_time_are_two() {
    let event = unsubscribe_with(json!({"channelIds": [1], "createdAt": null}));
    let key = |received| read(event.to_string().as_bytes(), received).unwrap().event.unwrap().key;
    assert_eq!(key(RECEIVED), key(RECEIVED));
    assert_ne!(key(RECEIVED), key(RECEIVED + 1));
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let marked = format!("\u{feff}{}", unsubscribe());
    assert_eq!(read(marked.as_bytes(), RECEIVED).unwrap().event, Some(event_of(&unsubscribe())));
}

#[test]
fn an_address_that_iterable_generated_names_no_person() {
    let mut event = unsubscribe();
    event["email"] = json!("u-1@PLACEHOLDER.email");
    event["dataFields"]["email"] = json!("u-1@placeholder.email ");
    let Reading { event: found, warning } = read(event.to_string().as_bytes(), RECEIVED).unwrap();
    assert_eq!(found, None);
    let warning = warning.unwrap();
    assert!(
        warning.starts_with("`emailUnSubscribe` names its person only by an address that Iterable generated"),
        "{warning}"
    );
    event["userId"] = json!("u-1");
    assert_eq!(event_of(&event).subject, identifiers(&[("user-id", "u-1")]));
}

#[test]
fn every_other_event_is_of_no_concern_whatever_it_holds() {
    for name in
        ["hostedUnsubscribeClick", "emailBounce", "smsReceived", "emailSendSkip", "pushUninstall", "what", ""]
    {
        let event =
            json!({"eventName": name, "email": [], "dataFields": {"channelIds": "x", "channelId": {}}});
        assert_eq!(read_json(&event), Ok(None), "{name}");
    }
}

#[test]
fn a_complaint_opts_out_of_the_messages_channel() {
    let event = json!({"email": "docs@example.com", "eventName": "emailComplaint", "dataFields": {
        "recipientState": "Complaint", "createdAt": "2016-12-09 18:52:19 +00:00", "channelId": 3420,
        "messageTypeId": 3866, "messageId": "d3c44d47b4994306b4db8d16a94db025"}});
    assert_eq!(items_of(&event), [("channel".to_owned(), "3420".to_owned(), Choice::OptOut)]);
    assert_eq!(read_json(&event).unwrap().unwrap().preferences[0].source, "Complaint");
    let nowhere = json!({"email": "docs@example.com", "eventName": "emailComplaint", "dataFields": {}});
    assert_eq!(read_json(&nowhere), Err("`emailComplaint` does not name its message's channel".to_owned()));
}

#[test]
fn a_person_is_named_at_the_top_or_in_the_fields() {
    let fields = json!({"channelIds": [1], "email": "b@example.com", "userId": 7});
    for (email, user_id, wanted) in [
        (json!("a@example.com"), json!("u"), vec![("email", "a@example.com"), ("user-id", "u")]),
        (json!(null), json!(null), vec![("email", "b@example.com"), ("user-id", "7")]),
        (json!("x@placeholder.email"), json!("u"), vec![("email", "b@example.com"), ("user-id", "u")]),
    ] {
        let mut event = subscribe(fields.clone());
        event["email"] = email;
        event["userId"] = user_id;
        assert_eq!(read_json(&event).unwrap().unwrap().subject, identifiers(&wanted));
    }
}

#[test]
fn extra_fields_of_any_type_do_not_matter() {
    let fields = json!({"channelIds": [1], "hasThisThing": "Yes", "labels": {"deep": [[{"er": 1}]]}, "signupSource": 5.5,
        "messageId": false});
    let event = read_json(&subscribe(fields)).unwrap().unwrap();
    assert_eq!(event.preferences[0].source, "emailSubscribe");
}

#[test]
fn a_source_that_is_not_a_word_gives_way_to_the_events_name() {
    let event = subscribe(json!({"channelIds": [1], "signupSource": "import by a@example.com"}));
    assert_eq!(read_json(&event).unwrap().unwrap().preferences[0].source, "emailSubscribe");
}

#[test]
fn what_cannot_be_read_says_why_without_what_it_holds() {
    let nobody = json!({"eventName": "emailSubscribe", "dataFields": {"channelIds": [1]}});
    for (body, reason) in [
        ("", "the body is not a JSON object with a text `eventName`"),
        ("<html>a@example.com</html>", "the body is not a JSON object with a text `eventName`"),
        (r#"{"email":"a@example.com"}"#, "the body is not a JSON object with a text `eventName`"),
        (r#"{"eventName":7}"#, "the body is not a JSON object with a text `eventName`"),
        (
            r#"{"eventName":"emailSubscribe"}"#,
            "the `dataFields` of `emailSubscribe` are not of the expected form",
        ),
        (&nobody.to_string(), "`emailSubscribe` names no person"),
    ] {
        assert_eq!(read(body.as_bytes(), RECEIVED), Err(reason.to_owned()), "{body}");
    }
}

#[test]
fn the_key_is_the_same_for_the_same_event_and_differs_for_any_other() {
    let key = |event: &Value| read_json(event).unwrap().unwrap().key;
    let event = subscribe(json!({"channelIds": [1, 2], "messageTypeIds": [3], "messageId": "m"}));
    let reordered =
        subscribe(json!({"messageId": "m", "messageTypeIds": [3], "channelIds": [2, 1], "labels": []}));
    assert_eq!(key(&event), key(&reordered));

    let changed = |name: &str, value: Value| {
        let mut event = event.clone();
        event["dataFields"][name] = value;
        event
    };
    let mut others = vec![
        changed("createdAt", json!("2022-04-19 03:33:51 +00:00")),
        changed("channelIds", json!([1])),
        changed("channelIds", json!([12])),
        changed("messageTypeIds", json!([2])),
        changed("messageId", json!("n")),
        changed("messageId", json!(null)),
        changed("userId", json!("u")),
        changed("emailListIds", json!([4])),
        changed("emailListIds", json!([5])),
        event.clone(),
        event.clone(),
        event.clone(),
    ];
    others[10]["email"] = json!("b@example.com");
    others[11]["eventName"] = json!("emailUnSubscribe");
    let mut keys: Vec<_> = others.iter().map(key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), others.len());
}

#[test]
fn no_two_events_read_the_same_to_the_key() {
    let key = |email: Value, message: &str| {
        let mut event = subscribe(json!({"channelIds": [1], "userId": "u", "messageId": message}));
        event["email"] = email;
        read_json(&event).unwrap().unwrap().key
    };
    assert_ne!(key(json!("a@example.com"), "m"), key(json!(null), "memaila@example.com"));
}
