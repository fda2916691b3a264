//! What can be wrong with the service's own sections.
//! Tested in `src/settings/tests.rs`.

use super::{
    edge::{MAX_HEADER_BYTES, MIN_HEADER_BYTES},
    listen::NotAListenAddress,
};
use crate::posts::post::NotASigningSecret;
use host_harness::config::ConfigProblemKind;
use host_model::release::{rules::RulesError, steps::NotSteps, times::TimesOutOfOrder};
use host_registry::NotAReference;
use host_store::{NotAMasterKey, WrongDatabaseUrl};

/// What is wrong with a value of the service's own sections. Does not contain a value that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongSetting {
    /// The master key is not valid.
    #[error(transparent)]
    MasterKey(NotAMasterKey),
    /// The URL of the database is not valid.
    #[error(transparent)]
    DatabaseUrl(WrongDatabaseUrl),
    /// The setting is for a database on a server, and the database is a file.
    #[error(
        "the database is a file, which has no such setting: remove it, or set `database` to the URL of a server"
    )]
    OfServerOnly,
    /// The signing secret is not valid.
    #[error(transparent)]
    SigningSecret(NotASigningSecret),
    /// The form of the posts is unknown.
    #[error("found `{found}`, expected \"standard\" or \"fides\"")]
    Form {
        /// The configured form.
        found: String,
    },
    /// The address of a Fides has a part that none of its own addresses keeps.
    #[error("expected the base address of Fides, such as https://fides.example.com, without a query")]
    FidesUrl,
    /// Fides checks no signature.
    #[error("Fides checks no signature: remove the secret, or the form")]
    FidesSecret,
    /// The text is not a reference to a plugin in a registry.
    #[error(transparent)]
    Reference(NotAReference),
    /// The key is not the host of a registry.
    #[error("expected the host of a registry, such as [registries.\"registry.example.com:5000\"]")]
    RegistryHost,
    /// The credentials for a registry are incomplete, or there are two.
    #[error("expected `user` with `password`, or `docker-config` alone, or none of them")]
    RegistryCredentials,
    /// The steps of releases do not grow up to the whole.
    #[error(transparent)]
    ReleaseSteps(NotSteps),
    /// A step of a release would last longer at least than at most.
    #[error(transparent)]
    StepTimes(TimesOutOfOrder),
    /// The rules of a verdict on a release cannot be used.
    #[error(transparent)]
    VerdictRules(RulesError),
    /// An address to listen on is not valid.
    #[error(transparent)]
    Listen(#[from] NotAListenAddress),
    /// An environment variable is not a number of minutes.
    #[error("the environment variable {0} must be a whole number of minutes above 0")]
    NotMinutes(&'static str),
    /// The maximum head of a request is smaller than the HTTP library supports.
    #[error("expected at least {MIN_HEADER_BYTES} bytes")]
    SmallHeaders,
    /// The maximum head of a request is so large that the connections together could take all memory.
    #[error("expected at most {MAX_HEADER_BYTES} bytes")]
    LargeHeaders,
    /// A request would be deleted while it can still be replayed.
    #[error("found {found} days, expected at least {least}: a failed request can be replayed for 30 days")]
    ShortHistory {
        /// The configured time, in days.
        found: u32,
        /// The minimum, in days.
        least: u32,
    },
    /// Webhook tokens would end before they have a successor.
    #[error(
        "webhook tokens must last at least a day longer than token-window-days, so that each has a successor in time: \
         found {found} minutes, expected at least {least}"
    )]
    ShortLifetime {
        /// The configured lifetime, in minutes.
        found: u64,
        /// The minimum, in minutes.
        least: u64,
    },
}

impl From<WrongSetting> for ConfigProblemKind {
    fn from(wrong: WrongSetting) -> Self {
        Self::Extension(wrong.to_string())
    }
}
