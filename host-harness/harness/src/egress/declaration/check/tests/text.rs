//! The length and the characters of a manifest's text.

use super::{capture, field, refused, setting, sound};
use crate::egress::declaration::Declaration;
use host_model::contract::manifest::{
    IdentifierKind, Identifies, Manifest, RequestPart, SettingSpec, TokenSlot,
};

/// What is said about `text` and the hidden character at its end, the third one.
const HIDDEN: &str = "contains U+202E as its character 3, which is not allowed: it is invisible or changes how the \
                      text is shown";
/// Puts a text into a manifest.
type Change = fn(&mut Manifest, String);

const WITH_HIDDEN: &str = "ab\u{202e}";

#[test]
fn a_text_that_reads_as_another_is_refused_by_its_field_and_the_character() {
    let text = || WITH_HIDDEN.to_owned();
    let cases: [(Change, &str); 12] = [
        (|m, text| m.version = text, "version"),
        (|m, text| m.vendor = text, "vendor"),
        (|m, text| m.documentation = text, "documentation"),
        (|m, text| m.settings[0].label = text, "setting domain: its label"),
        (|m, text| m.settings[0].description = text, "setting domain: its description"),
        (|m, text| m.settings[0].options = vec![text], "setting domain: one of its options"),
        (|m, text| m.settings[0].default = Some(text), "setting domain: its default"),
        (|m, text| m.operations[0].purpose = text, "operation forget: its purpose"),
        (|m, text| m.operations[0].query = vec![text], "operation forget: the name of a query parameter"),
        (
            |m, text| m.operations[0].fields.push(field(RequestPart::Body, &text, "v")),
            "operation forget: the name of a body field",
        ),
        (
            |m, text| m.operations[0].fields.push(field(RequestPart::Query, "q", &text)),
            "operation forget: the value of its field q",
        ),
        (
            |m, text| m.operations[1].captures[0].lifetime = Some(text),
            "operation exchange: the name of a field that it captures",
        ),
    ];
    for (change, what) in cases {
        refused(|m| change(m, text()), &format!("{what} {HIDDEN}"));
    }
    refused(
        |m| {
            m.identifier_kinds.push(IdentifierKind {
                name: "user-id".into(),
                identifies: Identifies::When { setting: "domain".into(), values: vec![text()] },
            });
        },
        &format!("identifier kind user-id: one of the values of domain {HIDDEN}"),
    );
    refused(
        |m| m.webhook_token_slot = Some(TokenSlot { place: RequestPart::Query, name: text() }),
        "webhook-token-slot: a query called \"ab\\u{202e}\" is not allowed; expected a header or a query parameter",
    );
}

#[test]
fn a_text_that_moves_a_terminals_cursor_is_refused() {
    for (text, code) in [("ok\u{1b}[1A", "001B"), ("ok\nno", "000A"), ("ok\u{2028}no", "2028")] {
        refused(
            |m| m.operations[0].purpose = text.into(),
            &format!("operation forget: its purpose {}", HIDDEN.replace("202E", code)),
        );
    }
}

#[test]
fn a_text_that_is_too_long_is_called_too_long_with_both_lengths() {
    let cases: [(Change, usize, &str); 8] = [
        (|m, text| m.operations[0].purpose = text, 1_000, "operation forget: its purpose"),
        (|m, text| m.operations[0].path = format!("/{text}"), 999, "operation forget: its path"),
        (
            |m, text| m.operations[0].query = vec![text],
            256,
            "operation forget: the name of a query parameter",
        ),
        (
            |m, text| m.operations[0].content_type = Some(format!("a/{text}")),
            198,
            "operation forget: its content-type",
        ),
        (
            |m, text| m.operations[0].fields.push(field(RequestPart::Body, "query", &text)),
            4_000,
            "operation forget: the value of its field query",
        ),
        (
            |m, text| m.operations[0].fields.push(field(RequestPart::Header, "X-A", &text)),
            4_000,
            "operation forget: the value of its field X-A",
        ),
        (
            |m, text| m.operations[0].fields.push(field(RequestPart::Header, &text, "v")),
            256,
            "operation forget: the name of a header field",
        ),
        (|m, text| m.settings[0].default = Some(text), 256, "setting domain: its default"),
    ];
    for (change, longest, what) in cases {
        let added = match what {
            "operation forget: its path" => 1,
            "operation forget: its content-type" => 2,
            _ => 0,
        };
        let mut manifest = sound();
        change(&mut manifest, "q".repeat(longest));
        assert_eq!(Declaration::check(manifest).err(), None, "{what}");
        let (length, limit) = (longest + 1 + added, longest + added);
        refused(
            |m| change(m, "q".repeat(longest + 1)),
            &format!("{what} has {length} characters; at most {limit} are allowed"),
        );
    }
}

#[test]
fn lists_are_bounded_and_the_number_found_is_named() {
    refused(
        |m| m.identifier_kinds = (0..201).map(|n| IdentifierKind::unique(format!("k{n}"))).collect(),
        "identifier-kinds has 201 entries; at most 200 are allowed",
    );
    refused(
        |m| m.operations[1].captures.extend(vec![capture("access-token"); 201]),
        "operation exchange has 203 entries; at most 200 are allowed",
    );
    refused(
        |m| {
            m.settings.push(SettingSpec {
                options: (0..201).map(|n| format!("o{n}")).collect(),
                ..setting("mode")
            });
        },
        "setting mode: its list of options has 201 entries; at most 200 are allowed",
    );
}

#[test]
fn a_field_of_a_body_may_have_several_lines() {
    let mut manifest = sound();
    manifest.operations[0].fields.push(field(RequestPart::Body, "query", "mutation {\n\tforget\r\n}"));
    assert_eq!(Declaration::check(manifest).err(), None);
}
