//! The values with which a proof replaces those of an operator: secrets, settings and a person.
//! Tested in `tests/all/conformance`.

use std::collections::BTreeMap;

use host_model::{
    contract::{
        Settings, Subject,
        manifest::{Capture, Manifest, Operation, SettingSpec},
    },
    secret::Secret,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::connection::{ConnectionSpec, Reach, WEBHOOK_TOKEN, WEBHOOK_URL};

/// The address for webhooks that a case does not set.
pub(super) const DEFAULT_WEBHOOK_URL: &str = "https://hooks.example.com/conformance";

/// The host that requests go to if neither the manifest nor the operator names one. Nothing is sent there.
const DEFAULT_HOST: &str = "vendor.example.com";

/// The value that `*` in an option is replaced with.
const WILDCARD: &str = "example";

/// Returns the secret that a proof uses under `name`: 64 digits in hexadecimal, which are valid base64 too. It is always
/// the same, so that the author of a case can sign a delivery with it.
pub fn made_up_secret(name: &str) -> String {
    hex::encode(Sha256::digest(format!("conformance:{name}")))
}

/// Returns the webhook token that a proof accepts and installs.
pub(super) fn webhook_token() -> String {
    made_up_secret(WEBHOOK_TOKEN)
}

/// Returns `given` with a host for each setting that names one, and with an option for each required setting that has
/// some, unless it has a default. Other required settings stay missing.
pub(super) fn settings(manifest: &Manifest, given: &Settings) -> Settings {
    let is_missing = |spec: &&SettingSpec| {
        let is_needed = spec.required || names_host(manifest, &spec.name);
        is_needed && !spec.secret && spec.default.is_none() && !given.contains_key(&spec.name)
    };
    let missing = manifest.settings.iter().filter(is_missing);
    let made_up = missing.filter_map(|spec| {
        let option = spec.options.first().map(|option| option.replace('*', WILDCARD));
        let host = || names_host(manifest, &spec.name).then(|| DEFAULT_HOST.to_owned());
        Some((spec.name.clone(), option.or_else(host)?))
    });
    made_up.chain(given.clone()).collect()
}

/// Returns a connection with these settings, made-up secrets and a made-up webhook token.
pub(super) fn connection(manifest: &Manifest, mut settings: Settings) -> ConnectionSpec {
    let mut spec = ConnectionSpec::new("conformance", "conformance", &manifest.name);
    let hosts = manifest.settings.iter().filter(|setting| names_host(manifest, &setting.name));
    let hosts = hosts.filter_map(|setting| settings.get(&setting.name).or(setting.default.as_ref()));
    // Whatever host is named, nothing is sent there.
    spec.policy.hosts = hosts.cloned().collect();
    spec.policy.reach = Reach::PublicAndLoopback;
    let secrets = manifest.settings.iter().filter(|setting| setting.secret);
    spec.secrets =
        secrets.filter_map(|s| Some((s.name.clone(), Secret::new(made_up_secret(&s.name))?))).collect();
    spec.token_to_install = Secret::new(webhook_token());
    spec.webhook_url = settings.remove(WEBHOOK_URL).or_else(|| Some(DEFAULT_WEBHOOK_URL.to_owned()));
    ConnectionSpec { settings, ..spec }
}

fn names_host(manifest: &Manifest, setting: &str) -> bool {
    manifest.operations.iter().any(|operation| operation.host_setting == setting)
}

/// Returns a person with an identifier of each kind that the connector acts on. Their identifiers are found in no other
/// text.
pub(super) fn person(manifest: &Manifest, random: &mut fastrand::Rng) -> Subject {
    let kinds = manifest.identifier_kind_names();
    let kinds = if kinds.is_empty() { vec!["email".to_owned(), "user-id".to_owned()] } else { kinds };
    kinds.into_iter().fold(Subject::default(), |person, kind| {
        let number = random.u64(1 << 60..);
        let value = match kind.as_str() {
            "email" => format!("p{number:x}@example.com"),
            "phone-number" => format!("+1{:010}", number % 10_000_000_000),
            _ => format!("id-{number:x}"),
        };
        person.and(kind, value)
    })
}

/// Returns an answer with made-up secrets for each operation from whose answer the host captures some.
pub(crate) fn token_answers(manifest: &Manifest) -> BTreeMap<String, Vec<u8>> {
    let capturing = manifest.operations.iter().filter(|operation| !operation.captures.is_empty());
    capturing.map(|operation| (operation.name.clone(), token_answer(operation))).collect()
}

/// Returns a body with a made-up secret, valid for an hour, in each field that `operation` captures.
fn token_answer(operation: &Operation) -> Vec<u8> {
    let mut answer = json!({});
    for Capture { field, secret, lifetime } in &operation.captures {
        put(&mut answer, field, Value::from(made_up_secret(secret)));
        if let Some(lifetime) = lifetime {
            put(&mut answer, lifetime, Value::from(3_600));
        }
    }
    answer.to_string().into_bytes()
}

/// Puts `value` at `field`, whose dots separate levels.
fn put(document: &mut Value, field: &str, value: Value) {
    let mut place = document;
    for step in field.split('.') {
        if !place.is_object() {
            *place = json!({});
        }
        let Value::Object(object) = place else { return };
        place = object.entry(step).or_insert(Value::Null);
    }
    *place = value;
}
