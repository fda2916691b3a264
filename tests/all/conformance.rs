//! Proofs of versions before they serve: the cases of Iterable's connector, the built-in set, and versions that fail.

mod built_in;
mod cases;

use std::sync::Arc;

use connector_tests::{bytes, component, engine};
use host_harness::{
    conformance::{Cases, PartResult, Proof, ProofPart, Prover},
    contract::Settings,
    plugin::Plugin,
};
use host_model::case_section::CaseTexts;

/// The seed of the tests' proofs.
const SEED: u32 = 16;

fn prover() -> Prover {
    Prover::new(engine()).with_seed(SEED)
}

/// Returns the part with that name.
fn part<'a>(proof: &'a Proof, name: &str) -> &'a ProofPart {
    proof.parts.iter().find(|part| part.name == name).unwrap()
}

/// Returns why a part failed.
fn findings<'a>(proof: &'a Proof, name: &str) -> &'a [String] {
    match &part(proof, name).result {
        PartResult::Failed { findings } => findings,
        other => panic!("{name}: {other:?}"),
    }
}

/// Returns the proof of `plugin` with one case.
async fn proof_of_case(plugin: &Arc<Plugin>, name: &str, text: &str) -> Proof {
    let texts = CaseTexts::from([(name.to_owned(), text.to_owned())]);
    prover().with_own(Cases::read(&texts).unwrap()).prove(plugin).await
}

/// Returns the text of a case that Iterable's connector ships.
fn shipped(name: &str) -> String {
    host_model::case_section::unpack(&bytes("iterable")).unwrap().unwrap().remove(name).unwrap()
}
