//! Resolves the operator's entries to what a call may use, checked against the plugin's manifest.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::{
    limits::CallLimits,
    policy::EgressPolicy,
    redactor::Redactor,
    resolved::Connection,
    secret_bounds::{MAX_SECRET_BYTES, MIN_SECRET_CHARS},
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
    nearest::{nearest, suggestion},
    secret::{Secret, Secrets},
    text::{self, UnfitText},
};

/// Maximum length of a setting. Longer ones are a mistake: a URL has at most 2,048 characters, an identifier far fewer.
const MAX_SETTING_CHARS: usize = 4_096;

/// A connection as the operator configured it, not yet checked against a manifest.
#[derive(Clone, Debug)]
pub struct ConnectionSpec {
    /// The tenant that it belongs to.
    pub tenant: TenantId,
    /// Unique across tenants.
    pub key: String,
    /// The name of the plugin that serves it.
    pub plugin: String,
    /// Non-secret settings.
    pub settings: BTreeMap<String, String>,
    /// Secret settings.
    pub secrets: Secrets,
    /// The names of settings, secrets and denied operations that the plugin need not know: another version of it did.
    pub set_aside: BTreeSet<String>,
    /// The URL for this connection's webhooks.
    pub webhook_url: Option<String>,
    /// Tokens that are accepted in deliveries.
    pub accepted_tokens: Vec<AcceptedToken>,
    /// The token to install at the vendor.
    pub token_to_install: Option<Secret>,
    /// Where requests may go.
    pub policy: EgressPolicy,
    /// The resource limits of one call.
    pub limits: CallLimits,
}

/// A setting does not fit the plugin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("connection {connection}, setting {setting}: {problem}")]
pub struct SettingError {
    /// The connection's key.
    pub connection: String,
    /// Where it is, or is expected.
    pub place: SettingPlace,
    /// The setting's name.
    pub setting: String,
    /// What is wrong with it.
    pub problem: SettingProblem,
}

/// The part of a connection that a setting belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingPlace {
    /// The non-secret settings.
    Settings,
    /// The secrets.
    Secrets,
    /// The denied operations of the egress policy.
    DeniedOperations,
}

impl SettingPlace {
    fn of(spec: &SettingSpec) -> Self {
        if spec.secret { Self::Secrets } else { Self::Settings }
    }
}

/// What is wrong with a setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingProblem {
    /// The connector has no such setting.
    #[error("the connector has no such setting{}", suggestion(nearest.as_deref()))]
    Unknown {
        /// The most similar known name.
        nearest: Option<String>,
    },
    /// A denied operation does not exist in the connector.
    #[error("the connector has no operation {name:?}{}", suggestion(nearest.as_deref()))]
    NoSuchOperation {
        /// The name of the denied operation.
        name: String,
        /// The most similar known name.
        nearest: Option<String>,
    },
    /// A required setting is missing.
    #[error("it is required but missing: {description}")]
    Missing {
        /// The manifest's description of it.
        description: String,
    },
    /// A secret is among the non-secret settings.
    #[error("it is a secret: move it to `secrets`, as a reference such as {{ env = \"NAME\" }}")]
    SecretInTheOpen,
    /// A non-secret setting is among the secrets.
    #[error("it is not a secret: move it to `settings`")]
    NotASecret,
    /// The value is not allowed.
    #[error("expected one of {}, found {found:?}", options.join(", "))]
    NotAnOption {
        /// The allowed values.
        options: Vec<String>,
        /// The value.
        found: String,
    },
    /// It is not a host that requests may go to.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The secret is too short to be distinguished from other text.
    #[error(
        "a secret of {found} characters cannot be kept out of answers and logs; at least {MIN_SECRET_CHARS} are required"
    )]
    ShortSecret {
        /// Its length in characters.
        found: usize,
    },
    /// Searching for the secret would take too much memory.
    #[error("a secret has at most {MAX_SECRET_BYTES} bytes")]
    LongSecret,
    /// The value is too long or contains a control character. Other hidden characters may be part of a text in some
    /// language that the vendor knows.
    #[error("its value {0}")]
    Unfit(#[from] UnfitText),
}

impl ConnectionSpec {
    /// Creates a connection without settings and secrets, with the default policy and limits.
    pub fn new(tenant: impl Into<String>, key: impl Into<String>, plugin: impl Into<String>) -> Self {
        Self {
            tenant: TenantId(tenant.into()),
            key: key.into(),
            plugin: plugin.into(),
            settings: BTreeMap::new(),
            secrets: BTreeMap::new(),
            set_aside: BTreeSet::new(),
            webhook_url: None,
            accepted_tokens: Vec::new(),
            token_to_install: None,
            policy: EgressPolicy::default(),
            limits: CallLimits::default(),
        }
    }

    /// Resolves the connection against `manifest`, or returns everything that does not fit it.
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
        let known_tokens = self.accepted_tokens.iter().filter_map(AcceptedToken::secret);
        let hidden = self.secrets.values().chain(known_tokens).chain(&self.token_to_install);
        // The vendor may use it as soon as it has received it.
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

    /// Returns the operator's value, or else the default. An empty value counts as missing.
    fn value<'a>(&'a self, spec: &'a SettingSpec) -> Option<&'a str> {
        let written = self.settings.get(&spec.name).filter(|value| !value.is_empty());
        written.or(spec.default.as_ref()).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns the names in it that `manifest` does not know.
    pub fn unknown_to(&self, manifest: &Manifest) -> BTreeSet<String> {
        let settings = self.settings.keys().chain(self.secrets.keys());
        let settings = settings.filter(|name| manifest.setting(name).is_none());
        let denied = self.policy.denied_operations.iter();
        settings.chain(denied.filter(|name| manifest.operation(name).is_none())).cloned().collect()
    }

    /// Checks that every name is in the right place.
    fn check_places(&self, manifest: &Manifest, errors: &mut Vec<SettingError>) {
        let written = self
            .settings
            .keys()
            .map(|name| (name, SettingPlace::Settings))
            .chain(self.secrets.keys().map(|name| (name, SettingPlace::Secrets)));
        for (name, place) in written {
            let as_secret = place == SettingPlace::Secrets;
            let problem = match manifest.setting(name) {
                None if self.set_aside.contains(name) => continue,
                None => {
                    let known = manifest.settings.iter().map(|setting| setting.name.as_str());
                    SettingProblem::Unknown { nearest: nearest(name, known).map(str::to_owned) }
                }
                Some(spec) if spec.secret && !as_secret => SettingProblem::SecretInTheOpen,
                Some(spec) if !spec.secret && as_secret => SettingProblem::NotASecret,
                Some(_) => continue,
            };
            errors.push(self.error(place, name, problem));
        }
    }

    /// Checks that denied operations exist: denying an unknown one would have no effect.
    fn check_denials(&self, manifest: &Manifest, errors: &mut Vec<SettingError>) {
        let denied = self.policy.denied_operations.difference(&self.set_aside);
        for name in denied.filter(|name| manifest.operation(name).is_none()) {
            let known = manifest.operations.iter().map(|operation| operation.name.as_str());
            let nearest = nearest(name, known).map(str::to_owned);
            let problem = SettingProblem::NoSuchOperation { name: name.clone(), nearest };
            errors.push(self.error(SettingPlace::DeniedOperations, "egress.denied-operations", problem));
        }
    }

    fn check_secret(&self, spec: &SettingSpec, errors: &mut Vec<SettingError>) {
        let Some(secret) = self.secrets.get(&spec.name) else { return self.check_present(spec, errors) };
        let found = secret.expose().chars().count();
        if found < MIN_SECRET_CHARS {
            errors.push(self.error(SettingPlace::Secrets, &spec.name, SettingProblem::ShortSecret { found }));
        } else if secret.expose().len() > MAX_SECRET_BYTES {
            errors.push(self.error(SettingPlace::Secrets, &spec.name, SettingProblem::LongSecret));
        }
    }

    fn check_present(&self, spec: &SettingSpec, errors: &mut Vec<SettingError>) {
        // A secret among the non-secret settings has already been reported.
        if spec.required && !(spec.secret && self.settings.contains_key(&spec.name)) {
            let description = spec.description.clone();
            let place = SettingPlace::of(spec);
            errors.push(self.error(place, &spec.name, SettingProblem::Missing { description }));
        }
    }

    /// Checks `value`. Returns the target if `spec` is a host setting, or `None` if it is another valid setting.
    fn checked(
        &self,
        manifest: &Manifest,
        spec: &SettingSpec,
        value: &str,
    ) -> Result<Option<Target>, SettingProblem> {
        text::check_without_control(value, MAX_SETTING_CHARS)?;
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

    /// Returns a hash that is equal for connections with the same secrets. A connection without secrets is an account
    /// of its own.
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
