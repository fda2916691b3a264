use super::*;

#[test]
fn a_mapping_is_exported_in_one_order_with_a_line_for_each_fact() {
    let stored = [
        stored("message-type:39238", "Marketing \"Message\"", Some("channel:33841"), None),
        stored("channel:33841", "Marketing Channel (Email)", None, Some("pri_1")),
    ];
    let text = MappingFile::of(&stored).to_toml().unwrap();
    let told = r#"[[item]]
type = "Channel"
external_id = "33841"
name = "Marketing Channel (Email)"
notice_id = "pri_1"

[[item]]
type = "Message type"
external_id = "39238"
name = 'Marketing "Message"'
"#;
    assert_eq!(text, told);
}

#[test]
fn a_file_shows_the_hidden_characters_of_a_vendors_names_and_is_read_back_as_they_are() {
    for name in ["a\u{202e}b", "\"a\u{200b}\\'b\"", "\u{1f468}\u{200d}\u{1f469}", "a = \u{feff}", "\u{e0041}"]
    {
        let file = MappingFile::of(&[stored("channel:1", name, None, None)]);
        let text = file.to_toml().unwrap();
        assert_eq!(crate::text::check_visible(&text.replace('\n', "")), Ok(()), "{text}");
        assert_eq!(MappingFile::from_toml(&text), Ok(file));
    }
}

#[test]
fn a_file_is_checked_as_a_mapping_is() {
    let text = r#"
        [[item]]
        type = "message-type"
        external_id = "1"
        notice_id = "pri_1"

        [[item]]
        type = "Channel"
        external_id = "7"
        notice_id = "pri_1"
    "#;
    let notices = [notice("pri_1", Enforcement::SystemWide, "marketing")];
    let known = merge(&[stored("message-type:1", "News", Some("channel:1"), None)], &[]).items;
    let problems =
        MappingFile::from_toml(text).unwrap().check(&notices, Some(&system()), &known).unwrap_err();
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "item 2 (Channel 7): the vendor does not list this item and it is not saved: list the items again, \
          and copy type and external_id"
        ]
    );
}

#[test]
fn another_file_is_no_mapping() {
    for (text, found) in [
        ("[[items]]\n", "unknown field `items`, expected `item`"),
        ("[[item]]\ntype = \"Channel\"\n", "missing field `external_id`"),
        ("[[item]]\ntype = \"Channel\"\nexternal_id = \"1\"\nnotice = \"x\"\n", "unknown field `notice`"),
        ("\n{", " at line 2"),
    ] {
        let refused = MappingFile::from_toml(text).unwrap_err().to_string();
        assert!(
            refused
                .starts_with("expected [[item]] tables with type, external_id, name and notice_id, found: ")
                && refused.contains(found),
            "{refused}"
        );
    }
}

proptest! {
    #![proptest_config(test_support::cases(256))]

    #[test]
    fn a_mapping_comes_back_from_its_file(
        items in prop::collection::btree_map(("[a-z]{1,4}(-[a-z]{1,4})?", "\\PC{1,8}"), ("\\PC{0,12}", any::<bool>()), 0..12),
    ) {
        let saved: Vec<StoredItem> = items.into_iter().map(|((kind, id), (name, is_mapped))| StoredItem {
            id: ItemId { kind, id },
            name,
            parent: None,
            notice: is_mapped.then(|| "pri_1".to_owned()),
        }).collect();
        let text = MappingFile::of(&saved).to_toml().unwrap();
        let notices = [notice("pri_1", Enforcement::SystemWide, "marketing")];
        let known = merge(&saved, &[]).items;
        let back = MappingFile::from_toml(&text).unwrap().check(&notices, Some(&system()), &known);
        prop_assert_eq!(back, Ok(saved));
    }
}

#[test]
fn only_a_file_that_lists_no_item_forgets_them_all() {
    for cut_off in ["", "  \n", "# the mapping\n"] {
        let refused = MappingFile::from_toml(cut_off).unwrap_err().to_string();
        assert!(refused.contains("missing field `item`"), "{cut_off:?}: {refused}");
    }
    let empty = MappingFile::of(&[]).to_toml().unwrap();
    assert_eq!(empty, "item = []\n");
    assert_eq!(MappingFile::from_toml(&empty), Ok(MappingFile::default()));
}
