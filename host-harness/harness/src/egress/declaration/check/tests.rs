mod blanks;
mod people;
mod text;

use crate::egress::declaration::{Declaration, ManifestError};
use host_model::contract::manifest::{
    Capture, Field, IdentifierKind, Limit, Manifest, Operation, RequestPart, SettingSpec, TokenSlot,
};

fn setting(name: &str) -> SettingSpec {
    SettingSpec { name: name.into(), ..Default::default() }
}

fn secret(name: &str) -> SettingSpec {
    SettingSpec { secret: true, ..setting(name) }
}

fn field(place: RequestPart, name: &str, value: &str) -> Field {
    Field { place, name: name.into(), value: value.into() }
}

fn capture(secret: &str) -> Capture {
    Capture { field: "access_token".into(), secret: secret.into(), lifetime: Some("expires_in".into()) }
}

/// Creates a connector whose operation `forget` is sent with a token that `exchange` fetches.
fn sound() -> Manifest {
    Manifest {
        name: "example".into(),
        settings: vec![setting("domain"), secret("client-secret")],
        operations: vec![
            Operation {
                name: "forget".into(),
                used_by: vec!["erasure".into()],
                host_setting: "domain".into(),
                method: "POST".into(),
                path: "/people/{person}/forget".into(),
                content_type: Some("application/json".into()),
                fields: vec![field(RequestPart::Header, "Authorization", "Bearer {access-token}")],
                limits: vec!["per-day".into()],
                ..Default::default()
            },
            Operation {
                name: "exchange".into(),
                host_setting: "domain".into(),
                method: "POST".into(),
                path: "/token".into(),
                content_type: Some("application/x-www-form-urlencoded".into()),
                fields: vec![field(RequestPart::Body, "secret", "{client-secret}")],
                captures: vec![capture("access-token")],
                ..Default::default()
            },
        ],
        limits: vec![Limit { name: "per-day".into(), requests: 1000, period_ms: Some(86_400_000) }],
        webhook_token_slot: Some(TokenSlot { place: RequestPart::Header, name: "Authorization".into() }),
        identifier_kinds: vec![IdentifierKind::unique("email")],
        item_kinds: vec!["channel".into()],
        ..Default::default()
    }
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Manifest), sentence: &str) {
    let mut manifest = sound();
    change(&mut manifest);
    let errors = Declaration::check(manifest).err().unwrap_or_default();
    let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(told, [sentence]);
}

#[test]
fn a_sound_manifest_is_accepted() {
    let declaration = Declaration::check(sound()).unwrap();
    assert_eq!(declaration.exchange_for("access-token").unwrap().name, "exchange");
    assert!(declaration.exchange_for("client-secret").is_none());
}

#[test]
fn an_unknown_secret_is_refused() {
    refused(
        |m| m.operations[1].captures.push(capture("acess-token")),
        "operation exchange: it captures the unknown secret acess-token: no blank and no secret setting has that name",
    );
    refused(
        |m| m.operations[1].captures.push(capture("domain")),
        "operation exchange: it captures domain, which is a setting that is not secret",
    );
}

#[test]
fn a_blank_that_nothing_fills_is_refused() {
    refused(
        |m| m.operations[1].path = "/token/{tenant}".into(),
        "operation exchange: nothing fills the blank {tenant}: it is neither a setting nor a captured secret, and \
         the host, which alone sends this operation, has no values for it",
    );
    refused(
        |m| m.operations[0].fields.push(field(RequestPart::Body, "token", "{webhook-token}")),
        "operation forget: nothing fills the blank {webhook-token} unless only webhook-token uses the operation",
    );
}

#[test]
fn a_field_in_a_forbidden_header_is_refused() {
    for header in ["Host", "Content-Length", "transfer-encoding", "Proxy-Authorization", "Content-Type"] {
        refused(
            |m| m.operations[0].fields.push(field(RequestPart::Header, header, "x")),
            &format!("operation forget: it may not write the header {header}, which the host writes itself"),
        );
    }
}

#[test]
fn an_unknown_limit_is_refused() {
    refused(
        |m| m.operations[0].limits.push("per-hour".into()),
        "operation forget: per-hour is not one of the manifest's limits",
    );
}

#[test]
fn used_by_of_no_interface_is_refused() {
    refused(
        |m| m.operations[0].used_by.push("erasures".into()),
        "operation forget: used-by names \"erasures\", which is not an interface of the contract \
         (connector, erasure, consent, webhook-verify, webhook-token)",
    );
    refused(
        |m| {
            m.operations[0].used_by.clear();
            m.operations[0].path = "/people/forget".into();
        },
        "operation forget: no interface uses it and it captures no secret, so it is never sent",
    );
}

#[test]
fn a_path_that_is_more_than_a_path_is_refused() {
    for path in [
        "",
        "people",
        "//evil.example/x",
        "/a/../b",
        "/a/./b",
        "/a//b",
        "/a?x=1",
        "/a#x",
        "/a%2e",
        "/a\\b",
        "/a b",
        "/é",
    ] {
        refused(
            |m| m.operations[0].path = path.into(),
            &ManifestError::BadPath { operation: "forget".into(), path: path.into() }.to_string(),
        );
    }
}

#[test]
fn a_path_may_be_the_root_or_end_in_a_slash() {
    for path in ["/", "/people/", "/people/{person}/"] {
        let mut manifest = sound();
        manifest.operations[0].path = path.into();
        assert_eq!(Declaration::check(manifest).err(), None, "{path}");
    }
}

#[test]
fn secrets_that_fetch_each_other_are_refused_however_long_the_circle() {
    for length in 2..5 {
        let mut manifest = sound();
        for n in 0..length {
            let mut exchange = manifest.operations[1].clone();
            exchange.name = format!("circle-{n}");
            exchange.fields = vec![field(RequestPart::Body, "with", &format!("{{secret-{n}}}"))];
            exchange.captures = vec![capture(&format!("secret-{}", (n + 1) % length))];
            manifest.operations.push(exchange);
        }
        let errors = Declaration::check(manifest).unwrap_err();
        let circular: Vec<_> =
            (0..length).map(|n| ManifestError::CircularExchange(format!("circle-{n}"))).collect();
        assert_eq!(errors, circular);
    }
}

#[test]
fn a_host_setting_that_is_missing_or_secret_is_refused() {
    for name in ["host", "client-secret"] {
        refused(
            |m| m.operations[0].host_setting = name.into(),
            &format!("operation forget: its host-setting {name} is not a setting, or is secret"),
        );
    }
}

#[test]
fn a_method_other_than_the_usual_ones_is_refused() {
    refused(
        |m| m.operations[0].method = "CONNECT".into(),
        "operation forget: method \"CONNECT\" is not one of GET, HEAD, POST, PUT, PATCH, DELETE",
    );
}

#[test]
fn a_body_field_needs_a_body_that_the_host_can_write_into() {
    for content_type in [None, Some("text/xml".to_owned())] {
        refused(
            |m| {
                m.operations[0].content_type = content_type;
                m.operations[0].fields.push(field(RequestPart::Body, "key", "{client-secret}"));
            },
            "operation forget: its body field key needs a content-type of JSON or application/x-www-form-urlencoded",
        );
    }
}

#[test]
fn a_header_value_that_would_begin_another_header_is_refused() {
    refused(
        |m| m.operations[0].fields.push(field(RequestPart::Header, "X-A", "a\r\nX-B: b")),
        "operation forget: the value of its field X-A contains characters that a header cannot carry",
    );
}

#[test]
fn an_impossible_limit_is_refused() {
    for (requests, period_ms) in [(0, None), (3, Some(0)), (3, Some(u64::MAX)), (1_000_001, Some(1_000))] {
        refused(
            |m| m.limits[0] = Limit { name: "per-day".into(), requests, period_ms },
            "limit per-day: expected 1 to 1,000,000 requests, in a period of 1 ms to 31 days or at the same time",
        );
    }
}

#[test]
fn two_of_one_name_are_refused() {
    refused(|m| m.settings.push(setting("domain")), "setting domain is declared twice");
}

#[test]
fn a_name_that_could_pass_for_something_else_is_refused() {
    refused(
        |m| m.item_kinds.push("message type".into()),
        "item kind \"message type\": expected a lower-case word such as api-key, of at most 64 characters",
    );
    refused(
        |m| m.settings.push(setting("webhook-url")),
        "setting webhook-url: the host itself fills in that name",
    );
}

#[test]
fn a_secret_with_a_public_default_is_refused() {
    refused(
        |m| m.settings.push(SettingSpec { default: Some("hunter2".into()), ..secret("api-key") }),
        "setting api-key: a secret has no default and no options, since a manifest is public",
    );
}

#[test]
fn a_default_outside_the_options_is_refused() {
    refused(
        |m| {
            m.settings.push(SettingSpec {
                default: Some("c".into()),
                options: vec!["a".into(), "b".into()],
                ..setting("mode")
            });
        },
        "setting mode: its default \"c\" is not among its options",
    );
}

#[test]
fn a_secret_that_is_fetched_by_means_of_itself_is_refused() {
    refused(
        |m| m.operations[1].fields.push(field(RequestPart::Header, "Authorization", "Bearer {access-token}")),
        "operation exchange: it needs a secret that only it or an operation that depends on it can fetch",
    );
}

#[test]
fn a_refresh_token_may_be_exchanged_for_its_successor() {
    let mut manifest = sound();
    manifest.operations[1].captures.push(capture("client-secret"));
    assert!(Declaration::check(manifest).is_ok());
}

#[test]
fn a_token_slot_in_the_body_is_refused() {
    refused(
        |m| m.webhook_token_slot = Some(TokenSlot { place: RequestPart::Body, name: "token".into() }),
        "webhook-token-slot: a body called \"token\" is not allowed; expected a header or a query parameter",
    );
}

#[test]
fn a_manifest_of_thousands_of_exchanges_is_refused_before_it_is_looked_through() {
    let mut manifest = sound();
    manifest.operations = (0..5_000)
        .map(|n| Operation { name: format!("exchange-{n}"), ..manifest.operations[1].clone() })
        .collect();
    let errors = Declaration::check(manifest).unwrap_err();
    assert_eq!(
        errors,
        [ManifestError::TooManyEntries { what: "operations".into(), count: 5_000, limit: 200 }]
    );
}

#[test]
fn an_operation_under_more_limits_than_a_vendor_has_is_refused() {
    refused(
        |m| m.operations[0].limits = vec!["per-day".into(); 9],
        "operation forget: it counts against more than 8 limits",
    );
}

#[test]
fn all_broken_rules_are_reported_at_once() {
    let mut manifest = sound();
    manifest.operations[0].method = "TRACE".into();
    manifest.limits.clear();
    assert_eq!(Declaration::check(manifest).unwrap_err().len(), 2);
}
