//! What there is to choose from, and what is held.

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
fn current_tells_of_every_item_by_its_policy_and_joins_both_names_of_lists() {
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
