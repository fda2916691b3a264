//! `[service]`: what `connector-host serve` runs with.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::{NonZeroU32, NonZeroU64},
    path::PathBuf,
    time::Duration,
};

use serde::Deserialize;

use super::{
    problem::Wrong,
    secret::{Surroundings, secret},
    section::{Entry, Problems, Section},
};
use crate::post::SigningKey;
use host_model::secret::Secret;
use host_store::MasterKey;

const DAY: Duration = Duration::from_hours(24);

/// How long webhook tokens last where nobody says otherwise: as long as Fides' do.
const TOKEN_LIFETIME: Duration = Duration::from_hours(90 * 24);

/// The variable by which Fides sets a webhook token's lifetime, in minutes; the file goes before it.
const FIDES_LIFETIME: &str = "FIDES__SECURITY__CONSENT_WEBHOOK_ACCESS_TOKEN_EXPIRE_MINUTES";

/// What the service runs with.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// The database's file.
    pub database: PathBuf,
    /// Under which the database's secrets and people are sealed.
    pub master_key: MasterKey,
    /// Where API and webhooks are served. Loopback unless the operator says otherwise: TLS is a proxy's work.
    pub listen: SocketAddr,
    /// Where webhooks alone are served, for the network that vendors reach.
    pub webhook_listen: Option<SocketAddr>,
    /// How vendors reach this service, without a path: webhook addresses begin with it.
    pub public_url: Option<String>,
    /// How many requests are carried out at once.
    pub workers: u32,
    /// How long a webhook token lasts: at least a day longer than the window.
    pub token_lifetime: Duration,
    /// A token has a successor before it comes this close to its end; at least a day.
    pub token_window: Duration,
    /// How long a delivery's body is kept.
    pub keep_deliveries: Duration,
    /// How long the feed keeps an event.
    pub keep_events: Duration,
    /// Where alarms are posted.
    pub alarm_url: Option<String>,
}

/// Where a tenant's consent events are posted.
#[derive(Clone, Debug)]
pub struct ForwardConfig {
    /// The platform's address.
    pub url: String,
    /// Signs what is posted.
    pub(crate) key: SigningKey,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Written {
    database: Option<PathBuf>,
    listen: Option<SocketAddr>,
    webhook_listen: Option<SocketAddr>,
    public_url: Option<String>,
    workers: Option<NonZeroU32>,
    token_lifetime_minutes: Option<NonZeroU64>,
    token_window_days: Option<NonZeroU32>,
    keep_deliveries_days: Option<NonZeroU32>,
    keep_events_days: Option<NonZeroU32>,
    alarm_url: Option<String>,
}

/// What `section` says, over the defaults.
pub(super) fn service(
    mut section: Section<'_>,
    around: &mut Surroundings<'_>,
    problems: &mut Problems<'_>,
) -> Option<ServiceConfig> {
    let master_key = master_key(&mut section, around, problems);
    let place = section.place.clone();
    let (public_url_at, alarm_url_at) = (section.at("public-url"), section.at("alarm-url"));
    let lifetime_at = section.at("token-lifetime-minutes");
    let written: Written = section.read(problems)?;
    for (key, at, url) in
        [("public-url", public_url_at, &written.public_url), ("alarm-url", alarm_url_at, &written.alarm_url)]
    {
        if let Some(wrong) = url.as_ref().and_then(|url| wrong_address(url)) {
            problems.add(at, &format!("{place}.{key}"), wrong);
        }
    }
    let lifetime = written.token_lifetime_minutes.map_or_else(
        || lifetime_as_in_fides(around, lifetime_at, &place, problems),
        |minutes| Duration::from_secs(minutes.get().saturating_mul(60)),
    );
    let token_window = DAY * written.token_window_days.map_or(7, NonZeroU32::get);
    // A token must come through the day until the next run with its window before it.
    let shortest = token_window + DAY;
    if lifetime < shortest {
        let wrong = Wrong::ShortLifetime { found: lifetime.as_secs() / 60, least: shortest.as_secs() / 60 };
        problems.add(lifetime_at, &format!("{place}.token-lifetime-minutes"), wrong);
    }
    let days = |days: Option<NonZeroU32>, usual: u32| DAY * days.map_or(usual, NonZeroU32::get);
    Some(ServiceConfig {
        database: around.base.join(written.database.unwrap_or_else(|| "connector-host.db".into())),
        master_key: master_key?,
        listen: written.listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 7400).into()),
        webhook_listen: written.webhook_listen,
        public_url: written.public_url.map(|url| url.trim_end_matches('/').to_owned()),
        // As many as a tenant's calls: more would wait in front of the pool.
        workers: written.workers.map_or(32, NonZeroU32::get),
        token_lifetime: lifetime,
        token_window,
        keep_deliveries: days(written.keep_deliveries_days, 30),
        keep_events: days(written.keep_events_days, 90),
        alarm_url: written.alarm_url,
    })
}

/// The lifetime as Fides' variable has it, or else as it is there by default.
fn lifetime_as_in_fides(
    around: &Surroundings<'_>,
    at: usize,
    place: &str,
    problems: &mut Problems<'_>,
) -> Duration {
    let Some(text) = (around.env)(FIDES_LIFETIME) else { return TOKEN_LIFETIME };
    let minutes = text.trim().parse::<NonZeroU64>();
    minutes.map_or_else(
        |_| {
            problems.add(at, place, Wrong::NotMinutes(FIDES_LIFETIME));
            TOKEN_LIFETIME
        },
        |minutes| Duration::from_secs(minutes.get().saturating_mul(60)),
    )
}

/// `forward` of a tenant.
pub(super) fn forward(
    mut section: Section<'_>,
    around: &mut Surroundings<'_>,
    problems: &mut Problems<'_>,
) -> Option<ForwardConfig> {
    let (at, place) = (section.at("url"), section.place.clone());
    let Some(entry) = section.take("url") else {
        problems.add(at, &place, Wrong::MissingKey("url"));
        return None;
    };
    let url = entry.text(problems)?;
    if let Some(wrong) = wrong_address(&url) {
        problems.add(at, &format!("{place}.url"), wrong);
    }
    let at = section.at("secret");
    let secret = required(&mut section, "secret", around, problems);
    section.end(problems);
    let key = SigningKey::read(&secret?)
        .map_err(|wrong| problems.add(at, &format!("{place}.secret"), Wrong::SigningSecret(wrong)))
        .ok()?;
    Some(ForwardConfig { url, key })
}

fn master_key(
    section: &mut Section<'_>,
    around: &mut Surroundings<'_>,
    problems: &mut Problems<'_>,
) -> Option<MasterKey> {
    let at = section.at("master-key");
    let text = required(section, "master-key", around, problems)?;
    MasterKey::read(&text)
        .map_err(|wrong| problems.add(at, &format!("{}.master-key", section.place), Wrong::MasterKey(wrong)))
        .ok()
}

fn required(
    section: &mut Section<'_>,
    key: &'static str,
    around: &mut Surroundings<'_>,
    problems: &mut Problems<'_>,
) -> Option<Secret> {
    let at = section.at(key);
    let Some(entry): Option<Entry<'_>> = section.take(key) else {
        problems.add(at, &section.place, Wrong::MissingKey(key));
        return None;
    };
    secret(entry, around, problems)
}

pub(crate) fn is_address(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
}

/// What is wrong with `text` as an address to post to or to be reached at; nothing where it is one.
fn wrong_address(text: &str) -> Option<Wrong> {
    let url = url::Url::parse(text).ok().filter(url::Url::has_host);
    match url.as_ref().map(|url| (url.scheme(), is_loopback(url))) {
        Some(("https", _) | ("http", true)) => None,
        Some(("http", false)) => Some(Wrong::PlainAddress),
        _ => Some(Wrong::NotAnAddress),
    }
}

fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests;
