//! Breaks every rule for manifests.

use test_guests::{
    base::exports::privacy::saas_connector::connector::{
        Capture, Check, Claim, Effect, Error, Exemption, Field, Guest, IdentifierKind, Identifies, Limit,
        Manifest, Operation, Place, SettingCondition, SettingSpec, Settings, TokenSlot,
    },
    parts::{field, operation, secret, setting},
};

struct BreaksEveryRule;

impl Guest for BreaksEveryRule {
    fn describe() -> Manifest {
        Manifest {
            version: "9".repeat(1_001),
            settings: settings(),
            operations: operations(),
            limits: vec![limit("none-at-all", 0, None), limit("no-time", 1, Some(0))],
            webhook_token_slot: Some(TokenSlot { place: Place::Body, name: "token".to_owned() }),
            identifier_kinds: vec![
                identified_by("by-nothing", "nowhere", &["x"]),
                identified_by("by-any", "letter", &[]),
                identified_by("by-none", "letter", &["b"]),
            ],
            proves_without: vec![exemption(""), exemption("It has no search")],
            item_kinds: (0..201).map(|kind| format!("kind-{kind}")).collect(),
            ..test_guests::manifest("Not A Name")
        }
    }

    fn test_connection(_: Settings) -> Result<Vec<Check>, Error> {
        Ok(Vec::new())
    }
}

fn settings() -> Vec<SettingSpec> {
    vec![
        setting("domain"),
        setting("webhook-url"),
        SettingSpec { default: Some("c".to_owned()), options: vec!["a".to_owned()], ..setting("letter") },
        SettingSpec { default: Some("known".to_owned()), ..secret("public") },
        secret("api-key"),
        SettingSpec { options: vec!["api.b\u{fc}cher.example".to_owned()], ..setting("foreign-host") },
    ]
}

fn identified_by(kind: &str, setting: &str, values: &[&str]) -> IdentifierKind {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    let condition = SettingCondition { setting: setting.to_owned(), values };
    IdentifierKind { name: kind.to_owned(), identifies: Identifies::When(condition) }
}

fn exemption(reason: &str) -> Exemption {
    Exemption { claim: Claim::EraseNotFound, reason: reason.to_owned() }
}

fn limit(name: &str, requests: u32, period_ms: Option<u64>) -> Limit {
    Limit { name: name.to_owned(), requests, period_ms }
}

fn writing(name: &str, written: Field) -> Operation {
    Operation { fields: vec![written], ..operation(name, "POST", "/x") }
}

fn exchange(name: &str, needs: &str, captured: &str) -> Operation {
    Operation {
        used_by: Vec::new(),
        fields: vec![field(Place::Header, "X-Key", needs)],
        captures: vec![capture(captured)],
        ..operation(name, "POST", "/token")
    }
}

fn capture(secret: &str) -> Capture {
    Capture { field: "token".to_owned(), secret: secret.to_owned(), lifetime: None }
}

fn operations() -> Vec<Operation> {
    vec![
        operation("same", "GET", "/x"),
        operation("same", "GET", "/x"),
        Operation { host_setting: "nowhere".to_owned(), ..operation("hostless", "GET", "/x") },
        operation("traces", "TRACE", "/x"),
        Operation { purpose: "sdraw\u{202e}backwards".to_owned(), ..operation("reverses", "GET", "/x") },
        Operation { effect: Some(Effect::Read), ..operation("deletes", "DELETE", "/x") },
        operation("climbs", "GET", "/a/../b"),
        Operation { used_by: vec!["everybody".to_owned()], ..operation("for-all", "GET", "/x") },
        Operation { used_by: Vec::new(), ..operation("for-nobody", "GET", "/x") },
        Operation { limits: vec!["unheard-of".to_owned()], ..operation("limited", "GET", "/x") },
        Operation { path: "/{person}".to_owned(), ..exchange("fetches", "{api-key}", "api-key") },
        writing("shows-token", field(Place::Header, "X-Token", "{webhook-token}")),
        Operation { captures: vec![capture("unused")], ..operation("keeps", "POST", "/x") },
        Operation { captures: vec![capture("letter")], ..operation("overwrites", "POST", "/x") },
        exchange("itself", "{own-secret}", "own-secret"),
        writing("smuggles", field(Place::Header, "Host", "evil.example")),
        writing("spaces", field(Place::Header, "X Y", "z")),
        writing("breaks-line", field(Place::Header, "X-Y", "a\r\nb")),
        writing("misspells", field(Place::Header, "X-Key", "Bearer {Letter}")),
        writing("bodyless", field(Place::Body, "key", "{api-key}")),
        Operation { content_type: Some("no type".to_owned()), ..operation("typeless", "POST", "/x") },
        Operation { host_setting: "foreign-host".to_owned(), ..operation("goes-abroad", "GET", "/x") },
        Operation { response_headers: vec!["Not One".to_owned()], ..operation("asks", "GET", "/x") },
    ]
}

test_guests::base::export!(BreaksEveryRule);
