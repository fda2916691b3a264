//! People who share an identifier that the project does not keep unique: a request for one never affects another.

use connector_tests::{
    Project,
    iterable::{FORGOTTEN, SETTLED},
};
use host_harness::contract::{
    Subject,
    consent::{Change, Choice},
    erasure::ErasureStatus,
};
use iterable_stand_in::{ForgetReach, ProjectType, Subscriptions, SubscriptionsApi, Switches};

/// A project in which two people share the identifier that it does not keep unique, and a unique name of each.
struct Shared {
    project: Project,
    first: &'static str,
    second: &'static str,
    /// The first person, with both kinds of identifier.
    subject: Subject,
}

async fn shared(kind: ProjectType, switches: Switches) -> Shared {
    let project = Project::new(kind, switches).await;
    let none = || Some(Subscriptions::default());
    let (first, second) = match kind {
        ProjectType::UserId => ("u-1", "u-2"),
        ProjectType::Email | ProjectType::Hybrid => ("ada@example.com", "bob@example.com"),
    };
    project.stand_in.with_project(|p| {
        for person in [first, second] {
            match kind {
                ProjectType::UserId => p.seed(Some("shared@example.com"), Some(person), none()),
                ProjectType::Email | ProjectType::Hybrid => p.seed(Some(person), Some("shared"), none()),
            }
        }
    });
    project.pass(SETTLED);
    // The shared identifier comes first, as a platform may prefer it.
    let subject = match kind {
        ProjectType::UserId => Subject::email("shared@example.com").and("user-id", first),
        ProjectType::Email | ProjectType::Hybrid => {
            Subject::default().and("user-id", "shared").and("email", first)
        }
    };
    Shared { project, first, second, subject }
}

const KINDS: [ProjectType; 2] = [ProjectType::Email, ProjectType::UserId];

#[tokio::test]
async fn erasing_one_of_two_who_share_an_identifier_leaves_the_other() {
    for kind in KINDS {
        for forget_reach in [ForgetReach::Given, ForgetReach::Whole] {
            let Shared { project, first, second, subject } =
                shared(kind, Switches { forget_reach, ..Switches::default() }).await;
            let receipt = project.erase(&subject).await.unwrap();
            assert_eq!(project.requested(), ["POST /api/users/forget"], "{kind:?}");
            project.pass(FORGOTTEN);
            assert_eq!(project.confirm(&subject, &receipt).await.status, ErasureStatus::Erased, "{kind:?}");
            assert!(project.stand_in.person(first).is_none() && project.stand_in.is_forgotten(first));
            assert!(project.stand_in.person(second).is_some(), "{kind:?} {forget_reach:?}");
            assert!(!project.stand_in.is_forgotten(second), "{kind:?} {forget_reach:?}");
        }
    }
}

#[tokio::test]
async fn a_choice_of_one_of_two_who_share_an_identifier_is_not_the_others() {
    for kind in KINDS {
        for subscriptions_api in [SubscriptionsApi::Off, SubscriptionsApi::Success] {
            let Shared { project, first, second, subject } =
                shared(kind, Switches { subscriptions_api, ..Switches::default() }).await;
            let report = project.apply(&subject, &["opt-out channel:6539"]).await.unwrap();
            assert_eq!(report.items[0].change, Change::Applied, "{kind:?}");
            assert_eq!(project.stand_in.subscriptions(first).unwrap().unsubscribed_channels, [6539]);
            assert_eq!(project.stand_in.subscriptions(second), Some(Subscriptions::default()), "{kind:?}");
            let held = project.calls.current(&subject).await.unwrap().unwrap().unwrap();
            let channel = held.iter().find(|held| held.item.to_string() == "channel:6539").unwrap();
            assert_eq!(channel.choice, Choice::OptOut, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn what_is_held_of_one_is_not_reported_of_another_who_shares_an_identifier() {
    for kind in KINDS {
        let Shared { project, second, subject, .. } = shared(kind, Switches::default()).await;
        let out = Subscriptions { unsubscribed_channels: vec![6539], ..Subscriptions::default() };
        project.stand_in.with_project(|p| match kind {
            ProjectType::UserId => p.seed(Some("shared@example.com"), Some(second), Some(out)),
            ProjectType::Email | ProjectType::Hybrid => p.seed(Some(second), Some("shared"), Some(out)),
        });
        project.pass(SETTLED);
        let held = project.calls.current(&subject).await.unwrap().unwrap().unwrap();
        let channel = held.iter().find(|held| held.item.to_string() == "channel:6539").unwrap();
        assert_eq!(channel.choice, Choice::OptIn, "{kind:?}");
    }
}
