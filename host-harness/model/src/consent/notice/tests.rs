use serde_json::json;

use super::*;

fn set(uses: &[&str]) -> BTreeSet<String> {
    uses.iter().map(|&data_use| data_use.to_owned()).collect()
}

fn notice(enforcement: Enforcement, uses: &[&str]) -> Notice {
    Notice {
        id: "pri_1".into(),
        key: Some("marketing".into()),
        name: "Marketing".into(),
        data_uses: set(uses),
        enforcement,
    }
}

fn system(uses: &[&str]) -> System {
    System { key: "iterable".into(), name: "Iterable".into(), data_uses: set(uses) }
}

#[test]
fn a_notice_is_propagated_when_it_is_system_wide_a_choice_and_shares_a_data_use() {
    let notice = notice(Enforcement::SystemWide, &["essential", "marketing"]);
    let system = system(&["marketing"]);
    assert_eq!(propagates(&notice, NoticeAnswer::OptIn, Some(&system)), Ok(Choice::OptIn));
    assert_eq!(propagates(&notice, NoticeAnswer::OptOut, Some(&system)), Ok(Choice::OptOut));
}

#[test]
fn a_notice_that_is_not_propagated_says_which_condition_failed() {
    let said = |notice: &Notice, answer, system: &System| {
        propagates(notice, answer, Some(system)).unwrap_err().to_string()
    };
    let marketing = system(&["marketing"]);
    for enforcement in [Enforcement::Frontend, Enforcement::NotApplicable] {
        assert_eq!(
            said(&notice(enforcement, &["marketing"]), NoticeAnswer::OptIn, &marketing),
            "notice `pri_1` is not enforced system-wide, so its choices are sent to no vendor"
        );
    }
    let fitting = notice(Enforcement::SystemWide, &["marketing"]);
    assert_eq!(
        said(&fitting, NoticeAnswer::Acknowledge, &marketing),
        "`acknowledge` is neither an opt-in nor an opt-out"
    );
    assert_eq!(said(&fitting, NoticeAnswer::Tcf, &marketing), "`tcf` is neither an opt-in nor an opt-out");
    let analytics = notice(Enforcement::SystemWide, &["analytics", "functional"]);
    assert_eq!(
        said(&analytics, NoticeAnswer::OptOut, &marketing),
        "notice `pri_1` shares no data use with system `iterable`: the notice has `analytics`, `functional`"
    );
    assert_eq!(
        said(&notice(Enforcement::SystemWide, &[]), NoticeAnswer::OptOut, &marketing),
        "notice `pri_1` shares no data use with system `iterable`: the notice has none"
    );
}

#[test]
fn a_notice_covers_the_uses_below_its_own_and_not_those_above() {
    let reaches = |own: &str, of_system: &str| {
        notice(Enforcement::SystemWide, &[own]).reaches(Some(&system(&[of_system]))).is_ok()
    };
    assert!(reaches("marketing", "marketing.advertising.first_party"));
    assert!(!reaches("marketing.advertising", "marketing"));
    assert!(!reaches("marketing", "marketing_research"));
}

#[test]
fn a_connection_of_no_system_is_not_asked_for_data_uses() {
    let notice = notice(Enforcement::SystemWide, &["analytics"]);
    assert_eq!(propagates(&notice, NoticeAnswer::OptOut, None), Ok(Choice::OptOut));
}

#[test]
fn a_notice_is_found_by_its_id_before_any_key() {
    let mut other = notice(Enforcement::Frontend, &[]);
    other.id = "marketing".into();
    let notices = [notice(Enforcement::SystemWide, &[]), other];
    assert_eq!(Notice::find(&notices, "marketing").unwrap().enforcement, Enforcement::Frontend);
    assert_eq!(Notice::find(&notices[..1], "marketing").unwrap().id, "pri_1");
    assert_eq!(Notice::find(&notices, "pri_2"), None);
}

#[test]
fn notices_and_preferences_are_spelled_as_in_fides() {
    let told = json!({
        "id": "pri_1", "notice_key": "marketing", "name": "Marketing", "data_uses": ["marketing"],
        "enforcement_level": "system_wide",
    });
    assert_eq!(serde_json::to_value(notice(Enforcement::SystemWide, &["marketing"])).unwrap(), told);
    let preference: NoticePreference = serde_json::from_value(json!({
        "notice": "marketing", "preference": "opt_out", "chosen_at_ms": 5, "source": "Privacy Center",
    }))
    .unwrap();
    assert_eq!((preference.preference, preference.cause), (NoticeAnswer::OptOut, None));
    let answers = ["opt_in", "opt_out", "acknowledge", "tcf"];
    for answer in answers {
        let read: NoticeAnswer = serde_json::from_value(json!(answer)).unwrap();
        assert_eq!(read.to_string(), answer);
    }
}

#[test]
fn a_text_of_a_notice_or_a_system_that_is_too_long_or_has_a_hidden_character_is_refused_by_its_field() {
    let notice = |id: &str, key: &str, name: &str, data_use: &str| {
        let notice = Notice {
            id: id.into(),
            key: Some(key.into()),
            name: name.into(),
            data_uses: [data_use.to_owned()].into(),
            enforcement: Enforcement::SystemWide,
        };
        notice.check().map_err(|unfit| unfit.to_string())
    };
    let (id, name) = ("i".repeat(256), "\u{1f600}".repeat(512));
    assert_eq!(notice(&id, &id, &name, &id), Ok(()));
    let hidden = |field: &str, code: &str, position: usize| {
        Err(format!(
            "{field} contains U+{code} as its character {position}, which is not allowed: it is invisible or changes \
             how the text is shown"
        ))
    };
    assert_eq!(notice("n\u{1b}[2J", "k", "name", "a"), hidden("id", "001B", 2));
    assert_eq!(notice("n", "k\n", "name", "a"), hidden("notice_key", "000A", 2));
    assert_eq!(notice("n", "k", "\u{202e}name", "a"), hidden("name", "202E", 1));
    assert_eq!(notice("n", "k", "name", "a\u{200b}"), hidden("data_uses", "200B", 2));
    assert_eq!(
        notice("n", "k", "", "a"),
        Err("name is empty: at least one visible character is required".into())
    );
    let long = Err("name has 513 characters; at most 512 are allowed".into());
    assert_eq!(notice("n", "k", &format!("{name}!"), "a"), long);
    let long = Err("id has 257 characters; at most 256 are allowed".into());
    assert_eq!(notice(&format!("{id}!"), "k", "name", "a"), long);
    let system = System { key: "crm".into(), name: "CRM\u{2028}".into(), data_uses: [].into() };
    assert_eq!(system.check().map_err(|unfit| unfit.to_string()), hidden("name", "2028", 4));
}
