//! The connection or the request that a call is about, if its caller can access it.
//! Tested in `src/tests/tenants.rs`.

use host_harness::sandbox::Calls;
use host_model::{digest::Digest, scope::Scope};
use host_service::{
    connections::{Connections, loaded::VersionUnusable, owned::OwnedConnection},
    served::{NotServed, Served, ServingProblem},
};
use host_store::{
    Store, connections as kept,
    requests::{self, RequestView},
};
use serde_json::json;

use crate::{
    access,
    caller::Caller,
    problem::{Problem, kinds},
    types::pins::OnVersion,
};

/// Returns the connection of that key if `caller` can access it. Another tenant's connection counts as unknown.
pub(crate) async fn reachable_connection(
    connections: &Connections,
    caller: &Caller,
    key: &str,
) -> Result<OwnedConnection, Problem> {
    let found = connections.find(key).await?;
    let seen = found.filter(|owned| caller.reach().includes(&owned.spec.tenant.0, key));
    let owned = seen.ok_or_else(|| unknown(key))?;
    access::about(&owned.spec.tenant.0, key);
    Ok(owned)
}

/// Checks that there is a connection of that key that `caller` can access, even if it cannot be read.
pub(crate) async fn check_reachable(store: &Store, caller: &Caller, key: &str) -> Result<(), Problem> {
    let name = key.to_owned();
    let tenant = store.read(|c| Box::pin(async move { kept::tenant(c, &name).await })).await?;
    let tenant = tenant.filter(|tenant| caller.reach().includes(tenant, key)).ok_or_else(|| unknown(key))?;
    access::about(&tenant, key);
    Ok(())
}

/// Returns the request of that id if `caller` can access it.
pub(crate) async fn reachable_request(
    store: &Store,
    caller: &Caller,
    id: &str,
) -> Result<RequestView, Problem> {
    let asked = id.to_owned();
    let shown = store.read(|c| Box::pin(async move { requests::show(c, &asked).await })).await?;
    let seen = shown.filter(|view| caller.reach().includes(&view.tenant, &view.connection));
    let view = seen.ok_or_else(|| Problem::of(kinds::UNKNOWN, format!("there is no request {id}")))?;
    access::about(&view.tenant, &view.connection);
    Ok(view)
}

fn unknown(key: &str) -> Problem {
    Problem::of(kinds::UNKNOWN, format!("there is no connection `{key}`"))
}

/// Returns the calls of a connection, if it is served.
pub(crate) fn calls(served: &Served, key: &str) -> Result<Calls, Problem> {
    served.calls(key).map_err(Problem::from)
}

/// Returns the calls of a connection on the version that `on` names, for which the caller's key must have `scope`, or on the
/// one that serves it.
pub(crate) async fn calls_on(
    connections: &Connections,
    caller: &Caller,
    key: &str,
    on: &OnVersion,
    scope: Scope,
) -> Result<Calls, Problem> {
    match named_version(caller, on, scope)? {
        Some(digest) => Ok(connections.versions().calls(key, digest).await?),
        None => calls(connections.served(), key),
    }
}

/// Returns the version that `on` names, if the caller's key has `scope`; `None` if it names none.
pub(crate) fn named_version(
    caller: &Caller,
    on: &OnVersion,
    scope: Scope,
) -> Result<Option<Digest>, Problem> {
    let Some(version) = &on.version else { return Ok(None) };
    caller.check(scope)?;
    let digest = version.parse().map_err(|_| {
        let detail = format!("version: expected sha256: and 64 hexadecimal digits, found `{version}`");
        Problem::of(kinds::BAD_QUERY, detail)
    })?;
    Ok(Some(digest))
}

impl From<VersionUnusable> for Problem {
    fn from(error: VersionUnusable) -> Self {
        let detail = error.to_string();
        match error {
            VersionUnusable::Unknown { .. } => Self::of(kinds::UNKNOWN, detail),
            VersionUnusable::NotApproved { .. }
            | VersionUnusable::NotStored(_)
            | VersionUnusable::Damaged(_)
            | VersionUnusable::Conditions(_)
            | VersionUnusable::NotLoaded(_) => Self::of(kinds::NOT_USABLE, detail),
            VersionUnusable::NotTrusted(refusal) => {
                Self::of(kinds::NOT_TRUSTED, detail).with("reason", json!(refusal.code()))
            }
            VersionUnusable::AnotherPlugin { .. } | VersionUnusable::Unsuited(_) => {
                Self::of(kinds::UNSUITED, detail)
            }
            VersionUnusable::NotServed(error) => error.into(),
            VersionUnusable::Store(error) => error.into(),
        }
    }
}

impl From<NotServed> for Problem {
    fn from(not_served: NotServed) -> Self {
        let kind = match &not_served {
            NotServed::Unknown(_) => kinds::UNKNOWN,
            NotServed::Problem { problem, .. } => match **problem {
                ServingProblem::NotLoaded(_) => kinds::UNAVAILABLE,
                _ => kinds::UNSUITED,
            },
        };
        Self::of(kind, not_served.to_string())
    }
}
