//! What another version of a plugin asks for that the running one does not: what an operator must agree to.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;
use strum::Display;

use crate::connection::EgressPolicy;
use host_model::contract::{
    Claim,
    manifest::{Effect, Limit, Manifest, Operation},
};

/// One thing that only the new version asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Display)]
#[serde(rename_all = "kebab-case")]
pub enum Demand {
    /// An operation that the running version does not have.
    #[strum(to_string = "+ operation {name}: {request} ({purpose})")]
    Operation {
        /// Its name.
        name: String,
        /// Its request line.
        request: String,
        /// Its purpose, in its own words.
        purpose: String,
    },
    /// An operation of the same name that reaches further: another request, host, parameter, field or interface.
    #[strum(to_string = "~ operation {operation}: {what}")]
    Wider {
        /// The operation's name.
        operation: String,
        /// What is new about it.
        what: String,
    },
    /// A limit of the same name that lets more through.
    #[strum(to_string = "~ limit {0}: now lets more through")]
    Limit(String),
    /// Deliveries carry their token somewhere else, or nowhere that the host looks.
    #[strum(to_string = "~ webhook token: now in {0}")]
    TokenSlot(String),
    /// A secret setting that it wants to be given.
    #[strum(to_string = "+ credential {0}")]
    Credential(String),
    /// A vendor host that it may be pointed at.
    #[strum(to_string = "+ host {0}")]
    Host(String),
    /// An identifier kind that identifies people by another rule: the host re-keys the people of every connection.
    #[strum(to_string = "~ identifier kind {kind}: {rule}")]
    Identifies {
        /// The kind.
        kind: String,
        /// Its rule now.
        rule: String,
    },
    /// An outcome that it now reports although no request supports it.
    #[strum(to_string = "+ reports {claim} without a request: {reason}")]
    ProvesWithout {
        /// The outcome.
        claim: Claim,
        /// Why, in its own words.
        reason: String,
    },
}

/// Everything that only the new version asks for; empty where it asks for nothing more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes(pub Vec<Demand>);

impl Changes {
    /// What `new` asks for beyond `running`.
    pub fn between(running: &Manifest, new: &Manifest) -> Self {
        let mut demands = Vec::new();
        for operation in &new.operations {
            match running.operation(&operation.name) {
                None => demands.push(Demand::Operation {
                    name: operation.name.clone(),
                    request: format!("{} {}", operation.method, operation.path),
                    purpose: operation.purpose.clone(),
                }),
                Some(known) => {
                    demands.extend(wider(known, operation));
                    demands.extend(handed_over(running, new, operation));
                }
            }
        }
        demands.extend(raised_limits(running, new));
        if running.webhook_token_slot != new.webhook_token_slot {
            let slot = new.webhook_token_slot.as_ref();
            let slot = slot
                .map_or_else(|| "no place".to_owned(), |slot| format!("the {} {}", slot.place, slot.name));
            demands.push(Demand::TokenSlot(slot));
        }
        let credentials = beyond(&credentials(running), &credentials(new)).map(Demand::Credential);
        let hosts = beyond(&hosts(running), &hosts(new)).map(Demand::Host);
        demands.extend(credentials.chain(hosts));
        demands.extend(rekeyed(running, new));
        demands.extend(exempted(running, new));
        Self(demands)
    }

    /// Whether it changes which identifiers identify people.
    pub fn rekeys_people(&self) -> bool {
        self.0.iter().any(|demand| matches!(demand, Demand::Identifies { .. }))
    }

    /// Whether it asks for nothing more.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|demand| write!(f, "\n  {demand}"))
    }
}

fn wider(known: &Operation, new: &Operation) -> Vec<Demand> {
    let mut what = Vec::new();
    if (&known.method, &known.path) != (&new.method, &new.path) {
        what.push(format!("now sends {} {}", new.method, new.path));
    }
    if (known.effect, new.effect) == (Effect::Read, Effect::Write) {
        what.push("may now change something, where it only read".to_owned());
    }
    // A dry run sends what reads, and an unanswered read counts as undone.
    if (known.effect, new.effect) == (Effect::Write, Effect::Read) {
        what.push("is now said only to read: a dry run sends it".to_owned());
    }
    if known.host_setting != new.host_setting {
        what.push(format!("now goes to the host in {}", new.host_setting));
    }
    what.extend(
        beyond(&set(&known.used_by), &set(&new.used_by))
            .map(|interface| format!("now also sent by {interface}")),
    );
    what.extend(
        beyond(&set(&known.query), &set(&new.query)).map(|name| format!("may now set the parameter {name}")),
    );
    what.extend(beyond(&written(known), &written(new)).map(|field| format!("the host now writes {field}")));
    what.extend(
        beyond(&written(new), &written(known)).map(|field| format!("the host no longer writes {field}")),
    );
    what.extend(beyond(&captured(known), &captured(new)).map(|capture| format!("now captures {capture}")));
    what.extend(
        beyond(&captured(new), &captured(known)).map(|capture| format!("no longer captures {capture}")),
    );
    what.extend(
        beyond(&set(&known.response_headers), &set(&new.response_headers))
            .map(|header| format!("now sees the response header {header}")),
    );
    what.extend(
        beyond(&set(&new.limits), &set(&known.limits))
            .map(|limit| format!("no longer keeps to the limit {limit}")),
    );
    if known.content_type != new.content_type {
        what.push(format!("now has a body of {}", new.content_type.as_deref().unwrap_or("no type")));
    }
    if largest_answer(new) > largest_answer(known) {
        what.push(format!("now reads answers of {} bytes", largest_answer(new)));
    }
    what.into_iter().map(|what| Demand::Wider { operation: new.name.clone(), what }).collect()
}

/// Blanks that the host filled, with a setting or a secret, and that would now be the connector's to fill.
fn handed_over(running: &Manifest, new: &Manifest, operation: &Operation) -> Vec<Demand> {
    let names = |manifest: &Manifest| -> BTreeSet<String> {
        let captured = manifest.operations.iter().flat_map(|o| &o.captures).map(|capture| &capture.secret);
        manifest.settings.iter().map(|setting| &setting.name).chain(captured).cloned().collect()
    };
    let stands_in = |name: &String| {
        let blank = format!("{{{name}}}");
        operation.path.contains(&blank) || operation.fields.iter().any(|field| field.value.contains(&blank))
    };
    beyond(&names(new), &names(running))
        .filter(stands_in)
        .map(|name| Demand::Wider {
            operation: operation.name.clone(),
            what: format!("the connector now fills {{{name}}}"),
        })
        .collect()
}

/// Identifier kinds whose rule is another one. A connector that names no kinds identifies people by any.
fn rekeyed(running: &Manifest, new: &Manifest) -> Vec<Demand> {
    let rules = |manifest: &Manifest| -> BTreeMap<String, String> {
        let kinds = manifest.identifier_kinds.iter();
        kinds.map(|kind| (kind.name.clone(), kind.identifies.to_string())).collect()
    };
    let (known, now) = (rules(running), rules(new));
    let changed = now.iter().filter(|(kind, rule)| known.get(*kind) != Some(*rule));
    let changed = changed.map(|(kind, rule)| (kind.clone(), rule.clone()));
    let gone = known.keys().filter(|kind| !now.contains_key(*kind));
    let gone = gone.map(|kind| (kind.clone(), "is no longer acted on".to_owned()));
    changed.chain(gone).map(|(kind, rule)| Demand::Identifies { kind, rule }).collect()
}

/// Exemptions that the running version does not have, or justifies otherwise.
fn exempted(running: &Manifest, new: &Manifest) -> Vec<Demand> {
    let added = new.proves_without.iter().filter(|exemption| !running.proves_without.contains(exemption));
    added
        .map(|exemption| Demand::ProvesWithout { claim: exemption.claim, reason: exemption.reason.clone() })
        .collect()
}

/// A limit that went away is told with the operations that kept to it.
fn raised_limits(running: &Manifest, new: &Manifest) -> Vec<Demand> {
    let raised = |limit: &&Limit| {
        running.limit(&limit.name).is_some_and(|known| match (known.period_ms, limit.period_ms) {
            (Some(before), Some(now)) => limit.requests > known.requests || now < before,
            (None, None) => limit.requests > known.requests,
            // How many at the same time and how many in a period say nothing about each other.
            _ => true,
        })
    };
    new.limits.iter().filter(raised).map(|limit| Demand::Limit(limit.name.clone())).collect()
}

/// In bytes, under the usual policy.
fn largest_answer(operation: &Operation) -> u64 {
    operation.response_limit.unwrap_or(EgressPolicy::default().response_cap as u64)
}

fn written(operation: &Operation) -> BTreeSet<String> {
    operation.fields.iter().map(|field| format!("{} {} = {}", field.place, field.name, field.value)).collect()
}

/// A capture that is dropped or moved would leave its secret where the connector sees it.
fn captured(operation: &Operation) -> BTreeSet<String> {
    operation.captures.iter().map(|capture| format!("{} out of {}", capture.secret, capture.field)).collect()
}

fn credentials(manifest: &Manifest) -> BTreeSet<String> {
    manifest.settings.iter().filter(|setting| setting.secret).map(|setting| setting.name.clone()).collect()
}

/// The hosts that host settings may hold; a setting without options may hold any.
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

fn beyond(known: &BTreeSet<String>, new: &BTreeSet<String>) -> impl Iterator<Item = String> + use<> {
    new.difference(known).cloned().collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests;
