//! The options for where a connection's requests may go and what one call may use.
//! Tested in `src/tests/server/connections.rs`.

use std::{path::PathBuf, str::FromStr};

use clap::Args;
use host_api::types::{egress::EgressPatch, limits::LimitsPatch, merge_patch::MergePatch};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::failure::Failure;

#[derive(Debug, Args)]
pub(super) struct BoundsArgs {
    /// Allow requests to this host besides the plugin's own. May be given several times; replaces the whole list.
    #[arg(long = "allow-host", value_name = "HOST")]
    hosts: Vec<String>,
    /// Allow requests to this machine.
    #[arg(long)]
    loopback: bool,
    /// Allow requests to this machine without TLS.
    #[arg(long)]
    plain_http: bool,
    /// PEM file with certificate authorities to trust instead of the public ones. May be given several times; replaces
    /// the whole list.
    #[arg(long = "authority", value_name = "FILE")]
    authorities: Vec<PathBuf>,
    /// Deny an operation that the plugin declares. May be given several times; replaces the whole list.
    #[arg(long = "deny-operation", value_name = "NAME")]
    denied_operations: Vec<String>,
    /// Set another bound on its requests, named as in `egress` of a configuration, such as `response-cap=1048576` or
    /// `deadlines.total-ms=30000`. May be given several times.
    #[arg(long = "egress", value_name = "NAME=NUMBER")]
    egress: Vec<BoundArg>,
    /// Set a limit on one call, named as in `limits` of a configuration, such as `cpu-ms=500`. May be given several
    /// times.
    #[arg(long = "limit", value_name = "NAME=NUMBER")]
    limits: Vec<BoundArg>,
}

/// A number and its name, such as `deadlines.total-ms=30000`.
#[derive(Clone, Debug)]
struct BoundArg {
    name: String,
    number: u64,
}

impl FromStr for BoundArg {
    type Err = &'static str;

    fn from_str(typed: &str) -> Result<Self, Self::Err> {
        let expected = "expected NAME=NUMBER, such as cpu-ms=500";
        let (name, number) = typed.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or(expected)?;
        Ok(Self { name: name.to_owned(), number: number.parse().map_err(|_| expected)? })
    }
}

impl BoundsArgs {
    /// The egress options, with `reset` set back to their defaults. `None` if nothing is set or reset.
    pub(super) fn egress(&self, reset: &[&str]) -> Result<Option<EgressPatch>, Failure> {
        let mut typed = Map::new();
        if !self.hosts.is_empty() {
            typed.insert("hosts".to_owned(), json!(self.hosts));
        }
        if !self.denied_operations.is_empty() {
            typed.insert("denied_operations".to_owned(), json!(self.denied_operations));
        }
        if !self.authorities.is_empty() {
            let read = self.authorities.iter().map(|file| {
                std::fs::read_to_string(file)
                    .map_err(|error| Failure::misused(format!("cannot read {}: {error}", file.display())))
            });
            typed.insert("authorities".to_owned(), json!(read.collect::<Result<Vec<_>, _>>()?));
        }
        for (name, is_let) in [("loopback", self.loopback), ("plain_http", self.plain_http)] {
            if is_let {
                typed.insert(name.to_owned(), true.into());
            }
        }
        patch("egress", typed, &self.egress, reset).map(|patch| patch.map(EgressPatch))
    }

    /// The limit options, with `reset` set back to their defaults. `None` if nothing is set or reset.
    pub(super) fn limits(&self, reset: &[&str]) -> Result<Option<LimitsPatch>, Failure> {
        patch("limits", Map::new(), &self.limits, reset).map(|patch| patch.map(LimitsPatch))
    }
}

/// The patch of `member` that sets `typed` and `bounds`, and resets `reset`; an empty name there resets everything.
/// `None` if there is nothing to patch. A member that is both set and reset is refused, since either could be meant.
fn patch<T>(
    member: &str,
    mut typed: Map<String, Value>,
    bounds: &[BoundArg],
    reset: &[&str],
) -> Result<Option<MergePatch<T>>, Failure>
where
    T: Serialize + DeserializeOwned + Default,
{
    for BoundArg { name, number } in bounds {
        set(&mut typed, member, name, (*number).into())?;
    }
    if reset.contains(&"") {
        if !typed.is_empty() || reset.len() > 1 {
            return Err(contradiction(member));
        }
        return checked(member, Value::Null).map(Some);
    }
    for name in reset {
        set(&mut typed, member, name, Value::Null)?;
    }
    if typed.is_empty() { Ok(None) } else { checked(member, typed.into()).map(Some) }
}

/// Sets the member at the path `name`; a dot goes one level down. Setting a member twice is an error.
fn set(members: &mut Map<String, Value>, place: &str, name: &str, value: Value) -> Result<(), Failure> {
    let (outer, inner) = name.split_once('.').map_or((name, None), |(outer, inner)| (outer, Some(inner)));
    let (key, place) = (outer.replace('-', "_"), format!("{place}.{outer}"));
    match (inner, members.get_mut(&key)) {
        (None, None) => drop(members.insert(key, value)),
        (Some(inner), None) => {
            let mut nested = Map::new();
            set(&mut nested, &place, inner, value)?;
            members.insert(key, nested.into());
        }
        (Some(inner), Some(Value::Object(nested))) => set(nested, &place, inner, value)?,
        (_, Some(_)) => return Err(contradiction(&place)),
    }
    Ok(())
}

fn contradiction(place: &str) -> Failure {
    Failure::misused(format!("{place} is set twice, or set and reset: choose one"))
}

/// Rejects unknown names before anything is sent.
fn checked<T>(member: &str, patch: Value) -> Result<MergePatch<T>, Failure>
where
    T: Serialize + DeserializeOwned + Default,
{
    let wrong = |error: &dyn std::fmt::Display| Failure::misused(format!("{member}: {error}"));
    let patch = MergePatch::new(patch).map_err(|error| wrong(&error))?;
    patch.on(&T::default()).map_err(|error| wrong(&error))?;
    Ok(patch)
}
