//! Where a connection's requests may go and what one call may use up, as they are typed.

use std::{path::PathBuf, str::FromStr};

use clap::Args;
use host_api::types::{egress::EgressPatch, limits::LimitsPatch, merge_patch::MergePatch};
use serde_json::{Map, Value, json};

use crate::failure::Failure;

#[derive(Debug, Args)]
pub(super) struct Bounds {
    /// A host beside the plugin's own that its requests may go to. May be given several times; names them all.
    #[arg(long = "allow-host", value_name = "HOST")]
    hosts: Vec<String>,
    /// Let its requests go to this machine.
    #[arg(long)]
    loopback: bool,
    /// Let them go there without TLS.
    #[arg(long)]
    plain_http: bool,
    /// A file with certificate authorities, in PEM, to trust instead of the public ones. May be given several times; names
    /// them all.
    #[arg(long = "authority", value_name = "FILE")]
    authorities: Vec<PathBuf>,
    /// An operation that it may not send, although its plugin declares it. May be given several times; names them all.
    #[arg(long = "deny-operation", value_name = "NAME")]
    denied_operations: Vec<String>,
    /// Another bound of its requests, by the name that it has in `egress` of a configuration, such as
    /// `response-cap=1048576` or `deadlines.total-ms=30000`. May be given several times.
    #[arg(long = "egress", value_name = "NAME=NUMBER")]
    egress: Vec<Bound>,
    /// What one call may use up, by the name that it has in `limits` of a configuration, such as `cpu-ms=500`. May be given
    /// several times.
    #[arg(long = "limit", value_name = "NAME=NUMBER")]
    limits: Vec<Bound>,
}

/// A number by its name, such as `deadlines.total-ms=30000`.
#[derive(Clone, Debug)]
struct Bound {
    name: String,
    number: u64,
}

impl FromStr for Bound {
    type Err = &'static str;

    fn from_str(typed: &str) -> Result<Self, Self::Err> {
        let expected = "expected NAME=NUMBER, such as cpu-ms=500";
        let (name, number) = typed.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or(expected)?;
        Ok(Self { name: name.to_owned(), number: number.parse().map_err(|_| expected)? })
    }
}

impl Bounds {
    /// What is typed about its requests, with `reset` back at their defaults; `None` if there is neither.
    pub(super) fn egress(&self, reset: &[&str]) -> Result<Option<EgressPatch>, Failure> {
        let mut patch = Map::new();
        if !self.hosts.is_empty() {
            patch.insert("hosts".to_owned(), json!(self.hosts));
        }
        if !self.denied_operations.is_empty() {
            patch.insert("denied_operations".to_owned(), json!(self.denied_operations));
        }
        if !self.authorities.is_empty() {
            let read = self.authorities.iter().map(|file| {
                std::fs::read_to_string(file)
                    .map_err(|error| Failure::misused(format!("cannot read {}: {error}", file.display())))
            });
            patch.insert("authorities".to_owned(), json!(read.collect::<Result<Vec<_>, _>>()?));
        }
        for (name, is_let) in [("loopback", self.loopback), ("plain_http", self.plain_http)] {
            if is_let {
                patch.insert(name.to_owned(), true.into());
            }
        }
        let Some(patch) = completed(patch, &self.egress, reset) else { return Ok(None) };
        checked("--egress", patch).map(|patch| Some(EgressPatch(patch)))
    }

    /// What is typed about a call, with `reset` back at their defaults; `None` if there is neither.
    pub(super) fn limits(&self, reset: &[&str]) -> Result<Option<LimitsPatch>, Failure> {
        let Some(patch) = completed(Map::new(), &self.limits, reset) else { return Ok(None) };
        checked("--limit", patch).map(|patch| Some(LimitsPatch(patch)))
    }
}

/// `patch` with the numbers of `bounds`, and null for each name of `reset`; the empty name resets everything. `None` if all of
/// it is empty.
fn completed(mut patch: Map<String, Value>, bounds: &[Bound], reset: &[&str]) -> Option<Value> {
    if reset.contains(&"") {
        return Some(Value::Null);
    }
    for Bound { name, number } in bounds {
        set(&mut patch, name, (*number).into());
    }
    for name in reset {
        set(&mut patch, name, Value::Null);
    }
    (!patch.is_empty()).then_some(patch.into())
}

/// Sets what `name` leads to; a dot goes one level down.
fn set(patch: &mut Map<String, Value>, name: &str, value: Value) {
    let Some((outer, inner)) = name.split_once('.') else {
        patch.insert(name.to_owned(), value);
        return;
    };
    let members = patch.entry(outer).or_insert_with(|| json!({}));
    if let Value::Object(members) = members {
        set(members, inner, value);
    }
}

/// A name that does not exist is a slip here already, with the option that it was typed after.
fn checked<T>(option: &str, patch: Value) -> Result<MergePatch<T>, Failure>
where
    T: serde::Serialize + serde::de::DeserializeOwned + Default,
{
    let wrong = |error: &dyn std::fmt::Display| Failure::misused(format!("{option}: {error}"));
    let patch = MergePatch::new(patch).map_err(|error| wrong(&error))?;
    patch.on(&T::default()).map_err(|error| wrong(&error))?;
    Ok(patch)
}
