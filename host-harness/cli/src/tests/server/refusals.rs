use super::{Exit, Running};
use crate::tests::ran;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_service_does_not_do_is_told_with_its_words() {
    let running = Running::connected().await;
    running.new_key("reader", &["--read-only"]).await;
    running.new_key("other", &["--tenant", "other"]).await;
    std::fs::write(running.file("wrong"), "chk_0123456789").unwrap();
    for (key, arguments, told) in [
        ("key", &["check", "shop"][..], "error: There is no such thing: there is no connection `shop`\n"),
        (
            "other",
            &["check", "newsletter"],
            "error: There is no such thing: there is no connection `newsletter`\n",
        ),
        (
            "key",
            &["check", "../alarms"],
            "error: There is no such thing: there is no connection `../alarms`\n",
        ),
        ("key", &["check", ".."], "error: \"..\" is no name and no id\n"),
        (
            "wrong",
            &["alarm", "list"],
            "error: A valid API key is required: no API key in use is the one that was sent\n",
        ),
        (
            "reader",
            &["connection", "delete", "newsletter"],
            "error: This API key can change nothing: the API key reader was made with --read-only: use another one\n",
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
            "--dry-run is not offered with --server",
        ),
        (
            vec!["inspect", "./iterable.wasm"],
            "with --server, inspect takes the name of a plugin that runs there",
        ),
        (vec!["inspect", "iterable", "--wasi-trapped"], "with --server, inspect takes the name of a plugin"),
        (vec!["serve"], "--server: `serve` is the service itself"),
        (vec!["new-master-key"], "--server: a master key is made here"),
        (vec!["api-key", "list"], "--server: this works on the database"),
        (vec!["backup", "copy.db"], "--server: this works on the database"),
        (vec!["restore", "copy.db"], "--server: this works on the database"),
        (vec!["audit", "verify"], "--server: this works on the database"),
        (vec!["check", "newsletter", "--trace"], "--trace shows what this process sends"),
        (vec!["connection", "change", "newsletter"], "nothing is to be changed\nnext: "),
    ] {
        let found = running.run(&arguments).await;
        assert_eq!((found.exit, found.out.as_str()), (Exit::Misused, ""), "{arguments:?}");
        assert!(found.err.starts_with(&format!("error: {told}")), "{arguments:?}: {}", found.err);
    }
    running.assert_discreet();
}

#[tokio::test]
async fn commands_for_a_service_say_so_where_none_is_named() {
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
            "error: this goes through a running service\nnext: name it with --server URL or CONNECTOR_HOST_SERVER\n",
            "{line}"
        );
    }
    let (exit, _, err) = ran(&["erase", "n", "--email", "a@example.com", "--wait"]).await;
    assert_eq!(exit, Exit::Misused);
    assert_eq!(err, "error: --wait and --idempotency-key are for a service: name it with --server\n");
}

#[tokio::test]
async fn a_service_that_is_not_there_or_is_something_else_is_told() {
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
