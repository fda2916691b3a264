//! The connection that a request is about, if its caller may see it.

use host_harness::sandbox::Calls;
use host_service::{
    connections::{Connections, owned::Owned},
    served::{NotServed, Served},
};
use host_store::{Store, connections as kept};

use crate::{
    access,
    caller::Caller,
    problem::{Problem, kinds},
};

/// The connection of that key, where `caller` may see it: another tenant's is as if it were not there.
pub(crate) async fn found(connections: &Connections, caller: &Caller, key: &str) -> Result<Owned, Problem> {
    let found = connections.find(key).await?;
    let seen = found.filter(|owned| caller.reaches(&owned.spec.tenant.0));
    let owned = seen.ok_or_else(|| unknown(key))?;
    access::about(&owned.spec.tenant.0, key);
    Ok(owned)
}

/// The same for one that may not be readable: there is a connection of that key that `caller` may see.
pub(crate) async fn seen(store: &Store, caller: &Caller, key: &str) -> Result<(), Problem> {
    let name = key.to_owned();
    let tenant = store.read(|c| Box::pin(async move { kept::tenant(c, &name).await })).await?;
    let tenant = tenant.filter(|tenant| caller.reaches(tenant)).ok_or_else(|| unknown(key))?;
    access::about(&tenant, key);
    Ok(())
}

fn unknown(key: &str) -> Problem {
    Problem::of(kinds::UNKNOWN, format!("there is no connection `{key}`"))
}

/// The calls of a connection, where it can make any.
pub(crate) fn calls(served: &Served, key: &str) -> Result<Calls, Problem> {
    served.calls(key).map_err(Problem::from)
}

impl From<NotServed> for Problem {
    fn from(not_served: NotServed) -> Self {
        let kind = match not_served {
            NotServed::Unknown(_) => kinds::UNKNOWN,
            NotServed::Unsuited { .. } => kinds::UNSUITED,
        };
        Self::of(kind, not_served.to_string())
    }
}
