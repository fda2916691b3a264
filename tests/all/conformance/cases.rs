//! The cases of Iterable's connector, and what becomes of a case that does not match.

use host_harness::conformance::{PartSource, ProofResult};

use super::*;

#[tokio::test]
async fn every_case_that_iterables_connector_ships_passes_as_does_the_built_in_set() {
    let shipped = Cases::of_component(&bytes("iterable")).unwrap();
    let count = shipped.iter().count();
    assert!(count >= 20, "{count} cases");
    let proof = prover().with_shipped(shipped).prove(&component("iterable").await).await;
    let failed: Vec<_> = proof.parts.iter().filter(|part| part.result != PartResult::Passed).collect();
    assert_eq!((proof.result, failed), (ProofResult::Passed, vec![]));
    let of = |source| proof.parts.iter().filter(|part| part.source == source).count();
    assert_eq!((of(PartSource::Component), of(PartSource::BuiltIn)), (count, 8));
}

#[tokio::test]
async fn a_changed_expectation_fails_with_its_place_and_both_values() {
    let iterable = component("iterable").await;
    let text = shipped("erase-accepted");
    for (from, to, finding) in [
        (
            r#"status = "accepted""#,
            r#"status = "erased""#,
            r#"outcome.status: expected "erased", found "accepted""#,
        ),
        (
            r#"{"email": "ada@example.com"}"#,
            r#"{"email": "bob@example.com"}"#,
            r#"request 1 `forget`: body.email: expected "bob@example.com", found "ada@example.com""#,
        ),
        (
            "body = '{\"email\"",
            "values = { email = \"x\" }\nbody = '{\"email\"",
            r#"request 1 `forget`: values.email: expected "x", found nothing"#,
        ),
        ("operation = \"forget\"", "operation = \"look\"", "request 1: expected `look`, found `forget`"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let proof = proof_of_case(&iterable, "changed", &changed).await;
        assert_eq!(proof.result, ProofResult::Failed);
        assert!(findings(&proof, "changed").iter().any(|found| found == finding), "{proof:?}");
    }
}

#[tokio::test]
async fn a_changed_answer_fails_because_the_outcome_does() {
    let text = shipped("erase-accepted");
    let changed = text.replace("status = 200", "status = 500");
    assert_ne!(changed, text);
    let proof = proof_of_case(&component("iterable").await, "changed", &changed).await;
    let found = findings(&proof, "changed");
    assert!(found[0].starts_with("outcome.confirm-after-ms: expected 660000, found nothing"), "{found:?}");
}

#[tokio::test]
async fn a_missing_and_a_further_request_are_found() {
    let iterable = component("iterable").await;
    let missing = shipped("apply-unchanged").replace(
        "[outcome]",
        "[[request]]\noperation = \"create-user\"\nanswer = { status = 200 }\n\n[outcome]",
    );
    let proof = proof_of_case(&iterable, "missing", &missing).await;
    let told = "request 3: expected `create-user`, but the connector did not send it";
    assert_eq!(findings(&proof, "missing"), [told]);
    let further = shipped("confirm-erased");
    let (before, after) = further.split_once("[[request]]\noperation = \"list-forgotten-emails\"").unwrap();
    let (_, outcome) = after.split_once("[[outcome").unwrap();
    let proof = proof_of_case(&iterable, "further", &format!("{before}[[outcome{outcome}")).await;
    let told = "request 2: expected no further request, found `list-forgotten-emails`";
    assert_eq!(findings(&proof, "further").first().unwrap(), told);
}

#[tokio::test]
async fn a_case_whose_settings_do_not_fit_fails_and_names_them() {
    let text =
        format!("{}\n[settings]\nproject-type = \"none\"\ncolour = \"red\"\n", shipped("erase-accepted"));
    let proof = proof_of_case(&component("iterable").await, "settings", &text).await;
    assert_eq!(
        findings(&proof, "settings"),
        [
            "setting colour: the connector has no such setting",
            "setting project-type: expected one of email, user-id, hybrid, found \"none\"",
        ]
    );
}
