use super::*;

/// Draws one line per node: its depth as indentation, its id, name, notice and flags.
fn drawn(items: &[ConsentableItem]) -> Vec<String> {
    fn draw(items: &[ConsentableItem], depth: usize, lines: &mut Vec<String>) {
        for item in items {
            let notice = item.notice_id.as_deref().map(|notice| format!(" -> {notice}")).unwrap_or_default();
            let flags = [(item.unmapped, " unmapped"), (item.vanished, " vanished")];
            let flags: String = flags.iter().filter(|(is, _)| *is).map(|(_, flag)| *flag).collect();
            lines.push(format!("{}{} {}{notice}{flags}", "  ".repeat(depth), item.id(), item.name));
            draw(&item.children, depth + 1, lines);
        }
    }
    let mut lines = Vec::new();
    draw(items, 0, &mut lines);
    lines
}

#[test]
fn an_item_is_unique_by_kind_and_id() {
    let stored = [stored("channel:1", "Email", None, Some("pri_1"))];
    let listed =
        [listed("channel:1", "Email", None), listed("message-type:1", "Newsletter", Some("channel:1"))];
    let merged = merge(&stored, &listed);
    assert_eq!(
        drawn(&merged.items),
        ["channel:1 Email -> pri_1", "  message-type:1 Newsletter unmapped"],
        "the message type does not inherit from the channel with the same id"
    );
}

#[test]
fn a_new_child_under_a_saved_parent_is_flagged() {
    let stored = [
        stored("channel:1", "Email", None, Some("pri_1")),
        stored("message-type:2", "News", Some("channel:1"), None),
    ];
    let listed = [
        listed("channel:1", "Email", None),
        listed("message-type:2", "News", Some("channel:1")),
        listed("message-type:3", "Offers", Some("channel:1")),
        listed("channel:4", "Push", None),
    ];
    assert_eq!(
        drawn(&merge(&stored, &listed).items),
        [
            "channel:1 Email -> pri_1",
            "  message-type:2 News",
            "  message-type:3 Offers unmapped",
            "channel:4 Push unmapped"
        ]
    );
}

#[test]
fn a_renamed_and_a_moved_item_are_refreshed_and_keep_their_notices() {
    let saved = [
        stored("channel:1", "Email", None, Some("pri_1")),
        stored("channel:2", "Push", None, None),
        stored("message-type:3", "News", Some("channel:1"), Some("pri_2")),
    ];
    let listed = [
        listed("channel:1", "Email (Marketing)", None),
        listed("channel:2", "Push", None),
        listed("message-type:3", "News", Some("channel:2")),
    ];
    let merged = merge(&saved, &listed);
    assert_eq!(
        drawn(&merged.items),
        ["channel:1 Email (Marketing) -> pri_1", "channel:2 Push", "  message-type:3 News -> pri_2"]
    );
    let renamed = stored("channel:1", "Email (Marketing)", None, Some("pri_1"));
    let moved = stored("message-type:3", "News", Some("channel:2"), Some("pri_2"));
    assert_eq!(merged.refreshed, [renamed, moved]);
}

#[test]
fn a_vanished_item_is_marked_and_keeps_its_place() {
    let stored = [
        stored("channel:1", "Email", None, Some("pri_1")),
        stored("channel:2", "Push", None, Some("pri_2")),
        stored("message-type:3", "News", Some("channel:1"), Some("pri_3")),
        stored("message-type:4", "Offers", Some("channel:2"), None),
    ];
    let listed = [listed("channel:1", "Email", None)];
    let merged = merge(&stored, &listed);
    assert_eq!(
        drawn(&merged.items),
        [
            "channel:1 Email -> pri_1",
            "  message-type:3 News -> pri_3 vanished",
            "channel:2 Push -> pri_2 vanished",
            "  message-type:4 Offers vanished"
        ]
    );
    assert_eq!(merged.refreshed, [], "the vendor cannot rename an item that it no longer lists");
}

#[test]
fn an_item_without_a_known_parent_stands_at_the_top() {
    let listed =
        [listed("message-type:3", "News", Some("channel:9")), listed("message-type:3", "again", None)];
    assert_eq!(drawn(&merge(&[], &listed).items), ["message-type:3 News unmapped"]);
}

proptest! {
    #![proptest_config(test_support::cases(256))]

    #[test]
    fn whatever_a_connector_lists_every_item_is_shown_once(
        parents in prop::collection::vec(prop::option::of(0_usize..40), 0..40),
        saved in prop::collection::btree_set(0_usize..50, 0..20),
    ) {
        let name = |number: usize| format!("channel:{number}");
        let listed: Vec<Item> = parents.iter().enumerate()
            .map(|(number, parent)| listed(&name(number), "x", parent.map(name).as_deref())).collect();
        let stored: Vec<StoredItem> = saved.iter().map(|number| stored(&name(*number), "x", None, None)).collect();
        let shown = drawn(&merge(&stored, &listed).items);
        let ids: BTreeSet<&str> = shown.iter().map(|line| line.trim().split(' ').next().unwrap()).collect();
        let wanted: BTreeSet<String> = (0..parents.len()).chain(saved).map(name).collect();
        prop_assert_eq!(shown.len(), wanted.len());
        prop_assert!(ids.iter().copied().eq(wanted.iter().map(String::as_str)));
    }
}

#[test]
fn a_tree_of_items_has_an_end() {
    let deep: Vec<Item> = (0..10_000)
        .map(|number: u32| {
            let parent = number.checked_sub(1).map(|above| format!("channel:{above}"));
            listed(&format!("channel:{number}"), "x", parent.as_deref())
        })
        .collect();
    let merged = merge(&[], &deep);
    assert_eq!(drawn(&merged.items).len(), 10_000);
    assert_eq!(merged.items.len(), 9_993);
    let ring = [listed("channel:1", "a", Some("channel:2")), listed("channel:2", "b", Some("channel:1"))];
    assert_eq!(drawn(&merge(&[], &ring).items), ["channel:1 a unmapped", "channel:2 b unmapped"]);
}

#[test]
fn the_tree_has_the_shape_that_fides_has() {
    let stored = [stored("channel:33841", "Marketing Channel (Email)", None, Some("pri_1"))];
    let listed = [
        listed("channel:33841", "Marketing Channel (Email)", None),
        listed("message-type:39238", "Marketing Message", Some("channel:33841")),
    ];
    let told = json!([{
        "external_id": "33841", "type": "Channel", "name": "Marketing Channel (Email)", "notice_id": "pri_1",
        "unmapped": false, "vanished": false,
        "children": [{
            "external_id": "39238", "type": "Message type", "name": "Marketing Message", "notice_id": null,
            "unmapped": true, "vanished": false, "children": [],
        }],
    }]);
    let items = merge(&stored, &listed).items;
    assert_eq!(serde_json::to_value(&items).unwrap(), told);
    assert_eq!(serde_json::from_value::<Vec<ConsentableItem>>(told).unwrap(), items);
}

#[test]
fn a_mistyped_field_is_no_silent_unmapping() {
    let sent = json!({"external_id": "1", "type": "message-type", "name": "", "notice-id": "pri_1"});
    let refused = serde_json::from_value::<ConsentableItem>(sent).unwrap_err().to_string();
    assert!(refused.starts_with("unknown field `notice-id`, expected one of `external_id`"), "{refused}");
}
