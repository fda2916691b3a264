//! The names of what differs between two versions of a connection, with the numbers of limits: all that the audit chain
//! may contain about a change.
//! Tested in `api/src/tests/connections.rs`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::owned::OwnedConnection;
use host_harness::connection::{ConnectionSpec, WrittenPolicy, token::AcceptedToken};
use host_model::secret::Secret;

/// Returns the names of what differs, and no values but the numbers of limits, such as `limits.cpu-ms from 2000 to 4000`.
pub(super) fn differences(before: &OwnedConnection, after: &OwnedConnection) -> Vec<String> {
    let (was, is) = (&before.spec, &after.spec);
    let parts = [
        ("plugin", was.plugin == is.plugin),
        ("enabled", before.duties.enabled == after.duties.enabled),
        ("actions", before.duties.actions == after.duties.actions),
        ("system", before.duties.system == after.duties.system),
        ("webhook-url", was.webhook_url == is.webhook_url),
        ("webhook-tokens", same(&accepted(was), &accepted(is), is_same)),
        ("token-to-install", same(&to_install(was), &to_install(is), is_same)),
        ("set-aside", was.set_aside == is.set_aside),
        ("file", (&before.file, before.left_file) == (&after.file, after.left_file)),
    ];
    let parts = parts.into_iter().filter(|(_, same)| !same).map(|(name, _)| name.to_owned());
    let settings = entries("settings", &was.settings, &is.settings, |one, other| one == other);
    let policy = |spec: &ConnectionSpec| json!(WrittenPolicy::<String>::from(spec.policy.clone()));
    let bounds = members("egress", &policy(was), &policy(is)).into_iter().chain(members(
        "limits",
        &json!(was.limits),
        &json!(is.limits),
    ));
    parts
        .chain(bounds)
        .chain(settings)
        .chain(entries("secrets", &was.secrets, &is.secrets, is_same))
        .collect()
}

/// Returns the members of `name` that differ, and both values of each that is a number.
pub fn members(name: &str, was: &Value, is: &Value) -> Vec<String> {
    match (was, is) {
        _ if was == is => Vec::new(),
        (Value::Object(was), Value::Object(is)) => {
            let names: BTreeSet<_> = was.keys().chain(is.keys()).collect();
            let member =
                |of: &serde_json::Map<_, Value>, name: &String| of.get(name).cloned().unwrap_or_default();
            let each = names.into_iter();
            each.flat_map(|inner| {
                members(&format!("{name}.{inner}"), &member(was, inner), &member(is, inner))
            })
            .collect()
        }
        (Value::Number(was), Value::Number(is)) => vec![format!("{name} from {was} to {is}")],
        _ => vec![name.to_owned()],
    }
}

/// Returns each entry that only one of them has, or that differs.
fn entries<T>(
    of: &str,
    was: &BTreeMap<String, T>,
    is: &BTreeMap<String, T>,
    is_same: impl Fn(&T, &T) -> bool,
) -> Vec<String> {
    let gone = was.keys().filter(|name| !is.contains_key(*name));
    let other = is.iter().filter(|(name, new)| was.get(*name).is_none_or(|old| !is_same(old, new)));
    gone.chain(other.map(|(name, _)| name)).map(|name| format!("{of}.{name}")).collect()
}

fn same<T>(some: &[T], others: &[T], is_same: impl Fn(&T, &T) -> bool) -> bool {
    some.len() == others.len() && some.iter().zip(others).all(|(one, other)| is_same(one, other))
}

fn is_same(one: &Secret, other: &Secret) -> bool {
    one.matches(other.expose().as_bytes())
}

fn accepted(spec: &ConnectionSpec) -> Vec<Secret> {
    spec.accepted_tokens.iter().filter_map(AcceptedToken::secret).cloned().collect()
}

fn to_install(spec: &ConnectionSpec) -> Vec<Secret> {
    spec.token_to_install.iter().cloned().collect()
}
