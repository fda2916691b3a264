//! The behaviours that the sources leave open: each value of each switch once, and all pairs of the switches that
//! matter to erase and apply.

use std::time::Duration;

use connector_tests::{
    Project, ada,
    iterable::{FORGOTTEN, SETTLED},
};
use futures::{StreamExt as _, stream};
use host_harness::contract::{
    Subject,
    consent::{Change, Report, Standing},
    erasure::ErasureStatus,
};
use iterable_stand_in::{HashEncoding, ProjectType, Subscriptions, Switches};

/// Number of projects that are tested at once.
const AT_ONCE: usize = 16;

async fn try_all(all: Vec<(String, Switches)>, kinds: &[ProjectType]) {
    let runs: Vec<_> = all
        .into_iter()
        .flat_map(|(label, switches)| kinds.iter().map(move |kind| (label.clone(), switches.clone(), *kind)))
        .collect();
    assert!(runs.len() > 50);
    stream::iter(runs)
        .for_each_concurrent(AT_ONCE, |(label, switches, kind)| async move {
            let label = format!("{kind:?} {label}");
            consents(&label, switches.clone(), kind).await;
            erasures(&label, switches, kind).await;
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_value_of_each_switch() {
    try_all(Switches::each(), &[ProjectType::Email, ProjectType::UserId, ProjectType::Hybrid]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pair_of_switches_that_matter_to_erase_and_apply() {
    try_all(Switches::pairs(), &[ProjectType::Hybrid]).await;
}

fn name(kind: ProjectType) -> &'static str {
    if kind == ProjectType::Email { "ada@example.com" } else { "u-17" }
}

async fn seeded(switches: Switches, kind: ProjectType) -> Project {
    let project = Project::new(kind, switches).await;
    let chosen =
        Subscriptions { unsubscribed_channels: vec![6541], lists: vec![56545], ..Subscriptions::default() };
    project.stand_in.with_project(|p| p.seed(Some("ada@example.com"), Some("u-17"), Some(chosen)));
    project.pass(SETTLED);
    project
}

/// Applies choices. If some are pending, applies them again after the wait.
async fn applied(label: &str, project: &Project, person: &Subject, choices: &[&str]) -> Report {
    let report = project.apply(person, choices).await.unwrap_or_else(|error| panic!("{label}: {error}"));
    if report.items.iter().all(|item| item.change != Change::Pending) {
        return report;
    }
    assert_eq!(report.settles_after_ms, Some(60_000), "{label}");
    let again = project.apply(person, choices).await.unwrap_or_else(|error| panic!("{label}: {error}"));
    assert!(
        again.items.iter().all(|item| matches!(item.change, Change::Applied | Change::Unchanged)),
        "{label}: {again:?}"
    );
    Report { standing: report.standing, ..again }
}

/// Applies choices of a known person, and of one who is created first.
async fn consents(label: &str, switches: Switches, kind: ProjectType) {
    let project = seeded(switches.clone(), kind).await;
    let choices = ["opt-out channel:6539", "opt-in channel:6541", "opt-out message-type:7090"];
    let report = applied(label, &project, &ada(kind), &choices).await;
    assert_eq!(report.standing, Standing::Known, "{label}");
    assert!(report.items.iter().all(|item| item.change != Change::Refused), "{label}: {report:?}");
    let held = project.stand_in.subscriptions(name(kind)).unwrap_or_else(|| panic!("{label}: nothing held"));
    assert_eq!(
        (held.unsubscribed_channels, held.unsubscribed_message_types, held.lists),
        (vec![6539], vec![7090], vec![56545]),
        "{label}"
    );
    project.stand_in.take_requests();
    let again = project.apply(&ada(kind), &choices).await.unwrap_or_else(|error| panic!("{label}: {error}"));
    assert!(again.items.iter().all(|item| item.change == Change::Unchanged), "{label}: {again:?}");
    assert!(project.requested().iter().all(|request| request.starts_with("GET")), "{label}");

    let project = Project::new(kind, switches).await;
    let report = applied(label, &project, &ada(kind), &["opt-out channel:6539"]).await;
    assert_eq!(report.standing, Standing::Created, "{label}");
    let held = project.stand_in.subscriptions(name(kind)).unwrap_or_else(|| panic!("{label}: nothing held"));
    assert_eq!(held.unsubscribed_channels, [6539], "{label}");
}

/// Erases a known person and an unknown one. No proof may be given before the erasure has taken effect.
async fn erasures(label: &str, switches: Switches, kind: ProjectType) {
    let encoding = switches.hash_encoding;
    for known in [true, false] {
        let project = if known {
            seeded(switches.clone(), kind).await
        } else {
            Project::new(kind, switches.clone()).await
        };
        let mut receipt = project.erase(&ada(kind)).await.unwrap_or_else(|error| panic!("{label}: {error}"));
        assert_eq!(receipt.status, ErasureStatus::Accepted, "{label}");
        for _ in 0..3 {
            if receipt.status != ErasureStatus::Accepted {
                break;
            }
            project.pass(FORGOTTEN);
            receipt = project.confirm(&ada(kind), &receipt).await;
            let erased = receipt.status == ErasureStatus::Erased;
            assert!(!erased || project.is_forgotten(kind), "{label}: reported as erased, but not forgotten");
        }
        match (known, receipt.status) {
            (_, ErasureStatus::Accepted) => {
                assert_eq!(encoding, HashEncoding::Base64, "{label}: {}", receipt.evidence);
            }
            (true, ErasureStatus::NotFound) => panic!("{label}: a known person is not found"),
            (false, ErasureStatus::NotFound) => assert!(!project.is_forgotten(kind), "{label}"),
            (_, ErasureStatus::Erased) => {
                let report = project.apply(&ada(kind), &["opt-in channel:6539"]).await;
                let report = report.unwrap_or_else(|error| panic!("{label}: {error}"));
                assert_eq!(report.standing, Standing::Forgotten, "{label}");
                let again =
                    project.erase(&ada(kind)).await.unwrap_or_else(|error| panic!("{label}: {error}"));
                project.pass(FORGOTTEN + Duration::from_secs(1));
                assert_eq!(
                    project.confirm(&ada(kind), &again).await.status,
                    ErasureStatus::Erased,
                    "{label}"
                );
            }
        }
    }
}
