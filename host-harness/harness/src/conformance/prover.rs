//! Runs the cases and the built-in set on a version.
//! Tested in `tests/all/conformance`.

use std::{fmt, sync::Arc};

use host_model::{contract::Settings, time::millis_u64};
use tokio::time::Instant;

use super::{
    built_in::BuiltIn,
    case::Case,
    cases::Cases,
    difference::{FurtherKeys, differences},
    findings::{MAX_PROOF, bounded, leak, out_of_time, stopped},
    made_up,
    proof::{PartResult, PartSource, Proof, ProofPart},
    script::ScriptedVendor,
    stage::Stage,
};
use crate::{connection::CallLimits, engine::Engine, plugin::Plugin};

/// How long a call of a proof may take. It waits for nothing but a place in the pool.
const MAX_CALL_MS: u64 = 30_000;

/// Proves versions of connectors, as it is configured.
#[derive(Clone)]
pub struct Prover {
    engine: Arc<Engine>,
    shipped: Cases,
    own: Cases,
    settings: Settings,
    limits: CallLimits,
    seed: u32,
    report: Arc<dyn Fn(&ProofPart) + Send + Sync>,
}

impl fmt::Debug for Prover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prover({} cases)", self.shipped.iter().count() + self.own.iter().count())
    }
}

impl Prover {
    /// Creates a prover on `engine`, in whose pool its calls take places one after another. It has no cases, a random
    /// seed, and the default limits.
    pub fn new(engine: Arc<Engine>) -> Self {
        Self {
            engine,
            shipped: Cases::default(),
            own: Cases::default(),
            settings: Settings::new(),
            limits: CallLimits::default(),
            seed: fastrand::u32(..),
            report: Arc::new(|_| {}),
        }
    }

    /// Sets the cases that the component ships, as [`Cases::of_component`] returns them.
    #[must_use]
    pub fn with_shipped(self, shipped: Cases) -> Self {
        Self { shipped, ..self }
    }

    /// Sets the operator's own cases.
    #[must_use]
    pub fn with_own(self, own: Cases) -> Self {
        Self { own, ..self }
    }

    /// Sets values for the built-in set, which are not secret. Needed for required settings that have neither a default
    /// nor options.
    #[must_use]
    pub fn with_settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// Sets the limits of each call. The engine's pool must hold them.
    #[must_use]
    pub fn with_limits(self, limits: CallLimits) -> Self {
        Self { limits, ..self }
    }

    /// Sets the seed of the random answers.
    #[must_use]
    pub fn with_seed(self, seed: u32) -> Self {
        Self { seed, ..self }
    }

    /// Reports each part to `report` when it has ended.
    #[must_use]
    pub fn reporting(self, report: impl Fn(&ProofPart) + Send + Sync + 'static) -> Self {
        Self { report: Arc::new(report), ..self }
    }

    /// Proves `plugin`, which must have been loaded with the prover's engine. Nothing is sent to a vendor.
    pub async fn prove(&self, plugin: &Arc<Plugin>) -> Proof {
        let begun = Instant::now();
        let over_at = begun + MAX_PROOF;
        let limits = CallLimits { wall_ms: MAX_CALL_MS.min(self.limits.wall_ms), ..self.limits.clone() };
        let stage = Stage { engine: Arc::clone(&self.engine), plugin: Arc::clone(plugin), limits };
        let mut parts = Vec::new();
        let mut add = |part: ProofPart| {
            (self.report)(&part);
            parts.push(part);
        };
        if self.shipped.iter().chain(self.own.iter()).next().is_none() {
            add(no_cases());
        }
        for (source, cases) in [(PartSource::Component, &self.shipped), (PartSource::Operator, &self.own)] {
            for case in cases.iter() {
                add(run(&stage, source, case, over_at).await);
            }
        }
        let settings = self.shipped.iter().chain(self.own.iter()).map(|case| (case.name(), &case.settings));
        let built_in = BuiltIn::new(&stage, &self.settings, settings, self.seed);
        for function in built_in.functions() {
            add(built_in.run(function, over_at).await);
        }
        Proof::new(plugin.digest().to_string(), self.seed, parts, begun.elapsed())
    }
}

fn no_cases() -> ProofPart {
    let reason = "the component ships no conformance cases, and none were given: add some with `plugin pack`, or with \
                  `--cases`";
    let mut part = ProofPart::new("cases", "", PartSource::Component);
    part.result = PartResult::NotRun { reason: reason.to_owned() };
    part
}

/// Runs a case.
async fn run(stage: &Stage, source: PartSource, case: &Case, over_at: Instant) -> ProofPart {
    let begun = Instant::now();
    let mut part = ProofPart::new(case.name(), case.about(), source);
    if begun >= over_at {
        part.result = PartResult::Failed { findings: vec![out_of_time()] };
        return part;
    }
    let settings = made_up::settings(stage.plugin.manifest(), &case.settings);
    let findings = match stage.connection(&settings) {
        Err(problems) => problems,
        Ok(connection) => {
            let vendor = Arc::new(ScriptedVendor::new(case.requests.clone()));
            let called = stage.call(&connection, Arc::clone(&vendor) as _, &case.call).await;
            part.calls = 1;
            called.usage.iter().for_each(|usage| part.used.include(usage));
            let mut findings = vendor.findings();
            findings.extend(match &called.outcome {
                Ok(found) => differences("outcome", &case.outcome, found, FurtherKeys::Ignored),
                Err(failure) => vec![stopped(failure, called.usage.as_ref())],
            });
            findings.extend(leak(called.usage.as_ref()));
            findings
        }
    };
    if !findings.is_empty() {
        part.result = PartResult::Failed { findings: bounded(&findings) };
    }
    part.took_ms = millis_u64(begun.elapsed());
    part
}
