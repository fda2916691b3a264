//! A connection that the database owns: open, as it is used, and sealed, as it is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use host_harness::connection::{CallLimits, ConnectionSpec, EgressPolicy, TenantId, token::AcceptedToken};
use host_model::{duties::Duties, secret::Secret};
use host_store::{
    Store, StoreError, Vault,
    connections::{self, Kept, Standing},
};

/// A connection with everything that its owner says about it.
#[derive(Clone, Debug)]
pub struct Owned {
    /// `webhook_url` only where the owner gave one.
    pub spec: ConnectionSpec,
    /// What it is used for.
    pub duties: Duties,
    /// The configuration file that owns it; none where the API does.
    pub file: Option<String>,
    /// Whether that file no longer names it.
    pub left_file: bool,
    /// Whether the vendor accepts it at present.
    pub standing: Standing,
}

/// What is kept in the open.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Open {
    settings: BTreeMap<String, String>,
    webhook_url: Option<String>,
    egress: EgressPolicy,
    limits: CallLimits,
    #[serde(default)]
    left_file: bool,
}

/// What is sealed. Tokens that are known by their digest alone are not among them: whoever made those keeps them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sealed {
    secrets: BTreeMap<String, Plain>,
    webhook_tokens: Vec<Plain>,
    token_to_install: Option<Plain>,
}

/// A secret on its way into the vault or out of it.
struct Plain(Secret);

impl Serialize for Plain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let secret = Secret::new(String::deserialize(deserializer)?);
        secret.map(Self).ok_or_else(|| D::Error::custom("an empty secret"))
    }
}

impl Owned {
    /// The spec that the host gets: with the address of this service's webhooks where the owner gave no other.
    pub fn for_calls(&self, public_url: Option<&str>) -> ConnectionSpec {
        let own = || public_url.map(|url| webhook_url(url, &self.spec.key));
        ConnectionSpec { webhook_url: self.spec.webhook_url.clone().or_else(own), ..self.spec.clone() }
    }

    /// As it is kept.
    pub(crate) fn seal(&self, vault: &Vault) -> Result<Kept, StoreError> {
        let spec = &self.spec;
        let open = Open {
            settings: spec.settings.clone(),
            webhook_url: spec.webhook_url.clone(),
            egress: spec.policy.clone(),
            limits: spec.limits.clone(),
            left_file: self.left_file,
        };
        let plain = |secret: &Secret| Plain(secret.clone());
        let tokens = spec.accepted_tokens.iter().filter_map(AcceptedToken::known);
        let sealed = Sealed {
            secrets: spec.secrets.iter().map(|(name, secret)| (name.clone(), plain(secret))).collect(),
            webhook_tokens: tokens.map(plain).collect(),
            token_to_install: spec.token_to_install.as_ref().map(plain),
        };
        Ok(Kept {
            key: spec.key.clone(),
            tenant: spec.tenant.0.clone(),
            plugin: spec.plugin.clone(),
            file: self.file.clone(),
            enabled: self.duties.enabled,
            actions: serde_json::to_string(&self.duties.actions).map_err(|error| unreadable(&error))?,
            system: self.duties.system.clone(),
            settings: serde_json::to_string(&open).map_err(|error| unreadable(&error))?,
            sealed_secrets: vault.seal_json(&place(&spec.tenant.0, &spec.key), &sealed)?,
            standing: self.standing.clone(),
        })
    }

    /// What was kept.
    pub(crate) fn open(vault: &Vault, kept: &Kept) -> Result<Self, StoreError> {
        let open: Open = serde_json::from_str(&kept.settings).map_err(|error| unreadable(&error))?;
        let sealed: Sealed = vault.open_json(&place(&kept.tenant, &kept.key), &kept.sealed_secrets)?;
        let spec = ConnectionSpec {
            tenant: TenantId(kept.tenant.clone()),
            key: kept.key.clone(),
            plugin: kept.plugin.clone(),
            settings: open.settings,
            secrets: sealed.secrets.into_iter().map(|(name, Plain(secret))| (name, secret)).collect(),
            webhook_url: open.webhook_url,
            accepted_tokens: sealed.webhook_tokens.into_iter().map(|Plain(token)| token.into()).collect(),
            token_to_install: sealed.token_to_install.map(|Plain(token)| token),
            policy: open.egress,
            limits: open.limits,
        };
        Ok(Self {
            spec,
            duties: Duties {
                enabled: kept.enabled,
                actions: connections::duties_in(&kept.actions)?,
                system: kept.system.clone(),
            },
            file: kept.file.clone(),
            left_file: open.left_file,
            standing: kept.standing.clone(),
        })
    }
}

/// Every connection of a database, in the order of their keys.
#[derive(Debug, Default)]
pub struct All {
    /// Those that can be read, in the order of their keys.
    pub owned: Vec<Owned>,
    /// Those that cannot be read, each with why. They stop no other.
    pub(crate) unreadable: Vec<(Kept, StoreError)>,
}

/// Opens every connection of `store`.
pub async fn all(store: &Store) -> Result<All, StoreError> {
    let mut all = All::default();
    for kept in store.read(|connection| Box::pin(connections::all(connection))).await? {
        match Owned::open(store.vault(), &kept) {
            Ok(owned) => all.owned.push(owned),
            Err(error) => all.unreadable.push((kept, error)),
        }
    }
    Ok(all)
}

/// Where the vendor reaches the webhooks of connection `key`.
pub(crate) fn webhook_url(public_url: &str, key: &str) -> String {
    format!("{public_url}/api/v1/plus/connection/{key}/consent-webhook")
}

/// What its sealed secrets are bound to: another tenant's connection of that key opens none of them.
fn place(tenant: &str, key: &str) -> String {
    format!("connection {key} of tenant {tenant}")
}

fn unreadable(error: &serde_json::Error) -> StoreError {
    StoreError::Unreadable(format!("a connection's settings: {error}"))
}
