//! Who may set what: a tenant can restrict where its requests go, but not widen it, since the host is in the operator's
//! network.
//! Tested in `src/tests/keys.rs`.

use serde_json::json;

use crate::{
    caller::Caller,
    problem::{Problem, kinds},
    types::{egress::Egress, limits::Limits},
};
use host_harness::connection::{CallLimits, EgressPolicy};
use host_service::connections::{differences::members, owned::OwnedConnection};
use host_store::grant::KeyReach;

/// Checks that `caller` may create `new`.
pub(super) fn check_new(caller: &Caller, new: &OwnedConnection) -> Result<(), Problem> {
    let tenant = &new.spec.tenant.0;
    if !caller.reach().includes(tenant, &new.spec.key) {
        let KeyReach { tenants, connections } = caller.reach();
        let named =
            [("tenant", tenants), ("connection", connections)].into_iter().filter_map(|(what, names)| {
                let names: Vec<&str> = names.as_ref()?.iter().map(String::as_str).collect();
                Some(format!("{what} {}", names.join(" or ")))
            });
        let detail =
            format!("this API key can create connections only for {}", named.collect::<Vec<_>>().join(", "));
        return Err(Problem::of(kinds::NOT_ALL_TENANTS, detail));
    }
    let (egress, limits) = (EgressPolicy::default(), CallLimits::default());
    let (before, after) = (CallBounds { egress: &egress, limits: &limits }, CallBounds::of(new));
    check(caller, before, after)
}

/// Checks that `caller` may change `before` to `after`.
pub(super) fn check_change(
    caller: &Caller,
    before: &OwnedConnection,
    after: &OwnedConnection,
) -> Result<(), Problem> {
    check(caller, CallBounds::of(before), CallBounds::of(after))
}

/// Where calls of a connection may send, and how much they may take.
#[derive(Clone, Copy)]
struct CallBounds<'a> {
    egress: &'a EgressPolicy,
    limits: &'a CallLimits,
}

impl<'a> CallBounds<'a> {
    fn of(owned: &'a OwnedConnection) -> Self {
        Self { egress: &owned.spec.policy, limits: &owned.spec.limits }
    }
}

fn check(caller: &Caller, before: CallBounds<'_>, after: CallBounds<'_>) -> Result<(), Problem> {
    if caller.reach().is_everything() {
        return Ok(());
    }
    let but_denials = |policy: &EgressPolicy| EgressPolicy { denied_operations: [].into(), ..policy.clone() };
    let mut widened = Vec::new();
    if but_denials(before.egress) != but_denials(after.egress) {
        widened.push("egress");
    }
    if !before.egress.denied_operations.is_subset(&after.egress.denied_operations) {
        widened.push("egress.denied_operations");
    }
    if before.limits != after.limits {
        widened.push("limits");
    }
    if widened.is_empty() {
        return Ok(());
    }
    let egress = |bounds: CallBounds<'_>| json!(Egress::from(bounds.egress.clone()));
    let limits = |bounds: CallBounds<'_>| json!(Limits::from(bounds.limits.clone()));
    let mut differ = members("egress", &egress(before), &egress(after));
    differ.extend(members("limits", &limits(before), &limits(after)));
    let detail = format!(
        "{}: an API key for some tenants may only deny further operations; use one that was created without \
         --tenant and --connection",
        differ.join(", ")
    );
    Err(Problem::of(kinds::NOT_ALL_TENANTS, detail).with("fields", json!(widened)))
}
