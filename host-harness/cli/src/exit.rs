//! How the program ends.

use std::process::ExitCode;

use host_api::types::{
    connections::{Check, CheckOutcome},
    consent::{Change, ConnectorReport},
    erasure::{Receipt, ReceiptStatus},
};
use host_model::contract::TokenOutcome;

/// How the program ends, by its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done = 0,
    /// 1: refused by the vendor or the connector.
    Refused = 1,
    /// 2: wrong usage or configuration.
    Misused = 2,
    /// 3: call ended by the sandbox.
    Stopped = 3,
    /// 4: accepted, but not yet proven.
    Unproven = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<&[Check]> for Exit {
    fn from(checks: &[Check]) -> Self {
        if checks.iter().any(|check| check.outcome == CheckOutcome::Failed) {
            Self::Refused
        } else {
            Self::Done
        }
    }
}

impl From<&Receipt> for Exit {
    fn from(receipt: &Receipt) -> Self {
        match receipt.status {
            ReceiptStatus::Accepted => Self::Unproven,
            ReceiptStatus::Erased | ReceiptStatus::NotFound => Self::Done,
        }
    }
}

impl From<&ConnectorReport> for Exit {
    fn from(report: &ConnectorReport) -> Self {
        let any = |change| report.items.iter().any(|item| item.change == change);
        if any(Change::Refused) {
            Self::Refused
        } else if any(Change::Pending) {
            Self::Unproven
        } else {
            Self::Done
        }
    }
}

/// A token that the operator must enter by hand counts as not installed.
impl From<TokenOutcome> for Exit {
    fn from(outcome: TokenOutcome) -> Self {
        match outcome {
            TokenOutcome::Installed => Self::Done,
            TokenOutcome::Manual => Self::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use host_api::types::{
        consent::{ItemReport, Standing},
        item::Item,
    };

    fn checks(outcomes: &[CheckOutcome]) -> Vec<Check> {
        outcomes.iter().map(|o| Check { name: "c".into(), outcome: *o, detail: String::new() }).collect()
    }

    fn receipt(status: ReceiptStatus) -> Receipt {
        Receipt { status, evidence: String::new(), reference: None, confirm_after_ms: None, observed: None }
    }

    fn report(changes: &[Change]) -> ConnectorReport {
        let item = Item { kind: "channel".into(), id: "1".into() };
        let items = changes
            .iter()
            .map(|change| ItemReport { item: item.clone(), change: *change, detail: String::new() })
            .collect();
        ConnectorReport { items, standing: Standing::Known, settles_after_ms: None }
    }

    #[test]
    fn every_outcome_has_its_code() {
        use CheckOutcome::{Failed, Passed, Untried};
        assert_eq!(Exit::from(checks(&[Passed, Untried]).as_slice()), Exit::Done);
        assert_eq!(Exit::from(checks(&[Passed, Failed, Passed]).as_slice()), Exit::Refused);
        assert_eq!(Exit::from(&receipt(ReceiptStatus::Accepted)), Exit::Unproven);
        assert_eq!(Exit::from(&receipt(ReceiptStatus::Erased)), Exit::Done);
        assert_eq!(Exit::from(&receipt(ReceiptStatus::NotFound)), Exit::Done);
        assert_eq!(Exit::from(&report(&[Change::Applied, Change::Unchanged])), Exit::Done);
        assert_eq!(Exit::from(&report(&[Change::Applied, Change::Pending])), Exit::Unproven);
        assert_eq!(Exit::from(&report(&[Change::Pending, Change::Refused])), Exit::Refused);
        assert_eq!(Exit::from(TokenOutcome::Installed), Exit::Done);
        assert_eq!(Exit::from(TokenOutcome::Manual), Exit::Refused);
        assert_eq!(
            [Exit::Done, Exit::Refused, Exit::Misused, Exit::Stopped, Exit::Unproven].map(|e| e as u8),
            [0, 1, 2, 3, 4]
        );
    }
}
