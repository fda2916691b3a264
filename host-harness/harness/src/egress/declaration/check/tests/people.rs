use super::*;
use host_model::contract::{
    Claim, Exemption, Interface,
    manifest::{Effect, Identifies},
};

fn kind(name: &str, identifies: Identifies) -> IdentifierKind {
    IdentifierKind { name: name.into(), identifies }
}

fn when(setting: &str, values: &[&str]) -> Identifies {
    Identifies::When { setting: setting.into(), values: values.iter().map(ToString::to_string).collect() }
}

fn by(manifest: &mut Manifest, identifies: Identifies) {
    manifest.settings.push(SettingSpec {
        options: vec!["email".into(), "hybrid".into(), "*.example.com".into()],
        ..setting("project-type")
    });
    manifest.identifier_kinds.push(kind("user-id", identifies));
}

fn exempting(claim: Claim, reason: &str) -> Exemption {
    Exemption { claim, reason: reason.into() }
}

#[test]
fn a_kind_may_identify_by_what_a_setting_is() {
    let mut manifest = sound();
    by(&mut manifest, when("project-type", &["hybrid", "eu.example.com"]));
    assert_eq!(Declaration::check(manifest).err(), None);
}

#[test]
fn a_condition_that_never_holds_is_refused() {
    let no_setting =
        "identifier kind user-id: it identifies by \"nowhere\", which is not a setting, or is secret";
    refused(|m| by(m, when("nowhere", &["x"])), no_setting);
    refused(
        |m| {
            m.settings.push(secret("nowhere"));
            by(m, when("nowhere", &["x"]));
        },
        no_setting,
    );
    let empty = "identifier kind user-id: expected 1 to 200 non-empty values of the setting project-type for which \
                 it identifies";
    refused(|m| by(m, when("project-type", &[])), empty);
    refused(|m| by(m, when("project-type", &["hybrid", ""])), empty);
    refused(
        |m| by(m, when("project-type", &["hybrid", "phone"])),
        "identifier kind user-id: it identifies if project-type is \"phone\", which is not among the setting's options",
    );
}

#[test]
fn kinds_of_which_none_can_identify_are_refused() {
    let sentence = "identifier-kinds: none of them can identify a person, so no request could name one; at least one \
                    must identify";
    refused(|m| m.identifier_kinds = vec![kind("email", Identifies::Never)], sentence);
    let mut manifest = sound();
    manifest.identifier_kinds.clear();
    assert_eq!(Declaration::check(manifest).err(), None, "any kind identifies a person if none is listed");
}

#[test]
fn an_exemption_is_listed_once_with_a_plain_reason() {
    let reason = "The vendor gives the same answer for everyone";
    refused(
        |m| m.proves_without = vec![exempting(Claim::EraseNotFound, reason); 2],
        "proves-without: erase-not-found is listed twice",
    );
    refused(
        |m| m.proves_without = vec![exempting(Claim::CurrentRead, " ")],
        "proves-without current-read: expected a reason for the operator",
    );
    refused(
        |m| m.proves_without = vec![exempting(Claim::ApplyPending, &"x".repeat(1_001))],
        "proves-without apply-pending: its reason has 1001 characters; at most 1000 are allowed",
    );
}

#[test]
fn an_exemption_is_of_an_interface_that_is_exported() {
    let mut manifest = sound();
    manifest.proves_without = vec![exempting(Claim::TokenInstalled, "The vendor has no way to ask")];
    let declaration = |offered: &[Interface]| {
        Declaration::check(manifest.clone()).unwrap().offering(offered).err().unwrap_or_default()
    };
    assert_eq!(declaration(&[Interface::Connector, Interface::WebhookToken]), []);
    assert_eq!(
        declaration(&[Interface::Connector]).iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["proves-without token-installed: it does not export webhook-token, which reports this outcome"]
    );
}

#[test]
fn what_replaces_or_deletes_is_never_declared_to_read() {
    for method in ["PUT", "PATCH", "DELETE"] {
        refused(
            |m| {
                m.operations[0].method = method.into();
                m.operations[0].effect = Effect::Read;
            },
            &format!("operation forget: {method} cannot have the effect read; only GET, HEAD and POST can"),
        );
    }
    let mut search = sound();
    search.operations[0].effect = Effect::Read;
    assert_eq!(search.operations[0].method, "POST");
    assert_eq!(Declaration::check(search).err(), None);
}
