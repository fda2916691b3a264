//! The manifest: the connector's settings, the requests that it may make and the limits that they count against.

pub(crate) mod operation;
pub(crate) mod setting;

pub use self::{
    operation::{Effect, Field, Limit, Operation, RequestPart},
    setting::SettingSpec,
};
use crate::{consent::choice, operations, settings, subject};

/// A kind of identifier, and the project types in which Iterable keeps it unique.
#[derive(Debug, PartialEq, Eq)]
pub struct IdentifierKind {
    /// The machine-readable name.
    pub name: &'static str,
    /// The values of [`settings::PROJECT_TYPE`] for which no two people share an identifier of this kind.
    pub unique_in: &'static [&'static str],
}

/// What the connector is and which requests it may make. The host asks for it once, when it loads the connector.
///
/// The setting [`settings::DOMAIN`] contains the host name of every operation. The webhook token comes in the header
/// [`TOKEN_HEADER`].
#[derive(Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The machine-readable name.
    pub name: &'static str,
    /// The version of this build.
    pub version: String,
    /// The vendor's name, for people.
    pub vendor: &'static str,
    /// A link to the vendor's documentation.
    pub documentation: &'static str,
    /// The settings, in the order in which a form shows them.
    pub settings: &'static [SettingSpec],
    /// The permission list: every request that may be made.
    pub operations: &'static [&'static Operation],
    /// The limits that Iterable publishes.
    pub limits: &'static [Limit],
    /// The kinds of identifier that the connector can act on.
    pub identifier_kinds: &'static [IdentifierKind],
    /// The kinds of consent item, a parent's before its children's.
    pub item_kinds: &'static [&'static str],
}

/// The header in which Iterable's webhooks carry their token, as its last word.
pub const TOKEN_HEADER: &str = "Authorization";

/// An email project keeps emails unique but not user-ids, a userID project the reverse, and a hybrid project both.
const IDENTIFIER_KINDS: &[IdentifierKind] = &[
    IdentifierKind { name: subject::EMAIL, unique_in: &["email", "hybrid"] },
    IdentifierKind { name: subject::USER_ID, unique_in: &["user-id", "hybrid"] },
];

/// Returns the manifest, which is always the same.
pub fn describe() -> Manifest {
    Manifest {
        name: "iterable",
        version: version(),
        vendor: "Iterable",
        documentation: "https://api.iterable.com/api/docs",
        settings: settings::SPECS,
        operations: operations::ALL,
        limits: operations::LIMITS,
        identifier_kinds: IDENTIFIER_KINDS,
        item_kinds: &[choice::CHANNEL, choice::MESSAGE_TYPE, choice::EMAIL_LIST],
    }
}

/// Returns the crate's version. If `CONNECTOR_BUILD` was set at compile time, it follows a plus, such as `0.2.0+next`.
pub fn version() -> String {
    let version = env!("CARGO_PKG_VERSION");
    match option_env!("CONNECTOR_BUILD") {
        Some(build) if !build.is_empty() => format!("{version}+{build}"),
        _ => version.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_the_same_every_time() {
        assert_eq!(describe(), describe());
    }

    #[test]
    fn the_version_distinguishes_builds() {
        match option_env!("CONNECTOR_BUILD") {
            Some(build) => assert_eq!(version(), format!("0.2.0+{build}")),
            None => assert_eq!(version(), "0.2.0"),
        }
    }

    #[test]
    fn the_only_secret_is_the_key() {
        let secrets: Vec<_> =
            settings::SPECS.iter().filter(|spec| spec.secret).map(|spec| spec.name).collect();
        assert_eq!(secrets, ["api-key"]);
    }

    #[test]
    fn every_blank_is_filled_by_the_host_or_by_a_request() {
        let filled = ["api-key", "webhook-token", "email", "user-id", "id"];
        for operation in operations::ALL {
            let values = operation.fields.iter().map(|field| field.value);
            for text in values.chain([operation.path]) {
                let blanks = text.split('{').skip(1).filter_map(|rest| rest.split('}').next());
                blanks.for_each(|blank| assert!(filled.contains(&blank), "{blank} in {}", operation.name));
            }
        }
    }

    #[test]
    fn every_interface_that_may_send_exists() {
        for operation in operations::ALL {
            for interface in operation.used_by {
                assert!(
                    ["connector", "consent", "erasure", "webhook-token"].contains(interface),
                    "{interface}"
                );
            }
        }
    }
}
