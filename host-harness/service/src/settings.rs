//! The settings of `connector-host serve`: the section `[service]`.

mod database;
pub mod edge;
pub mod forward;
pub mod listen;
pub mod page;
pub mod proof;
pub mod registries;
pub mod releases;
mod required;
mod urls;
mod wrong;

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    num::{NonZeroU32, NonZeroU64, NonZeroUsize},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

pub use self::wrong::WrongSetting;
use self::{
    database::{Databases, Files, databases},
    edge::{EdgeConfig, MAX_HEADER_BYTES, MIN_HEADER_BYTES},
    forward::{ForwardConfig, forward},
    listen::ListenAddress,
    page::{PageConfig, page},
    proof::ProofConfig,
    registries::{RegistryConfig, registry},
    releases::{ReleaseConfig, releases},
    required::required,
    urls::{wrong_post_url, wrong_public_url},
};
use host_harness::config::{
    Config, ConfigError, ConfigProblem, Entry, Extension, Problems, ReadContext, Section,
};
use host_model::approvers::Approvers;
use host_store::{DatabaseAddress, MasterKey, PostgresAddress};

const DAY: Duration = Duration::from_hours(24);

/// The default lifetime of webhook tokens, the same as in Fides.
const TOKEN_LIFETIME: Duration = Duration::from_hours(90 * 24);

/// The minimum time that a request is kept after its end: the data of a failed one is kept for 30 days, in which it can be
/// replayed and its end is posted.
const MIN_KEEP_REQUESTS_DAYS: u32 = 31;

/// The default time that work and responses in progress may take after a stop: as long as proxies usually wait for a
/// response.
const STOP_GRACE: Duration = Duration::from_secs(30);

/// The default maximum size of a published component. A JavaScript runtime has 12 MiB, a Python one 18.
const MAX_PUBLISHED_BYTES: usize = 32 << 20;

/// How much longer the parts of the service may take to end: work that was cut off is handed back in the database.
pub(crate) const STOP_MARGIN: Duration = Duration::from_secs(10);

/// The environment variable with which Fides sets a webhook token's lifetime, in minutes. The file takes precedence.
const FIDES_LIFETIME: &str = "FIDES__SECURITY__CONSENT_WEBHOOK_ACCESS_TOKEN_EXPIRE_MINUTES";

/// A configuration file: the host's sections and the service's own.
#[derive(Clone, Debug, Default)]
pub struct ConfigFile {
    /// Plugins, tenants and connections.
    pub config: Config,
    /// `[service]`, if there is one.
    pub service: Option<ServiceConfig>,
    /// Where to post each tenant's consent events: `[tenants.NAME.forward]`.
    pub forwards: BTreeMap<String, ForwardConfig>,
    /// The plugins in registries, and how these are reached: `[registries."HOST"]`.
    pub registries: RegistryConfig,
}

impl ConfigFile {
    /// Reads a file and the secrets that it refers to, and logs warnings about unsafe settings.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let mut read = Self::default();
        let config = Config::read_with(path, &mut read)?;
        Ok(Self { config, ..read })
    }

    /// Reads `text`. Relative file names are resolved against `base`, and environment variables are looked up with
    /// `env`.
    pub fn from_toml(
        text: &str,
        base: &Path,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<ConfigProblem>> {
        let mut read = Self::default();
        let config = Config::from_toml_with(text, base, env, &mut read)?;
        Ok(Self { config, ..read })
    }
}

impl Extension for ConfigFile {
    fn of_file(&mut self, root: &mut Section<'_>, around: &mut ReadContext<'_>, problems: &mut Problems<'_>) {
        let section = root.part("service", problems);
        self.service = section.and_then(|section| service(section, around, problems));
        for entry in root.parts("registries", problems) {
            if let Some(access) = registry(entry, around, problems) {
                self.registries.set_access(access);
            }
        }
    }

    fn of_registry(&mut self, plugin: &str, reference: Entry<'_>, problems: &mut Problems<'_>) {
        self.registries.read_reference(plugin, reference, problems);
    }

    fn of_tenant(
        &mut self,
        tenant: &str,
        section: &mut Section<'_>,
        around: &mut ReadContext<'_>,
        problems: &mut Problems<'_>,
    ) {
        let section = section.part("forward", problems);
        let to = section.and_then(|section| forward(section, around, problems));
        self.forwards.extend(to.map(|to| (tenant.to_owned(), to)));
    }
}

/// The configuration of the service.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// Where the database is.
    pub database: DatabaseAddress,
    /// Where notifications of the database are received; `None` for a file.
    pub listen_database: Option<PostgresAddress>,
    /// The file of the erasure ledger.
    pub erasure_ledger: PathBuf,
    /// The folder with the compiled code of plugins.
    pub compiled_cache: PathBuf,
    /// The key under which the database's secrets and people are sealed.
    pub master_key: MasterKey,
    /// The address of the API and webhooks. Loopback by default: TLS is terminated by a proxy.
    pub listen: ListenAddress,
    /// The address that serves only webhooks, for the network that vendors reach.
    pub webhook_listen: Option<ListenAddress>,
    /// The public address of this service, without a path: webhook addresses start with it.
    pub public_url: Option<String>,
    /// The maximum number of requests carried out at once.
    pub workers: u32,
    /// The lifetime of a webhook token: at least a day longer than the window.
    pub token_lifetime: Duration,
    /// A token gets a successor when this much of its lifetime is left; at least a day.
    pub token_window: Duration,
    /// How long the body of a delivery is kept.
    pub keep_deliveries: Duration,
    /// How long the feed keeps an event.
    pub keep_events: Duration,
    /// How long after its end a request is kept; `None` for good.
    pub keep_requests: Option<Duration>,
    /// The address to post alarms to.
    pub alarm_url: Option<String>,
    /// How long work and responses in progress may take after a stop.
    pub stop_grace: Duration,
    /// Maximum size that a publication may allow a component, in bytes.
    pub max_published_bytes: usize,
    /// What a version has to prove before it serves.
    pub proof: ProofConfig,
    /// How versions are released in steps unless the call that begins a release says otherwise.
    pub releases: ReleaseConfig,
    /// Who may approve what somebody requested.
    pub approvers: Approvers,
    /// The limits for callers.
    pub edge: EdgeConfig,
    /// The operator's page; `None` if it is turned off.
    pub page: Option<PageConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ServiceSection {
    erasure_ledger: Option<PathBuf>,
    compiled_cache: Option<PathBuf>,
    public_url: Option<String>,
    workers: Option<NonZeroU32>,
    token_lifetime_minutes: Option<NonZeroU64>,
    token_window_days: Option<NonZeroU32>,
    keep_deliveries_days: Option<NonZeroU32>,
    keep_events_days: Option<NonZeroU32>,
    keep_requests_days: Option<NonZeroU32>,
    alarm_url: Option<String>,
    stop_grace_seconds: Option<NonZeroU32>,
    header_timeout_seconds: Option<NonZeroU32>,
    body_timeout_seconds: Option<NonZeroU32>,
    max_header_bytes: Option<NonZeroU32>,
    max_connections: Option<NonZeroU32>,
    max_webhook_connections: Option<NonZeroU32>,
    max_published_bytes: Option<NonZeroUsize>,
    proof_cases: Option<PathBuf>,
    shadow_per_connection: Option<usize>,
    two_people: Option<bool>,
}

/// Reads `section`, with defaults for what it does not set.
fn service(
    mut section: Section<'_>,
    around: &mut ReadContext<'_>,
    problems: &mut Problems<'_>,
) -> Option<ServiceConfig> {
    let master_key = master_key(&mut section, around, problems);
    let databases = databases(&mut section, around, problems);
    let listen = listen_address(&mut section, "listen", problems);
    let webhook_listen = listen_address(&mut section, "webhook-listen", problems);
    let page = page(section.part("page", problems), problems);
    let releases = releases(section.part("releases", problems), problems);
    let place = section.place.clone();
    let (public_url_at, alarm_url_at) = (section.at("public-url"), section.at("alarm-url"));
    let lifetime_at = section.at("token-lifetime-minutes");
    let keep_requests_at = section.at("keep-requests-days");
    let max_header_at = section.at("max-header-bytes");
    let written: ServiceSection = section.read(problems)?;
    if let Some(wrong) = written.public_url.as_deref().and_then(wrong_public_url) {
        problems.add(public_url_at, &format!("{place}.public-url"), wrong);
    }
    if let Some(wrong) = written.alarm_url.as_deref().and_then(wrong_post_url) {
        problems.add(alarm_url_at, &format!("{place}.alarm-url"), wrong);
    }
    let edge = edge(&written);
    let wrong_header = match edge.max_header_bytes {
        ..MIN_HEADER_BYTES => Some(WrongSetting::SmallHeaders),
        MIN_HEADER_BYTES..=MAX_HEADER_BYTES => None,
        _ => Some(WrongSetting::LargeHeaders),
    };
    if let Some(wrong) = wrong_header {
        problems.add(max_header_at, &format!("{place}.max-header-bytes"), wrong.into());
    }
    let lifetime = written.token_lifetime_minutes.map_or_else(
        || lifetime_as_in_fides(around, lifetime_at, &place, problems),
        |minutes| Duration::from_secs(minutes.get().saturating_mul(60)),
    );
    let token_window = DAY * written.token_window_days.map_or(7, NonZeroU32::get);
    // A token must outlive the day until the next run, plus its window.
    let shortest = token_window + DAY;
    if lifetime < shortest {
        let wrong =
            WrongSetting::ShortLifetime { found: lifetime.as_secs() / 60, least: shortest.as_secs() / 60 };
        problems.add(lifetime_at, &format!("{place}.token-lifetime-minutes"), wrong.into());
    }
    let keep_requests_days = written.keep_requests_days.map(NonZeroU32::get);
    if let Some(found) = keep_requests_days.filter(|days| *days < MIN_KEEP_REQUESTS_DAYS) {
        let wrong = WrongSetting::ShortHistory { found, least: MIN_KEEP_REQUESTS_DAYS };
        problems.add(keep_requests_at, &format!("{place}.keep-requests-days"), wrong.into());
    }
    let days = |days: Option<NonZeroU32>, usual: u32| DAY * days.map_or(usual, NonZeroU32::get);
    let Databases { database, listen: listen_database } = databases?;
    let files = Files::of(&database, around.base);
    let set = |path: PathBuf| around.base.join(path);
    Some(ServiceConfig {
        compiled_cache: written.compiled_cache.map_or(files.compiled_cache, set),
        erasure_ledger: written.erasure_ledger.map_or(files.erasure_ledger, set),
        database,
        listen_database,
        master_key: master_key?,
        listen: listen.unwrap_or_else(|| ListenAddress::of(Ipv4Addr::LOCALHOST, 7400)),
        webhook_listen,
        public_url: written.public_url.map(|url| url.trim_end_matches('/').to_owned()),
        // The same as the limit of a tenant's calls: more would only wait for the pool.
        workers: written.workers.map_or(32, NonZeroU32::get),
        token_lifetime: lifetime,
        token_window,
        keep_deliveries: days(written.keep_deliveries_days, 30),
        keep_events: days(written.keep_events_days, 90),
        keep_requests: keep_requests_days.map(|days| DAY * days),
        alarm_url: written.alarm_url,
        stop_grace: seconds(written.stop_grace_seconds, STOP_GRACE),
        max_published_bytes: written.max_published_bytes.map_or(MAX_PUBLISHED_BYTES, NonZeroUsize::get),
        proof: ProofConfig {
            cases: written.proof_cases.map(|folder| around.base.join(folder)),
            shadow_per_connection: written
                .shadow_per_connection
                .unwrap_or(ProofConfig::default().shadow_per_connection),
        },
        releases: releases?,
        approvers: match written.two_people {
            Some(true) => Approvers::SecondPerson,
            Some(false) | None => Approvers::Anyone,
        },
        edge,
        page,
    })
}

/// Returns the limits for callers, with defaults for those that are not set.
fn edge(written: &ServiceSection) -> EdgeConfig {
    let usual = EdgeConfig::default();
    let number = |written: Option<NonZeroU32>, usual: usize| {
        written.map_or(usual, |number| usize::try_from(number.get()).unwrap_or(usize::MAX))
    };
    EdgeConfig {
        header_timeout: seconds(written.header_timeout_seconds, usual.header_timeout),
        body_timeout: seconds(written.body_timeout_seconds, usual.body_timeout),
        max_header_bytes: number(written.max_header_bytes, usual.max_header_bytes),
        max_connections: number(written.max_connections, usual.max_connections),
        max_webhook_connections: number(written.max_webhook_connections, usual.max_webhook_connections),
    }
}

fn seconds(written: Option<NonZeroU32>, usual: Duration) -> Duration {
    written.map_or(usual, |seconds| Duration::from_secs(seconds.get().into()))
}

/// Returns the lifetime from the Fides variable, or the default of Fides if it is not set.
fn lifetime_as_in_fides(
    around: &ReadContext<'_>,
    at: usize,
    place: &str,
    problems: &mut Problems<'_>,
) -> Duration {
    let Some(text) = (around.env)(FIDES_LIFETIME) else { return TOKEN_LIFETIME };
    let minutes = text.trim().parse::<NonZeroU64>();
    minutes.map_or_else(
        |_| {
            problems.add(at, place, WrongSetting::NotMinutes(FIDES_LIFETIME).into());
            TOKEN_LIFETIME
        },
        |minutes| Duration::from_secs(minutes.get().saturating_mul(60)),
    )
}

fn master_key(
    section: &mut Section<'_>,
    around: &mut ReadContext<'_>,
    problems: &mut Problems<'_>,
) -> Option<MasterKey> {
    let at = section.at("master-key");
    let text = required(section, "master-key", around, problems)?;
    MasterKey::read(&text)
        .map_err(|wrong| {
            problems.add(at, &format!("{}.master-key", section.place), WrongSetting::MasterKey(wrong).into());
        })
        .ok()
}

/// Reads the address under `key`.
fn listen_address(
    section: &mut Section<'_>,
    key: &'static str,
    problems: &mut Problems<'_>,
) -> Option<ListenAddress> {
    let entry = section.take(key)?;
    let (at, place) = (entry.at, entry.place.clone());
    let address = entry.text(problems)?.parse::<ListenAddress>();
    address.map_err(|wrong| problems.add(at, &place, WrongSetting::from(wrong).into())).ok()
}

#[cfg(test)]
mod tests;
