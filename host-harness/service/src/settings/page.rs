//! The operator's page: `[service.page]`.
//! Tested in `src/settings/tests.rs`.

use std::{net::IpAddr, num::NonZeroU32, time::Duration};

use host_harness::config::{Problems, Section};
use serde::Deserialize;

/// The settings of the operator's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageConfig {
    /// The addresses of proxies that terminate TLS. Their `X-Forwarded-Proto` is believed.
    pub proxies: Vec<IpAddr>,
    /// How long a session may be unused.
    pub idle: Duration,
    /// How long a session may last in all.
    pub lifetime: Duration,
}

impl Default for PageConfig {
    fn default() -> Self {
        Self {
            proxies: Vec::new(),
            // A desk that someone left for longer than a coffee is not theirs alone any more.
            idle: Duration::from_mins(30),
            // A working day with its breaks.
            lifetime: Duration::from_hours(12),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PageSection {
    enabled: Option<bool>,
    #[serde(default)]
    proxies: Vec<IpAddr>,
    idle_minutes: Option<NonZeroU32>,
    lifetime_hours: Option<NonZeroU32>,
}

/// Reads the section `page` of the service. Returns `None` if it turns the page off.
pub(super) fn page(section: Option<Section<'_>>, problems: &mut Problems<'_>) -> Option<PageConfig> {
    let usual = PageConfig::default();
    let Some(section) = section else { return Some(usual) };
    let PageSection { enabled, proxies, idle_minutes, lifetime_hours } = section.read(problems)?;
    (enabled != Some(false)).then(|| PageConfig {
        proxies,
        idle: idle_minutes.map_or(usual.idle, |minutes| Duration::from_mins(minutes.get().into())),
        lifetime: lifetime_hours.map_or(usual.lifetime, |hours| Duration::from_hours(hours.get().into())),
    })
}
