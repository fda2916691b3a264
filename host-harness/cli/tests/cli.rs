//! The program as an operator runs it, with the real plugin and the stand-in: output, exit codes, and what reached
//! Iterable.

#[path = "cli/operator.rs"]
mod operator;

use std::{path::Path, time::Duration};

use iterable_stand_in::{Act, AuthType, FIRST_WEBHOOK, Fault};
use operator::Operator;
use serde_json::json;

/// Longer than Iterable needs to show a write, and to forget.
const SETTLED: Duration = Duration::from_secs(81);
const FORGOTTEN: Duration = Duration::from_secs(701);

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_and_an_erasure_go_through() {
    let operator = Operator::new().await;
    let told = operator
        .run(&["consent", "newsletter", "--email", "ada@example.com", "--opt-out", "channel:6539"])
        .await;
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.out.contains("who was created\n  applied    opt-out channel:6539"), "{}", told.out);
    assert_eq!(operator.stand_in.subscriptions("ada@example.com").unwrap().unsubscribed_channels, [6539]);

    operator.stand_in.clock().advance(SETTLED);
    let told = operator.run(&["choices", "newsletter", "--email", "ada@example.com"]).await;
    assert!(told.out.contains("opt-out  channel:6539"), "{}", told.out);

    let told = operator.run(&["erase", "newsletter", "--email", "ada@example.com"]).await;
    assert_eq!(told.code, 4, "{told:?}");
    let next = "run `connector-host confirm newsletter --reference taken` with the same person";
    assert!(told.out.contains(next), "{}", told.out);

    operator.stand_in.clock().advance(FORGOTTEN);
    let told =
        operator.run(&["confirm", "newsletter", "--reference", "taken", "--email", "ada@example.com"]).await;
    assert_eq!(
        (told.code, told.out.lines().next()),
        (0, Some("connection newsletter: erased: the person is gone"))
    );

    let told = operator
        .run(&["consent", "newsletter", "--email", "ada@example.com", "--opt-in", "channel:6539"])
        .await;
    assert_eq!(told.code, 1, "{told:?}");
    assert!(
        told.out.contains("the vendor has erased this person and will not accept them again"),
        "{}",
        told.out
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_can_be_named_on_standard_input_and_json_does_not_repeat_them() {
    let operator = Operator::new().await;
    let told =
        operator.run_with(&["erase", "newsletter", "--email", "-", "--json"], "ada@example.com\n", &[]).await;
    assert_eq!(told.code, 4, "{told:?}");
    let receipt: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(receipt["status"], "accepted");
    assert!(!told.out.contains("ada@"), "{}", told.out);
    assert_eq!(operator.stand_in.requests()[0].body, Some(json!({"email": "ada@example.com"})));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_the_requests_and_sends_only_those_that_read() {
    let operator = Operator::new().await;
    let told = operator.run(&["erase", "newsletter", "--email", "ada@example.com", "--dry-run"]).await;
    assert_eq!(told.code, 0, "{told:?}");
    assert!(
        told.out.contains("POST")
            && told.out.contains("/api/users/forget")
            && told.out.contains("[redacted]"),
        "{}",
        told.out
    );
    let told = operator
        .run(&[
            "consent",
            "newsletter",
            "--email",
            "ada@example.com",
            "--opt-out",
            "channel:6539",
            "--dry-run",
        ])
        .await;
    assert!(told.out.contains("/api/users/update") && told.out.contains("6539"), "{}", told.out);
    assert!(operator.stand_in.requests().iter().all(|request| request.method == "GET"));
    assert!(operator.stand_in.person("ada@example.com").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_shows_each_request_with_its_credentials_masked() {
    let operator = Operator::new().await;
    let told = operator.run(&["items", "newsletter", "--trace"]).await;
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.err.contains("/api/channels (list-channels)\n> api-key: [redacted]\n< 200"), "{}", told.err);
    let key = operator.stand_in.api_key();
    assert!(!told.err.contains(key) && !told.out.contains(key));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_verified_and_a_forged_one_is_not() {
    let operator = Operator::new().await;
    operator.stand_in.with_project(|p| {
        p.webhook(FIRST_WEBHOOK).auth_type = AuthType::OAuth2;
        p.webhook(FIRST_WEBHOOK).set_token(operator::TOKEN);
    });
    operator.stand_in.seed("ada@example.com", None);
    operator.stand_in.act("ada@example.com", &Act::UnsubscribeByLink { channel: 6539 });
    let delivery = operator.stand_in.next_delivery().await;
    let authorization = format!("Authorization: {}", delivery.header("authorization").unwrap());
    let body = String::from_utf8(delivery.body_bytes()).unwrap();
    let verify = ["verify-webhook", "newsletter", "--body", "-", "--header"];
    let told = operator.run_with(&[&verify[..], &[&authorization]].concat(), &body, &[]).await;
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.out.contains("opt-out") && told.out.contains("channel:6539"), "{}", told.out);
    let told =
        operator.run_with(&[&verify[..], &["Authorization: OAuth2 forged"]].concat(), &body, &[]).await;
    assert_eq!(told.code, 1, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_the_connection_the_cause_and_what_to_do() {
    let operator = Operator::new().await;
    operator.stand_in.fault(Fault::BadBody, "POST /api/users/forget", 1);
    let told = operator.run(&["erase", "newsletter", "--email", "ada@example.com"]).await;
    assert_eq!((told.code, told.out.as_str()), (1, ""), "{told:?}");
    assert!(told.err.starts_with("error: connection newsletter: "), "{}", told.err);
    assert!(told.err.contains("\nnext: "), "{}", told.err);
    assert!(!told.err.contains("ada@") && !told.err.contains(operator.stand_in.api_key()), "{}", told.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_ending_a_call_has_a_code_of_its_own() {
    let operator = Operator::new().await;
    let told = operator.run(&["check", "hostile"]).await;
    assert_eq!(told.code, 3, "{told:?}");
    assert!(
        told.err.contains("the sandbox ended the call: its CPU time is used up (limits.cpu-ms)"),
        "{}",
        told.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_and_configuration_have_a_code_of_their_own() {
    let operator = Operator::new().await;
    for (arguments, cause) in [
        (&["check", "newslettr"][..], "no connection `newslettr` is configured: did you mean `newsletter`?"),
        (&["erase", "newsletter"], "--email"),
        (
            &["consent", "newsletter", "--email", "a@example.com", "--opt-out", "6539"],
            "expected an item such as channel:123",
        ),
        (&["inspect", "connector-host.toml"], "not a component"),
    ] {
        let told = operator.run(arguments).await;
        assert_eq!((told.code, told.out.as_str()), (2, ""), "{told:?}");
        assert!(told.err.contains(cause), "{arguments:?}: {}", told.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_shows_everything_that_it_may_do() {
    let operator = Operator::new().await;
    let told = operator.run(&["inspect", "iterable.wasm"]).await;
    assert_eq!(told.code, 0, "{told:?}");
    for word in
        ["privacy:saas-connector/http@0.2.0", "api-key", "forget", "3 a second", "1000 a day", "erasure"]
    {
        assert!(told.out.contains(word), "{word} not found in\n{}", told.out);
    }
    let told = operator.run(&["inspect", "iterable.wasm", "--json"]).await;
    let shown: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    let operations = shown["manifest"]["operations"].as_array().unwrap();
    let forget = operations.iter().find(|operation| operation["name"] == "forget").unwrap();
    for (field, wanted) in [
        ("method", json!("POST")),
        ("path", json!("/api/users/forget")),
        ("used_by", json!(["erasure"])),
        ("limits", json!(["forget-rate", "forget-daily"])),
    ] {
        assert_eq!(forget[field], wanted, "{field} in {forget}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_proxy_of_the_environment_sees_a_request() {
    let operator = Operator::new().await;
    // Nothing listens there, so a request through the proxy would fail.
    let proxies = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    let environment: Vec<_> = proxies.map(|name| (name, "http://127.0.0.1:9")).to_vec();
    let told = operator.run_with(&["check", "newsletter"], "", &environment).await;
    assert_eq!(told.code, 0, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readmes_example_erases_a_person() {
    let operator = Operator::new().await;
    // A whole `cargo test` builds examples; if only this file is tested, run `cargo build --examples` first.
    let program =
        Path::new(env!("CARGO_BIN_EXE_connector-host")).with_file_name("examples").join("erase_once");
    let told =
        operator.program(&program, &[operator.config().to_str().unwrap(), "ada@example.com"], "", &[]).await;
    assert_eq!(
        (told.code, told.out.as_str()),
        (0, "Accepted: email: Iterable accepted the request and needs up to ten minutes\n"),
        "{told:?}"
    );
    assert_eq!(operator.stand_in.requests()[0].line(), "POST /api/users/forget");
}

#[test]
fn the_readme_shows_that_example_and_it_is_under_20_lines() {
    let example = include_str!("../../harness/examples/erase_once.rs");
    let readme = std::fs::read_to_string(xtask::components::root().join("README.md")).unwrap();
    let code = example.split_once("\n\n").unwrap().1.trim();
    assert!(code.lines().count() < 20, "{} lines", code.lines().count());
    assert!(readme.contains(code), "README.md does not show examples/erase_once.rs");
}
