//! Checks what a call reports against the requests that it sent. Which outcome needs which requests is a table of the
//! contract: [`Support`].
//! Tested in `tests/all/vouching.rs`.

use std::collections::BTreeSet;

use super::recorder::{CallsRecord, Recorder};
use crate::{
    plugin::{InUse, Plugin},
    sandbox::meter::{Meter, Observation},
};
use host_model::{
    contract::{
        Claim, ConnectorError,
        consent::Report,
        erasure::Receipt,
        observed::{Observed, ObservedRequest},
        support::Support,
    },
    failure::{CallFailure, FailureKind},
};

/// Maximum number of requests that the reason for a refusal lists.
const MAX_LISTED: usize = 5;

/// The answer of a call before it is checked, with what the host observed.
pub(super) struct CalledAnswer<T> {
    pub(super) answer: Result<Result<T, ConnectorError>, CallFailure>,
    pub(super) witness: Witness,
}

impl<T> CalledAnswer<T> {
    /// Returns the answer if `check` finds that the requests support it. Records what was observed.
    pub(super) fn vouched<U>(
        mut self,
        recorder: Option<&Recorder>,
        check: impl FnOnce(&mut Witness, T) -> Result<U, CallFailure>,
    ) -> Result<Result<U, ConnectorError>, CallFailure> {
        let answer = match self.answer {
            Ok(Ok(value)) => check(&mut self.witness, value).map(Ok),
            Ok(Err(error)) => Ok(Err(error)),
            Err(failure) => Err(failure),
        };
        if let Some(recorder) = recorder {
            let was_host_unavailable = self.witness.was_host_unavailable;
            recorder.add(CallsRecord { observed: self.witness.observed(), was_host_unavailable });
        }
        answer
    }
}

/// What the host observed in one call.
pub(super) struct Witness {
    plugin: InUse<Plugin>,
    requests: Vec<ObservedRequest>,
    /// For each request, the people of the call whom it named, by position.
    names: Vec<Vec<usize>>,
    may_have_acted: bool,
    was_host_unavailable: bool,
    /// The reported outcomes that nothing but the manifest's exemption supports.
    exempt: BTreeSet<Claim>,
}

impl Witness {
    /// Takes the requests of the call from its meter.
    pub(super) fn of(plugin: &InUse<Plugin>, meter: &Meter) -> Self {
        let sent = meter.take_sent().into_iter();
        let (requests, names) = sent.map(|Observation { request, names }| (request, names)).unzip();
        Self {
            plugin: plugin.clone(),
            requests,
            names,
            may_have_acted: meter.may_have_acted(),
            was_host_unavailable: meter.was_host_unavailable(),
            exempt: BTreeSet::new(),
        }
    }

    /// Returns an answer that needs no request.
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "one of the checks of an answer")]
    pub(super) fn of_any<T>(&mut self, answer: T) -> Result<T, CallFailure> {
        Ok(answer)
    }

    /// Returns the receipt of an erasure with its record, unless the requests contradict it.
    pub(super) fn of_erase(&mut self, receipt: Receipt) -> Result<Receipt, CallFailure> {
        let (claim, needs) = Support::of_erase(&receipt);
        let exempt = self.check(claim, needs)?;
        Ok(self.with_record(receipt, 0, exempt))
    }

    /// Returns the receipt of a confirmation of the erasure at `position` with its record, unless the requests
    /// contradict it.
    pub(super) fn of_confirm(&mut self, position: usize, receipt: Receipt) -> Result<Receipt, CallFailure> {
        let exempt = match Support::of_confirm(&receipt) {
            Some((claim, needs)) => self.judge(&self.requests_about(position), claim, needs)?,
            None => None,
        };
        self.exempt.extend(exempt);
        Ok(self.with_record(receipt, position, exempt))
    }

    /// Returns `report`, unless the requests contradict one of its changes.
    pub(super) fn of_apply(&mut self, report: Report) -> Result<Report, CallFailure> {
        for (claim, needs) in report.items.iter().filter_map(|item| Support::of_change(item.change)) {
            self.check(claim, needs)?;
        }
        Ok(report)
    }

    /// Returns `claim` if only the manifest's exemption supports it, and `None` if the requests do. Otherwise they
    /// contradict it.
    pub(super) fn check(&mut self, claim: Claim, needs: Support) -> Result<Option<Claim>, CallFailure> {
        let exempt = self.judge(&self.requests, claim, needs)?;
        self.exempt.extend(exempt);
        Ok(exempt)
    }

    fn judge(
        &self,
        requests: &[ObservedRequest],
        claim: Claim,
        needs: Support,
    ) -> Result<Option<Claim>, CallFailure> {
        if needs.is_in(requests) {
            return Ok(None);
        }
        let manifest = self.plugin.manifest();
        if manifest.proves_without.iter().any(|exemption| exemption.claim == claim) {
            return Ok(Some(claim));
        }
        Err(CallFailure {
            kind: FailureKind::BadAnswer,
            detail: format!(
                "version {} reported {claim}, which needs {}; it sent {}",
                self.plugin.digest(),
                needs.described(),
                listed(requests)
            ),
            may_have_acted: self.may_have_acted,
            contradicted: Some(claim),
        })
    }

    /// Returns what was observed in the whole call.
    pub(super) fn observed(self) -> Observed {
        let names_person = self.answered().any(|names| !names.is_empty());
        Observed { names_person, requests: self.requests, exempt: self.exempt.into_iter().collect() }
    }

    fn with_record(&self, receipt: Receipt, position: usize, exempt: Option<Claim>) -> Receipt {
        let observed = Observed {
            requests: self.requests_about(position),
            names_person: self.answered().any(|names| names.contains(&position)),
            exempt: exempt.into_iter().collect(),
        };
        Receipt { observed: Some(observed), ..receipt }
    }

    /// Returns the requests that named the person at `position`, or no person of the call.
    fn requests_about(&self, position: usize) -> Vec<ObservedRequest> {
        let concerns = |names: &[usize]| names.is_empty() || names.contains(&position);
        let requests = self.requests.iter().zip(&self.names);
        requests.filter(|(_, names)| concerns(names)).map(|(sent, _)| sent.clone()).collect()
    }

    /// Returns whom each answered request named.
    fn answered(&self) -> impl Iterator<Item = &Vec<usize>> {
        let sent = self.requests.iter().zip(&self.names);
        sent.filter(|(request, _)| request.status.is_some()).map(|(_, names)| names)
    }
}

/// Checks that an answer has one entry for each element of the request.
pub(super) fn check_length(what: &str, found: usize, asked: usize) -> Result<(), CallFailure> {
    if found == asked {
        return Ok(());
    }
    Err(CallFailure {
        kind: FailureKind::BadAnswer,
        detail: format!("it answered with {found} {what} for {asked}"),
        // It was asked to act, and it is unknown what it did.
        may_have_acted: true,
        contradicted: None,
    })
}

/// Lists requests as the object of a sentence.
fn listed(requests: &[ObservedRequest]) -> String {
    if requests.is_empty() {
        return "none".to_owned();
    }
    let mut listed: Vec<String> = requests.iter().take(MAX_LISTED).map(brief).collect();
    if let Some(more) = requests.len().checked_sub(MAX_LISTED).filter(|more| *more > 0) {
        listed.push(format!("{more} more"));
    }
    listed.join(", ")
}

fn brief(ObservedRequest { operation, effect, status, .. }: &ObservedRequest) -> String {
    let status = status.map_or_else(|| "not answered".to_owned(), |status| status.to_string());
    format!("{operation} ({effect}, {status})")
}
