//! `[connections.…]`: one connection, from what the file says to a spec.

use std::{collections::BTreeMap, num::NonZeroU64};

use serde::{
    Deserialize,
    de::{IntoDeserializer, value::MapDeserializer},
};

use super::{
    egress,
    problem::{SHORTEST_TOKEN, Wrong},
    secret::{Surroundings, secret},
    section::{Entry, Problems, Section, keys_of},
};
use crate::{
    connection::{CallLimits, ConnectionSpec, EgressPolicy, TenantId},
    secret::Secret,
};

/// Limits as far as one table sets them.
pub(super) type Layer = BTreeMap<String, NonZeroU64>;

/// What connections refer to.
pub(super) struct Known {
    pub(super) plugins: Vec<String>,
    /// Each tenant with its limits over those for all.
    pub(super) tenants: BTreeMap<String, Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Connection {
    tenant: Option<String>,
    plugin: Option<String>,
    webhook_url: Option<String>,
}

/// The limits in the table `limits` of `section`.
pub(super) fn layer(section: &mut Section<'_>, problems: &mut Problems<'_>) -> Layer {
    section
        .part("limits", problems)
        .and_then(|limits| limits.read_with(keys_of::<CallLimits>(), problems))
        .unwrap_or_default()
}

/// The connection that `entry` describes; what is wrong with it is told.
pub(super) fn connection(
    entry: Entry<'_>,
    known: &Known,
    around: &mut Surroundings<'_>,
    problems: &mut Problems<'_>,
) -> Option<ConnectionSpec> {
    let (at, place, key) = (entry.at, entry.place.clone(), entry.key.clone());
    if let Some(wrong) = Wrong::with_name(&key) {
        problems.add(at, &place, wrong);
    }
    let mut section = entry.section(problems)?;
    let settings = settings(&mut section, problems);
    let secrets = section.parts("secrets", problems);
    let secrets = secrets
        .into_iter()
        .filter_map(|entry| Some((entry.key.clone(), secret(entry, around, problems)?)))
        .collect();
    let accepted_tokens =
        section.take("webhook-tokens").map(|tokens| tokens.list(problems)).unwrap_or_default();
    let accepted_tokens =
        accepted_tokens.into_iter().filter_map(|entry| token(entry, around, problems)).collect();
    let token_to_install = section.take("token-to-install").and_then(|entry| token(entry, around, problems));
    let policy = match section.part("egress", problems) {
        Some(section) => egress::policy(section, around.base, problems),
        None => Some(EgressPolicy::default()),
    };
    let layer = layer(&mut section, problems);
    let Connection { tenant, plugin, webhook_url } = section.read(problems)?;
    let mut named = |what: &'static str, name: Option<String>, known: &mut dyn Iterator<Item = &str>| {
        let known: Vec<_> = known.collect();
        let (place, wrong) = match &name {
            None => (place.clone(), Some(Wrong::MissingKey(what))),
            Some(name) => {
                (format!("{place}.{what}"), Wrong::with_reference(what, name, known.iter().copied()))
            }
        };
        wrong.map(|wrong| problems.add(at, &place, wrong)).is_none().then_some(name).flatten()
    };
    let tenant = named("tenant", tenant, &mut known.tenants.keys().map(String::as_str));
    let plugin = named("plugin", plugin, &mut known.plugins.iter().map(String::as_str));
    if webhook_url.as_ref().is_some_and(|url| !is_address(url)) {
        problems.add(at, &format!("{place}.webhook-url"), Wrong::NotAnAddress);
    }
    let tenant = tenant?;
    let limits = limits(known.tenants.get(&tenant), &layer);
    let limits = limits.map_err(|wrong| problems.add(at, &format!("{place}.limits"), wrong)).ok();
    Some(ConnectionSpec {
        tenant: TenantId(tenant),
        key,
        plugin: plugin?,
        settings,
        secrets,
        webhook_url,
        accepted_tokens,
        token_to_install,
        policy: policy?,
        limits: limits?,
    })
}

/// The connection's own limits over its tenant's, key by key.
fn limits(tenant: Option<&Layer>, own: &Layer) -> Result<CallLimits, Wrong> {
    let mut merged: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, value) in tenant.into_iter().flatten().chain(own) {
        merged.insert(name, value.get());
    }
    let pairs =
        MapDeserializer::new(merged.into_iter().map(|(name, value)| (name, value.into_deserializer())));
    CallLimits::deserialize(pairs).map_err(|_: serde::de::value::Error| {
        Wrong::Expected("at most 4294967295 requests and log lines".into())
    })
}

fn settings(section: &mut Section<'_>, problems: &mut Problems<'_>) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    for Entry { key, place, at, value } in section.parts("settings", problems) {
        match value.into_inner().as_str() {
            Some(value) => drop(settings.insert(key, value.to_owned())),
            None => problems.add(at, &place, Wrong::Expected("a string".to_owned())),
        }
    }
    settings
}

fn token(entry: Entry<'_>, around: &mut Surroundings<'_>, problems: &mut Problems<'_>) -> Option<Secret> {
    let (at, place) = (entry.at, entry.place.clone());
    let token = secret(entry, around, problems)?;
    let length = token.expose().chars().count();
    if length < SHORTEST_TOKEN {
        problems.add(at, &place, Wrong::ShortToken(length));
        return None;
    }
    Some(token)
}

fn is_address(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
}
