use super::*;
use host_model::contract::{
    Exemption,
    manifest::{Capture, Field, IdentifierKind, Identifies, RequestPart, SettingSpec, TokenSlot},
};

fn running() -> Manifest {
    Manifest {
        settings: vec![
            SettingSpec {
                name: "domain".into(),
                options: vec!["api.example.com".into()],
                ..Default::default()
            },
            SettingSpec { name: "api-key".into(), secret: true, ..Default::default() },
        ],
        operations: vec![Operation {
            name: "forget".into(),
            purpose: "Forgets a person".into(),
            used_by: vec!["erasure".into()],
            host_setting: "domain".into(),
            method: "POST".into(),
            path: "/forget".into(),
            fields: vec![Field {
                place: RequestPart::Header,
                name: "Api-Key".into(),
                value: "{api-key}".into(),
            }],
            captures: vec![Capture { field: "token".into(), secret: "token".into(), lifetime: None }],
            limits: vec!["per-day".into()],
            ..Default::default()
        }],
        webhook_token_slot: Some(TokenSlot { place: RequestPart::Header, name: "Authorization".into() }),
        limits: vec![Limit { name: "per-day".into(), requests: 1_000, period_ms: Some(86_400_000) }],
        ..Default::default()
    }
}

#[test]
fn the_same_or_less_asks_for_nothing_more() {
    let mut less = running();
    less.limits[0].requests = 999;
    less.operations.clear();
    assert_eq!(Changes::between(&running(), &running()), Changes::default());
    assert_eq!(Changes::between(&running(), &less), Changes::default());
}

#[test]
fn a_blank_that_the_host_no_longer_fills_is_named() {
    let mut new = running();
    new.settings.retain(|setting| setting.name != "api-key");
    assert_eq!(
        Changes::between(&running(), &new).to_string(),
        "\n  ~ operation forget: the connector now fills {api-key}"
    );
}

#[test]
fn a_change_to_what_identifies_people_requires_approval() {
    let kind = |name: &str, identifies| IdentifierKind { name: name.into(), identifies };
    let (mut known, mut new) = (running(), running());
    known.identifier_kinds = vec![kind("email", Identifies::Always), kind("phone-number", Identifies::Never)];
    new.identifier_kinds = vec![
        kind("email", Identifies::When { setting: "domain".into(), values: vec!["a".into(), "b".into()] }),
        kind("user-id", Identifies::Always),
    ];
    assert_eq!(
        Changes::between(&known, &new).to_string(),
        "\n  ~ identifier kind email: identifies a person if domain is a or b\
         \n  ~ identifier kind user-id: identifies a person\
         \n  ~ identifier kind phone-number: is no longer acted on"
    );
    assert!(Changes::between(&new, &new.clone()).is_empty());
}

#[test]
fn a_changed_effect_and_a_new_exemption_require_approval() {
    let mut reads = running();
    reads.operations[0].effect = Effect::Read;
    let told = |known: &Manifest, new: &Manifest| Changes::between(known, new).to_string();
    assert_eq!(
        told(&reads, &running()),
        "\n  ~ operation forget: may now change something; before, it only read"
    );
    assert_eq!(
        told(&running(), &reads),
        "\n  ~ operation forget: is now declared as a read: a dry run sends it"
    );
    let mut exempt = running();
    exempt.proves_without =
        vec![Exemption { claim: Claim::EraseNotFound, reason: "The vendor has no search".into() }];
    assert_eq!(
        told(&running(), &exempt),
        "\n  + reports erase-not-found without a request: The vendor has no search"
    );
    assert_eq!(told(&exempt, &exempt), "");
    assert_eq!(told(&exempt, &running()), "");
}

#[test]
fn a_limit_that_allows_more_is_shown_with_both_numbers() {
    let limited = |requests, period_ms| {
        let mut manifest = running();
        manifest.limits[0] = Limit { name: "app-api".into(), requests, period_ms };
        manifest.operations[0].limits = vec!["app-api".into()];
        manifest
    };
    let told = |known: &Manifest, new: &Manifest| Changes::between(known, new).to_string();
    let (ten, hundred) = (limited(10, Some(1_000)), limited(100, Some(1_000)));
    assert_eq!(
        told(&ten, &hundred),
        "\n  ~ limit app-api: now 100 requests in 1 s; before, 10 requests in 1 s"
    );
    assert_eq!(told(&hundred, &ten), "");
    assert_eq!(
        told(&limited(1, None), &limited(3, None)),
        "\n  ~ limit app-api: now 3 requests at the same time; before, 1 request at the same time"
    );
    assert_eq!(
        told(&limited(5, Some(90_000)), &limited(5, Some(1_500))),
        "\n  ~ limit app-api: now 5 requests in 1500 ms; before, 5 requests in 90 s"
    );
}

#[test]
fn a_change_cannot_forge_a_line() {
    let mut new = running();
    new.operations[0].fields.push(Field {
        place: RequestPart::Body,
        name: "query".into(),
        value: "mutation {\n  + host api.example.net".into(),
    });
    assert_eq!(
        Changes::between(&running(), &new).to_string(),
        "\n  ~ operation forget: the host now writes body query = mutation {\\n  + host api.example.net"
    );
}

#[test]
fn each_thing_more_is_named() {
    let mut new = running();
    new.settings[0].options.push("*.example.net".into());
    new.settings.push(SettingSpec { name: "master-key".into(), secret: true, ..Default::default() });
    let forget = &mut new.operations[0];
    forget.path = "/forget/all".into();
    forget.used_by.push("webhook-verify".into());
    forget.query.push("cascade".into());
    forget.fields[0].value = "{master-key}".into();
    forget.response_headers.push("link".into());
    forget.response_limit = Some(2_000_000);
    forget.captures[0].field = "elsewhere".into();
    forget.content_type = Some("text/xml".into());
    forget.limits.clear();
    new.limits[0].period_ms = None;
    new.webhook_token_slot = None;
    new.operations.push(Operation {
        name: "export".into(),
        purpose: "Reads everything".into(),
        method: "GET".into(),
        path: "/export".into(),
        ..Default::default()
    });
    assert_eq!(
        Changes::between(&running(), &new).to_string(),
        "\n  ~ operation forget: now sends POST /forget/all\
         \n  ~ operation forget: now also sent by webhook-verify\
         \n  ~ operation forget: may now set the parameter cascade\
         \n  ~ operation forget: the host now writes header Api-Key = {master-key}\
         \n  ~ operation forget: the host no longer writes header Api-Key = {api-key}\
         \n  ~ operation forget: now captures token from elsewhere\
         \n  ~ operation forget: no longer captures token from token\
         \n  ~ operation forget: now sees the response header link\
         \n  ~ operation forget: now has a body of text/xml\
         \n  ~ operation forget: now reads answers of 2000000 bytes; before, of 1048576\
         \n  ~ operation forget: no longer keeps to the limit per-day, which allows 1000 requests in 1 d\
         \n  + operation export: GET /export (Reads everything)\
         \n  ~ limit per-day: now 1000 requests at the same time; before, 1000 requests in 1 d\
         \n  ~ webhook token: now in no place\
         \n  + credential master-key\
         \n  + host *.example.net"
    );
}
