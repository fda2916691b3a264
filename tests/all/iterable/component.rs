//! The shipped component, read as a file.

use std::sync::Arc;

use connector_tests::{Project, ada, bytes, component, engine, iterable::FORGOTTEN};
use host_harness::{
    contract::{ContractVersion, Interface, consent::Standing, erasure::ErasureStatus},
    plugin::{LoadPolicy, Plugin, Wasi},
};
use iterable_stand_in::{ProjectType, Switches};
use strum::VariantArray;

/// The imports that the contract allows.
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
    assert_eq!(plugin.exports(), Interface::VARIANTS);
}

/// Growing memory costs more than the rest of a short call. Here the limit refuses it, since an instance starts with
/// all the memory that it may have.
#[tokio::test]
async fn a_usual_call_grows_no_memory() {
    let begins_with: u64 = wasmparser::Parser::new(0)
        .parse_all(&bytes("iterable"))
        .filter_map(|part| match part.unwrap() {
            wasmparser::Payload::MemorySection(memories) => Some(memories),
            _ => None,
        })
        .flat_map(|memories| memories.into_iter().map(|memory| memory.unwrap().initial << 16))
        .sum();
    let kind = ProjectType::Email;
    let project = Project::with(kind, Switches::default(), |spec| {
        spec.limits.memory_bytes = usize::try_from(begins_with).unwrap();
        spec.accepted_tokens = vec![connector_tests::secret(super::webhook::TOKEN).into()];
    })
    .await;
    let admitted = super::webhook::admitted(&project, &["Bearer t-0123456789"], super::webhook::OPT_OUT);
    let verdict = project.calls.verify(&admitted).await.unwrap().unwrap();
    assert_eq!(super::webhook::events(verdict).len(), 1);
    let report = project.apply(&ada(kind), &["opt-out channel:6539"]).await.unwrap();
    assert_eq!(report.standing, Standing::Created);
}

#[tokio::test]
async fn what_identifies_a_person_depends_on_the_project_type() {
    let plugin = component("iterable").await;
    assert_eq!(plugin.contract(), ContractVersion::V0_2_0);
    for (project, kinds) in [("email", "email"), ("user-id", "user-id"), ("hybrid", "email user-id")] {
        let settings = [("project-type".to_owned(), project.to_owned())].into();
        assert_eq!(plugin.manifest().identifying(&settings).to_string(), kinds, "{project}");
    }
}

/// Compiling takes about a second per MiB. By default the host loads at most 2 MiB.
#[test]
fn it_is_at_most_384_kib() {
    let size = bytes("iterable").len();
    assert!(size <= 384 << 10, "{size} bytes");
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
    assert_eq!(project.confirm(&ada(kind), &receipt).await.status, ErasureStatus::Erased);
}
