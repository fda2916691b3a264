//! What a caller writes: a new connection, or a change of one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};
use serde_json::Value;
use utoipa::ToSchema;

use super::duty::Duty;
use crate::problem::{Problem, kinds};
use host_harness::connection::{CallLimits, ConnectionSpec, EgressPolicy};
use host_model::{duties::Duties, secret::Secret, unread::Unread};
use host_service::connections::owned::Owned;
use host_store::connections::Standing;

/// A secret's value. It is never shown again, and no error about it has it.
pub(super) struct SecretText(Secret);

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As any value first: the reader's own error would show what it found.
        let Ok(Value::String(text)) = Value::deserialize(deserializer) else {
            return Err(D::Error::custom("a secret is a text that is not empty, or null to remove it"));
        };
        Secret::new(text).map(Self).ok_or_else(|| D::Error::custom("a secret is not empty; null removes it"))
    }
}

fn duties_of(actions: BTreeSet<Duty>) -> BTreeSet<host_model::duties::Duty> {
    actions.into_iter().map(Into::into).collect()
}

/// A connection to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct NewConnection {
    /// Unique across tenants; lower-case words and digits with single dashes between them.
    key: String,
    /// Whose it is.
    tenant: String,
    /// The plugin that carries it.
    plugin: String,
    /// Whether anything is done at all; true where it is left out.
    enabled: Option<bool>,
    /// What it carries out; everything where it is left out.
    actions: Option<BTreeSet<Duty>>,
    /// The system that it belongs to, for data uses.
    system: Option<String>,
    /// The plugin's open settings.
    #[serde(default)]
    settings: BTreeMap<String, String>,
    /// The plugin's secret settings. They are sealed and never shown again.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    secrets: BTreeMap<String, SecretText>,
    /// The address for its webhooks; one of this service where it is left out.
    webhook_url: Option<String>,
    /// Where its requests may go, with the keys of `[connections.KEY.egress]`; `authorities` holds PEM texts. Only a key to
    /// all tenants widens it.
    #[serde(default)]
    #[schema(value_type = Object)]
    egress: EgressPolicy,
    /// What one call may use up, with the keys of `[connections.KEY.limits]`. Only a key to all tenants sets it.
    #[serde(default)]
    #[schema(value_type = Object)]
    limits: CallLimits,
}

impl NewConnection {
    /// As it will be owned by the API.
    pub(super) fn owned(self) -> Result<Owned, Problem> {
        let usual = Duties::default();
        let spec = ConnectionSpec {
            settings: self.settings,
            secrets: self.secrets.into_iter().map(|(name, SecretText(secret))| (name, secret)).collect(),
            webhook_url: self.webhook_url.map(checked_url).transpose()?,
            policy: self.egress,
            limits: self.limits,
            ..ConnectionSpec::new(self.tenant, self.key, self.plugin)
        };
        let duties = Duties {
            enabled: self.enabled.unwrap_or(usual.enabled),
            actions: self.actions.map_or(usual.actions, duties_of),
            system: self.system,
        };
        Ok(Owned { spec, duties, file: None, left_file: false, standing: Standing::default() })
    }
}

/// A change of a connection: what is left out stays, null removes. Key and tenant never change.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(clippy::option_option, reason = "left out, removed and set are three things")]
pub(super) struct Patch {
    /// Another plugin that carries it.
    plugin: Option<String>,
    /// Whether anything is done at all.
    enabled: Option<bool>,
    /// What it carries out.
    actions: Option<BTreeSet<Duty>>,
    /// The system that it belongs to.
    #[serde(default, deserialize_with = "written")]
    #[schema(value_type = Option<String>)]
    system: Option<Option<String>>,
    /// Settings to set or, by null, to remove.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    settings: BTreeMap<String, Option<String>>,
    /// Secrets to set or, by null, to remove.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    secrets: BTreeMap<String, Option<SecretText>>,
    /// The address for its webhooks; null for this service's own.
    #[serde(default, deserialize_with = "written")]
    #[schema(value_type = Option<String>)]
    webhook_url: Option<Option<String>>,
    /// What to change of where its requests may go; null for the usual.
    #[serde(default, deserialize_with = "written")]
    #[schema(value_type = Object)]
    egress: Option<Value>,
    /// What to change of what one call may use up; null for the usual.
    #[serde(default, deserialize_with = "written")]
    #[schema(value_type = Object)]
    limits: Option<Value>,
}

/// Some where the key is there at all, be it with null.
fn written<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Patch {
    /// What it makes of `before`.
    pub(super) fn on(self, before: &Owned) -> Result<Owned, Problem> {
        let mut after = before.clone();
        let spec = &mut after.spec;
        if let Some(plugin) = self.plugin {
            spec.plugin = plugin;
        }
        if let Some(url) = self.webhook_url {
            spec.webhook_url = url.map(checked_url).transpose()?;
        }
        for (name, value) in self.settings {
            match value {
                Some(value) => spec.settings.insert(name, value),
                None => spec.settings.remove(&name),
            };
        }
        for (name, secret) in self.secrets {
            match secret {
                Some(SecretText(secret)) => spec.secrets.insert(name, secret),
                None => spec.secrets.remove(&name),
            };
        }
        if let Some(patch) = self.egress {
            spec.policy = merged("egress", &spec.policy, &patch)?;
        }
        if let Some(patch) = self.limits {
            spec.limits = merged("limits", &spec.limits, &patch)?;
        }
        let duties = &mut after.duties;
        duties.enabled = self.enabled.unwrap_or(duties.enabled);
        if let Some(actions) = self.actions {
            duties.actions = duties_of(actions);
        }
        if let Some(system) = self.system {
            duties.system = system;
        }
        Ok(after)
    }
}

/// `before` with `patch` merged into it: RFC 7396.
fn merged<T: serde::Serialize + DeserializeOwned>(
    field: &str,
    before: &T,
    patch: &Value,
) -> Result<T, Problem> {
    let wrong = |message: String| {
        Problem::of(kinds::BAD_BODY, format!("{field}: {message}"))
            .about_fields([(field.to_owned(), message)])
    };
    let mut document = serde_json::to_value(before).map_err(|error| wrong(error.to_string()))?;
    merge(&mut document, patch);
    if document.is_null() {
        document = Value::Object(serde_json::Map::new());
    }
    serde_path_to_error::deserialize(document).map_err(|error| wrong(Unread::json(&error).to_string()))
}

fn merge(document: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *document = patch.clone();
        return;
    };
    if !document.is_object() {
        *document = Value::Object(serde_json::Map::new());
    }
    let Value::Object(members) = document else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

fn checked_url(url: String) -> Result<String, Problem> {
    if host_service::settings::is_address(&url) {
        return Ok(url);
    }
    let message = "expected an address such as https://hooks.example.com/newsletter".to_owned();
    Err(Problem::of(kinds::BAD_BODY, format!("webhook-url: {message}"))
        .about_fields([("webhook-url".to_owned(), message)]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn owned() -> Owned {
        let new = json!({"key": "newsletter", "tenant": "acme", "plugin": "iterable", "settings": {"a": "1", "b": "2"},
            "secrets": {"api-key": "k-0123456789"}, "egress": {"hosts": ["h"], "denied-operations": ["x"]}});
        serde_json::from_value::<NewConnection>(new).unwrap().owned().unwrap()
    }

    #[test]
    fn what_a_patch_leaves_out_stays_and_null_removes() {
        let patch = json!({"enabled": false, "system": "crm", "settings": {"a": null, "c": "3"},
            "secrets": {"token": "t-0123456789"}, "egress": {"hosts": null, "request-cap": 17}});
        let patch: Patch = serde_json::from_value(patch).unwrap();
        let after = patch.on(&owned()).unwrap();
        assert_eq!(after.spec.settings, [("b".into(), "2".into()), ("c".into(), "3".into())].into());
        assert_eq!(after.spec.secrets.keys().collect::<Vec<_>>(), ["api-key", "token"]);
        assert!(after.spec.policy.hosts.is_empty());
        assert_eq!(after.spec.policy.denied_operations, ["x".to_owned()].into());
        assert_eq!(after.spec.policy.request_cap, 17);
        assert_eq!((after.duties.enabled, after.duties.system.as_deref()), (false, Some("crm")));
        assert_eq!(after.duties.actions, owned().duties.actions);

        let patch = json!({"system": null, "secrets": {"token": null}, "egress": null});
        let again = serde_json::from_value::<Patch>(patch).unwrap().on(&after).unwrap();
        assert_eq!(again.duties.system, None);
        assert_eq!(again.spec.secrets.keys().collect::<Vec<_>>(), ["api-key"]);
        assert_eq!(again.spec.policy, EgressPolicy::default());
    }

    #[test]
    fn no_error_shows_a_secret_and_key_and_tenant_cannot_be_patched() {
        for (patch, told) in [
            (json!({"secrets": {"api-key": 12_345_678}}), "a secret is a text"),
            (json!({"secrets": {"api-key": {"v": "k-12345678"}}}), "a secret is a text"),
            (json!({"secrets": {"api-key": ""}}), "a secret is not empty"),
            (json!({"key": "other"}), "unknown field `key`"),
            (json!({"tenant": "other"}), "unknown field `tenant`"),
        ] {
            let error = serde_json::from_value::<Patch>(patch).unwrap_err().to_string();
            assert!(error.contains(told) && !error.contains("12345678"), "{error}");
        }
    }
}
