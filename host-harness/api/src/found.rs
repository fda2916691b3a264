//! The connection that a request is about, if its caller may see it.

use host_harness::sandbox::Calls;
use host_service::{
    connections::{change, owned::Owned},
    service::Shared,
};
use host_store::connections as kept;

use crate::{
    access,
    caller::Caller,
    problem::{Problem, kinds},
};

/// The connection of that key, where `caller` may see it: another tenant's is as if it were not there.
pub(crate) async fn found(shared: &Shared, caller: &Caller, key: &str) -> Result<Owned, Problem> {
    let found = change::find(shared, key).await?;
    let seen = found.filter(|owned| caller.reaches(&owned.spec.tenant.0));
    let owned = seen.ok_or_else(|| unknown(key))?;
    access::about(&owned.spec.tenant.0, key);
    Ok(owned)
}

/// The same for one that may not be readable: there is a connection of that key that `caller` may see.
pub(crate) async fn seen(shared: &Shared, caller: &Caller, key: &str) -> Result<(), Problem> {
    let name = key.to_owned();
    let tenant = shared.store.read(|c| Box::pin(async move { kept::tenant(c, &name).await })).await?;
    let tenant = tenant.filter(|tenant| caller.reaches(tenant)).ok_or_else(|| unknown(key))?;
    access::about(&tenant, key);
    Ok(())
}

fn unknown(key: &str) -> Problem {
    Problem::of(kinds::UNKNOWN, format!("there is no connection `{key}`"))
}

/// The calls of a connection, where it can make any.
pub(crate) fn calls(shared: &Shared, key: &str) -> Result<Calls, Problem> {
    shared.host.connection(key).map_err(|unknown| {
        let problem = shared.registry.problem(key);
        let detail = problem.map_or_else(|| unknown.to_string(), |problem| problem.to_string());
        Problem::of(kinds::UNSUITED, detail)
    })
}
