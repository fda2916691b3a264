//! How Iterable's refusals reach the host, in each form that Iterable uses.

use connector_tests::{Project, ada, iterable::preferences, logs, secret};
use host_harness::contract::{ErrorKind, Subject};
use iterable_stand_in::{BadBody, BadKey, Fault, LimitBody, ProjectType, RetryAfter, Switches};

const FORGET: &str = "POST /api/users/forget";

#[tokio::test]
async fn a_wrong_key_is_unauthorized_whatever_code_comes_with_it() {
    for (bad_key, message) in [
        (
            BadKey::BadApiKey,
            "Iterable refused the key or its rights for `forget` (status 401, code BadApiKey)",
        ),
        (BadKey::Success, "Iterable refused the key or its rights for `forget` (status 401)"),
    ] {
        let switches = Switches { bad_key, ..Switches::default() };
        let project = Project::with(ProjectType::Email, switches, |spec| {
            spec.secrets.insert("api-key".into(), secret("another-key-0123"));
        })
        .await;
        let error = project.erase(&ada(ProjectType::Email)).await.unwrap_err();
        assert_eq!(
            (error.kind, error.message.as_str(), error.may_have_acted),
            (ErrorKind::Unauthorized, message, false)
        );
        assert!(!project.is_forgotten(ProjectType::Email));
    }
}

#[tokio::test]
async fn a_wait_is_reported_if_iterable_announced_one() {
    let bodies = [LimitBody::Detailed, LimitBody::Plain, LimitBody::Old, LimitBody::Text];
    let headers = [RetryAfter::Seconds, RetryAfter::Date, RetryAfter::Absent];
    for (limit_body, retry_after) in bodies.into_iter().flat_map(|b| headers.map(|header| (b, header))) {
        let switches = Switches { limit_body, retry_after, ..Switches::default() };
        let project = Project::new(ProjectType::Email, switches).await;
        // A date is compared with the real time of the answer.
        project.stand_in.clock().resume();
        project.stand_in.fault(Fault::RateLimited, FORGET, 1);
        let error = project.erase(&ada(ProjectType::Email)).await.unwrap_err();
        assert_eq!((error.kind, error.may_have_acted), (ErrorKind::RateLimited, false));
        let code = if limit_body == LimitBody::Text { "" } else { ", code RateLimitExceeded" };
        assert_eq!(error.message, format!("Iterable rate-limited `forget` (status 429{code})"));
        let told = error.retry_after_ms;
        match (retry_after, limit_body) {
            (RetryAfter::Seconds, _) | (RetryAfter::Absent, LimitBody::Detailed) => {
                assert_eq!(told, Some(1_000), "{limit_body:?} {retry_after:?}");
            }
            // Two seconds ahead, in whole seconds on both sides.
            (RetryAfter::Date, _) => {
                assert!(matches!(told, Some(1_000..=3_000)), "{limit_body:?}: {told:?}");
            }
            (RetryAfter::Absent, _) => assert_eq!(told, None, "{limit_body:?}"),
        }
    }
}

#[tokio::test]
async fn what_iterable_echoes_of_a_request_reaches_no_error_and_no_log() {
    logs::keep();
    for bad_body in [BadBody::Short, BadBody::Echo2022, BadBody::Echo2017] {
        let project = Project::new(ProjectType::Email, Switches { bad_body, ..Switches::default() }).await;
        project.stand_in.fault(Fault::BadBody, "POST *", u32::MAX);
        let person = Subject::email("echoed@example.com");
        let erased = project.erase(&person).await.unwrap_err();
        let applied = project.calls.apply(&person, &preferences(&["opt-out channel:6539"])).await;
        for (error, message) in [
            (
                erased,
                "Iterable refused `forget` (status 400, code BadJsonBody): does this project identify people by email? \
                 Setting `project-type` is `email`",
            ),
            (applied.unwrap().unwrap_err(), "Iterable refused `create-user` (status 400, code BadJsonBody)"),
        ] {
            assert_eq!(
                (error.kind, error.code.as_str(), error.message.as_str()),
                (ErrorKind::Rejected, "BadJsonBody", message),
                "{bad_body:?}"
            );
        }
        for secret in ["echoed@", project.stand_in.api_key()] {
            assert_eq!(logs::lines(secret), [""; 0], "{bad_body:?}");
        }
    }
}
