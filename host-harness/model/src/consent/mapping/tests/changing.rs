use super::*;

#[test]
fn a_save_changes_the_items_whose_notice_differs_and_those_that_it_leaves_out() {
    let before = [
        stored("channel:1", "Email", None, Some("n-1")),
        stored("channel:2", "Push", None, Some("n-1")),
        stored("channel:3", "SMS", None, None),
        stored("channel:4", "Web", None, Some("n-2")),
        stored("channel:5", "Post", None, None),
    ];
    let after = [
        stored("channel:3", "SMS", None, Some("n-1")),
        stored("channel:2", "Push", None, Some("n-2")),
        stored("channel:1", "Mail", None, Some("n-1")),
        stored("channel:6", "New", None, None),
    ];
    let changed: Vec<_> = changes(&before, &after)
        .into_iter()
        .map(|change| (change.item.to_string(), change.before, change.after))
        .collect();
    let notice = |id: &str| Some(id.to_owned());
    assert_eq!(
        changed,
        [
            ("channel:3".to_owned(), None, notice("n-1")),
            ("channel:2".to_owned(), notice("n-1"), notice("n-2")),
            ("channel:4".to_owned(), notice("n-2"), None),
        ]
    );
    assert_eq!(changes(&before, &before), []);
}
