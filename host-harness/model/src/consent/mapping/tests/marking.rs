use std::collections::BTreeMap;

use super::*;

#[test]
fn what_was_renamed_moved_or_lost_its_notice_is_marked_and_nothing_else() {
    let place = |name: &str, parent: Option<&str>| SavedPlace { name: name.into(), parent: parent.map(id) };
    let saved = BTreeMap::from([
        (id("channel:1"), place("Email", None)),
        (id("channel:2"), place("Push", None)),
        (id("message-type:3"), place("News", Some("channel:1"))),
        (id("message-type:4"), place("Offers", None)),
    ]);
    let named = |mut item: ConsentableItem, name: &str| {
        item.name = name.into();
        item
    };
    let mut items = [
        named(
            node("channel:1", Some("gone"), vec![named(node("message-type:4", None, vec![]), "Offers")]),
            "Email",
        ),
        named(
            node(
                "channel:2",
                Some("own"),
                vec![named(node("message-type:3", Some("mail"), vec![]), "Weekly")],
            ),
            "Push",
        ),
        named(node("channel:5", Some("mail"), vec![]), "New"),
    ];
    let notices = [
        notice("mail", Enforcement::SystemWide, "marketing"),
        notice("own", Enforcement::Frontend, "marketing"),
    ];
    mark(&mut items, MarkBasis { saved: &saved, notices: &notices, system: Some(&system()) });
    let marks =
        |item: &ConsentableItem| (item.renamed_from.clone(), item.moved_from.clone(), item.conflict.clone());
    let text = |text: &str| Some(text.to_owned());
    let [email, push, new] = &items;
    let gone = "there is no notice `gone`: register it first, or omit notice_id";
    assert_eq!(marks(email), (None, None, text(gone)));
    assert_eq!(marks(&email.children[0]), (None, text("the top level"), None));
    let (.., conflict) = marks(push);
    assert!(conflict.unwrap().starts_with("notice `own` is not enforced system-wide"));
    assert_eq!(marks(&push.children[0]), (text("News"), text("Channel 1"), None));
    assert_eq!(marks(new), (None, None, None), "it was never saved");
}
