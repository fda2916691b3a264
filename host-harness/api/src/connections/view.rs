//! A connection as it is shown.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use utoipa::ToSchema;

use super::duty::Duty;
use crate::problem::fields;
use host_harness::connection::{CallLimits, EgressPolicy};
use host_service::{connections::owned::Owned, served::Served};

/// Stands for every secret, as it does in Fides.
const MASK: &str = "**********";

/// Connections.
#[derive(Serialize, ToSchema)]
#[schema(as = Connections)]
pub(super) struct ConnectionList {
    /// In the order of their keys.
    pub(super) connections: Vec<Shown>,
}

/// A connection. Its secrets are masked.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Shown {
    /// Unique across tenants.
    key: String,
    /// Whose it is.
    tenant: String,
    /// The plugin that carries it.
    plugin: String,
    /// The configuration file that owns it; null where the API does.
    file: Option<String>,
    /// Whether that file no longer names it: it waits to be deleted, or taken over by a change.
    left_file: bool,
    /// Whether anything is done at all.
    enabled: bool,
    /// What it carries out.
    actions: BTreeSet<Duty>,
    /// The system that it belongs to.
    system: Option<String>,
    /// The plugin's open settings, as they were set.
    settings: BTreeMap<String, String>,
    /// The plugin's secret settings that are set, masked.
    secrets: BTreeMap<String, &'static str>,
    /// The address for its webhooks; null where nobody gave one and the service has no public-url.
    webhook_url: Option<String>,
    /// Where its requests may go.
    #[schema(value_type = Object)]
    egress: EgressPolicy,
    /// What one call may use up.
    #[schema(value_type = Object)]
    limits: CallLimits,
    /// Why it is not served; null where it is.
    problem: Option<Unserved>,
    /// Why nothing is done until an operator acts.
    parked_why: Option<String>,
    /// Since when.
    parked_at: Option<i64>,
    /// When it was last tested.
    tested_at: Option<i64>,
    /// Whether everything passed then.
    test_passed: Option<bool>,
    /// When it was made.
    created_at: i64,
    /// When its owner last changed it.
    changed_at: i64,
}

/// Why a connection is not served.
#[derive(Serialize, ToSchema)]
struct Unserved {
    /// For a person.
    detail: String,
    /// A message for each field that does not suit.
    errors: Vec<Field>,
}

/// A field that does not suit.
#[derive(Serialize, ToSchema)]
struct Field {
    /// Its name.
    field: String,
    /// What is wrong with it.
    message: String,
}

impl Shown {
    pub(super) fn of(served: &Served, owned: &Owned) -> Self {
        let (spec, standing) = (&owned.spec, &owned.standing);
        let problem = served.problem(&spec.key).map(|problem| Unserved {
            detail: problem.to_string(),
            errors: fields(&problem).into_iter().map(|(field, message)| Field { field, message }).collect(),
        });
        Self {
            key: spec.key.clone(),
            tenant: spec.tenant.0.clone(),
            plugin: spec.plugin.clone(),
            file: owned.file.clone(),
            left_file: owned.left_file,
            enabled: owned.duties.enabled,
            actions: owned.duties.actions.iter().map(|duty| Duty::from(*duty)).collect(),
            system: owned.duties.system.clone(),
            settings: spec.settings.clone(),
            secrets: spec.secrets.keys().map(|name| (name.clone(), MASK)).collect(),
            webhook_url: owned.for_calls(served.public_url()).webhook_url,
            egress: spec.policy.clone(),
            limits: spec.limits.clone(),
            problem,
            parked_why: standing.parked.as_ref().map(|(why, _)| why.clone()),
            parked_at: standing.parked.as_ref().map(|(_, at)| *at),
            tested_at: standing.tested.map(|(at, _)| at),
            test_passed: standing.tested.map(|(_, passed)| passed),
            created_at: standing.created_at,
            changed_at: standing.changed_at,
        }
    }
}
