//! Expired, replayed and renumbered releases, and versions that are put back.

use host_model::{contract::ContractVersion, digest::Digest};
use host_trust::{Arrival, ConformanceResult, HighWaterMark, Refusal, Required, Signed, Statement};
use serde_json::Value;

use crate::publisher::{COMPONENT, FIRST, NOW, PLUGIN, Publisher, release, revision};

const OTHER: &[u8] = b"\0asm\r\0\x01\0 another release";

fn mark(number: u64, component: &[u8]) -> HighWaterMark {
    HighWaterMark { revision: revision(number), digest: Digest::of(component) }
}

fn arriving(publisher: &Publisher, bundle: &Value, arrival: Arrival) -> Result<Signed, Refusal> {
    publisher.trusted().verify(COMPONENT, Some(bundle.to_string().as_bytes()), arrival, NOW)
}

#[test]
fn a_release_is_valid_until_the_end_of_its_validity_and_refused_as_expired_a_millisecond_later() {
    let publisher = Publisher::new();
    let bundle = publisher.bundle(&release()).to_string();
    let not_after = release().not_after;
    let at = |now| publisher.trusted().verify(COMPONENT, Some(bundle.as_bytes()), FIRST, now);
    assert_eq!(at(not_after).map(|signed| signed.digest()), Ok(Digest::of(COMPONENT)));
    assert_eq!(at(not_after + 1), Err(Refusal::Expired { not_after, now: not_after + 1 }));
}

#[test]
fn an_older_revision_with_another_digest_is_refused_as_replayed() {
    let publisher = Publisher::new();
    let mark = mark(8, OTHER);
    let refused = arriving(&publisher, &publisher.bundle(&release()), Arrival::FromOutside(Some(mark)));
    assert_eq!(refused, Err(Refusal::Replayed { found: revision(7), mark }));
}

#[test]
fn an_equal_revision_with_another_digest_is_refused_as_taken() {
    let publisher = Publisher::new();
    let mark = mark(7, OTHER);
    let refused = arriving(&publisher, &publisher.bundle(&release()), Arrival::FromOutside(Some(mark)));
    assert_eq!(refused, Err(Refusal::RevisionTaken { found: Digest::of(COMPONENT), mark }));
}

#[test]
fn a_newer_revision_is_admitted_and_so_is_the_component_of_the_mark_itself() {
    let publisher = Publisher::new();
    for mark in [mark(6, OTHER), mark(7, COMPONENT), mark(8, COMPONENT)] {
        let bundle = publisher.bundle(&release());
        assert!(arriving(&publisher, &bundle, Arrival::FromOutside(Some(mark))).is_ok(), "{mark:?}");
    }
}

#[test]
fn a_release_that_lost_its_statement_is_refused_once_a_statement_was_admitted() {
    let publisher = Publisher::new();
    let bundle = publisher.component_bundle(COMPONENT);
    assert!(arriving(&publisher, &bundle, FIRST).is_ok());
    for mark in [mark(1, OTHER), mark(7, COMPONENT)] {
        let refused = arriving(&publisher, &bundle, Arrival::FromOutside(Some(mark)));
        assert_eq!(refused, Err(Refusal::NoRevision { plugin: PLUGIN.to_owned(), mark }));
    }
}

#[test]
fn a_version_that_served_may_be_put_back_although_it_is_old_and_expired() {
    let publisher = Publisher::new();
    let put_back = Arrival::PutBack(Digest::of(COMPONENT));
    let expired = Statement { not_after: NOW - 1, revision: revision(1), ..release() };
    for bundle in [publisher.bundle(&expired), publisher.component_bundle(COMPONENT)] {
        assert!(arriving(&publisher, &bundle, put_back).is_ok(), "{bundle}");
    }
}

#[test]
fn putting_back_does_not_excuse_other_bytes_a_foreign_key_or_a_missing_statement() {
    let (publisher, stranger) = (Publisher::new(), Publisher::new());
    let refused = arriving(&publisher, &publisher.bundle(&release()), Arrival::PutBack(Digest::of(OTHER)));
    let other_bytes = Refusal::NeverServed { found: Digest::of(COMPONENT), served: Digest::of(OTHER) };
    assert_eq!(refused, Err(other_bytes));
    let put_back = Arrival::PutBack(Digest::of(COMPONENT));
    let refused = arriving(&publisher, &stranger.bundle(&release()), put_back);
    assert_eq!(refused, Err(crate::publisher::foreign_to(&publisher)));
    let bundle = publisher.component_bundle(COMPONENT).to_string();
    let strict = publisher.trusted_with(Required::Statement);
    let refused = strict.verify(COMPONENT, Some(bundle.as_bytes()), put_back, NOW);
    assert_eq!(refused, Err(Refusal::NoStatement { plugin: PLUGIN.to_owned() }));
}

#[test]
fn a_mark_is_raised_by_what_is_admitted_and_never_lowered() {
    let publisher = Publisher::new();
    let put_back = Arrival::PutBack(Digest::of(COMPONENT));
    let stated = arriving(&publisher, &publisher.bundle(&release()), put_back).unwrap();
    assert_eq!(stated.mark_after(None), Some(mark(7, COMPONENT)));
    assert_eq!(stated.mark_after(Some(mark(6, OTHER))), Some(mark(7, COMPONENT)));
    assert_eq!(stated.mark_after(Some(mark(7, OTHER))), Some(mark(7, OTHER)));
    assert_eq!(stated.mark_after(Some(mark(8, OTHER))), Some(mark(8, OTHER)));
    let alone = arriving(&publisher, &publisher.component_bundle(COMPONENT), put_back).unwrap();
    assert_eq!(alone.mark_after(None), None);
    assert_eq!(alone.mark_after(Some(mark(8, OTHER))), Some(mark(8, OTHER)));
}

#[test]
fn what_the_configuration_requires_of_a_statement_is_required_of_each_bundle() {
    let publisher = Publisher::new();
    let no_statement = Refusal::NoStatement { plugin: PLUGIN.to_owned() };
    let component = publisher.component_bundle(COMPONENT);
    let ended = |result| {
        let mut statement = release();
        statement.conformance.result = result;
        publisher.bundle(&statement)
    };
    let not_passed = |found| Err(Refusal::NotPassed { found });
    let [passed, failed, incomplete] =
        [ConformanceResult::Passed, ConformanceResult::Failed, ConformanceResult::Incomplete].map(ended);
    for (required, bundle, expected) in [
        (Required::Signature, &component, Ok(())),
        (Required::Statement, &component, Err(no_statement.clone())),
        (Required::PassedConformance, &component, Err(no_statement)),
        (Required::Statement, &failed, Ok(())),
        (Required::PassedConformance, &passed, Ok(())),
        (Required::PassedConformance, &failed, not_passed(ConformanceResult::Failed)),
        (Required::PassedConformance, &incomplete, not_passed(ConformanceResult::Incomplete)),
    ] {
        let trust = publisher.trusted_with(required);
        let outcome = crate::publisher::verify(&trust, COMPONENT, bundle).map(|_| ());
        assert_eq!(outcome, expected, "{required} {bundle}");
    }
}

#[test]
fn a_loaded_component_has_to_be_what_its_statement_says() {
    let publisher = Publisher::new();
    let stated = arriving(&publisher, &publisher.bundle(&release()), FIRST).unwrap();
    let alone = arriving(&publisher, &publisher.component_bundle(COMPONENT), FIRST).unwrap();
    let (manifest, other) = (Digest::of(b"manifest"), Digest::of(b"another manifest"));
    let (signed, older) = (ContractVersion::V0_2_0, ContractVersion::V0_1_0);
    assert_eq!(stated.check_loaded(signed, manifest), Ok(()));
    assert_eq!(stated.check_loaded(older, manifest), Err(Refusal::OtherContract { signed, found: older }));
    let other_manifest = Refusal::OtherManifest { signed: manifest, found: other };
    assert_eq!(stated.check_loaded(signed, other), Err(other_manifest));
    assert_eq!(alone.check_loaded(older, other), Ok(()));
}
