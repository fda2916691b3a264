//! The contract versions that this host serves.

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, Display, EnumString, VariantArray, VariantNames};

use super::interface::Interface;

/// A contract version in `wit/` that this host serves, oldest first. Newer versions compare greater.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    AsRefStr,
    VariantArray,
    VariantNames,
)]
pub enum ContractVersion {
    /// Frozen in `wit/released/0.1.0/`. Every identifier kind identifies a person, and the method determines the
    /// effect.
    #[serde(rename = "0.1.0")]
    #[strum(serialize = "0.1.0")]
    V0_1_0,
    /// The current version.
    #[serde(rename = "0.2.0")]
    #[strum(serialize = "0.2.0")]
    V0_2_0,
}

/// The package that every version's interfaces belong to.
const PACKAGE: &str = "privacy:saas-connector/";

impl ContractVersion {
    /// Returns the full name of an exported interface in this version, such as `privacy:saas-connector/erasure@0.2.0`.
    pub fn export(self, interface: Interface) -> String {
        self.full_name(interface.as_ref())
    }

    /// Returns the full name of an interface of this version, such as `privacy:saas-connector/http@0.2.0`.
    pub fn full_name(self, interface: &str) -> String {
        format!("{PACKAGE}{interface}@{self}")
    }

    /// Returns all served versions for use in a sentence: `0.1.0 and 0.2.0`.
    pub fn served() -> String {
        <Self as VariantNames>::VARIANTS.join(" and ")
    }
}

/// Splits a name of the contract's package into interface and version: `privacy:saas-connector/http@0.2.0` into `http`
/// and `0.2.0`. Returns `None` for a name of another package.
pub fn split(full_name: &str) -> Option<(&str, &str)> {
    full_name.strip_prefix(PACKAGE)?.split_once('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_found_by_its_name_and_they_are_in_order() {
        let versions = <ContractVersion as VariantArray>::VARIANTS;
        for version in versions {
            assert_eq!(version.to_string().parse(), Ok(*version));
        }
        assert!(versions.is_sorted());
        assert!("0.2".parse::<ContractVersion>().is_err());
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
