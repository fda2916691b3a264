use std::time::Duration;

use super::*;
use crate::connection::Deadlines;
use host_model::contract::manifest::Operation;

fn setting(name: &str) -> SettingSpec {
    SettingSpec { name: name.into(), description: format!("what {name} is for"), ..Default::default() }
}

fn manifest() -> Manifest {
    Manifest {
        settings: vec![
            SettingSpec {
                default: Some("api.example.com".into()),
                options: vec!["api.example.com".into()],
                ..setting("domain")
            },
            SettingSpec { required: true, secret: true, ..setting("api-key") },
            SettingSpec {
                default: Some("email".into()),
                options: vec!["email".into(), "hybrid".into()],
                ..setting("project-type")
            },
            setting("webhook-id"),
        ],
        operations: vec![Operation { host_setting: "domain".into(), ..Default::default() }],
        ..Default::default()
    }
}

fn spec(settings: &[(&str, &str)], secrets: &[(&str, &str)]) -> ConnectionSpec {
    let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    ConnectionSpec {
        settings: settings.iter().map(text).collect(),
        secrets: secrets.iter().map(|(n, v)| ((*n).to_owned(), Secret::new(*v).unwrap())).collect(),
        ..ConnectionSpec::new("acme", "newsletter", "example")
    }
}

#[test]
fn a_secret_that_is_too_long_to_search_for_is_refused_by_name() {
    let problems = |length: usize| {
        let secret = "k".repeat(length);
        let resolved = spec(&[], &[("api-key", &secret)]).resolve(&manifest());
        resolved.err().into_iter().flatten().map(|error| error.problem).collect::<Vec<_>>()
    };
    assert_eq!(problems(MAX_SECRET_BYTES), []);
    assert_eq!(problems(MAX_SECRET_BYTES + 1), [SettingProblem::LongSecret]);
}

const KEY: (&str, &str) = ("api-key", "k-0123456789");

fn refused(settings: &[(&str, &str)], secrets: &[(&str, &str)], manifest: &Manifest) -> Vec<String> {
    spec(settings, secrets).resolve(manifest).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn each_problem_has_its_sentence() {
    let long = "x".repeat(4_097);
    for (settings, secrets, sentence) in [
        (
            vec![("project_type", "hybrid")],
            vec![KEY],
            "connection newsletter, setting project_type: the connector has no such setting: did you mean `project-type`?",
        ),
        (
            vec![("colour", "red")],
            vec![KEY],
            "connection newsletter, setting colour: the connector has no such setting",
        ),
        (
            vec![],
            vec![],
            "connection newsletter, setting api-key: it is required but missing: what api-key is for",
        ),
        (
            vec![("api-key", "k-0123456789")],
            vec![],
            "connection newsletter, setting api-key: it is a secret: move it to `secrets`, as a reference such as \
             { env = \"NAME\" }",
        ),
        (
            vec![],
            vec![KEY, ("webhook-id", "123456")],
            "connection newsletter, setting webhook-id: it is not a secret: move it to `settings`",
        ),
        (
            vec![("project-type", "e-mail")],
            vec![KEY],
            "connection newsletter, setting project-type: expected one of email, hybrid, found \"e-mail\"",
        ),
        (
            vec![("domain", "api.example.net")],
            vec![KEY],
            "connection newsletter, setting domain: the host \"api.example.net\" is not one of the \
             connector's hosts (api.example.com); to allow it, add to the configuration:\n\
             [connections.newsletter.egress]\n\
             hosts = [\"api.example.net\"]",
        ),
        (
            vec![],
            vec![("api-key", "k-123")],
            "connection newsletter, setting api-key: a secret of 5 characters cannot be kept out of answers and logs; \
             at least 6 are required",
        ),
        (
            vec![("webhook-id", long.as_str())],
            vec![KEY],
            "connection newsletter, setting webhook-id: its value has 4097 characters; at most 4096 are allowed",
        ),
        (
            vec![("webhook-id", "1\r\n2")],
            vec![KEY],
            "connection newsletter, setting webhook-id: its value contains U+000D as its character 2, which is not \
             allowed: it is invisible or changes how the text is shown",
        ),
    ] {
        assert_eq!(refused(&settings, &secrets, &manifest()), [sentence]);
    }
}

#[test]
fn all_problems_are_reported_at_once() {
    let all = refused(&[("colour", "red"), ("project-type", "x"), ("domain", "a b")], &[], &manifest());
    assert_eq!(
        all,
        [
            "connection newsletter, setting colour: the connector has no such setting",
            "connection newsletter, setting domain: expected a host name such as api.example.com, found \"a b\"",
            "connection newsletter, setting api-key: it is required but missing: what api-key is for",
            "connection newsletter, setting project-type: expected one of email, hybrid, found \"x\"",
        ]
    );
}

#[test]
fn no_problem_shows_a_secret() {
    let wrong =
        spec(&[("api-key", "k-0123456789")], &[("domain", "s-0123456789"), ("other", "o-0123456789")]);
    let told = format!("{:?}", wrong.resolve(&manifest()).unwrap_err());
    for secret in ["k-0123456789", "s-0123456789", "o-0123456789"] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[test]
fn defaults_are_filled_in_and_what_is_written_goes_before() {
    let connection = spec(&[("project-type", "hybrid")], &[KEY]).resolve(&manifest()).unwrap();
    let settings: Vec<_> = connection.settings.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(settings, [("domain", "api.example.com"), ("project-type", "hybrid")]);
    assert_eq!(connection.targets["domain"].to_string(), "https://api.example.com");
}

#[test]
fn an_empty_setting_is_as_good_as_not_written() {
    let connection = spec(&[("webhook-id", ""), ("project-type", "")], &[KEY]).resolve(&manifest()).unwrap();
    assert_eq!(connection.settings.keys().collect::<Vec<_>>(), ["domain", "project-type"]);
}

#[test]
fn the_webhook_url_is_a_setting_and_secrets_are_none() {
    let url = "https://hooks.example.com/newsletter";
    let spec = ConnectionSpec { webhook_url: Some(url.into()), ..spec(&[], &[KEY]) };
    let connection = spec.resolve(&manifest()).unwrap();
    assert_eq!(connection.settings[WEBHOOK_URL], url);
    assert!(!connection.settings.contains_key("api-key"));
    assert!(connection.secrets["api-key"].matches(KEY.1.as_bytes()));
}

#[test]
fn connections_with_the_same_secrets_share_an_account_and_others_do_not() {
    let account = |key: &str, secrets: &[(&str, &str)]| {
        let spec = ConnectionSpec { key: key.into(), ..spec(&[], secrets) };
        spec.resolve(&Manifest {
            settings: vec![SettingSpec { secret: true, ..setting("api-key") }],
            ..Default::default()
        })
        .unwrap()
        .account
    };
    assert_eq!(account("a", &[KEY]), account("b", &[KEY]));
    assert_ne!(account("a", &[KEY]), account("a", &[("api-key", "k-9876543210")]));
    // Without a secret, nothing indicates that two connections share an account.
    assert_eq!(account("a", &[]), account("a", &[]));
    assert_ne!(account("a", &[]), account("b", &[]));
}

#[test]
fn a_wait_of_an_age_is_one_of_a_day() {
    let age = Duration::from_millis(u64::MAX);
    let mut spec = spec(&[], &[KEY]);
    spec.limits.wall_ms = u64::MAX;
    spec.policy.limiter_patience = age;
    spec.policy.deadlines = Deadlines { connect: age, first_byte: age, between_bytes: age, total: age };
    let connection = spec.resolve(&manifest()).unwrap();
    let day = Duration::from_hours(24);
    let deadlines = Deadlines { connect: day, first_byte: day, between_bytes: day, total: day };
    assert_eq!((connection.policy.deadlines, connection.policy.limiter_patience), (deadlines, day));
    assert!(connection.limits.deadline() <= tokio::time::Instant::now() + day);
}

#[test]
fn a_denial_of_an_operation_that_does_not_exist_is_refused() {
    let mut spec = spec(&[], &[KEY]);
    spec.policy.denied_operations = ["forgett".to_owned()].into();
    let operation = Operation { name: "forget".into(), host_setting: "domain".into(), ..Default::default() };
    let errors = spec.resolve(&Manifest { operations: vec![operation], ..manifest() }).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "connection newsletter, setting egress.denied-operations: the connector has no operation \"forgett\": did you mean `forget`?"
    );
}
