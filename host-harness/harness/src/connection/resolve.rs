//! From what the operator wrote to what a call may use, checked against the plugin's manifest.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{
    limits::CallLimits,
    policy::EgressPolicy,
    redactor::Redactor,
    resolved::Connection,
    secret_bounds::{MAX_SECRET_BYTES, SHORTEST_SECRET},
    setting::{WEBHOOK_URL, allows},
    target::{Target, TargetError},
    tenant::TenantId,
    token::AcceptedToken,
};
use host_model::{
    contract::{
        Settings,
        manifest::{Manifest, SettingSpec},
    },
    nearest::{meant, nearest},
    secret::{Secret, Secrets},
};

/// Longer settings are a mistake: an address has at most 2,048 characters, an identifier far fewer.
const LONGEST_SETTING: usize = 4_096;

/// A connection as the operator wrote it, before a manifest gave the names a meaning.
#[derive(Clone, Debug)]
pub struct ConnectionSpec {
    /// Whose it is.
    pub tenant: TenantId,
    /// Unique across tenants.
    pub key: String,
    /// The name of the plugin that carries it.
    pub plugin: String,
    /// Non-secret settings.
    pub settings: BTreeMap<String, String>,
    /// Secret settings.
    pub secrets: Secrets,
    /// The address for this connection's webhooks.
    pub webhook_url: Option<String>,
    /// Tokens that deliveries may carry.
    pub accepted_tokens: Vec<AcceptedToken>,
    /// The token to hand to the vendor.
    pub token_to_install: Option<Secret>,
    /// Where requests may go.
    pub policy: EgressPolicy,
    /// What one call may use up.
    pub limits: CallLimits,
}

/// A setting that does not suit the plugin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("connection {connection}, setting {setting}: {problem}")]
pub struct SettingError {
    /// The connection's key.
    pub connection: String,
    /// Where it stands, or is expected.
    pub place: SettingPlace,
    /// The setting's name.
    pub setting: String,
    /// What is wrong with it.
    pub problem: SettingProblem,
}

/// The part of a connection that a setting stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingPlace {
    /// The open settings.
    Settings,
    /// The secrets.
    Secrets,
    /// The denied operations of its egress.
    DeniedOperations,
}

impl SettingPlace {
    fn of(is_secret: bool) -> Self {
        if is_secret { Self::Secrets } else { Self::Settings }
    }
}

/// What is wrong with a setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingProblem {
    /// The connector does not have it.
    #[error("the connector does not have it{}", meant(nearest.as_deref()))]
    Unknown {
        /// The known one that is most like it.
        nearest: Option<String>,
    },
    /// A denied operation that the connector does not have.
    #[error("the connector has no operation {name:?}{}", meant(nearest.as_deref()))]
    NoSuchOperation {
        /// What was denied.
        name: String,
        /// The known one that is most like it.
        nearest: Option<String>,
    },
    /// It must be there.
    #[error("it is required and missing: {description}")]
    Missing {
        /// The manifest's words for it.
        description: String,
    },
    /// A secret among the open settings.
    #[error("it is a secret: move it to `secrets`, as a reference such as {{ env = \"NAME\" }}")]
    SecretInTheOpen,
    /// An open setting among the secrets.
    #[error("it is no secret: move it to `settings`")]
    NotASecret,
    /// Not one of the values that it may have.
    #[error("expected one of {}, found {found:?}", options.join(", "))]
    NotAnOption {
        /// What it may be.
        options: Vec<String>,
        /// What it is.
        found: String,
    },
    /// It names no host that requests may go to.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Too short to be told from other text.
    #[error(
        "a secret of {found} characters cannot be kept out of answers and logs; at least {SHORTEST_SECRET} are required"
    )]
    ShortSecret {
        /// How many it has.
        found: usize,
    },
    /// A secret that takes too much memory to search for.
    #[error("a secret has at most {MAX_SECRET_BYTES} bytes")]
    LongSecret,
    /// Too long, or with control characters in it.
    #[error("expected at most {LONGEST_SETTING} printable characters")]
    NotPlain,
}

impl ConnectionSpec {
    /// A connection with no settings and no secrets, under the usual policy and limits.
    pub fn new(tenant: impl Into<String>, key: impl Into<String>, plugin: impl Into<String>) -> Self {
        Self {
            tenant: TenantId(tenant.into()),
            key: key.into(),
            plugin: plugin.into(),
            settings: BTreeMap::new(),
            secrets: BTreeMap::new(),
            webhook_url: None,
            accepted_tokens: Vec::new(),
            token_to_install: None,
            policy: EgressPolicy::default(),
            limits: CallLimits::default(),
        }
    }

    /// The connection under `manifest`, or everything that does not suit it.
    pub fn resolve(&self, manifest: &Manifest) -> Result<Connection, Vec<SettingError>> {
        let mut errors = Vec::new();
        self.check_places(manifest, &mut errors);
        self.check_denials(manifest, &mut errors);
        let mut settings = Settings::new();
        let mut targets = BTreeMap::new();
        for spec in &manifest.settings {
            if spec.secret {
                self.check_secret(spec, &mut errors);
                continue;
            }
            let Some(value) = self.value(spec) else {
                self.check_present(spec, &mut errors);
                continue;
            };
            match self.checked(manifest, spec, value) {
                Ok(Some(target)) => drop(targets.insert(spec.name.clone(), target)),
                Ok(None) => {}
                Err(problem) => errors.push(self.error(SettingPlace::Settings, &spec.name, problem)),
            }
            settings.insert(spec.name.clone(), value.to_owned());
        }
        settings.extend(self.webhook_url.clone().map(|url| (WEBHOOK_URL.to_owned(), url)));
        if !errors.is_empty() {
            return Err(errors);
        }
        let known_tokens = self.accepted_tokens.iter().filter_map(AcceptedToken::known);
        let hidden = self.secrets.values().chain(known_tokens).chain(&self.token_to_install);
        // The vendor may send it as soon as it has it.
        let soon_accepted = self.token_to_install.clone().map(AcceptedToken::from);
        Ok(Connection {
            tenant: self.tenant.clone(),
            key: self.key.clone(),
            identifying: manifest.identifying(&settings),
            settings,
            secrets: self.secrets.clone(),
            accepted_tokens: self.accepted_tokens.iter().cloned().chain(soon_accepted).collect(),
            token_to_install: self.token_to_install.clone(),
            policy: self.policy.clone().bounded(),
            limits: self.limits.clone(),
            targets,
            redactor: Redactor::of(hidden),
            account: self.account(),
        })
    }

    /// What the operator wrote, or else the default. What is left empty is as good as not written.
    fn value<'a>(&'a self, spec: &'a SettingSpec) -> Option<&'a str> {
        let written = self.settings.get(&spec.name).filter(|value| !value.is_empty());
        written.or(spec.default.as_ref()).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Every name stands where it belongs.
    fn check_places(&self, manifest: &Manifest, errors: &mut Vec<SettingError>) {
        let written = self
            .settings
            .keys()
            .map(|name| (name, false))
            .chain(self.secrets.keys().map(|name| (name, true)));
        for (name, as_secret) in written {
            let problem = match manifest.setting(name) {
                None => {
                    let known = manifest.settings.iter().map(|setting| setting.name.as_str());
                    SettingProblem::Unknown { nearest: nearest(name, known).map(str::to_owned) }
                }
                Some(spec) if spec.secret && !as_secret => SettingProblem::SecretInTheOpen,
                Some(spec) if !spec.secret && as_secret => SettingProblem::NotASecret,
                Some(_) => continue,
            };
            errors.push(self.error(SettingPlace::of(as_secret), name, problem));
        }
    }

    /// A denial of an operation that does not exist would deny nothing.
    fn check_denials(&self, manifest: &Manifest, errors: &mut Vec<SettingError>) {
        for name in self.policy.denied_operations.iter().filter(|name| manifest.operation(name).is_none()) {
            let known = manifest.operations.iter().map(|operation| operation.name.as_str());
            let nearest = nearest(name, known).map(str::to_owned);
            let problem = SettingProblem::NoSuchOperation { name: name.clone(), nearest };
            errors.push(self.error(SettingPlace::DeniedOperations, "egress.denied-operations", problem));
        }
    }

    fn check_secret(&self, spec: &SettingSpec, errors: &mut Vec<SettingError>) {
        let Some(secret) = self.secrets.get(&spec.name) else { return self.check_present(spec, errors) };
        let found = secret.expose().chars().count();
        if found < SHORTEST_SECRET {
            errors.push(self.error(SettingPlace::Secrets, &spec.name, SettingProblem::ShortSecret { found }));
        } else if secret.expose().len() > MAX_SECRET_BYTES {
            errors.push(self.error(SettingPlace::Secrets, &spec.name, SettingProblem::LongSecret));
        }
    }

    fn check_present(&self, spec: &SettingSpec, errors: &mut Vec<SettingError>) {
        // A secret among the open settings was told already.
        if spec.required && !(spec.secret && self.settings.contains_key(&spec.name)) {
            let description = spec.description.clone();
            let place = SettingPlace::of(spec.secret);
            errors.push(self.error(place, &spec.name, SettingProblem::Missing { description }));
        }
    }

    /// The target that `value` names where `spec` is a host setting; an option of it otherwise.
    fn checked(
        &self,
        manifest: &Manifest,
        spec: &SettingSpec,
        value: &str,
    ) -> Result<Option<Target>, SettingProblem> {
        if value.chars().count() > LONGEST_SETTING || value.chars().any(char::is_control) {
            return Err(SettingProblem::NotPlain);
        }
        if manifest.operations.iter().any(|operation| operation.host_setting == spec.name) {
            return Ok(Some(Target::of(&self.key, spec, value, &self.policy)?));
        }
        if !allows(spec, value) {
            return Err(SettingProblem::NotAnOption {
                options: spec.options.clone(),
                found: value.to_owned(),
            });
        }
        Ok(None)
    }

    fn error(&self, place: SettingPlace, setting: &str, problem: SettingProblem) -> SettingError {
        SettingError { connection: self.key.clone(), place, setting: setting.to_owned(), problem }
    }

    /// Equal for connections with the same secrets; a connection without any stands alone.
    fn account(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        if self.secrets.is_empty() {
            hash.update(&self.key);
        }
        for (name, secret) in &self.secrets {
            hash.update(Sha256::digest(name));
            hash.update(Sha256::digest(secret.expose()));
        }
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests;
