//! The versions of the contract that this host serves.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::interface::Interface;

/// A version of the contract in `wit/`. Newer ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ContractVersion {
    /// Frozen in `wit/released/0.1.0/`. Every identifier kind identifies, and the method decides the effect.
    #[serde(rename = "0.1.0")]
    V0_1_0,
    /// The current one.
    #[serde(rename = "0.2.0")]
    V0_2_0,
}

/// The package that every version's interfaces belong to.
const PACKAGE: &str = "privacy:saas-connector/";

impl ContractVersion {
    /// Every version that this host serves, oldest first.
    pub const ALL: [Self; 2] = [Self::V0_1_0, Self::V0_2_0];

    /// The version as text, such as `0.2.0`.
    pub fn name(self) -> &'static str {
        match self {
            Self::V0_1_0 => "0.1.0",
            Self::V0_2_0 => "0.2.0",
        }
    }

    /// The served version of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.name() == name)
    }

    /// The full name of an exported interface in this version, such as `privacy:saas-connector/erasure@0.2.0`.
    pub fn export(self, interface: Interface) -> String {
        self.full_name(interface.name())
    }

    /// The full name of an interface of this version, such as `privacy:saas-connector/http@0.2.0`.
    pub fn full_name(self, interface: &str) -> String {
        format!("{PACKAGE}{interface}@{self}")
    }

    /// All served versions in a sentence: `0.1.0 and 0.2.0`.
    pub fn served() -> String {
        Self::ALL.map(Self::name).join(" and ")
    }
}

impl fmt::Display for ContractVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The interface and the version in a name of the contract's package: `http` and `0.2.0` in
/// `privacy:saas-connector/http@0.2.0`. `None` for a name of another package.
pub fn split(full_name: &str) -> Option<(&str, &str)> {
    full_name.strip_prefix(PACKAGE)?.split_once('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_found_by_its_name_and_they_are_in_order() {
        for version in ContractVersion::ALL {
            assert_eq!(ContractVersion::from_name(&version.to_string()), Some(version));
        }
        assert!(ContractVersion::ALL.is_sorted());
        assert_eq!(ContractVersion::from_name("0.2"), None);
    }

    #[test]
    fn a_full_name_splits_into_interface_and_version() {
        let name = ContractVersion::V0_2_0.export(Interface::WebhookVerify);
        assert_eq!(name, "privacy:saas-connector/webhook-verify@0.2.0");
        assert_eq!(split(&name), Some(("webhook-verify", "0.2.0")));
        assert_eq!(split("wasi:cli/stdout@0.2.0"), None);
        assert_eq!(split("privacy:saas-connector/http"), None);
    }
}
