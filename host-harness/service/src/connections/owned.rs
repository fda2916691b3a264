//! A connection that the database owns, in two forms: open for use, and sealed for storage.
//! Tested in `api/src/tests/connections.rs`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use host_harness::connection::{CallLimits, ConnectionSpec, EgressPolicy, TenantId, token::AcceptedToken};
use host_model::{duties::Duties, secret::Secret};
use host_store::{
    Store, StoreError, Vault,
    connections::{self, ConnectionStatus, StoredConnection},
};

/// A connection with everything that its owner has configured.
#[derive(Clone, Debug)]
pub struct OwnedConnection {
    /// The specification. `webhook_url` is set only if the owner gave one.
    pub spec: ConnectionSpec,
    /// What the connection is used for.
    pub duties: Duties,
    /// The configuration file that owns the connection, or `None` if the API does.
    pub file: Option<String>,
    /// Whether that file no longer names the connection.
    pub left_file: bool,
    /// Whether the vendor currently accepts the connection.
    pub standing: ConnectionStatus,
}

/// The part that is stored in plain text.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct OpenPart {
    settings: BTreeMap<String, String>,
    webhook_url: Option<String>,
    egress: EgressPolicy,
    limits: CallLimits,
    #[serde(default)]
    left_file: bool,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    set_aside: BTreeSet<String>,
}

/// The part that is stored sealed. Tokens that are known only by their digest are not included: their issuer keeps them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct SealedPart {
    secrets: BTreeMap<String, PlainSecret>,
    webhook_tokens: Vec<PlainSecret>,
    token_to_install: Option<PlainSecret>,
}

/// A secret on its way into or out of the vault.
struct PlainSecret(Secret);

impl Serialize for PlainSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for PlainSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let secret = Secret::new(String::deserialize(deserializer)?);
        secret.map(Self).ok_or_else(|| D::Error::custom("an empty secret"))
    }
}

impl OwnedConnection {
    /// Returns the specification for the host, with this service's webhook address if the owner gave no other.
    pub fn for_calls(&self, public_url: Option<&str>) -> ConnectionSpec {
        let own = || public_url.map(|url| webhook_url(url, &self.spec.key));
        ConnectionSpec { webhook_url: self.spec.webhook_url.clone().or_else(own), ..self.spec.clone() }
    }

    /// Seals the connection for storage.
    pub(crate) fn seal(&self, vault: &Vault) -> Result<StoredConnection, StoreError> {
        let spec = &self.spec;
        let open = OpenPart {
            settings: spec.settings.clone(),
            webhook_url: spec.webhook_url.clone(),
            egress: spec.policy.clone(),
            limits: spec.limits.clone(),
            left_file: self.left_file,
            set_aside: spec.set_aside.clone(),
        };
        let plain = |secret: &Secret| PlainSecret(secret.clone());
        let tokens = spec.accepted_tokens.iter().filter_map(AcceptedToken::secret);
        let sealed = SealedPart {
            secrets: spec.secrets.iter().map(|(name, secret)| (name.clone(), plain(secret))).collect(),
            webhook_tokens: tokens.map(plain).collect(),
            token_to_install: spec.token_to_install.as_ref().map(plain),
        };
        let stored = StoredConnection {
            key: spec.key.clone(),
            tenant: spec.tenant.0.clone(),
            plugin: spec.plugin.clone(),
            file: self.file.clone(),
            enabled: self.duties.enabled,
            actions: serde_json::to_string(&self.duties.actions).map_err(|error| unreadable(&error))?,
            system: self.duties.system.clone(),
            settings: serde_json::to_string(&open).map_err(|error| unreadable(&error))?,
            sealed_secrets: vault.seal_json(&sealing_context(&spec.tenant.0, &spec.key), &sealed)?,
            mac: None,
            standing: self.standing.clone(),
        };
        Ok(stored.authenticated(vault))
    }

    /// Opens a stored connection.
    pub(crate) fn open(vault: &Vault, kept: &StoredConnection) -> Result<Self, StoreError> {
        if !kept.is_authentic(vault) {
            return Err(StoreError::NotAuthentic(format!("connection {}", kept.key)));
        }
        let open: OpenPart = serde_json::from_str(&kept.settings).map_err(|error| unreadable(&error))?;
        let sealed: SealedPart =
            vault.open_json(&sealing_context(&kept.tenant, &kept.key), &kept.sealed_secrets)?;
        let spec = ConnectionSpec {
            tenant: TenantId(kept.tenant.clone()),
            key: kept.key.clone(),
            plugin: kept.plugin.clone(),
            settings: open.settings,
            secrets: sealed.secrets.into_iter().map(|(name, PlainSecret(secret))| (name, secret)).collect(),
            set_aside: open.set_aside,
            webhook_url: open.webhook_url,
            accepted_tokens: sealed
                .webhook_tokens
                .into_iter()
                .map(|PlainSecret(token)| token.into())
                .collect(),
            token_to_install: sealed.token_to_install.map(|PlainSecret(token)| token),
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

/// All connections of a database, in the order of their keys.
#[derive(Debug, Default)]
pub struct AllConnections {
    /// The readable connections, in the order of their keys.
    pub owned: Vec<OwnedConnection>,
    /// The unreadable connections, each with its error. They do not affect the others.
    pub(crate) unreadable: Vec<(StoredConnection, StoreError)>,
}

/// Opens every connection of `store`.
pub async fn all(store: &Store) -> Result<AllConnections, StoreError> {
    let mut all = AllConnections::default();
    for kept in store.read(|connection| Box::pin(connections::all(connection))).await? {
        match OwnedConnection::open(store.vault(), &kept) {
            Ok(owned) => all.owned.push(owned),
            Err(error) => all.unreadable.push((kept, error)),
        }
    }
    Ok(all)
}

/// Returns the address at which the vendor reaches the webhooks of connection `key`.
pub(crate) fn webhook_url(public_url: &str, key: &str) -> String {
    format!("{public_url}/api/v1/plus/connection/{key}/consent-webhook")
}

/// Returns the context that the sealed secrets are bound to, so that a connection of another tenant with the same key
/// cannot open them.
fn sealing_context(tenant: &str, key: &str) -> String {
    format!("connection {key} of tenant {tenant}")
}

fn unreadable(error: &serde_json::Error) -> StoreError {
    StoreError::Unreadable(format!("a connection's settings: {error}"))
}
