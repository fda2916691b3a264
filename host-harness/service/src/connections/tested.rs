//! What came of testing connections.

use serde::{Deserialize, Serialize};
use strum::Display;

/// The status of a test, as Fides names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum TestStatus {
    /// Everything that was tried works.
    Succeeded,
    /// Something does not work.
    Failed,
    /// There was nothing to try.
    Skipped,
}

/// Whether the connections are tested before a version serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnectionTests {
    /// They are not.
    #[default]
    Omitted,
    /// Each is tested, and none may fail.
    Required,
}

impl From<bool> for ConnectionTests {
    /// Returns what a request or a command with this `test-connections` flag asks for.
    fn from(test_connections: bool) -> Self {
        if test_connections { Self::Required } else { Self::Omitted }
    }
}

/// What came of testing a connection on a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TestedConnection {
    /// The key of the connection.
    pub connection: String,
    /// The status of the test.
    pub status: TestStatus,
    /// The names of the checks that failed.
    pub failed_checks: Vec<String>,
    /// Why it failed or was skipped, in the connector's words; `None` if it succeeded. Not stored: a connector may repeat
    /// what the vendor says about people.
    #[serde(skip)]
    pub reason: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl TestedConnection {
    /// Returns it as a line.
    pub fn sentence(&self) -> String {
        let Self { connection, status, reason, .. } = self;
        let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("connection {connection}: {status}{reason}")
    }
}
