//! Tests a connection.

use serde_json::json;

use super::{Connections, loaded::VersionUnusable, owned::OwnedConnection, tested::TestStatus};
use crate::who::Who;
use host_harness::sandbox::{CallResult, Calls};
use host_model::{
    contract::{Check, CheckOutcome, ErrorKind},
    digest::Digest,
    release::call_kind::CallKind,
};
use host_store::{
    StoreError,
    audit::{self, Record},
    connections,
};

/// The result of a test, in the shape that Fides uses, with each check.
#[derive(Clone, Debug)]
pub struct TestReport {
    /// The message to show to a person.
    pub msg: String,
    /// The status of the test.
    pub test_status: TestStatus,
    /// What does not work, and why.
    pub failure_reason: Option<String>,
    /// Each check, with its `name`, `outcome` (`passed`, `failed` or `untried`) and `detail`.
    pub checks: Vec<Check>,
}

impl Connections {
    /// Tries everything that the connection needs without changing anything at the vendor. The result is stored.
    pub async fn test(&self, who: &Who, owned: &OwnedConnection) -> Result<TestReport, StoreError> {
        let (key, tenant) = (owned.spec.key.clone(), owned.spec.tenant.0.clone());
        let tried = self.ask(&key).await;
        let result = match tried.test_status {
            TestStatus::Succeeded => connections::TestResult::Passed,
            TestStatus::Failed => connections::TestResult::Failed,
            TestStatus::Skipped => return Ok(tried),
        };
        let (at, by) = (self.clock.date_ms(), who.0.clone());
        let vault = self.store.vault().clone();
        let store = self.store.write(move |tx| {
            Box::pin(async move {
                connections::record_test(tx, &key, at, result).await?;
                let detail = json!({"by": by, "passed": result == connections::TestResult::Passed});
                let record =
                    Record { connection: Some(key.clone()), detail, ..Record::of("connection-tested") };
                audit::append(tx, &vault, &tenant, at, &record).await
            })
        });
        store.await?;
        Ok(tried)
    }

    /// Same as [`test`](Self::test) on a version that does not serve, but was approved or served before. The result is
    /// not stored.
    pub async fn test_on(
        &self,
        plugin: &str,
        digest: Digest,
        key: &str,
    ) -> Result<TestReport, VersionUnusable> {
        let version = self.versions.version(plugin, digest).await?;
        if self.served.host().plugin_of(key).is_some_and(|used| used != plugin) {
            let (connection, plugin) = (key.to_owned(), plugin.to_owned());
            return Err(VersionUnusable::AnotherPlugin { connection, plugin });
        }
        let calls = self.served.host().connection_on(key, &version);
        Ok(match calls {
            Ok(calls) => tried(key, &calls).await,
            Err(error) => failed(key, error.to_string()),
        })
    }

    async fn ask(&self, key: &str) -> TestReport {
        match self.served.of_connection(key) {
            Ok(of) => {
                let tested = of.call(CallKind::TestConnection, async |calls| calls.test_connection().await);
                of_test(key, tested.await)
            }
            Err(not_served) => failed(key, not_served.to_string()),
        }
    }
}

pub(super) async fn tried(key: &str, calls: &Calls) -> TestReport {
    of_test(key, calls.test_connection().await)
}

fn of_test(key: &str, tested: CallResult<Vec<Check>>) -> TestReport {
    match tested {
        Ok(Ok(checks)) => of_checks(key, checks),
        Ok(Err(error)) if error.kind == ErrorKind::Unsupported => TestReport {
            msg: format!("Test skipped for connection {key}: its connector has no test."),
            test_status: TestStatus::Skipped,
            failure_reason: None,
            checks: Vec::new(),
        },
        Ok(Err(error)) => failed(key, error.to_string()),
        Err(failure) => failed(key, failure.to_string()),
    }
}

fn failed(key: &str, reason: String) -> TestReport {
    TestReport {
        msg: format!("Test failed for connection {key}."),
        test_status: TestStatus::Failed,
        failure_reason: Some(reason),
        checks: Vec::new(),
    }
}

fn of_checks(key: &str, checks: Vec<Check>) -> TestReport {
    let ended = |outcome| checks.iter().filter(move |check| check.outcome == outcome);
    let reasons: Vec<String> =
        ended(CheckOutcome::Failed).map(|check| format!("{}: {}", check.name, check.detail)).collect();
    if !reasons.is_empty() {
        return TestReport { checks, ..failed(key, reasons.join("; ")) };
    }
    let (word, test_status) = if ended(CheckOutcome::Passed).next().is_some() {
        ("completed successfully", TestStatus::Succeeded)
    } else {
        ("skipped", TestStatus::Skipped)
    };
    let msg = format!("Test {word} for connection {key}.");
    TestReport { msg, test_status, failure_reason: None, checks }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, outcome: CheckOutcome) -> Check {
        Check { name: name.into(), outcome, detail: "why".into() }
    }

    #[test]
    fn a_test_fails_with_every_reason_and_is_skipped_if_nothing_was_tried() {
        use CheckOutcome::{Failed, Passed, Untried};
        let tried = of_checks(
            "newsletter",
            vec![check("key", Failed), check("webhook", Passed), check("token", Failed)],
        );
        assert_eq!(tried.test_status, TestStatus::Failed);
        assert_eq!(tried.failure_reason.as_deref(), Some("key: why; token: why"));
        let tried = of_checks("newsletter", vec![check("key", Passed), check("token", Untried)]);
        assert_eq!((tried.test_status, tried.failure_reason), (TestStatus::Succeeded, None));
        assert_eq!(of_checks("newsletter", vec![check("key", Untried)]).test_status, TestStatus::Skipped);
        assert_eq!(of_checks("newsletter", vec![]).test_status, TestStatus::Skipped);
    }
}
