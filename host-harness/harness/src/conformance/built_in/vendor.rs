//! A vendor that gives the connector's requests the answers of the built-in set. Requests of the host for a token succeed.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use fastrand::Rng;
use host_model::contract::{
    http::{HttpError, Request},
    manifest::Manifest,
};
use http::HeaderMap;
use parking_lot::Mutex;

use super::answers::FaultAnswer;
use crate::{
    conformance::{made_up::token_answers, stage::PretendedVendor},
    egress::VendorResponse,
};

pub(super) struct FaultyVendor {
    /// The answers with secrets that the host captures, by operation.
    tokens: BTreeMap<String, Vec<u8>>,
    plan: AnswerPlan,
    asked: AtomicBool,
}

enum AnswerPlan {
    /// The same answer to every request.
    Always(FaultAnswer),
    /// A random one to each.
    Mixed(Arc<[FaultAnswer]>, Mutex<Rng>),
}

impl FaultyVendor {
    /// Creates a vendor that always gives the same answer.
    pub(super) fn always(manifest: &Manifest, answer: FaultAnswer) -> Self {
        Self::of(manifest, AnswerPlan::Always(answer))
    }

    /// Creates a vendor that gives random ones of `answers`.
    pub(super) fn mixed(manifest: &Manifest, answers: Arc<[FaultAnswer]>, seed: u32) -> Self {
        Self::of(manifest, AnswerPlan::Mixed(answers, Mutex::new(Rng::with_seed(seed.into()))))
    }

    fn of(manifest: &Manifest, plan: AnswerPlan) -> Self {
        Self { tokens: token_answers(manifest), plan, asked: AtomicBool::new(false) }
    }

    /// Returns whether the connector asked for anything.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.load(Relaxed)
    }
}

impl PretendedVendor for FaultyVendor {
    fn asked(&self, _: &Request) {
        self.asked.store(true, Relaxed);
    }

    fn answer(&self, operation: &str) -> Result<VendorResponse, HttpError> {
        if let Some(body) = self.tokens.get(operation) {
            return Ok(VendorResponse { status: 200, headers: HeaderMap::new(), body: body.clone() });
        }
        match &self.plan {
            AnswerPlan::Always(answer) => answer.response.clone(),
            AnswerPlan::Mixed(answers, random) => match random.lock().choice(answers.iter()) {
                Some(answer) => answer.response.clone(),
                None => Ok(VendorResponse::default()),
            },
        }
    }
}
