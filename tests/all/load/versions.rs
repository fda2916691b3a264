//! The versions of the contract: the earlier one runs, no component mixes them, and others are refused.

use std::sync::Arc;

use connector_tests::{Bench, Vendor, guest, plugin, spec};
use host_harness::{
    connection::ConnectionSpec,
    contract::{
        CheckOutcome, ContractVersion, Interface, Subject, TokenOutcome,
        consent::{Change, Choice, ItemId, Preference},
        erasure::{ErasureStatus, PendingErasure},
        manifest::{Effect, Identifies},
        webhook::{Delivery, Verdict},
    },
    door::AdmittedDelivery,
    egress::{DryRun, Network},
    sandbox::Calls,
};
use strum::VariantArray;

use super::*;

async fn released(key: &str, vendor: &Vendor) -> (Calls, ConnectionSpec) {
    let mut spec = spec(key, &[]);
    vendor.allow(&mut spec);
    (Bench::default().calls(&plugin("speaks_0_1_0").await, &spec), spec)
}

fn channel() -> ItemId {
    ItemId { kind: "channel".to_owned(), id: "1".to_owned() }
}

#[tokio::test]
async fn a_component_of_0_1_0_means_what_it_meant() {
    let plugin = plugin("speaks_0_1_0").await;
    assert_eq!(plugin.contract(), ContractVersion::V0_1_0);
    assert_eq!(plugin.exports(), Interface::VARIANTS);
    let manifest = plugin.manifest();
    assert_eq!(manifest.identifier_kind_names(), ["email", "user-id"]);
    assert!(manifest.identifier_kinds.iter().all(|kind| kind.identifies == Identifies::Always));
    let effects: Vec<_> =
        manifest.operations.iter().map(|operation| (operation.name.as_str(), operation.effect)).collect();
    assert_eq!(effects, [("look", Effect::Read), ("search", Effect::Write)]);
    assert_eq!(manifest.proves_without, []);
}

#[tokio::test]
async fn every_export_of_a_component_of_0_1_0_is_called() {
    let vendor = Vendor::agreeable().await;
    let (calls, spec) = released("released", &vendor).await;
    assert_eq!(calls.test_connection().await.unwrap().unwrap()[0].outcome, CheckOutcome::Passed);
    assert_eq!(
        calls.erase(&Subject::email("ada@example.com")).await.unwrap().unwrap().status,
        ErasureStatus::Accepted
    );
    let pending = PendingErasure { subject: Subject::email("ada@example.com"), reference: None };
    assert_eq!(calls.confirm(&[pending]).await.unwrap().unwrap()[0].status, ErasureStatus::Erased);
    assert_eq!(calls.list_items().await.unwrap().unwrap()[0].id, channel());
    assert_eq!(
        calls.current(&Subject::email("ada@example.com")).await.unwrap().unwrap().unwrap()[0].choice,
        Choice::OptOut
    );
    let preference =
        Preference { item: channel(), choice: Choice::OptIn, chosen_at_ms: 1, source: "form".to_owned() };
    let report = calls.apply(&Subject::email("ada@example.com"), &[preference]).await.unwrap().unwrap();
    assert_eq!(report.items[0].change, Change::Applied);
    assert_eq!(calls.install_token().await.unwrap().unwrap(), TokenOutcome::Manual);
    let delivery = Delivery {
        method: "POST".to_owned(),
        url: "https://hooks.example.com/h".to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        received_at_ms: 7,
    };
    let connection = spec.resolve(calls.plugin().manifest()).unwrap();
    let admitted = AdmittedDelivery::admit(&connection, calls.plugin().manifest(), delivery);
    let Verdict::Authentic(events) = calls.verify(&admitted).await.unwrap().unwrap() else {
        panic!("the delivery was refused");
    };
    assert_eq!((events[0].preferences[0].chosen_at_ms, events[0].changed.as_slice()), (7, [].as_slice()));
    let (look, search) = ("GET /look", "POST /search");
    assert_eq!(vendor.lines(), [look, search, look, look, search]);
}

#[tokio::test]
async fn a_post_of_a_component_of_0_1_0_counts_as_a_write() {
    let vendor = Vendor::agreeable().await;
    let (_, spec) = released("released-dry", &vendor).await;
    let dry = Bench::default().with_transport(Arc::new(DryRun(Network::default())));
    let calls = dry.calls(&plugin("speaks_0_1_0").await, &spec);
    calls.test_connection().await.unwrap().unwrap();
    calls.erase(&Subject::email("ada@example.com")).await.unwrap().unwrap();
    assert_eq!(vendor.lines(), ["GET /look"]);
}

#[tokio::test]
async fn a_component_that_mixes_versions_is_refused() {
    let mixed = component(
        r#"(component
          (import "privacy:saas-connector/http@0.1.0" (instance))
          (instance $i)
          (export "privacy:saas-connector/connector@0.2.0" (instance $i)))"#,
    );
    assert_eq!(
        refusal(mixed).await,
        "mixes versions of the contract: \"privacy:saas-connector/http@0.1.0\" and \
         \"privacy:saas-connector/connector@0.2.0\"; build it against one of them"
    );
}

#[tokio::test]
async fn a_version_that_is_not_served_is_refused_with_those_that_are() {
    let served = "this host serves 0.1.0 and 0.2.0";
    for version in ["0.3.0", "0.2.1", "0.1.1", "1.0.0"] {
        let name = format!("privacy:saas-connector/connector@{version}");
        let bytes = component(&format!(r#"(component (instance $i) (export "{name}" (instance $i)))"#));
        assert_eq!(refusal(bytes).await, format!("exports {name:?}; {served}"));
        let name = format!("privacy:saas-connector/http@{version}");
        let bytes = component(&format!(r#"(component (import "{name}" (instance)))"#));
        assert_eq!(refusal(bytes).await, format!("imports {name:?}; {served}"));
    }
}

/// The frozen guest, with the version of its contract rewritten, so that its manifest no longer fits.
#[tokio::test]
async fn a_component_that_claims_a_version_it_was_not_built_against_is_refused() {
    let mut bytes = guest("speaks_0_1_0");
    let (from, to) = (b"@0.1.0", b"@0.2.0");
    for at in 0..bytes.len() - from.len() {
        if &bytes[at..at + from.len()] == from {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    let refused = refusal(bytes).await;
    assert!(refused.starts_with("does not fit the contract: its export connector: describe: "), "{refused}");
}
