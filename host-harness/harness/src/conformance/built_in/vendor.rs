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
    manifest::{Capture, Manifest, Operation},
};
use http::HeaderMap;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::answers::FaultAnswer;
use crate::{
    conformance::{made_up::made_up_secret, stage::PretendedVendor},
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
        let capturing = manifest.operations.iter().filter(|operation| !operation.captures.is_empty());
        let tokens = capturing.map(|operation| (operation.name.clone(), token_answer(operation))).collect();
        Self { tokens, plan, asked: AtomicBool::new(false) }
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

/// Returns a body with a made-up secret, valid for an hour, in each field that `operation` captures.
fn token_answer(operation: &Operation) -> Vec<u8> {
    let mut answer = json!({});
    for Capture { field, secret, lifetime } in &operation.captures {
        put(&mut answer, field, Value::from(made_up_secret(secret)));
        if let Some(lifetime) = lifetime {
            put(&mut answer, lifetime, Value::from(3_600));
        }
    }
    answer.to_string().into_bytes()
}

/// Puts `value` at `field`, whose dots separate levels.
fn put(document: &mut Value, field: &str, value: Value) {
    let mut place = document;
    for step in field.split('.') {
        if !place.is_object() {
            *place = json!({});
        }
        let Value::Object(object) = place else { return };
        place = object.entry(step).or_insert(Value::Null);
    }
    *place = value;
}
