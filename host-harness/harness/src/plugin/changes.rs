//! The additional permissions that another version of a plugin requests, which an operator must approve.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;
use strum::Display;

use crate::connection::EgressPolicy;
use host_model::{
    contract::{
        Claim,
        manifest::{Effect, Limit, Manifest, Operation},
    },
    text::Escaped,
};

/// One additional permission that the new version requests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Display)]
#[serde(rename_all = "kebab-case")]
pub enum NewPermission {
    /// A new operation.
    #[strum(to_string = "+ operation {name}: {request} ({purpose})")]
    Operation {
        /// Its name.
        name: String,
        /// Its request line.
        request: String,
        /// Its purpose, as the manifest states it.
        purpose: String,
    },
    /// An existing operation with a wider scope: another request, host, parameter, field or interface.
    #[strum(to_string = "~ operation {operation}: {what}")]
    Wider {
        /// The operation's name.
        operation: String,
        /// What is new about it.
        what: String,
    },
    /// An existing limit that allows more requests.
    #[strum(to_string = "~ limit {name}: now {now}; before, {before}")]
    Limit {
        /// Its name.
        name: String,
        /// The running version's limit.
        before: Limit,
        /// The new version's limit.
        now: Limit,
    },
    /// Deliveries carry their token in another place, or in none that the host checks.
    #[strum(to_string = "~ webhook token: now in {0}")]
    TokenSlot(String),
    /// A new secret setting.
    #[strum(to_string = "+ credential {0}")]
    Credential(String),
    /// A new vendor host that settings may contain.
    #[strum(to_string = "+ host {0}")]
    Host(String),
    /// An identifier kind that identifies people by another rule, so that the host must re-key the people of every
    /// connection.
    #[strum(to_string = "~ identifier kind {kind}: {rule}")]
    Identifies {
        /// The kind.
        kind: String,
        /// The new rule.
        rule: String,
    },
    /// An outcome that it now reports although no request supports it.
    #[strum(to_string = "+ reports {claim} without a request: {reason}")]
    ProvesWithout {
        /// The outcome.
        claim: Claim,
        /// The reason, as the manifest states it.
        reason: String,
    },
}

/// All additional permissions that the new version requests; empty if there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes(pub Vec<NewPermission>);

impl Changes {
    /// Returns the permissions that `new` requests in addition to those of `running`.
    pub fn between(running: &Manifest, new: &Manifest) -> Self {
        let mut demands = Vec::new();
        for operation in &new.operations {
            match running.operation(&operation.name) {
                None => demands.push(NewPermission::Operation {
                    name: operation.name.clone(),
                    request: format!("{} {}", operation.method, operation.path),
                    purpose: operation.purpose.clone(),
                }),
                Some(known) => {
                    demands.extend(wider(known, operation));
                    demands.extend(released(running, known, operation));
                    demands.extend(newly_guest_filled(running, new, operation));
                }
            }
        }
        demands.extend(raised_limits(running, new));
        if running.webhook_token_slot != new.webhook_token_slot {
            let slot = new.webhook_token_slot.as_ref();
            let slot = slot
                .map_or_else(|| "no place".to_owned(), |slot| format!("the {} {}", slot.place, slot.name));
            demands.push(NewPermission::TokenSlot(slot));
        }
        let credentials = not_in(&credentials(running), &credentials(new)).map(NewPermission::Credential);
        let hosts = not_in(&hosts(running), &hosts(new)).map(NewPermission::Host);
        demands.extend(credentials.chain(hosts));
        demands.extend(rekeyed(running, new));
        demands.extend(new_exemptions(running, new));
        Self(demands)
    }

    /// Returns whether the rules for identifying people change.
    pub fn rekeys_people(&self) -> bool {
        self.0.iter().any(|demand| matches!(demand, NewPermission::Identifies { .. }))
    }

    /// Returns whether there are no additional permissions.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|demand| write!(f, "\n  {}", Escaped(demand)))
    }
}

fn wider(known: &Operation, new: &Operation) -> Vec<NewPermission> {
    let mut what = Vec::new();
    if (&known.method, &known.path) != (&new.method, &new.path) {
        what.push(format!("now sends {} {}", new.method, new.path));
    }
    if (known.effect, new.effect) == (Effect::Read, Effect::Write) {
        what.push("may now change something; before, it only read".to_owned());
    }
    // A dry run sends reads, and an unanswered read counts as not done.
    if (known.effect, new.effect) == (Effect::Write, Effect::Read) {
        what.push("is now declared as a read: a dry run sends it".to_owned());
    }
    if known.host_setting != new.host_setting {
        what.push(format!("now goes to the host in {}", new.host_setting));
    }
    what.extend(
        not_in(&set(&known.used_by), &set(&new.used_by))
            .map(|interface| format!("now also sent by {interface}")),
    );
    what.extend(
        not_in(&set(&known.query), &set(&new.query)).map(|name| format!("may now set the parameter {name}")),
    );
    what.extend(not_in(&written(known), &written(new)).map(|field| format!("the host now writes {field}")));
    what.extend(
        not_in(&written(new), &written(known)).map(|field| format!("the host no longer writes {field}")),
    );
    what.extend(not_in(&captured(known), &captured(new)).map(|capture| format!("now captures {capture}")));
    what.extend(
        not_in(&captured(new), &captured(known)).map(|capture| format!("no longer captures {capture}")),
    );
    what.extend(
        not_in(&set(&known.response_headers), &set(&new.response_headers))
            .map(|header| format!("now sees the response header {header}")),
    );
    if known.content_type != new.content_type {
        what.push(format!("now has a body of {}", new.content_type.as_deref().unwrap_or("no type")));
    }
    if largest_answer(new) > largest_answer(known) {
        let (now, before) = (largest_answer(new), largest_answer(known));
        what.push(format!("now reads answers of {now} bytes; before, of {before}"));
    }
    what.into_iter().map(|what| NewPermission::Wider { operation: new.name.clone(), what }).collect()
}

/// Returns the limits of `running` that the operation `known` kept to and `new` does not.
fn released(running: &Manifest, known: &Operation, new: &Operation) -> Vec<NewPermission> {
    not_in(&set(&new.limits), &set(&known.limits))
        .map(|name| {
            let allowed = running.limit(&name).map(|limit| format!(", which allows {limit}"));
            let what = format!("no longer keeps to the limit {name}{}", allowed.unwrap_or_default());
            NewPermission::Wider { operation: new.name.clone(), what }
        })
        .collect()
}

/// Returns blanks that the host filled with a setting or a secret and that the connector would now fill.
fn newly_guest_filled(running: &Manifest, new: &Manifest, operation: &Operation) -> Vec<NewPermission> {
    let names = |manifest: &Manifest| -> BTreeSet<String> {
        let captured = manifest.operations.iter().flat_map(|o| &o.captures).map(|capture| &capture.secret);
        manifest.settings.iter().map(|setting| &setting.name).chain(captured).cloned().collect()
    };
    let stands_in = |name: &String| {
        let blank = format!("{{{name}}}");
        operation.path.contains(&blank) || operation.fields.iter().any(|field| field.value.contains(&blank))
    };
    not_in(&names(new), &names(running))
        .filter(stands_in)
        .map(|name| NewPermission::Wider {
            operation: operation.name.clone(),
            what: format!("the connector now fills {{{name}}}"),
        })
        .collect()
}

/// Returns the identifier kinds whose rule changes. A connector that lists no kinds identifies people by any kind.
fn rekeyed(running: &Manifest, new: &Manifest) -> Vec<NewPermission> {
    let rules = |manifest: &Manifest| -> BTreeMap<String, String> {
        let kinds = manifest.identifier_kinds.iter();
        kinds.map(|kind| (kind.name.clone(), kind.identifies.to_string())).collect()
    };
    let (known, now) = (rules(running), rules(new));
    let changed = now.iter().filter(|(kind, rule)| known.get(*kind) != Some(*rule));
    let changed = changed.map(|(kind, rule)| (kind.clone(), rule.clone()));
    let gone = known.keys().filter(|kind| !now.contains_key(*kind));
    let gone = gone.map(|kind| (kind.clone(), "is no longer acted on".to_owned()));
    changed.chain(gone).map(|(kind, rule)| NewPermission::Identifies { kind, rule }).collect()
}

/// Returns exemptions that the running version does not have, or for which it has another reason.
fn new_exemptions(running: &Manifest, new: &Manifest) -> Vec<NewPermission> {
    let added = new.proves_without.iter().filter(|exemption| !running.proves_without.contains(exemption));
    added
        .map(|exemption| NewPermission::ProvesWithout {
            claim: exemption.claim,
            reason: exemption.reason.clone(),
        })
        .collect()
}

/// Returns the limits that allow more. A removed limit is reported with the operations that used it.
fn raised_limits(running: &Manifest, new: &Manifest) -> Vec<NewPermission> {
    let raised = |known: &Limit, limit: &Limit| match (known.period_ms, limit.period_ms) {
        (Some(before), Some(now)) => limit.requests > known.requests || now < before,
        (None, None) => limit.requests > known.requests,
        // Limits on concurrency and limits per period are not comparable.
        _ => true,
    };
    let pairs = new.limits.iter().filter_map(|limit| Some((running.limit(&limit.name)?, limit)));
    pairs
        .filter(|(known, limit)| raised(known, limit))
        .map(|(known, limit)| NewPermission::Limit {
            name: limit.name.clone(),
            before: known.clone(),
            now: limit.clone(),
        })
        .collect()
}

/// Returns the maximum response size under the default policy, in bytes.
fn largest_answer(operation: &Operation) -> u64 {
    operation.response_limit.unwrap_or(EgressPolicy::default().response_cap as u64)
}

fn written(operation: &Operation) -> BTreeSet<String> {
    operation.fields.iter().map(|field| format!("{} {} = {}", field.place, field.name, field.value)).collect()
}

/// Returns the captures. Removing or moving one would make its secret visible to the connector.
fn captured(operation: &Operation) -> BTreeSet<String> {
    operation.captures.iter().map(|capture| format!("{} from {}", capture.secret, capture.field)).collect()
}

fn credentials(manifest: &Manifest) -> BTreeSet<String> {
    manifest.settings.iter().filter(|setting| setting.secret).map(|setting| setting.name.clone()).collect()
}

/// Returns the hosts that host settings may contain; a setting without options may contain any.
fn hosts(manifest: &Manifest) -> BTreeSet<String> {
    manifest
        .operations
        .iter()
        .filter_map(|operation| manifest.setting(&operation.host_setting))
        .flat_map(|setting| match setting.options.as_slice() {
            [] => vec![format!("any that the operator enters as {}", setting.name)],
            options => options.to_vec(),
        })
        .collect()
}

fn set(names: &[String]) -> BTreeSet<String> {
    names.iter().cloned().collect()
}

fn not_in(known: &BTreeSet<String>, new: &BTreeSet<String>) -> impl Iterator<Item = String> + use<> {
    new.difference(known).cloned().collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests;
