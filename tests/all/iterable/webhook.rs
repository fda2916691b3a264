use connector_tests::{Project, iterable::SETTLED, secret};
use host_harness::{
    contract::{
        consent::Choice,
        webhook::{ConsentEvent, Delivery, Verdict},
    },
    webhook::Admitted,
};
use iterable_stand_in::{Act, EventShape, FIRST_WEBHOOK, ProjectType, Switches, TokenHeader};

pub(crate) const TOKEN: &str = "t-0123456789";

/// As documented for an opt-out by a link in a mail.
pub(crate) const OPT_OUT: &str = r#"{"email":"ada@example.com","eventName":"emailUnSubscribe","dataFields":{"campaignId":1089024,"messageTypeIds":[],"unsubSource":"EmailLink","createdAt":"2026-03-20 23:34:15 +00:00","emailListIds":[],"messageTypeId":31082,"channelIds":[27447],"email":"ada@example.com","channelId":1}}"#;

pub(crate) fn admitted(project: &Project, authorization: &[&str], body: &str) -> Admitted {
    let headers =
        authorization.iter().map(|value| ("authorization".to_owned(), (*value).to_owned())).collect();
    let delivery = Delivery {
        method: "POST".into(),
        url: "https://platform.example.com/api/v1/plus/connection/iterable/consent-webhook".into(),
        headers,
        body: body.as_bytes().to_vec(),
        received_at_ms: 1_790_000_000_000,
    };
    Admitted::at_the_door(project.calls.connection(), project.calls.plugin().manifest(), delivery)
}

pub(crate) fn events(verdict: Verdict) -> Vec<ConsentEvent> {
    match verdict {
        Verdict::Authentic(events) => events,
        other => panic!("{other:?}"),
    }
}

async fn project(kind: ProjectType, switches: Switches) -> Project {
    Project::with(kind, switches, |spec| spec.accepted_tokens = vec![secret("t-older-01234"), secret(TOKEN)])
        .await
}

async fn verdict(project: &Project, authorization: &[&str], body: &str) -> Verdict {
    project.calls.verify(&admitted(project, authorization, body)).await.unwrap().unwrap()
}

/// What a person chose, as `opt-out channel:6539`.
fn choices(event: &ConsentEvent) -> Vec<String> {
    event.preferences.iter().map(|preference| format!("{} {}", preference.choice, preference.item)).collect()
}

#[tokio::test]
async fn the_token_is_checked_by_the_host_in_three_forms() {
    let project = project(ProjectType::Email, Switches::default()).await;
    for header in ["OAuth2 t-0123456789", "Bearer t-0123456789", "t-0123456789", "OAuth2 t-older-01234"] {
        let events = events(verdict(&project, &[header], OPT_OUT).await);
        assert_eq!(choices(&events[0]), ["opt-out channel:27447"], "{header}");
        assert_eq!(events[0].preferences[0].source, "EmailLink");
    }
    for headers in [
        &["OAuth2 wrong"][..],
        &["Basic t-0123456789"],
        &[],
        &["OAuth2 t-0123456789", "OAuth2 t-0123456789"],
        &["accepted-webhook-token"],
    ] {
        let verdict = verdict(&project, headers, OPT_OUT).await;
        assert!(matches!(verdict, Verdict::Unauthenticated(_)), "{headers:?}: {verdict:?}");
    }
    assert_eq!(project.requested(), [""; 0], "verifying asks nobody");
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

/// What the stand-in's webhook sends when a person acts, through the connector.
async fn told(switches: Switches, act: Act) -> Vec<ConsentEvent> {
    let project = project(ProjectType::Email, switches).await;
    project.stand_in.with_project(|p| {
        p.seed(Some("ada@example.com"), Some("u-17"), None);
        p.webhook(FIRST_WEBHOOK).auth_type = iterable_stand_in::AuthType::OAuth2;
        p.webhook(FIRST_WEBHOOK).set_token(TOKEN);
    });
    project.pass(SETTLED);
    project.stand_in.act("ada@example.com", &act);
    project.pass(SETTLED);
    let mut told = Vec::new();
    for _ in 0..project.stand_in.deliveries().len() {
        let sent = project.stand_in.next_delivery().await;
        let delivery = Delivery {
            method: "POST".into(),
            url: "https://platform.example.com/".into(),
            headers: sent.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect(),
            body: sent.body_bytes(),
            received_at_ms: 1_790_000_000_000,
        };
        let admitted =
            Admitted::at_the_door(project.calls.connection(), project.calls.plugin().manifest(), delivery);
        told.extend(events(project.calls.verify(&admitted).await.unwrap().unwrap()));
    }
    told
}

#[tokio::test]
async fn what_a_person_does_at_iterable_is_told_in_every_shape() {
    let shapes = [
        EventShape::Full,
        EventShape::OnlyInDataFields,
        EventShape::WithoutMessageTypeIds,
        EventShape::ExtraFields,
        EventShape::UpperCaseEmail,
    ];
    let headers = [TokenHeader::Oauth2, TokenHeader::Bearer, TokenHeader::Bare];
    for event_shape in shapes {
        for token_header in headers {
            let switches = Switches { event_shape, token_header, ..Switches::default() };
            let told = told(switches, Act::UnsubscribeByLink { channel: 6539 }).await;
            assert_eq!(told.len(), 1, "{event_shape:?} {token_header:?}");
            assert_eq!(choices(&told[0]), ["opt-out channel:6539"], "{event_shape:?} {token_header:?}");
            let emails: Vec<_> = told[0].subject.identifiers().iter().filter(|i| i.kind == "email").collect();
            assert_eq!(emails[0].value.to_lowercase(), "ada@example.com");
        }
    }
}

#[tokio::test]
async fn a_complaint_is_an_opt_out_and_a_click_or_a_list_is_no_choice() {
    let complaint = told(Switches::default(), Act::Complain { channel: 6539 }).await;
    assert!(complaint.iter().any(|event| choices(event) == ["opt-out channel:6539"]), "{complaint:?}");
    assert!(
        complaint
            .iter()
            .flat_map(|event| &event.preferences)
            .all(|preference| preference.choice == Choice::OptOut)
    );
    for act in
        [Act::ClickUnsubscribe { channel: 6539, message_type: 7089 }, Act::SubscribeByForm { list: 56545 }]
    {
        let told = told(Switches::default(), act).await;
        assert_eq!(told, [], "{told:?}");
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
