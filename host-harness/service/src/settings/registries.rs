//! Reads `[registries."HOST"]`: how registries are reached, and the references of plugins to them.
//! Tested in `src/settings/tests/registries.rs`.

use std::{collections::BTreeMap, path::PathBuf};

use host_harness::{
    config::{ConfigProblemKind, Entry, Problems, ReadContext, read_authorities, secret},
    connection::{Reach, WrittenReach},
};
use host_model::secret::Secret;
use host_registry::{Credentials, Login, PluginReference, Pulled, Registry, RegistryAccess, RegistryError};
use host_trust::Trust;
use rustls_pki_types::CertificateDer;
use serde::Deserialize;

use super::wrong::WrongSetting;

/// The plugins that are in registries, and how these are reached.
#[derive(Clone, Debug, Default)]
pub struct RegistryConfig {
    /// How registries are reached, by their hosts.
    access: BTreeMap<String, RegistryAccess>,
    /// The reference of each plugin, by the plugin's name.
    references: BTreeMap<String, PluginReference>,
}

impl RegistryConfig {
    /// Returns how the registry `host` is reached: as configured, otherwise as a public one without credentials.
    pub fn access(&self, host: &str) -> RegistryAccess {
        self.access.get(host).cloned().unwrap_or_else(|| RegistryAccess::to(host))
    }

    /// Returns the reference of each plugin that is in a registry, by the plugin's name.
    pub fn references(&self) -> &BTreeMap<String, PluginReference> {
        &self.references
    }

    /// Pulls the plugin that `reference` leads to, with its bundles if `trust` needs one.
    pub async fn pull(
        &self,
        reference: &PluginReference,
        trust: Option<&Trust>,
    ) -> Result<Pulled, RegistryError> {
        let registry = Registry::new(self.access(reference.registry()))?;
        // Their futures are large: they have those of each request in them.
        match trust {
            Some(_) => Box::pin(registry.pull(reference)).await,
            None => Box::pin(registry.pull_without_bundles(reference)).await,
        }
    }

    pub(super) fn set_access(&mut self, access: RegistryAccess) {
        self.access.insert(access.host.clone(), access);
    }

    /// Reads the reference of `plugin`.
    pub(super) fn read_reference(&mut self, plugin: &str, entry: Entry<'_>, problems: &mut Problems<'_>) {
        let (at, place) = (entry.at, entry.place.clone());
        let Some(text) = entry.text(problems) else { return };
        match text.parse() {
            Ok(reference) => drop(self.references.insert(plugin.to_owned(), reference)),
            Err(wrong) => problems.add(at, &place, WrongSetting::Reference(wrong).into()),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RegistrySection {
    user: Option<String>,
    docker_config: Option<PathBuf>,
    #[serde(default)]
    token_services: Vec<String>,
    #[serde(default)]
    authorities: Vec<PathBuf>,
    #[serde(default)]
    loopback: bool,
    #[serde(default)]
    plain_http: bool,
}

/// Reads how the registry is reached whose host is the key of `entry`.
pub(super) fn registry(
    entry: Entry<'_>,
    around: &mut ReadContext<'_>,
    problems: &mut Problems<'_>,
) -> Option<RegistryAccess> {
    let (at, place, host) = (entry.at, entry.place.clone(), entry.key.clone());
    if !is_host(&host) {
        problems.add(at, &place, WrongSetting::RegistryHost.into());
    }
    let mut section = entry.section(problems)?;
    let password = match section.take("password") {
        Some(entry) => Some(secret(entry, around, problems)?),
        None => None,
    };
    let (authorities_at, plain_http_at) = (section.at("authorities"), section.at("plain-http"));
    let written: RegistrySection = section.read(problems)?;
    let reach = Reach::try_from(WrittenReach { loopback: written.loopback, plain_http: written.plain_http });
    if reach.is_err() {
        problems.add(plain_http_at, &format!("{place}.plain-http"), ConfigProblemKind::PlainHttp);
    }
    let authorities = authorities(&written.authorities, around).map_err(|wrong| {
        problems.add(authorities_at, &format!("{place}.authorities"), wrong);
    });
    let credentials = credentials(written.user, password, written.docker_config, around);
    let credentials = credentials.map_err(|wrong| problems.add(at, &place, wrong.into()));
    Some(RegistryAccess {
        credentials: credentials.ok()?,
        token_services: written.token_services,
        authorities: authorities.ok()?,
        reach: reach.ok()?,
        ..RegistryAccess::to(host)
    })
}

/// Whether `host` is what references begin with.
fn is_host(host: &str) -> bool {
    let any = format!("{host}/any:any").parse::<PluginReference>();
    any.is_ok_and(|any| any.registry() == host)
}

fn authorities(
    files: &[PathBuf],
    around: &ReadContext<'_>,
) -> Result<Vec<CertificateDer<'static>>, ConfigProblemKind> {
    let read: Result<Vec<_>, _> =
        files.iter().map(|file| read_authorities(&around.base.join(file))).collect();
    Ok(read?.concat())
}

fn credentials(
    user: Option<String>,
    password: Option<Secret>,
    docker_config: Option<PathBuf>,
    around: &ReadContext<'_>,
) -> Result<Credentials, WrongSetting> {
    match (user, password, docker_config) {
        (None, None, None) => Ok(Credentials::Anonymous),
        (Some(user), Some(password), None) => Ok(Credentials::Login(Login { user, password })),
        (None, None, Some(file)) => Ok(Credentials::DockerConfig(around.base.join(file))),
        _ => Err(WrongSetting::RegistryCredentials),
    }
}
