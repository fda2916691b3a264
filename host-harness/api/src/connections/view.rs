//! A connection as the API shows it.
//! Tested in `src/tests/connections.rs`.

use host_service::{connections::owned::OwnedConnection, served::Served};

use crate::{
    problem::fields,
    types::{
        connections::{Connection, Unserved},
        problem::FieldError,
    },
};

/// Shown instead of every secret, as in Fides.
const MASK: &str = "**********";

/// `owned`, with its secrets masked.
pub(super) fn connection_view(served: &Served, owned: &OwnedConnection) -> Connection {
    let (spec, standing) = (&owned.spec, &owned.standing);
    let problem = served.problem(&spec.key).map(|problem| Unserved {
        detail: problem.to_string(),
        errors: fields(&problem).into_iter().map(|(field, message)| FieldError { field, message }).collect(),
    });
    Connection {
        key: spec.key.clone(),
        tenant: spec.tenant.0.clone(),
        plugin: spec.plugin.clone(),
        file: owned.file.clone(),
        left_file: owned.left_file,
        enabled: owned.duties.enabled,
        actions: owned.duties.actions.iter().map(|duty| (*duty).into()).collect(),
        system: owned.duties.system.clone(),
        settings: spec.settings.clone(),
        secrets: spec.secrets.keys().map(|name| (name.clone(), MASK.to_owned())).collect(),
        set_aside: spec.set_aside.clone(),
        webhook_url: owned.for_calls(served.public_url()).webhook_url,
        egress: spec.policy.clone().into(),
        limits: spec.limits.clone().into(),
        problem,
        version: served.calls(&spec.key).ok().map(|calls| calls.plugin().digest().to_string()),
        pin: served.pin(&spec.key).map(Into::into),
        parked_why: standing.parked.as_ref().map(|(why, _)| why.clone()),
        parked_at: standing.parked.as_ref().map(|(_, at)| *at),
        tested_at: standing.tested.map(|(at, _)| at),
        test_passed: standing.tested.map(|(_, passed)| passed),
        created_at: standing.created_at,
        changed_at: standing.changed_at,
    }
}
