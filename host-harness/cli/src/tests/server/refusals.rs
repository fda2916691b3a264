use super::{Exit, Running};
use crate::tests::ran;

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_service_is_shown_in_the_services_words() {
    let running = Running::connected().await;
    running.new_key("reader", &["--read-only"]).await;
    running.new_key("other", &["--tenant", "other"]).await;
    std::fs::write(running.file("wrong"), "chk_0123456789").unwrap();
    for (key, arguments, told) in [
        ("key", &["check", "shop"][..], "error: Not found: there is no connection `shop`\n"),
        ("other", &["check", "newsletter"], "error: Not found: there is no connection `newsletter`\n"),
        ("key", &["check", "../alarms"], "error: Not found: there is no connection `../alarms`\n"),
        ("key", &["check", ".."], "error: \"..\" is not a valid name or id\n"),
        (
            "wrong",
            &["alarm", "list"],
            "error: A valid API key is required: the API key is unknown or revoked\n",
        ),
        (
            "reader",
            &["connection", "delete", "newsletter"],
            "error: This API key is read-only: the API key reader was created with --read-only: use another one\n",
        ),
    ] {
        let found = running.run_with(key, arguments).await;
        assert_eq!(
            (found.exit, found.out.as_str(), found.err.as_str()),
            (Exit::Misused, "", told),
            "{arguments:?}"
        );
    }
    let found = running.run(&["check", "shop", "--json"]).await;
    assert_eq!(found.json()["error"]["by"], "service");
    assert_eq!(found.json()["error"]["problem"]["type"], "urn:connector-host:problem:unknown");
    running.assert_discreet();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_does_not_offer_says_what_to_use_instead() {
    let running = Running::connected().await;
    let person = ["--email", "ada@example.com"];
    for (arguments, told) in [
        (
            [&["erase", "newsletter", "--dry-run"], &person[..]].concat(),
            "--dry-run cannot be combined with --server",
        ),
        (
            vec!["inspect", "./iterable.wasm"],
            "with --server, inspect takes only the name of a running plugin",
        ),
        (vec!["inspect", "iterable", "--wasi-trapped"], "with --server, inspect takes only the name"),
        (vec!["inspect", "iterable", "--max-bytes", "9"], "with --server, inspect takes only the name"),
        (vec!["serve"], "--server: `serve` is the service itself"),
        (vec!["new-master-key"], "--server: a master key is generated on this machine"),
        (vec!["api-key", "callback-secret", "x"], "--server: this command opens the database"),
        (vec!["backup", "copy.db"], "--server: this command opens the database"),
        (vec!["restore", "copy.db"], "--server: this command opens the database"),
        (vec!["check", "newsletter", "--trace"], "--trace cannot be combined with --server"),
        (vec!["connection", "change", "newsletter"], "nothing to change\nnext: "),
    ] {
        let found = running.run(&arguments).await;
        assert_eq!((found.exit, found.out.as_str()), (Exit::Misused, ""), "{arguments:?}");
        assert!(found.err.starts_with(&format!("error: {told}")), "{arguments:?}: {}", found.err);
    }
    running.assert_discreet();
}

#[tokio::test]
async fn commands_for_a_service_say_so_if_none_is_named() {
    for line in [
        "connection list",
        "request list",
        "alarm list",
        "plugin list",
        "token list n",
        "delivery list n",
        "reload",
        "webhook setup n",
        "mapping show n",
        "notice list --tenant a",
        "system list --tenant a",
        "reconcile n --people -",
        "consent-events",
    ] {
        let (exit, out, err) = ran(&line.split(' ').collect::<Vec<_>>()).await;
        assert_eq!((exit, out.as_str()), (Exit::Misused, ""), "{line}");
        assert_eq!(
            err,
            "error: this command needs a running service\nnext: name it with --server URL or CONNECTOR_HOST_SERVER\n",
            "{line}"
        );
    }
    let (exit, _, err) = ran(&["erase", "n", "--email", "a@example.com", "--wait"]).await;
    assert_eq!(exit, Exit::Misused);
    assert_eq!(
        err,
        "error: --wait, --idempotency-key and --callback require a service: name one with --server\n"
    );
}

#[tokio::test]
async fn an_unreachable_service_or_another_kind_of_server_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    let key = key.to_str().unwrap();
    let (_, _, err) = ran(&["--server", "http://127.0.0.1:9", "--api-key-file", key, "reload"]).await;
    assert!(err.starts_with(&format!("error: --api-key-file: cannot read {key}: ")), "{err}");
    std::fs::write(key, "k-0123456789\n").unwrap();
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = format!("http://{free}");
    let (exit, out, err) = ran(&["--server", &server, "--api-key-file", key, "reload"]).await;
    assert_eq!((exit, out.as_str()), (Exit::Misused, ""));
    assert!(err.starts_with(&format!("error: no service answers at {server}/: ")), "{err}");
    assert!(err.ends_with("next: start one with `connector-host serve`, or correct --server\n"), "{err}");
    assert!(!err.contains("k-0123456789"));
}
