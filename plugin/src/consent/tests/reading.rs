//! Which items can be chosen, and which choices are read.

use serde_json::json;

use super::*;

#[test]
fn items_are_channels_with_their_message_types_then_standard_lists() {
    let mut script = Script::of("consent")
        .answers("list-channels", 200, CHANNELS)
        .answers("list-message-types", 200, MESSAGE_TYPES)
        .answers("list-email-lists", 200, LISTS);
    let items = list_items(&mut script).unwrap();
    let told: Vec<_> = items
        .iter()
        .map(|item| {
            (
                item.id.kind.as_str(),
                item.id.id.as_str(),
                item.name.as_str(),
                item.parent.as_ref().map(|id| id.id.as_str()),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("channel", "1", "Marketing Channel (Email)", None),
            ("message-type", "11", "Beta", Some("1")),
            ("message-type", "10", "News", Some("1")),
            ("channel", "2", "Push Marketing Channel (Push)", None),
            ("message-type", "12", "Push news", Some("2")),
            ("message-type", "13", "Lost", None),
            ("email-list", "100", "VIP", None),
        ]
    );
}

#[test]
fn current_reports_every_item_by_its_policy_and_joins_both_names_of_lists() {
    let profile = json!({"unsubscribedChannelIds": [2], "unsubscribedMessageTypeIds": [10], "subscribedMessageTypeIds": [],
        "emailListIds": [], "userListIds": [100]});
    let mut script = Script::of("consent")
        .answers("read-user-by-email", 200, &user(&profile))
        .answers("list-channels", 200, CHANNELS)
        .answers("list-message-types", 200, MESSAGE_TYPES)
        .answers("list-email-lists", 200, LISTS);
    let subject = identifiers(&[("email", "a@example.com")]);
    let held = current(&settings(&[]), &mut script, &subject).unwrap().unwrap();
    let opted_in: Vec<_> =
        held.iter().map(|held| (held.item.id.as_str(), held.choice == Choice::OptIn)).collect();
    assert_eq!(
        opted_in,
        [("1", true), ("11", false), ("10", false), ("2", false), ("12", true), ("13", true), ("100", true)]
    );
}

#[test]
fn current_holds_nothing_for_who_never_chose_and_is_none_for_who_is_unknown() {
    let subject = identifiers(&[("email", "a@example.com")]);
    for (body, held) in [(NEVER_CHOSE, Some(Vec::new())), ("{}", None)] {
        let mut script = Script::of("consent").answers("read-user-by-email", 200, body);
        assert_eq!(current(&settings(&[]), &mut script, &subject), Ok(held));
    }
}

const ODD_CHANNELS: &str = r#"{"channels":[null,{"name":"No id"},{"id":"x","name":"Odd id"},{"id":2},
    {"id":"1","name":"Marketing Channel","messageMedium":{}}]}"#;
const ODD_MESSAGE_TYPES: &str = r#"{"messageTypes":[{"id":10,"name":"News","channelId":"1","subscriptionPolicy":7},
    {"id":11,"name":null,"channelId":1},{"id":12,"name":"Push news","channelId":2},
    {"id":13,"name":"Lost","channelId":[]}]}"#;
const ODD_LISTS: &str = r#"{"lists":[{"id":100,"name":5,"listType":"Standard"},{"id":101,"name":"all","listType":null},
    {"id":{},"name":"Odd id","listType":"Standard"}]}"#;

#[test]
fn a_row_that_cannot_be_offered_is_left_out_and_logged_and_takes_no_other_down_with_it() {
    let mut script = Script::of("consent")
        .answers("list-channels", 200, ODD_CHANNELS)
        .answers("list-message-types", 200, ODD_MESSAGE_TYPES)
        .answers("list-email-lists", 200, ODD_LISTS);
    let items = list_items(&mut script).unwrap();
    let offered: Vec<_> = items
        .iter()
        .map(|item| (item.name.as_str(), item.id.id.as_str(), item.parent.as_ref().map(|id| id.id.as_str())))
        .collect();
    assert_eq!(
        offered,
        [
            ("Push news", "12", None),
            ("Marketing Channel", "1", None),
            ("News", "10", Some("1")),
            ("Lost", "13", None),
            ("5", "100", None),
        ]
    );
    assert_eq!(
        script.warnings,
        [
            "3 of 5 channels have no readable id and are left out",
            "1 of 3 email-lists have no readable id and are left out",
            "channel 2 has no name and is left out",
            "message-type 11 has no name and is left out",
        ]
    );
}

#[test]
fn an_item_without_a_name_can_be_opted_out_of() {
    let mut script = Script::of("consent")
        .answers("list-channels", 200, ODD_CHANNELS)
        .answers("read-user-by-email", 200, NEVER_CHOSE)
        .answers("replace-subscriptions", 200, SUCCESS);
    let report = apply_with("off", &mut script, &[out("channel", "2")]).unwrap();
    assert_eq!(changes(&report), [Change::Applied]);
}

#[test]
fn current_leaves_out_only_what_a_list_with_an_odd_entry_does_not_name() {
    let profile = json!({"unsubscribedChannelIds": ["2", {}], "unsubscribedMessageTypeIds": [10],
        "emailListIds": "100"});
    let mut script = Script::of("consent")
        .answers("read-user-by-email", 200, &user(&profile))
        .answers("list-channels", 200, CHANNELS)
        .answers("list-message-types", 200, MESSAGE_TYPES)
        .answers("list-email-lists", 200, LISTS);
    let subject = identifiers(&[("email", "a@example.com")]);
    let held = current(&settings(&[]), &mut script, &subject).unwrap().unwrap();
    let out: Vec<_> =
        held.iter().map(|held| (held.item.id.as_str(), held.choice == Choice::OptOut)).collect();
    assert_eq!(
        out,
        [("11", true), ("10", true), ("2", true), ("12", false), ("13", false), ("100", false)],
        "channel 1 is left out"
    );
    assert_eq!(
        script.warnings,
        [
            "a subscription list of the profile contains an entry that is not an id: its other items are not reported"
        ]
    );
}

#[test]
fn every_kind_that_is_offered_is_read_by_current_and_by_events() {
    let answers = |script: Script| {
        script
            .answers("list-channels", 200, CHANNELS)
            .answers("list-message-types", 200, MESSAGE_TYPES)
            .answers("list-email-lists", 200, LISTS)
    };
    let items = list_items(&mut answers(Script::of("consent"))).unwrap();
    let chose = user(&json!({"unsubscribedChannelIds": [], "emailListIds": []}));
    let mut script = answers(Script::of("consent").answers("read-user-by-email", 200, &chose));
    let subject = identifiers(&[("email", "a@example.com")]);
    let held = current(&settings(&[]), &mut script, &subject).unwrap().unwrap();
    let read: Vec<_> = held.into_iter().map(|held| held.item).collect();
    let offered: Vec<_> = items.into_iter().map(|item| item.id).collect();
    assert_eq!(read, offered);
    for kind in crate::manifest::describe().item_kinds {
        let item = offered.iter().find(|item| item.kind == *kind).unwrap();
        let field = match *kind {
            CHANNEL => "channelIds",
            MESSAGE_TYPE => "messageTypeIds",
            EMAIL_LIST => "emailListIds",
            other => panic!("no event is known for {other}"),
        };
        let ids = [item.id.parse::<i64>().unwrap()];
        let event = json!({"eventName": "emailUnSubscribe", "email": "a@example.com",
            "dataFields": {"unsubSource": "EmailLink", "createdAt": "2020-03-20 23:34:15 +00:00", field: ids}});
        let delivery = crate::webhook::Delivery {
            headers: vec![("authorization".to_owned(), "t".to_owned())],
            body: event.to_string().into_bytes(),
            received_at_ms: 0,
        };
        let verdict = crate::webhook::verify(&delivery, |_| true);
        let crate::webhook::Verdict::Authentic(reading) = verdict else { panic!("{verdict:?}") };
        let chosen = reading.event.unwrap().preferences;
        assert_eq!((&chosen[0].item, chosen[0].choice), (item, Choice::OptOut));
    }
}
