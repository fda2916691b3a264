//! The built-in set, which knows no vendor: every function that a connector exports is called with answers of each kind.
//! It must answer every time, within its limits, with an outcome that its requests support, and without an identifier in
//! any text.
//! Tested in `tests/all/conformance`.

mod answers;
mod arguments;
mod variants;
mod vendor;

use std::{collections::BTreeSet, sync::Arc};

use fastrand::Rng;
use host_model::{
    contract::{Settings, Subject},
    failure::FailureKind,
    time::millis_u64,
};
use strum::VariantArray as _;
use tokio::time::Instant;

use self::{
    answers::FaultAnswer,
    variants::{Variant, variants},
    vendor::FaultyVendor,
};
use super::{
    call::ConnectorCall,
    findings::{bounded, leak, out_of_time, stopped},
    function::ConnectorFunction,
    made_up,
    proof::{PartResult, PartSource, ProofPart},
    stage::{CallResultDocument, Stage},
};
use crate::connection::Redactor;

/// The number of rounds in which each request gets another answer, so that a connector gets beyond its first request.
const MIXED_ROUNDS: usize = 24;

/// The built-in set for a version.
pub(super) struct BuiltIn<'a> {
    stage: &'a Stage,
    /// The connections to call with, or why there is none.
    variants: Result<Vec<Variant>, String>,
    seed: u32,
}

/// Why a part ended before its last call.
enum EndedEarly {
    Failed(String),
    NotRun(String),
}

impl<'a> BuiltIn<'a> {
    /// Prepares the set with settings of the operator, and those of cases by the case's name.
    pub(super) fn new<'s>(
        stage: &'a Stage,
        own: &Settings,
        cases: impl Iterator<Item = (&'s str, &'s Settings)>,
        seed: u32,
    ) -> Self {
        Self { stage, variants: variants(stage, own, cases), seed }
    }

    /// Returns the functions that the connector exports.
    pub(super) fn functions(&self) -> Vec<ConnectorFunction> {
        let exported = self.stage.plugin.exports();
        let all = ConnectorFunction::VARIANTS.iter().copied();
        all.filter(|function| exported.contains(&function.interface())).collect()
    }

    /// Calls `function` with every variant and every answer, until a call fails.
    pub(super) async fn run(&self, function: ConnectorFunction, over_at: Instant) -> ProofPart {
        let begun = Instant::now();
        let about = "answers within its limits, whatever the vendor sends";
        let mut part = ProofPart::new(function.as_ref(), about, PartSource::BuiltIn);
        let ended = match &self.variants {
            Err(reason) => Err(EndedEarly::NotRun(reason.clone())),
            Ok(variants) => self.run_variants(function, variants, over_at, &mut part).await,
        };
        match ended {
            Ok(()) => {}
            Err(EndedEarly::Failed(finding)) => {
                part.result = PartResult::Failed { findings: bounded(&[finding]) };
            }
            Err(EndedEarly::NotRun(reason)) => part.result = PartResult::NotRun { reason },
        }
        part.took_ms = millis_u64(begun.elapsed());
        part
    }

    async fn run_variants(
        &self,
        function: ConnectorFunction,
        variants: &[Variant],
        over_at: Instant,
        part: &mut ProofPart,
    ) -> Result<(), EndedEarly> {
        for variant in variants {
            // Independent of the parts before, so that a part alone repeats a failure.
            let mut random = Rng::with_seed(self.seed.into());
            let manifest = self.stage.plugin.manifest();
            let people = [made_up::person(manifest, &mut random), made_up::person(manifest, &mut random)];
            let [person, _] = &people;
            let answers: Arc<[FaultAnswer]> = answers::all(person, &mut random).into();
            let round = Round { function, variant, people: &people, over_at };
            let mut without_requests = BTreeSet::new();
            for answer in answers.iter() {
                if without_requests.contains(&answer.body) {
                    continue;
                }
                let vendor = Arc::new(FaultyVendor::always(manifest, answer.clone()));
                self.run_round(&round, &vendor, &answer.about, answer, part).await?;
                if !vendor.is_asked() {
                    // Another answer changes nothing, and another body only a delivery.
                    without_requests.insert(answer.body);
                    if function != ConnectorFunction::Verify {
                        break;
                    }
                }
            }
            if without_requests.is_empty() {
                for _ in 0..MIXED_ROUNDS {
                    let seed = random.u32(..);
                    let vendor = FaultyVendor::mixed(manifest, Arc::clone(&answers), seed);
                    let Some(any) = answers.get(random.usize(..answers.len().max(1))) else { break };
                    self.run_round(&round, &Arc::new(vendor), "mixed answers", any, part).await?;
                }
            }
        }
        Ok(())
    }

    /// Makes the calls of a round, whose vendor is `vendor` and whose deliveries have the body of `answer`.
    async fn run_round(
        &self,
        round: &Round<'_>,
        vendor: &Arc<FaultyVendor>,
        about: &str,
        answer: &FaultAnswer,
        part: &mut ProofPart,
    ) -> Result<(), EndedEarly> {
        let Round { function, variant, people, over_at } = round;
        let manifest = self.stage.plugin.manifest();
        for call in arguments::calls(*function, manifest, people, answer.bytes()) {
            if Instant::now() >= *over_at {
                return Err(EndedEarly::Failed(out_of_time()));
            }
            let called = self.stage.call(&variant.connection, Arc::clone(vendor) as _, &call).await;
            part.calls += 1;
            called.usage.iter().for_each(|usage| part.used.include(usage));
            let finding = found(&called, &call, people);
            let Some(finding) = finding else { continue };
            let reason = format!("{about}, {}: {finding}", variant.about);
            return Err(match &called.outcome {
                Err(failure) if failure.kind == FailureKind::NoRoom => EndedEarly::NotRun(reason),
                _ => EndedEarly::Failed(reason),
            });
        }
        Ok(())
    }
}

/// What all calls of a round have in common.
struct Round<'a> {
    function: ConnectorFunction,
    variant: &'a Variant,
    people: &'a [Subject; 2],
    over_at: Instant,
}

/// Returns what is wrong with a call, if anything is.
fn found(called: &CallResultDocument, call: &ConnectorCall, people: &[Subject; 2]) -> Option<String> {
    let usage = called.usage.as_ref();
    let document = match &called.outcome {
        Err(failure) => return Some(stopped(failure, usage)),
        Ok(document) => document,
    };
    if let Some(leak) = leak(usage) {
        return Some(leak);
    }
    // A key is stored as it is: the host masks only prose.
    let keys = document.get("events").and_then(|events| events.as_array()).into_iter().flatten();
    let keys = keys.filter_map(|event| event.get("key")?.as_str());
    let names = people.iter().flat_map(Subject::identifiers).map(|known| known.value.as_str());
    let names = Redactor::of_names(names);
    let is_personal = |key: &str| names.text(key) != key;
    let has_personal = call.function() == ConnectorFunction::Verify && keys.into_iter().any(is_personal);
    has_personal.then(|| "the key of an event contains an identifier of the person".to_owned())
}
