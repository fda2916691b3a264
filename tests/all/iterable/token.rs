use connector_tests::{Project, secret};
use host_harness::contract::{ErrorKind, TokenOutcome};
use iterable_stand_in::{AuthType, FIRST_WEBHOOK, ProjectType, Switches};

async fn project(webhook_id: &str) -> Project {
    Project::with(ProjectType::Email, Switches::default(), |spec| {
        spec.settings.insert("webhook-id".into(), webhook_id.into());
        spec.token_to_install = Some(secret("t-new-0123456789"));
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
    assert_eq!((after.newest_token(), after.auth_type), (Some("t-new-0123456789"), AuthType::OAuth2));
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
async fn a_webhook_that_is_not_there_is_rejected() {
    let project = project("1").await;
    let error = project.calls.install_token().await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rejected, "{error}");
}
