use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use connector_tests::{Project, ada, iterable::SETTLED, secret};
use host_harness::{
    contract::{
        consent::{Change, Choice},
        webhook::{self, ConsentEvent, Verdict},
    },
    door::AdmittedDelivery,
};
use iterable_stand_in::{
    Act, Delivery, DeliveryFault, EventGrouping, EventShape, FIRST_WEBHOOK, Media, Outcome, ProjectType,
    Switches, TokenHeader, UnsubSource,
};
use serde_json::{Map, json};

/// Longer than any delivery takes to arrive.
const LATEST: Duration = Duration::from_secs(301);

pub(crate) const TOKEN: &str = "t-0123456789";

/// The documented event for an opt-out through a link in an e-mail.
pub(crate) const OPT_OUT: &str = r#"{"email":"ada@example.com","eventName":"emailUnSubscribe","dataFields":{"campaignId":1089024,"messageTypeIds":[],"unsubSource":"EmailLink","createdAt":"2026-03-20 23:34:15 +00:00","emailListIds":[],"messageTypeId":31082,"channelIds":[27447],"email":"ada@example.com","channelId":1}}"#;

pub(crate) fn admitted(project: &Project, authorization: &[&str], body: &str) -> AdmittedDelivery {
    let headers =
        authorization.iter().map(|value| ("authorization".to_owned(), (*value).to_owned())).collect();
    let delivery = webhook::Delivery {
        method: "POST".into(),
        url: "https://platform.example.com/api/v1/plus/connection/iterable/consent-webhook".into(),
        headers,
        body: body.as_bytes().to_vec(),
        received_at_ms: 1_790_000_000_000,
    };
    AdmittedDelivery::admit(project.calls.connection(), project.calls.plugin().manifest(), delivery)
}

pub(crate) fn events(verdict: Verdict) -> Vec<ConsentEvent> {
    match verdict {
        Verdict::Authentic(events) => events,
        other => panic!("{other:?}"),
    }
}

async fn project(kind: ProjectType, switches: Switches) -> Project {
    Project::with(kind, switches, |spec| {
        spec.accepted_tokens = vec![secret("t-older-01234").into(), secret(TOKEN).into()];
    })
    .await
}

async fn verdict(project: &Project, authorization: &[&str], body: &str) -> Verdict {
    project.calls.verify(&admitted(project, authorization, body)).await.unwrap().unwrap()
}

/// Returns what a person chose, in the form `opt-out channel:6539`.
fn choices(event: &ConsentEvent) -> Vec<String> {
    event.preferences.iter().map(|preference| format!("{} {}", preference.choice, preference.item)).collect()
}

#[tokio::test]
async fn a_delivery_with_an_identifier_of_any_length_is_read() {
    let project = project(ProjectType::Email, Switches::default()).await;
    for length in [10, 512, 513, 10_000, 200_000] {
        let user_id = "a".repeat(length);
        let body = OPT_OUT.replacen('{', &format!(r#"{{"userId":"{user_id}","#), 1);
        let events = events(verdict(&project, &["Bearer t-0123456789"], &body).await);
        assert_eq!(choices(&events[0]), ["opt-out channel:27447"], "{length}");
        assert_eq!(events[0].preferences[0].source, "EmailLink");
    }
}

#[tokio::test]
async fn the_token_is_checked_by_the_host_whatever_stands_before_it() {
    let project = project(ProjectType::Email, Switches::default()).await;
    for header in [
        "OAuth2 t-0123456789",
        "Bearer t-0123456789",
        "t-0123456789",
        "OAuth2 t-older-01234",
        "OAuth2 Bearer t-0123456789",
        "Basic t-0123456789",
    ] {
        let events = events(verdict(&project, &[header], OPT_OUT).await);
        assert_eq!(choices(&events[0]), ["opt-out channel:27447"], "{header}");
        assert_eq!(events[0].preferences[0].source, "EmailLink");
    }
    for headers in
        [&["OAuth2 wrong"][..], &[], &["OAuth2 t-0123456789", "OAuth2 wrong"], &["accepted-webhook-token"]]
    {
        let verdict = verdict(&project, headers, OPT_OUT).await;
        assert!(matches!(verdict, Verdict::Unauthenticated(_)), "{headers:?}: {verdict:?}");
    }
    assert_eq!(project.requested(), [""; 0], "verifying sends no request");
}

#[tokio::test]
async fn what_is_not_json_is_kept_as_unreadable() {
    let project = project(ProjectType::Email, Switches::default()).await;
    for body in ["", "ada@example.com", "[]", "{}", r#"{"eventName":7}"#] {
        match verdict(&project, &["OAuth2 t-0123456789"], body).await {
            Verdict::Unreadable(why) => assert!(!why.contains("ada"), "{why}"),
            other => panic!("{body}: {other:?}"),
        }
    }
}

/// Starts a project that knows Ada and whose webhook carries the token.
async fn hooked(switches: Switches) -> Project {
    let project = project(ProjectType::Email, switches).await;
    project.stand_in.with_project(|p| {
        p.seed(Some("ada@example.com"), Some("u-17"), None);
        p.webhook(FIRST_WEBHOOK).auth_type = iterable_stand_in::AuthType::OAuth2;
        p.webhook(FIRST_WEBHOOK).set_token(TOKEN);
    });
    project.pass(SETTLED);
    project
}

/// Returns a delivery of the stand-in as it arrives at the host.
pub(super) fn arrived(project: &Project, sent: &Delivery) -> AdmittedDelivery {
    let delivery = webhook::Delivery {
        method: "POST".into(),
        url: "https://platform.example.com/".into(),
        headers: sent.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect(),
        body: sent.body_bytes(),
        received_at_ms: 1_790_000_000_000,
    };
    AdmittedDelivery::admit(project.calls.connection(), project.calls.plugin().manifest(), delivery)
}

/// Returns the events that the connector reads from all deliveries, once the last one has arrived.
async fn received(project: &Project) -> Vec<ConsentEvent> {
    let sent = project.stand_in.deliveries().len();
    assert_ne!(sent, 0, "nothing was sent");
    project.pass(LATEST);
    let mut received = Vec::new();
    for _ in 0..sent {
        let delivery = project.stand_in.next_delivery().await;
        if delivery.outcome == Outcome::Lost {
            continue;
        }
        let verdict = project.calls.verify(&arrived(project, &delivery)).await;
        received.extend(events(verdict.unwrap().unwrap()));
    }
    received
}

/// Returns the events after Ada has performed these acts, a second apart.
async fn received_after(switches: Switches, acts: &[Act]) -> Vec<ConsentEvent> {
    let project = hooked(switches).await;
    for act in acts {
        project.stand_in.act("ada@example.com", act);
        project.pass(Duration::from_secs(1));
    }
    received(&project).await
}

#[tokio::test]
async fn a_persons_choice_at_iterable_is_reported_from_every_event_shape() {
    let both = ["email ada@example.com", "user-id u-17"];
    let shapes = [
        (EventShape::Full, &both[..]),
        (EventShape::UserIdOnly, &["user-id u-17"]),
        (EventShape::OnlyInDataFields, &both),
        (EventShape::WithoutMessageTypeIds, &both),
        (EventShape::ExtraFields, &both),
        (EventShape::UpperCaseEmail, &["email ADA@EXAMPLE.COM", "user-id u-17"]),
        (EventShape::NumbersAsText, &both),
        (EventShape::IsoTime, &both),
        (EventShape::NullTime, &both),
        (EventShape::OtherCase, &both),
    ];
    let headers = [TokenHeader::Oauth2, TokenHeader::Bearer, TokenHeader::Bare];
    for (event_shape, subject) in shapes {
        for token_header in headers {
            let switches = Switches { event_shape, token_header, ..Switches::default() };
            let received = received_after(switches, &[Act::UnsubscribeByLink { channel: 6539 }]).await;
            assert_eq!(received.len(), 1, "{event_shape:?} {token_header:?}");
            assert_eq!(choices(&received[0]), ["opt-out channel:6539"], "{event_shape:?} {token_header:?}");
            let identifiers = received[0].subject.identifiers().iter();
            let found: Vec<_> = identifiers.map(|found| format!("{} {}", found.kind, found.value)).collect();
            assert_eq!(found, subject, "{event_shape:?} {token_header:?}");
        }
    }
}

#[tokio::test]
async fn who_comes_back_opts_in() {
    let acts = [Act::UnsubscribeByLink { channel: 6539 }, Act::RejoinChannel { channel: 6539 }];
    let received = received_after(Switches::default(), &acts).await;
    let chosen: Vec<_> = received.iter().map(choices).collect();
    assert_eq!(chosen, [["opt-out channel:6539"], ["opt-in channel:6539"]]);
    assert_eq!(received[1].preferences[0].source, "WebForm");
    assert_ne!(received[0].key, received[1].key);
}

#[tokio::test]
async fn a_stop_by_text_message_is_an_opt_out_of_its_channel() {
    let switches = Switches { media: Media::Many, ..Switches::default() };
    let received = received_after(switches, &[Act::StopBySms { channel: 6542 }]).await;
    assert_eq!(received.iter().map(choices).collect::<Vec<_>>(), [["opt-out channel:6542"]]);
    assert_eq!(received[0].preferences[0].source, "SMS");
}

#[tokio::test]
async fn a_complaint_is_an_opt_out_and_a_click_or_a_list_is_no_choice() {
    let complaint = received_after(Switches::default(), &[Act::Complain { channel: 6539 }]).await;
    assert!(complaint.iter().any(|event| choices(event) == ["opt-out channel:6539"]), "{complaint:?}");
    assert!(
        complaint
            .iter()
            .flat_map(|event| &event.preferences)
            .all(|preference| preference.choice == Choice::OptOut)
    );
    let click = Act::ClickUnsubscribe { channel: 6539, message_type: 7089 };
    let received = received_after(Switches::default(), &[click]).await;
    assert_eq!(received, [], "{received:?}");
}

#[tokio::test]
async fn who_leaves_a_list_by_themselves_opts_out_of_it() {
    for (source, word) in [
        (UnsubSource::EmailLink, "EmailLink"),
        (UnsubSource::Complaint, "Complaint"),
        (UnsubSource::Sms, "SMS"),
    ] {
        let acts = [Act::SubscribeByForm { list: 56545 }, Act::LeaveList { list: 56545, source }];
        let received = received_after(Switches::default(), &acts).await;
        let chosen: Vec<_> = received.iter().flat_map(choices).collect();
        assert_eq!(chosen, ["opt-out email-list:56545"], "{word}");
        let choice = received.iter().flat_map(|event| &event.preferences).next().unwrap();
        assert_eq!(choice.source, word);
    }
}

/// Returns the items that changed without a choice, in the form `email-list:56545`.
fn changed(event: &ConsentEvent) -> Vec<String> {
    event.changed.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn every_other_change_of_a_list_is_no_choice_and_names_the_list() {
    let list = 56545;
    let others = [
        UnsubSource::WebApp,
        UnsubSource::Import,
        UnsubSource::ListApi,
        UnsubSource::Api,
        UnsubSource::HardBounce,
        UnsubSource::Workflow,
    ];
    let mut acts = vec![Act::SubscribeByForm { list }];
    for source in others {
        acts.extend([Act::LeaveList { list, source }, Act::Imported { list, fields: Map::new() }]);
    }
    let received = received_after(Switches::default(), &acts).await;
    assert_eq!(received.len(), acts.len());
    for event in &received {
        assert_eq!((choices(event), changed(event)), (Vec::new(), vec!["email-list:56545".to_owned()]));
    }
}

#[tokio::test]
async fn a_list_that_the_platform_itself_left_comes_back_as_no_choice() {
    let project = hooked(Switches::default()).await;
    let person = ada(ProjectType::Email);
    for choice in ["opt-in email-list:56545", "opt-out email-list:56545"] {
        assert_eq!(project.apply(&person, &[choice]).await.unwrap().items[0].change, Change::Applied);
    }
    for event in received(&project).await {
        assert_eq!((choices(&event), changed(&event)), (Vec::new(), vec!["email-list:56545".to_owned()]));
    }
    let held = project.calls.current(&person).await.unwrap().unwrap().unwrap();
    let list = held.iter().find(|held| held.item.to_string() == "email-list:56545").unwrap();
    assert_eq!(list.choice, Choice::OptOut);
}

#[tokio::test]
async fn without_a_time_an_opt_out_counts_from_its_receipt_and_an_opt_in_is_no_choice() {
    let switches = Switches { event_shape: EventShape::NullTime, ..Switches::default() };
    let acts = [Act::UnsubscribeByLink { channel: 6539 }, Act::RejoinChannel { channel: 6539 }];
    let received = received_after(switches, &acts).await;
    assert_eq!(received[0].preferences[0].chosen_at_ms, 1_790_000_000_000);
    assert_eq!((choices(&received[1]), changed(&received[1])), (Vec::new(), vec!["channel:6539".to_owned()]));
}

#[tokio::test]
async fn a_body_with_odd_fields_that_decide_nothing_is_read() {
    let project = hooked(Switches::default()).await;
    project.stand_in.deliver(&json!(format!("\u{feff}{OPT_OUT}")));
    let odd = OPT_OUT.replace(r#""channelId":1"#, r#""channelId":{"x":[]}"#);
    project.stand_in.deliver(&json!(odd.replace("+00:00", "Z").replace("[27447]", r#"["27447",null]"#)));
    let received = received(&project).await;
    assert_eq!(received.iter().map(choices).collect::<Vec<_>>(), [["opt-out channel:27447"]; 2]);
    assert_eq!(received[0].preferences[0].chosen_at_ms, received[1].preferences[0].chosen_at_ms);
}

#[tokio::test]
async fn one_write_reports_the_same_choices_in_one_event_or_in_many() {
    for (event_grouping, grouped) in [
        (EventGrouping::PerKind, &[&["opt-out channel:6539", "opt-out channel:6541"][..]][..]),
        (EventGrouping::PerItem, &[&["opt-out channel:6539"], &["opt-out channel:6541"]]),
    ] {
        let project = hooked(Switches { event_grouping, ..Switches::default() }).await;
        let both = ["opt-out channel:6539", "opt-out channel:6541"];
        project.apply(&ada(ProjectType::Email), &both).await.unwrap();
        let received = received(&project).await;
        assert_eq!(received.iter().map(choices).collect::<Vec<_>>(), grouped);
        let keys: BTreeSet<_> = received.iter().map(|event| &event.key).collect();
        assert_eq!(keys.len(), received.len(), "{event_grouping:?}");
    }
}

/// Returns the state after all events: the latest choice for each item, in whatever order the events arrived.
fn held(received: &[ConsentEvent]) -> BTreeMap<String, Choice> {
    let mut preferences: Vec<_> = received.iter().flat_map(|event| &event.preferences).collect();
    preferences.sort_by_key(|preference| preference.chosen_at_ms);
    preferences.into_iter().map(|preference| (preference.item.to_string(), preference.choice)).collect()
}

#[tokio::test]
async fn whatever_befalls_deliveries_those_that_arrive_come_to_the_same() {
    let acts = [
        Act::UnsubscribeByLink { channel: 6539 },
        Act::UnsubscribeByLink { channel: 6541 },
        Act::RejoinChannel { channel: 6539 },
    ];
    let received_with = async |delivery_fault| {
        received_after(Switches { delivery_fault, ..Switches::default() }, &acts).await
    };
    let (out, push, back) = ("opt-out channel:6539", "opt-out channel:6541", "opt-in channel:6539");
    for (fault, order) in [
        (DeliveryFault::None, &[out, push, back][..]),
        (DeliveryFault::Duplicate, &[out, out, push, push, back, back]),
        (DeliveryFault::Reorder, &[push, out, back]),
        (DeliveryFault::Late, &[out, push, back]),
        (DeliveryFault::Drop, &[]),
    ] {
        let received = received_with(fault).await;
        let chosen: Vec<_> = received.iter().flat_map(choices).collect();
        assert_eq!(chosen, order, "{fault:?}");
        for (one, other) in received.iter().flat_map(|one| received.iter().map(move |other| (one, other))) {
            assert_eq!(one.key == other.key, choices(one) == choices(other), "{fault:?}");
        }
        if fault != DeliveryFault::Drop {
            let last = [("channel:6539", Choice::OptIn), ("channel:6541", Choice::OptOut)];
            assert_eq!(
                held(&received),
                last.map(|(item, choice)| (item.to_owned(), choice)).into(),
                "{fault:?}"
            );
        }
    }
}

#[tokio::test]
async fn the_same_event_delivered_again_has_the_same_key_and_another_has_another() {
    let project = project(ProjectType::Email, Switches::default()).await;
    let one = events(verdict(&project, &[TOKEN], OPT_OUT).await)[0].key.clone();
    let reordered = r#"{"dataFields":{"channelId":1,"email":"ada@example.com","channelIds":[27447],"messageTypeId":31082,"emailListIds":[],"createdAt":"2026-03-20 23:34:15 +00:00","unsubSource":"EmailLink","messageTypeIds":[],"campaignId":1089024},"eventName":"emailUnSubscribe","email":"ada@example.com"}"#;
    assert_eq!(events(verdict(&project, &[TOKEN], reordered).await)[0].key, one);
    let later = OPT_OUT.replace("23:34:15", "23:34:16");
    assert_ne!(events(verdict(&project, &[TOKEN], &later).await)[0].key, one);
    assert!(!one.contains("ada"));
}
