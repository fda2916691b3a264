use connector_tests::{Project, secret};
use host_harness::contract::{Check, CheckOutcome, ErrorKind};
use iterable_stand_in::{AuthType, FIRST_WEBHOOK, KeyKind, ProjectType, Switches};

const HOOK: &str = "https://platform.example.com/hook";

async fn checks(project: &Project) -> Vec<Check> {
    project.calls.test_connection().await.unwrap().unwrap()
}

/// Returns the failed checks, with their reasons.
fn failed(checks: &[Check]) -> Vec<(&str, &str)> {
    let failed = checks.iter().filter(|check| check.outcome == CheckOutcome::Failed);
    failed.map(|check| (check.name.as_str(), check.detail.as_str())).collect()
}

async fn with_webhook() -> Project {
    let project = Project::with(ProjectType::Hybrid, Switches::default(), |spec| {
        spec.settings.insert("webhook-id".into(), FIRST_WEBHOOK.to_string());
        spec.webhook_url = Some(HOOK.into());
    })
    .await;
    project.stand_in.with_project(|p| {
        let webhook = p.webhook(FIRST_WEBHOOK);
        (webhook.endpoint, webhook.enabled, webhook.auth_type) = (HOOK.into(), true, AuthType::OAuth2);
    });
    project
}

#[tokio::test]
async fn a_connection_that_is_set_up_passes_every_check_and_changes_nothing() {
    let project = with_webhook().await;
    let checks = checks(&project).await;
    let names = ["connector", "api-key", "consent", "erasure", "webhook"];
    let ended: Vec<_> = checks.iter().map(|check| (check.name.as_str(), check.outcome)).collect();
    assert_eq!(ended, names.map(|name| (name, CheckOutcome::Passed)), "{checks:?}");
    assert!(project.requested().iter().all(|request| request.starts_with("GET ")));
}

#[tokio::test]
async fn a_wrong_key_says_that_it_may_belong_to_the_other_data_centre() {
    let project = Project::with(ProjectType::Email, Switches::default(), |spec| {
        spec.secrets.insert("api-key".into(), secret("another-key-0123"));
    })
    .await;
    let checks = checks(&project).await;
    assert!(failed(&checks).iter().any(|(_, why)| why.contains("data cent")), "{checks:?}");
}

#[tokio::test]
async fn a_key_of_the_wrong_kind_is_reported() {
    let project = with_webhook().await;
    for (kind, sentence) in [
        (
            KeyKind::ReadOnly,
            "Iterable refused the key or its rights for `list-forgotten-user-ids` (status 401, code BadApiKey), \
             although it may read channels: a server-side key of type Standard, without JWT, is required"
                .to_owned(),
        ),
        (
            KeyKind::Mobile,
            format!(
                "Iterable refused the key or its rights for `list-channels` (status 401, code BadApiKey): it may be \
                 wrong or disabled, or belong to a different data centre than `{}`",
                project.stand_in.address()
            ),
        ),
    ] {
        let key = project.stand_in.api_key_of(kind).to_owned();
        let other = Project::with(ProjectType::Hybrid, Switches::default(), |spec| {
            connector_tests::iterable::point_at(&project.stand_in, spec);
            spec.secrets.insert("api-key".into(), secret(&key));
        })
        .await;
        let checks = checks(&other).await;
        assert_eq!(failed(&checks)[0], ("api-key", sentence.as_str()), "{kind:?}: {checks:?}");
    }
}

#[tokio::test]
async fn each_thing_wrong_with_the_webhook_has_its_reason() {
    type Change = fn(&mut iterable_stand_in::Webhook);
    let wrongs: [(Change, &str); 3] = [
        (|webhook| webhook.enabled = false, "enabled"),
        (|webhook| webhook.auth_type = AuthType::NoAuth, "OAuth2"),
        (|webhook| webhook.endpoint = "https://elsewhere.example.com/".into(), HOOK),
    ];
    for (change, word) in wrongs {
        let project = with_webhook().await;
        project.stand_in.with_project(|p| change(p.webhook(FIRST_WEBHOOK)));
        let checks = checks(&project).await;
        let failed = failed(&checks);
        assert_eq!(failed.len(), 1, "{checks:?}");
        assert!(failed[0].1.contains(word), "{word}: {checks:?}");
    }
}

#[tokio::test]
async fn a_wrong_setting_is_reported_with_its_name_and_its_value() {
    let project = Project::with(ProjectType::Email, Switches::default(), |spec| {
        spec.settings.insert("webhook-id".into(), "abc".into());
    })
    .await;
    let error = project.calls.test_connection().await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidSettings);
    assert!(error.message.contains("webhook-id") && error.message.contains("abc"), "{}", error.message);
    assert_eq!(project.requested(), [""; 0]);
}
