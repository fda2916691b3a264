use std::time::Duration;

use connector_tests::{Project, secret};
use host_harness::contract::{ErrorKind, TokenOutcome};
use iterable_stand_in::{Act, AuthType, FIRST_WEBHOOK, ProjectType, Switches, TokenDelay, UnknownWebhook};

use super::webhook::{arrived, events};

const NEW: &str = "t-new-0123456789";

async fn project(webhook_id: &str) -> Project {
    with(Switches::default(), webhook_id).await
}

async fn with(switches: Switches, webhook_id: &str) -> Project {
    Project::with(ProjectType::Email, switches, |spec| {
        spec.settings.insert("webhook-id".into(), webhook_id.into());
        spec.token_to_install = Some(secret(NEW));
    })
    .await
}

#[tokio::test]
async fn the_token_is_installed_and_every_other_field_kept() {
    let project = project(&FIRST_WEBHOOK.to_string()).await;
    let before = project.stand_in.with_project(|p| {
        p.webhook(FIRST_WEBHOOK).blast_send_enabled = true;
        p.webhook(FIRST_WEBHOOK).clone()
    });
    assert_eq!(project.calls.install_token().await.unwrap().unwrap(), TokenOutcome::Installed);
    let after = project.stand_in.with_project(|p| p.webhook(FIRST_WEBHOOK).clone());
    assert_eq!((after.newest_token(), after.auth_type), (Some(NEW), AuthType::OAuth2));
    assert_eq!(
        (after.endpoint, after.enabled, after.blast_send_enabled, after.triggered_send_enabled),
        (before.endpoint, before.enabled, true, before.triggered_send_enabled)
    );
}

#[tokio::test]
async fn without_an_id_the_operator_rotates_and_nothing_is_sent() {
    for id in ["", "none"] {
        let project = project(id).await;
        assert_eq!(project.calls.install_token().await.unwrap().unwrap(), TokenOutcome::Manual);
        assert_eq!(project.requested(), [""; 0]);
    }
}

#[tokio::test]
async fn a_webhook_that_is_not_there_is_an_error_and_nothing_is_installed() {
    for (unknown_webhook, kind, message) in [
        (
            UnknownWebhook::BadParams,
            ErrorKind::Rejected,
            "Iterable refused `install-webhook-token` (status 400, code BadParams): is 1 a webhook of this project? \
             See setting `webhook-id`",
        ),
        (
            UnknownWebhook::NotFound,
            ErrorKind::Other,
            "Iterable gave an unexpected answer to `install-webhook-token` (status 404, code NotFound)",
        ),
    ] {
        let project = with(Switches { unknown_webhook, ..Switches::default() }, "1").await;
        let error = project.calls.install_token().await.unwrap().unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (kind, message));
        let token =
            project.stand_in.with_project(|p| p.webhook(FIRST_WEBHOOK).newest_token().map(str::to_owned));
        assert_eq!(token, None);
    }
}

#[tokio::test]
async fn deliveries_carry_the_old_token_until_the_new_one_is_known_everywhere_and_both_are_accepted() {
    const OLD: &str = "t-old-0123456789";
    for (token_delay, carried) in
        [(TokenDelay::OneMinute, [OLD, OLD, NEW]), (TokenDelay::None, [NEW, NEW, NEW])]
    {
        let switches = Switches { token_delay, ..Switches::default() };
        let project = Project::with(ProjectType::Email, switches, |spec| {
            spec.settings.insert("webhook-id".into(), FIRST_WEBHOOK.to_string());
            spec.token_to_install = Some(secret(NEW));
            spec.accepted_tokens = vec![secret(OLD).into(), secret(NEW).into()];
        })
        .await;
        project.stand_in.with_project(|p| p.webhook(FIRST_WEBHOOK).set_token(OLD));
        assert_eq!(project.calls.install_token().await.unwrap().unwrap(), TokenOutcome::Installed);
        for ((pass, channel), token) in [(0, 6539), (59, 6540), (1, 6541)].into_iter().zip(carried) {
            project.pass(Duration::from_secs(pass));
            project.stand_in.act("ada@example.com", &Act::UnsubscribeByLink { channel });
            let delivery = project.stand_in.next_delivery().await;
            assert_eq!(delivery.header("authorization"), Some(format!("OAuth2 {token}").as_str()));
            let verdict = project.calls.verify(&arrived(&project, &delivery)).await.unwrap().unwrap();
            assert_eq!(events(verdict).len(), 1, "{token_delay:?}");
        }
    }
}
