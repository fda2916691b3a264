//! The built-in set: versions that it refuses, each with its reason, and what it says about one that it cannot run.

use connector_tests::plugin;
use host_harness::conformance::ProofResult;

use super::*;

#[tokio::test]
async fn a_version_that_traps_on_every_erasure_fails_and_its_other_functions_pass() {
    let proof = prover().prove(&plugin("traps_on_erase").await).await;
    assert_eq!(proof.result, ProofResult::Failed);
    let found = findings(&proof, "erase").first().unwrap();
    let told = "status 200 with an empty body, default settings: the sandbox ended the call (trapped): it trapped: wasm \
                trap: wasm `unreachable` instruction executed";
    assert!(found.starts_with(told), "{found}");
    assert_eq!(part(&proof, "erase").calls, 1);
    assert_eq!(part(&proof, "test-connection").result, PartResult::Passed);
}

/// Takes as long as a call may compute.
#[tokio::test]
async fn a_version_that_loops_on_a_server_error_fails_after_one_calls_limit() {
    let proof = prover().prove(&plugin("loops_on_erase").await).await;
    let found = findings(&proof, "erase").first().unwrap();
    let told = "status 500 with an empty body, default settings: the sandbox ended the call (cpu-spent): its CPU time is \
                used up (limits.cpu-ms)";
    assert!(found.starts_with(told), "{found}");
    assert_eq!(part(&proof, "erase").used.computing, 100);
}

#[tokio::test]
async fn a_version_that_names_the_person_in_an_error_fails_and_the_proof_does_not_name_them() {
    let proof = prover().prove(&plugin("names_the_person").await).await;
    let found = findings(&proof, "erase");
    let told = "contained an identifier of the person or a secret, which the host masked";
    assert!(found.len() == 1 && found[0].contains(told), "{found:?}");
    assert!(!format!("{proof:?}").contains("@example.com"), "{proof:?}");
}

#[tokio::test]
async fn a_seed_repeats_a_proof() {
    let plugin = plugin("names_the_person").await;
    let without_times = |mut proof: Proof| {
        proof.took_ms = 0;
        for part in &mut proof.parts {
            part.took_ms = 0;
            part.used.computing = 0;
        }
        proof
    };
    let (once, again) = (prover().prove(&plugin).await, prover().prove(&plugin).await);
    assert_eq!(without_times(once), without_times(again));
}

#[tokio::test]
async fn without_a_required_setting_the_set_is_not_run_and_with_one_it_is() {
    let greedy = plugin("build_greedy").await;
    let proof = prover().prove(&greedy).await;
    assert_eq!(proof.result, ProofResult::Incomplete);
    for part in &proof.parts {
        let PartResult::NotRun { reason } = &part.result else { panic!("{part:?}") };
        let told = "setting region: it is required but missing: The region of a test; expected a case with the setting, or \
                    its value with `--setting`";
        assert!(part.name == "cases" || reason == told, "{reason}");
    }
    let settings = Settings::from([("region".to_owned(), "eu".to_owned())]);
    let proof = prover().with_settings(settings).prove(&greedy).await;
    assert_eq!(part(&proof, "test-connection").result, PartResult::Passed, "{proof:?}");
}
