//! People in Fides' format.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::contract::{Identifier, Subject};

/// The person an event is about, as Fides' `identity_map`: `email`, `phone_number`, `external_id`. Personal data, so
/// `Debug` is redacted.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdentityMap(pub BTreeMap<String, String>);

impl fmt::Debug for IdentityMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

impl From<&Subject> for IdentityMap {
    fn from(subject: &Subject) -> Self {
        let entry = |(kind, value): (&str, &str)| {
            let key = match kind {
                "phone" => "phone_number".to_owned(),
                "user-id" => "external_id".to_owned(),
                other => other.replace('-', "_"),
            };
            (key, value.to_owned())
        };
        let identifiers = subject.identifiers().iter().map(|i| (i.kind.as_str(), i.value.as_str()));
        // The first of a kind is the preferred one.
        Self(identifiers.rev().map(entry).collect())
    }
}

impl From<IdentityMap> for Subject {
    /// Accepts both Fides' names and the contract's own.
    fn from(IdentityMap(identity): IdentityMap) -> Self {
        let mut identifiers: Vec<Identifier> = Vec::new();
        for (name, value) in identity {
            let identifier = match name.as_str() {
                "phone_number" => Identifier::new("phone", value),
                "external_id" => Identifier::new("user-id", value),
                other => Identifier::new(other.replace('_', "-"), value),
            };
            if !identifiers.contains(&identifier) {
                identifiers.push(identifier);
            }
        }
        identifiers.into()
    }
}
