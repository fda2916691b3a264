use connector_tests::{
    Project, ada,
    iterable::{FORGOTTEN, SETTLED, preferences},
};
use host_harness::contract::{
    Subject,
    consent::{Change, Choice, Report, Standing},
};
use iterable_stand_in::{Fault, OptIn, ProjectType, Subscriptions, SubscriptionsApi, Switches};
use serde_json::json;
use test_support::eventually;

fn changes(report: &Report) -> Vec<Change> {
    report.items.iter().map(|item| item.change).collect()
}

fn api_on() -> Switches {
    Switches { subscriptions_api: SubscriptionsApi::Success, ..Switches::default() }
}

/// Returns earlier choices of Ada: out of the push channel, on list 56545.
fn chosen() -> Subscriptions {
    Subscriptions { unsubscribed_channels: vec![6541], lists: vec![56545], ..Subscriptions::default() }
}

/// Starts an email-based project that knows Ada, with these choices.
async fn knowing(switches: Switches, subscriptions: Subscriptions) -> Project {
    let project = Project::new(ProjectType::Email, switches).await;
    project.stand_in.seed("ada@example.com", Some(subscriptions));
    project.pass(SETTLED);
    project
}

#[tokio::test]
async fn the_catalogue_is_listed_with_parents() {
    let project = Project::new(ProjectType::Email, Switches::default()).await;
    let items = project.calls.list_items().await.unwrap().unwrap();
    let shown: Vec<_> = items
        .iter()
        .map(|item| {
            format!(
                "{} {} {}",
                item.parent.as_ref().map_or(String::new(), ToString::to_string),
                item.id,
                item.name
            )
        })
        .collect();
    assert!(shown.contains(&"channel:6539 message-type:7089 Marketing Message".to_owned()), "{shown:?}");
    assert!(shown.iter().any(|item| item.starts_with(" channel:6541 Push Marketing Channel")), "{shown:?}");
    assert!(shown.iter().any(|item| item.starts_with(" email-list:56545 ")), "{shown:?}");
    // Dynamic lists are filled automatically: people cannot be added or removed.
    assert!(!shown.iter().any(|item| item.contains("email-list:58508")), "{shown:?}");
}

#[tokio::test]
async fn a_row_of_the_catalogue_that_cannot_be_read_stops_no_other_item() {
    let project = Project::new(ProjectType::Email, Switches::default()).await;
    let channels = json!({"channels": [{"id": 1, "name": null}, {"id": "x", "name": "X"}, {"id": "6539", "name": "Mail"}]});
    project.stand_in.fault(Fault::Answer(200, channels), "GET /api/channels", 1);
    let items = project.calls.list_items().await.unwrap().unwrap();
    let channels: Vec<_> = items.iter().filter(|item| item.id.to_string().starts_with("channel:")).collect();
    assert_eq!(channels.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["Mail"]);
}

#[tokio::test]
async fn exactly_the_choices_given_are_made_and_every_other_is_left_alone() {
    for switches in [Switches::default(), api_on()] {
        let project = knowing(switches, chosen()).await;
        let choices = ["opt-out channel:6539", "opt-in channel:6541", "opt-out message-type:7090"];
        let report = project.apply(&ada(ProjectType::Email), &choices).await.unwrap();
        assert_eq!(changes(&report), [Change::Applied; 3]);
        assert_eq!((report.standing, report.settles_after_ms), (Standing::Known, Some(60_000)));
        let held = project.stand_in.subscriptions("ada@example.com").unwrap();
        assert_eq!(
            held,
            Subscriptions {
                unsubscribed_channels: vec![6539],
                unsubscribed_message_types: vec![7090],
                ..chosen()
            }
        );
    }
}

#[tokio::test]
async fn what_is_already_so_is_unchanged_and_costs_no_write() {
    for switches in [Switches::default(), api_on()] {
        let project = knowing(switches, chosen()).await;
        let report = project
            .apply(&ada(ProjectType::Email), &["opt-out channel:6541", "opt-in channel:6539"])
            .await
            .unwrap();
        assert_eq!(changes(&report), [Change::Unchanged; 2]);
        assert_eq!(report.settles_after_ms, None);
        assert!(project.requested().iter().all(|request| request.starts_with("GET ")));
    }
}

#[tokio::test]
async fn applying_twice_is_applying_once() {
    let project = knowing(Switches::default(), chosen()).await;
    project.apply(&ada(ProjectType::Email), &["opt-out channel:6539"]).await.unwrap();
    let once = project.stand_in.subscriptions("ada@example.com");
    let again = project.apply(&ada(ProjectType::Email), &["opt-out channel:6539"]).await.unwrap();
    assert_eq!(changes(&again), [Change::Unchanged]);
    assert_eq!(project.stand_in.subscriptions("ada@example.com"), once);
}

#[tokio::test]
async fn an_unknown_person_is_created_first() {
    for kind in [ProjectType::Email, ProjectType::UserId, ProjectType::Hybrid] {
        let project = Project::new(kind, Switches::default()).await;
        let report = project.apply(&ada(kind), &["opt-out channel:6539"]).await.unwrap();
        assert_eq!(report.standing, Standing::Created, "{kind:?}");
        let writes: Vec<_> =
            project.requested().into_iter().filter(|request| request.starts_with("POST")).collect();
        assert_eq!(writes, ["POST /api/users/update", "POST /api/users/updateSubscriptions"], "{kind:?}");
        if changes(&report) == [Change::Pending] {
            assert_eq!(report.settles_after_ms, Some(60_000));
            let again = project.apply(&ada(kind), &["opt-out channel:6539"]).await.unwrap();
            assert_eq!(
                (again.standing, changes(&again)),
                (Standing::Known, vec![Change::Applied]),
                "{kind:?}"
            );
        }
        let name = if kind == ProjectType::Email { "ada@example.com" } else { "u-17" };
        assert_eq!(project.stand_in.subscriptions(name).unwrap().unsubscribed_channels, [6539], "{kind:?}");
    }
}

#[tokio::test]
async fn a_forgotten_person_is_refused_and_stays_forgotten() {
    for switches in [Switches::default(), api_on()] {
        let project = Project::new(ProjectType::Email, switches).await;
        let person = ada(ProjectType::Email);
        project.stand_in.seed("ada@example.com", None);
        project.pass(SETTLED);
        project.erase(&person).await.unwrap();
        project.pass(FORGOTTEN);
        project.stand_in.take_requests();
        let report = project.apply(&person, &["opt-in channel:6539", "opt-out channel:6541"]).await.unwrap();
        assert_eq!((report.standing, changes(&report)), (Standing::Forgotten, vec![Change::Refused; 2]));
        assert!(project.stand_in.is_forgotten("ada@example.com"));
        assert!(
            !project.requested().iter().any(|request| request.contains("forgotten")),
            "it relies on the refusal of the write"
        );
    }
}

#[tokio::test]
async fn a_person_who_never_chose_holds_nothing() {
    let project = Project::new(ProjectType::Email, Switches::default()).await;
    assert_eq!(project.calls.current(&ada(ProjectType::Email)).await.unwrap().unwrap(), None);
    project.stand_in.seed("ada@example.com", None);
    project.pass(SETTLED);
    assert_eq!(project.calls.current(&ada(ProjectType::Email)).await.unwrap().unwrap(), Some(vec![]));
}

#[tokio::test]
async fn what_is_held_is_read_back() {
    for kind in [ProjectType::Email, ProjectType::Hybrid] {
        let project = Project::new(kind, Switches::default()).await;
        project.stand_in.with_project(|p| p.seed(Some("ada@example.com"), Some("u-17"), Some(chosen())));
        project.pass(SETTLED);
        let held = project.calls.current(&ada(kind)).await.unwrap().unwrap().unwrap();
        let choice =
            |item: &str| held.iter().find(|held| held.item.to_string() == item).map(|held| held.choice);
        assert_eq!(choice("channel:6541"), Some(Choice::OptOut));
        assert_eq!(choice("channel:6539"), Some(Choice::OptIn));
        assert_eq!(choice("email-list:56545"), Some(Choice::OptIn));
        assert_eq!(choice("email-list:56541"), Some(Choice::OptOut));
    }
}

#[tokio::test]
async fn opposite_choices_for_a_channel_and_its_message_type_are_both_applied() {
    for switches in [Switches::default(), api_on()] {
        let before = Subscriptions { unsubscribed_message_types: vec![7089], ..chosen() };
        let project = knowing(switches, before).await;
        let report = project
            .apply(&ada(ProjectType::Email), &["opt-out channel:6539", "opt-in message-type:7089"])
            .await
            .unwrap();
        assert_eq!(changes(&report), [Change::Applied; 2], "{report:?}");
        assert!(report.items[1].detail.contains("channel 6539"), "{}", report.items[1].detail);
        let held = project.stand_in.subscriptions("ada@example.com").unwrap();
        assert_eq!(held.unsubscribed_message_types, [0; 0]);
        assert!(held.unsubscribed_channels.contains(&6539));
    }
}

#[tokio::test]
async fn opt_in_message_types_are_kept_in_their_own_list() {
    let switches = Switches { opt_in: OptIn::On, ..Switches::default() };
    let project = knowing(switches, chosen()).await;
    let report = project
        .apply(&ada(ProjectType::Email), &["opt-in message-type:7092", "opt-out message-type:7091"])
        .await
        .unwrap();
    assert_eq!(changes(&report), [Change::Applied; 2]);
    let held = project.stand_in.subscriptions("ada@example.com").unwrap();
    assert_eq!((held.subscribed_message_types, held.unsubscribed_message_types), (vec![7092], vec![7091]));
}

#[tokio::test]
async fn an_item_that_does_not_exist_is_refused_and_takes_no_other_down() {
    let project = knowing(Switches::default(), chosen()).await;
    let report = project
        .apply(&ada(ProjectType::Email), &["opt-out channel:1", "opt-out channel:6539", "opt-out colour:1"])
        .await
        .unwrap();
    assert_eq!(changes(&report), [Change::Refused, Change::Applied, Change::Refused]);
}

#[tokio::test]
async fn the_additive_api_is_found_out_and_fallen_back_from() {
    let project = knowing(Switches::default(), chosen()).await;
    project.apply(&ada(ProjectType::Email), &["opt-out channel:6539"]).await.unwrap();
    let writes: Vec<_> =
        project.requested().into_iter().filter(|request| !request.starts_with("GET")).collect();
    assert_eq!(writes.len(), 2, "{writes:?}");
    assert!(writes[0].starts_with("DELETE /api/subscriptions/messageChannel/6539/user/ada"), "{writes:?}");
    assert_eq!(writes[1], "POST /api/users/updateSubscriptions");
}

#[tokio::test]
async fn opting_out_and_in_again_within_the_lag_loses_neither() {
    let project = knowing(Switches::default(), chosen()).await;
    let person = ada(ProjectType::Email);
    let (out, back) = (
        preferences(&["opt-out channel:6539", "opt-out channel:6540"]),
        preferences(&["opt-in channel:6539"]),
    );
    let first = project.calls.apply(&person, &out).await.unwrap().unwrap();
    assert_eq!(changes(&first), [Change::Applied; 2]);
    // Reads still show the old state: a second call now would report the opt-in as unchanged.
    let later = async {
        eventually("a call waits", async || project.clock().is_slept_on(), |waits| *waits).await;
        assert_eq!(project.requested().iter().filter(|request| request.starts_with("POST")).count(), 1);
        project.pass(SETTLED);
    };
    let (second, ()) = tokio::join!(project.calls.apply(&person, &back), later);
    assert_eq!(changes(&second.unwrap().unwrap()), [Change::Applied]);
    let held = project.stand_in.subscriptions("ada@example.com").unwrap();
    assert_eq!(held.unsubscribed_channels, [6541, 6540]);
}

#[tokio::test]
async fn two_calls_for_one_person_at_once_lose_nothing() {
    let project = knowing(Switches::default(), chosen()).await;
    let (one, other) = (preferences(&["opt-out channel:6539"]), preferences(&["opt-out channel:6540"]));
    let (person, again) = (ada(ProjectType::Email), Subject::email("ADA@example.com "));
    let later = async {
        eventually("a call waits", async || project.clock().is_slept_on(), |waits| *waits).await;
        project.pass(SETTLED);
    };
    let (a, b, ()) =
        tokio::join!(project.calls.apply(&person, &one), project.calls.apply(&again, &other), later);
    assert_eq!(
        (changes(&a.unwrap().unwrap()), changes(&b.unwrap().unwrap())),
        (vec![Change::Applied], vec![Change::Applied])
    );
    let mut held = project.stand_in.subscriptions("ada@example.com").unwrap().unsubscribed_channels;
    held.sort_unstable();
    assert_eq!(held, [6539, 6540, 6541]);
}
