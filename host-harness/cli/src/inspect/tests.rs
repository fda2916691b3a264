use super::{in_lines, people};
use crate::tests::plain;
use host_harness::plugin;
use host_model::contract::{
    Claim, ContractVersion, Exemption, Interface,
    manifest::{
        Capture, Field, IdentifierKind, Identifies, Limit, Manifest, Operation, RequestPart, SettingSpec,
    },
};

fn manifest() -> Manifest {
    let field =
        |value: &str| Field { place: RequestPart::Header, name: "Api-Key".into(), value: value.into() };
    Manifest {
        name: "example".into(),
        version: "0.1.0".into(),
        vendor: "Example".into(),
        documentation: "https://example.com/docs".into(),
        settings: vec![
            SettingSpec {
                name: "domain".into(),
                description: "The vendor's host".into(),
                default: Some("api.example.com".into()),
                options: vec!["api.example.com".into(), "api.eu.example.com".into()],
                ..Default::default()
            },
            SettingSpec {
                name: "api-key".into(),
                label: "Key".into(),
                required: true,
                secret: true,
                ..Default::default()
            },
        ],
        operations: vec![
            Operation {
                name: "forget".into(),
                purpose: "Erases a person".into(),
                used_by: vec!["erasure".into()],
                host_setting: "domain".into(),
                method: "POST".into(),
                path: "/forget".into(),
                fields: vec![field("Key {api-key}")],
                limits: vec!["second".into(), "day".into()],
                repeatable: true,
                ..Default::default()
            },
            Operation {
                name: "login".into(),
                purpose: "Fetches a token".into(),
                host_setting: "domain".into(),
                method: "POST".into(),
                path: "/login".into(),
                captures: vec![Capture { field: "token".into(), secret: "token".into(), lifetime: None }],
                ..Default::default()
            },
        ],
        limits: vec![
            Limit { name: "second".into(), requests: 3, period_ms: Some(1_000) },
            Limit { name: "day".into(), requests: 1_000, period_ms: Some(86_400_000) },
        ],
        identifier_kinds: vec![
            IdentifierKind {
                name: "email".into(),
                identifies: Identifies::When {
                    setting: "domain".into(),
                    values: vec!["api.example.com".into()],
                },
            },
            IdentifierKind { name: "phone-number".into(), identifies: Identifies::Never },
        ],
        item_kinds: vec![],
        proves_without: vec![Exemption {
            claim: Claim::EraseNotFound,
            reason: "The vendor answers nothing about a person it does not know".into(),
        }],
        ..Default::default()
    }
}

fn page(width: u16) -> String {
    let permissions = plugin::Permissions {
        digest: "sha256:00".into(),
        contract: ContractVersion::V0_2_0,
        imports: vec!["privacy:saas-connector/http@0.2.0".into()],
        exports: vec![Interface::Connector, Interface::Erasure],
        ignored_exports: vec!["init".into(), "exports".into()],
        parts: plugin::ComponentParts {
            core_instances: 3,
            memories: 1,
            memory_bytes: 1_114_112,
            tables: 2,
            table_elements: 71,
        },
        manifest: manifest(),
    };
    plain(&people(width, &permissions.into(), &[]))
}

#[test]
fn a_page_lists_every_setting_and_every_permission() {
    assert_eq!(page(100), include_str!("page.txt").trim_end());
}

#[test]
fn a_page_of_any_width_loses_no_word() {
    for width in [100, 130, 200] {
        let page = page(width);
        for word in
            ["forget", "Erases", "erasure", "api-key", "brings", "3 a second", "1000 a day", "the host"]
        {
            assert!(page.contains(word), "{word}: {page}");
        }
    }
}

#[test]
fn a_long_path_is_broken_before_its_slashes() {
    assert_eq!(in_lines("/api/users/byUserId/{user-id}/x"), "/api/users/byUserId\n/{user-id}/x");
    assert_eq!(in_lines("/"), "/");
    assert_eq!(in_lines("/a/"), "/a/");
    let long = format!("/{}", "x".repeat(100));
    assert_eq!(in_lines(&format!("{long}/y")), format!("{long}\n/y"));
}
