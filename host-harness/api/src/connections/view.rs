//! A connection as the API shows it.
//! Tested in `src/tests/connections.rs`.

use host_service::{
    connections::{Connections, owned::OwnedConnection},
    requests::{Requests, quotas::Quota},
};

use crate::{
    problem::{Problem, fields},
    types::{
        connections::{Connection, Unserved},
        problem::FieldError,
    },
};

/// Shown instead of every secret, as in Fides.
const MASK: &str = "**********";

/// `owned`, with its secrets masked.
pub(super) async fn connection_view(
    connections: &Connections,
    requests: &Requests,
    owned: OwnedConnection,
) -> Result<Connection, Problem> {
    let key = owned.spec.key.clone();
    let quotas = requests.quotas(&[key]).await?.into_iter().flatten().collect();
    Ok(shown(connections, owned, quotas))
}

/// All of `owned`, with their secrets masked.
pub(super) async fn connection_views(
    connections: &Connections,
    requests: &Requests,
    owned: Vec<OwnedConnection>,
) -> Result<Vec<Connection>, Problem> {
    let keys: Vec<String> = owned.iter().map(|owned| owned.spec.key.clone()).collect();
    let quotas = requests.quotas(&keys).await?;
    Ok(owned.into_iter().zip(quotas).map(|(owned, quotas)| shown(connections, owned, quotas)).collect())
}

fn shown(connections: &Connections, owned: OwnedConnection, quotas: Vec<Quota>) -> Connection {
    let (served, health) = (connections.served(), connections.health(&owned));
    let webhook_url = owned.for_calls(served.public_url()).webhook_url;
    let (spec, standing) = (owned.spec, owned.standing);
    let problem = served.problem(&spec.key).map(|problem| Unserved {
        detail: problem.to_string(),
        errors: fields(&problem).into_iter().map(|(field, message)| FieldError { field, message }).collect(),
    });
    let (paused_why, paused_by, paused_at) =
        standing.paused.map(|pause| (Some(pause.why), Some(pause.by), Some(pause.at))).unwrap_or_default();
    let (parked_why, parked_at) = standing.parked.unzip();
    Connection {
        tenant: spec.tenant.0,
        plugin: spec.plugin,
        file: owned.file,
        left_file: owned.left_file,
        enabled: owned.duties.enabled,
        actions: owned.duties.actions.into_iter().map(Into::into).collect(),
        system: owned.duties.system,
        settings: spec.settings,
        secrets: spec.secrets.into_keys().map(|name| (name, MASK.to_owned())).collect(),
        set_aside: spec.set_aside,
        webhook_url,
        egress: spec.policy.into(),
        limits: spec.limits.into(),
        health: health.state.into(),
        health_why: health.why,
        problem,
        version: served.calls(&spec.key).ok().map(|calls| calls.plugin().digest().to_string()),
        pin: served.pin(&spec.key).map(Into::into),
        key: spec.key,
        parked_why,
        parked_at,
        paused_why,
        paused_by,
        paused_at,
        breaker_open_until: (standing.open_until > 0).then_some(standing.open_until),
        quotas: quotas.into_iter().map(Into::into).collect(),
        tested_at: standing.tested.map(|(at, _)| at),
        test_passed: standing.tested.map(|(_, passed)| passed),
        created_at: standing.created_at,
        changed_at: standing.changed_at,
    }
}
