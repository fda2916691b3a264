//! The shipped component, read as a file.

use std::sync::Arc;

use connector_tests::{Project, ada, bytes, component, engine, iterable::FORGOTTEN};
use host_harness::{
    contract::{Interface, consent::Standing, erasure::Status},
    plugin::{LoadPolicy, Plugin, Wasi},
};
use iterable_stand_in::{ProjectType, Switches};

/// What the contract lets a connector import.
const CONTRACT: [&str; 4] = [
    "privacy:saas-connector/types@0.2.0",
    "privacy:saas-connector/http@0.2.0",
    "privacy:saas-connector/credentials@0.2.0",
    "privacy:saas-connector/log@0.2.0",
];

#[tokio::test]
async fn it_imports_a_subset_of_the_contract_and_exports_every_capability() {
    let plugin = component("iterable").await;
    assert!(!plugin.imports().is_empty());
    for import in plugin.imports() {
        assert!(CONTRACT.contains(&import.as_str()), "{import}");
    }
    assert_eq!(plugin.exports(), Interface::ALL);
}

#[test]
fn it_is_at_most_288_kib() {
    let size = bytes("iterable").len();
    assert!(size <= 288 << 10, "{size} bytes");
}

#[test]
fn it_names_no_machine_that_built_it() {
    let text = String::from_utf8_lossy(&bytes("iterable")).into_owned();
    let home = std::env::home_dir().unwrap();
    for place in [xtask::components::root(), &home.join(".cargo")] {
        assert!(!text.contains(place.to_str().unwrap()), "{}", place.display());
    }
}

#[tokio::test]
async fn as_a_wasi_component_it_erases_applies_and_verifies_with_wasi_trapped() {
    let trapped = LoadPolicy { wasi: Wasi::Trapped, ..LoadPolicy::default() };
    let plugin = Arc::new(Plugin::load(&engine(), bytes("iterable-wasip2"), &trapped).await.unwrap());
    assert!(plugin.imports().iter().any(|import| import.starts_with("wasi:")), "{:?}", plugin.imports());
    let kind = ProjectType::Email;
    let project = Project::on(&plugin, kind, Switches::default(), |spec| {
        spec.accepted_tokens = vec![connector_tests::secret("t-0123456789").into()];
    })
    .await;

    let report = project.apply(&ada(kind), &["opt-out channel:6539"]).await.unwrap();
    assert_eq!(report.standing, Standing::Created);
    assert_eq!(project.stand_in.subscriptions("ada@example.com").unwrap().unsubscribed_channels, [6539]);

    let verdict = project
        .calls
        .verify(&super::webhook::admitted(&project, &["OAuth2 t-0123456789"], super::webhook::OPT_OUT))
        .await;
    assert_eq!(super::webhook::events(verdict.unwrap().unwrap()).len(), 1);

    let receipt = project.erase(&ada(kind)).await.unwrap();
    project.pass(FORGOTTEN);
    assert_eq!(project.confirm(&ada(kind), &receipt).await.status, Status::Erased);
}
