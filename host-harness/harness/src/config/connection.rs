//! Reads `[connections.…]`: one connection, from the file's entry to a spec.
//! Tested in `src/config/tests.rs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU64,
};

use serde::{
    Deserialize,
    de::{IntoDeserializer, value::MapDeserializer},
};

use super::{
    egress,
    problem::ConfigProblemKind,
    secret::{ReadContext, secret},
    section::{Entry, Problems, Section, keys_of},
};
use crate::connection::{
    CallLimits, ConnectionSpec, EgressPolicy, MIN_SECRET_CHARS, TenantId, is_address, token::AcceptedToken,
};
use host_model::{
    duties::{Duties, Duty},
    secret::Secret,
    text::{self, MAX_ID},
};

/// The limits that one table sets.
pub(super) type LimitsLayer = BTreeMap<String, NonZeroU64>;

/// The names that connections refer to.
pub(super) struct KnownNames {
    pub(super) plugins: Vec<String>,
    /// Each tenant with its limits, merged over the general ones.
    pub(super) tenants: BTreeMap<String, LimitsLayer>,
}

/// Reads the limits in the table `limits` of `section`.
pub(super) fn layer(section: &mut Section<'_>, problems: &mut Problems<'_>) -> LimitsLayer {
    section
        .part("limits", problems)
        .and_then(|limits| limits.read_with(keys_of::<CallLimits>(), problems))
        .unwrap_or_default()
}

/// Reads the connection that `entry` describes, and reports its problems.
pub(super) fn connection(
    entry: Entry<'_>,
    known: &KnownNames,
    around: &mut ReadContext<'_>,
    problems: &mut Problems<'_>,
) -> Option<(ConnectionSpec, Duties)> {
    let key = entry.key.clone();
    if let Some(wrong) = ConfigProblemKind::with_name(&key) {
        problems.add(entry.at, &entry.place, wrong);
    }
    let mut section = entry.section(problems)?;
    let tenant = reference(&mut section, "tenant", known.tenants.keys().map(String::as_str), problems);
    let plugin = reference(&mut section, "plugin", known.plugins.iter().map(String::as_str), problems);
    let webhook_url = address(&mut section, problems);
    let settings = settings(&mut section, problems);
    let secrets = secrets(&mut section, around, problems);
    let accepted_tokens = accepted_tokens(&mut section, around, problems);
    let token_to_install = section.take("token-to-install").and_then(|entry| token(entry, around, problems));
    let policy = match section.part("egress", problems) {
        Some(section) => egress::policy(section, around.base, problems),
        None => Some(EgressPolicy::default()),
    };
    let of_tenant = tenant.as_ref().and_then(|tenant| known.tenants.get(tenant));
    let limits = limits(of_tenant, &mut section, problems);
    let (system_at, system_place) = (section.at("system"), format!("{}.system", section.place));
    let duties = section.read::<WrittenDuties>(problems);
    let system = duties.as_ref().and_then(|duties| duties.system.as_ref());
    if let Some(why) = system.and_then(|system| text::check_name(system, MAX_ID).err()) {
        problems.add(system_at, &system_place, why.into());
    }
    let spec = ConnectionSpec {
        set_aside: BTreeSet::new(),
        tenant: TenantId(tenant?),
        key,
        plugin: plugin?,
        settings,
        secrets,
        webhook_url,
        accepted_tokens,
        token_to_install,
        policy: policy?,
        limits: limits?,
    };
    Some((spec, duties?.into()))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct WrittenDuties {
    enabled: Option<bool>,
    actions: Option<BTreeSet<Duty>>,
    system: Option<String>,
}

impl From<WrittenDuties> for Duties {
    fn from(written: WrittenDuties) -> Self {
        let usual = Self::default();
        Self {
            enabled: written.enabled.unwrap_or(usual.enabled),
            actions: written.actions.unwrap_or(usual.actions),
            system: written.system,
        }
    }
}

/// Reads the name under `key`, which must be one of `known`.
fn reference<'a>(
    section: &mut Section<'_>,
    key: &'static str,
    known: impl Iterator<Item = &'a str> + Clone,
    problems: &mut Problems<'_>,
) -> Option<String> {
    let at = section.at(key);
    let Some(entry) = section.take(key) else {
        problems.add(at, &section.place, ConfigProblemKind::MissingKey(key));
        return None;
    };
    let (place, name) = (entry.place.clone(), entry.text(problems)?);
    let wrong = ConfigProblemKind::with_reference(key, &name, known);
    wrong.map(|wrong| problems.add(at, &place, wrong)).is_none().then_some(name)
}

fn address(section: &mut Section<'_>, problems: &mut Problems<'_>) -> Option<String> {
    let entry = section.take("webhook-url")?;
    let (at, place, url) = (entry.at, entry.place.clone(), entry.text(problems)?);
    if !is_address(&url) {
        problems.add(at, &place, ConfigProblemKind::NotAnAddress);
    }
    Some(url)
}

fn secrets(
    section: &mut Section<'_>,
    around: &mut ReadContext<'_>,
    problems: &mut Problems<'_>,
) -> BTreeMap<String, Secret> {
    let entries = section.parts("secrets", problems);
    entries
        .into_iter()
        .filter_map(|entry| Some((entry.key.clone(), secret(entry, around, problems)?)))
        .collect()
}

fn accepted_tokens(
    section: &mut Section<'_>,
    around: &mut ReadContext<'_>,
    problems: &mut Problems<'_>,
) -> Vec<AcceptedToken> {
    let entries = section.take("webhook-tokens").map(|tokens| tokens.list(problems)).unwrap_or_default();
    entries.into_iter().filter_map(|entry| Some(token(entry, around, problems)?.into())).collect()
}

/// Merges the connection's own limits over its tenant's, key by key.
fn limits(
    of_tenant: Option<&LimitsLayer>,
    section: &mut Section<'_>,
    problems: &mut Problems<'_>,
) -> Option<CallLimits> {
    let (at, place) = (section.at("limits"), format!("{}.limits", section.place));
    let mut merged = of_tenant.cloned().unwrap_or_default();
    merged.extend(layer(section, problems));
    let limits = in_full(&merged);
    if limits.is_none() {
        let most = "at most 4294967295 requests and log lines".to_owned();
        problems.add(at, &place, ConfigProblemKind::Expected(most));
    }
    limits
}

/// Returns `layer` with the defaults for all that it does not set; `None` if a number is too large for its limit.
pub(super) fn in_full(layer: &LimitsLayer) -> Option<CallLimits> {
    let pairs = layer.iter().map(|(name, value)| (name.as_str(), value.get().into_deserializer()));
    CallLimits::deserialize(MapDeserializer::<_, serde::de::value::Error>::new(pairs)).ok()
}

fn settings(section: &mut Section<'_>, problems: &mut Problems<'_>) -> BTreeMap<String, String> {
    let entries = section.parts("settings", problems);
    entries.into_iter().filter_map(|entry| Some((entry.key.clone(), entry.text(problems)?))).collect()
}

fn token(entry: Entry<'_>, around: &mut ReadContext<'_>, problems: &mut Problems<'_>) -> Option<Secret> {
    let (at, place) = (entry.at, entry.place.clone());
    let token = secret(entry, around, problems)?;
    let length = token.expose().chars().count();
    if length < MIN_SECRET_CHARS {
        problems.add(at, &place, ConfigProblemKind::ShortToken(length));
        return None;
    }
    Some(token)
}
