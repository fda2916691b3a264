//! Which requests an outcome needs: a connector can report only what its requests show.

use super::{
    claim::Claim,
    consent::Change,
    erasure::{ErasureStatus, Receipt},
    manifest::Effect,
    observed::ObservedRequest,
};

/// The requests that an outcome needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Any answered request.
    Answer,
    /// An answered write.
    AnsweredWrite,
    /// A write that was answered and not refused for the sender's sake. Vendors answer 400, 404, 409 and even 500 if a
    /// person is already gone.
    ReceivedWrite,
    /// A write that was answered with a status below 400.
    AcceptedWrite,
    /// A write that was answered with a status below 400, with 404 or with 410; or an answered write, and after it an
    /// answered read.
    CompletedWrite,
}

impl Support {
    /// Returns the outcome of `erase` that `receipt` reports, and what it needs.
    pub fn of_erase(receipt: &Receipt) -> (Claim, Self) {
        match (receipt.status, receipt.confirm_after_ms) {
            (ErasureStatus::Accepted, Some(_)) => (Claim::EraseAccepted, Self::ReceivedWrite),
            (ErasureStatus::Accepted, None) => (Claim::EraseAccepted, Self::CompletedWrite),
            (ErasureStatus::Erased, _) => (Claim::EraseErased, Self::CompletedWrite),
            (ErasureStatus::NotFound, _) => (Claim::EraseNotFound, Self::Answer),
        }
    }

    /// Returns the outcome of `confirm` that `receipt` reports, and what it needs; `None` if it needs nothing.
    pub fn of_confirm(receipt: &Receipt) -> Option<(Claim, Self)> {
        match receipt.status {
            ErasureStatus::Accepted => None,
            ErasureStatus::Erased => Some((Claim::ConfirmErased, Self::Answer)),
            ErasureStatus::NotFound => Some((Claim::ConfirmNotFound, Self::Answer)),
        }
    }

    /// Returns the outcome of `apply` for an item, and what it needs; `None` if it needs nothing.
    pub fn of_change(change: Change) -> Option<(Claim, Self)> {
        match change {
            Change::Applied => Some((Claim::ApplyApplied, Self::AcceptedWrite)),
            Change::Unchanged => Some((Claim::ApplyUnchanged, Self::Answer)),
            Change::Pending => Some((Claim::ApplyPending, Self::AnsweredWrite)),
            Change::Refused => None,
        }
    }

    /// Returns whether `requests` are what it needs.
    pub fn is_in(self, requests: &[ObservedRequest]) -> bool {
        let any_write = |suits: fn(u16) -> bool| {
            requests.iter().any(|sent| sent.effect == Effect::Write && sent.status.is_some_and(suits))
        };
        match self {
            Self::Answer => requests.iter().any(|sent| sent.status.is_some()),
            Self::AnsweredWrite => any_write(|_| true),
            Self::ReceivedWrite => any_write(|status| !matches!(status, 401 | 403 | 429)),
            Self::AcceptedWrite => any_write(|status| status < 400),
            Self::CompletedWrite => {
                any_write(|status| status < 400 || matches!(status, 404 | 410))
                    || is_read_after_write(requests)
            }
        }
    }

    /// Returns what it needs, as the object of a sentence.
    pub fn described(self) -> &'static str {
        match self {
            Self::Answer => "a request that was answered",
            Self::AnsweredWrite => "a write that was answered",
            Self::ReceivedWrite => "a write that was answered, other than with 401, 403 or 429",
            Self::AcceptedWrite => "a write that was answered below 400",
            Self::CompletedWrite => {
                "a write that was answered below 400 or with 404 or 410, or an answered write and a read after it"
            }
        }
    }
}

fn is_read_after_write(requests: &[ObservedRequest]) -> bool {
    let mut answered = requests.iter().filter(|sent| sent.status.is_some());
    answered.any(|sent| sent.effect == Effect::Write) && answered.any(|sent| sent.effect == Effect::Read)
}

#[cfg(test)]
mod tests;
