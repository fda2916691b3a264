//! What testing a connection and reloading the file came to, as the API writes it.

use std::collections::BTreeMap;

use host_model::contract::Check;
use host_service::connections::{import::Reloaded as Reload, tried};
use serde::Serialize;
use utoipa::ToSchema;

/// How a test ended, in the words of Fides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TestStatus {
    /// Everything that was tried works.
    Succeeded,
    /// Something does not.
    Failed,
    /// There was nothing to try.
    Skipped,
}

/// What a test came to, in the shape of Fides, and each check.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tried {
    /// For a person.
    msg: String,
    /// How it ended.
    pub(super) test_status: TestStatus,
    /// What does not work, and why.
    failure_reason: Option<String>,
    /// Each thing that was tried: its `name`, `outcome` (`passed`, `failed` or `untried`) and `detail`.
    #[schema(value_type = Vec<Object>)]
    checks: Vec<Check>,
}

impl From<tried::Tried> for Tried {
    fn from(tried: tried::Tried) -> Self {
        let tried::Tried { msg, test_status, failure_reason, checks } = tried;
        let test_status = match test_status {
            tried::TestStatus::Succeeded => TestStatus::Succeeded,
            tried::TestStatus::Failed => TestStatus::Failed,
            tried::TestStatus::Skipped => TestStatus::Skipped,
        };
        Self { msg, test_status, failure_reason, checks }
    }
}

/// What a reload came to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Reloaded {
    /// New in the file.
    added: Vec<String>,
    /// Changed in the file.
    changed: Vec<String>,
    /// No longer in the file: disabled, with everything that they know, until the file names them again or they are deleted.
    disabled: Vec<String>,
    /// Those that are not served, or not taken from the file, each with its reason.
    problems: BTreeMap<String, String>,
}

impl From<Reload> for Reloaded {
    fn from(reload: Reload) -> Self {
        let Reload { added, changed, disabled, problems } = reload;
        Self { added, changed, disabled, problems }
    }
}
