use super::*;
use crate::consent::mapping::check::MAX_SUGGESTIONS;

fn notices() -> Vec<Notice> {
    vec![
        notice("pri_1", Enforcement::SystemWide, "marketing"),
        notice("pri_2", Enforcement::SystemWide, "marketing"),
        notice("pri_page", Enforcement::Frontend, "marketing"),
        notice("pri_stats", Enforcement::SystemWide, "analytics"),
    ]
}

/// Two channels, the first with a message type; all listed, none saved.
fn known() -> Vec<ConsentableItem> {
    merge(
        &[],
        &[
            listed("channel:1", "Email", None),
            listed("message-type:1", "News", Some("channel:1")),
            listed("channel:2", "Push", None),
        ],
    )
    .items
}

fn checked(put: &[ConsentableItem]) -> Result<Vec<StoredItem>, Vec<String>> {
    check(put, &notices(), Some(&system()), &known())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn many_items_map_to_one_notice_and_names_are_the_vendors() {
    let put = [
        node("channel:1", Some("pri_1"), vec![node("message-type:1", Some("pri_1"), vec![])]),
        node("channel:2", None, vec![]),
    ];
    assert_eq!(
        checked(&put),
        Ok(vec![
            stored("channel:1", "Email", None, Some("pri_1")),
            stored("message-type:1", "News", Some("channel:1"), Some("pri_1")),
            stored("channel:2", "Push", None, None),
        ])
    );
}

#[test]
fn an_item_maps_to_at_most_one_notice() {
    let put = [
        node("channel:1", Some("pri_1"), vec![]),
        node("channel:2", Some("pri_1"), vec![]),
        node("channel:2", Some("pri_1"), vec![]),
        node("channel:1", Some("pri_2"), vec![]),
    ];
    assert_eq!(
        checked(&put),
        Err(vec![
            "[2] (Channel 2): the item is listed twice, first at [1]: remove one of the two".to_owned(),
            "[3] (Channel 1): the item is mapped to notice `pri_1` at [0] and to `pri_2` here: \
             an item can map to only one notice"
                .to_owned(),
        ])
    );
}

#[test]
fn a_notice_that_cannot_be_propagated_is_not_mapped() {
    let put = [
        node("channel:1", Some("pri_page"), vec![node("message-type:1", Some("pri_stats"), vec![])]),
        node("channel:2", Some("pri_pages"), vec![]),
    ];
    assert_eq!(
        checked(&put),
        Err(vec![
            "[0] (Channel 1): notice `pri_page` is not enforced system-wide, so its choices are sent to no vendor; \
             change the notice or the system, or omit notice_id"
                .to_owned(),
            "[0].children[0] (Message type 1): notice `pri_stats` shares no data use with system `iterable`: \
             the notice has `analytics`; change the notice or the system, or omit notice_id"
                .to_owned(),
            "[1] (Channel 2): there is no notice `pri_pages` (did you mean `pri_page`?): register it first, \
             or omit notice_id"
                .to_owned(),
        ])
    );
    let orphaned = check(&[node("channel:1", Some("pri_stats"), vec![])], &notices(), None, &known());
    assert_eq!(orphaned, Ok(vec![stored("channel:1", "Email", None, Some("pri_stats"))]));
}

#[test]
fn the_first_unknown_notices_get_a_suggestion_and_the_others_are_refused_without_one() {
    let put = vec![node("channel:1", Some("pri_pages"), vec![]); MAX_SUGGESTIONS + 1];
    let problems = checked(&put).unwrap_err();
    let of_unknown = problems.iter().filter(|problem| problem.contains("there is no notice `pri_pages`"));
    let suggested: Vec<_> = of_unknown.map(|problem| problem.contains("did you mean `pri_page`?")).collect();
    assert_eq!(suggested, [vec![true; MAX_SUGGESTIONS], vec![false]].concat());
}

#[test]
fn an_unknown_item_and_one_in_the_wrong_place_are_refused() {
    let put = [
        node("channel:2", None, vec![node("message-type:1", None, vec![])]),
        node("message-type:2", None, vec![]),
    ];
    assert_eq!(
        checked(&put),
        Err(vec![
            "[0].children[0] (Message type 1): the item is under Channel 2, but belongs under Channel 1: move it there"
                .to_owned(),
            "[1] (Message type 2): the vendor does not list this item and it is not saved: list the items again, \
             and copy type and external_id"
                .to_owned(),
        ])
    );
    assert_eq!(
        checked(&[node("message-type:1", None, vec![])]),
        Err(vec![
            "[0] (Message type 1): the item is at the top level, but belongs under Channel 1: move it there"
                .to_owned()
        ])
    );
}

#[test]
fn what_is_shown_can_be_sent_back_as_it_is() {
    let saved = [
        stored("channel:1", "Email", None, Some("pri_1")),
        stored("message-type:9", "Gone", Some("channel:1"), Some("pri_2")),
    ];
    let shown = merge(&saved, &[listed("channel:1", "Email", None), listed("channel:2", "Push", None)]).items;
    let kept = check(&shown, &notices(), Some(&system()), &shown).unwrap();
    assert_eq!(kept[..2], saved);
    assert_eq!(kept[2], stored("channel:2", "Push", None, None));
    let flagged = merge(&kept, &[listed("channel:2", "Push", None)]).items;
    assert!(flagged.iter().all(|item| !item.unmapped), "an item that was sent back has been seen");
}
