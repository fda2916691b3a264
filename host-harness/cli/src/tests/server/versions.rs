use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{Exit, Running};
use crate::tests::{Kept, ran};

fn guest(name: &str) -> String {
    xtask::components::current(&format!("guests/{name}")).unwrap().to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_uploaded_approved_served_and_put_back_by_the_beginning_of_its_digest() {
    let running = Running::connected().await;
    let next = xtask::components::current("iterable-next").unwrap();
    let next = next.to_str().unwrap();
    let before = running.run(&["plugin", "list", "--json"]).await.json()["plugins"][0]["digest"].clone();
    let before = before.as_str().unwrap();
    let uploaded = running.run(&["plugin", "upload", "iterable", next, "--note", "try it"]).await;
    assert_eq!(uploaded.exit, Exit::Done, "{uploaded:?}");
    let digest = uploaded.out.split_whitespace().find(|word| word.starts_with("sha256:")).unwrap();
    assert!(uploaded.out.starts_with(&format!("plugin iterable: proven {digest}\n")), "{}", uploaded.out);
    let approved = running.run(&["plugin", "approve", "iterable", &digest[..20]]).await;
    assert!(approved.out.starts_with(&format!("plugin iterable: approved {digest}\n")), "{}", approved.out);
    let served = running.run(&["plugin", "serve", "iterable", &digest[7..20]]).await;
    assert!(served.out.starts_with(&format!("plugin iterable: running {digest}\n")), "{}", served.out);
    let back = running.run(&["plugin", "serve", "iterable", before]).await;
    assert!(back.out.starts_with(&format!("plugin iterable: running {before}\n")), "{}", back.out);
    let history = running.run(&["plugin", "history", "iterable"]).await;
    for shown in [&digest[..19], &before[..19], "serving", "retired", "try it", "upload", "file"] {
        assert!(history.out.contains(shown), "{shown} in {}", history.out);
    }
    let permissions = running.run(&["plugin", "permissions", "iterable", &digest[..20], "--json"]).await;
    assert_eq!(permissions.json()["digest"], json!(digest));
    let difference =
        running.run(&["plugin", "difference", "iterable", &digest[..20], "--from", before]).await;
    assert!(difference.out.starts_with(&format!("plugin iterable: from {before}\n")), "{}", difference.out);
    let steps = running.run(&["plugin", "history", "iterable", "--version", &digest[..20]]).await;
    for shown in ["uploaded", "compiled", "proof passed: ", "approved", "serving", "retired", "replaced by"] {
        assert!(steps.out.contains(shown), "{shown} in {}", steps.out);
    }
    let unknown = running.run(&["plugin", "serve", "iterable", "sha256:0"]).await;
    assert_eq!(unknown.exit, Exit::Misused, "{unknown:?}");
    running.assert_discreet();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_behaves_differently_is_shown_and_waits_for_agree() {
    let running = Running::new().await;
    let file = |name: &str| {
        let component = xtask::components::current(&format!("guests/{name}")).unwrap();
        component.to_str().unwrap().to_owned()
    };
    let (first, second) = (file("erases_at_once"), file("erases_after_look"));
    let published = running.run(&["plugin", "publish", "eraser", &first, "--agree"]).await;
    assert_eq!(published.exit, Exit::Done, "{published:?}");
    let host = running.stand_in.address().to_string();
    let domain = format!("domain={host}");
    let create =
        ["connection", "create", "store", "--tenant", "acme", "--plugin", "eraser", "--setting", &domain];
    let policy = ["--allow-host", &host, "--loopback", "--plain-http"];
    let created = running.run(&[&create[..], &policy].concat()).await;
    assert_eq!(created.exit, Exit::Done, "{created:?}");
    let park = running
        .parts
        .store
        .write(|tx| Box::pin(async move { host_store::holds::park(tx, "store", 1, "it waits").await }));
    park.await.unwrap();
    let erasure = ["erase", "store", "--email", "-"];
    let taken = running.fed(&erasure, "ada@example.com\n").await;
    assert_ne!(taken.exit, Exit::Misused, "{taken:?}");
    let dry = running.run(&["plugin", "publish", "eraser", &second, "--dry-run", "--test-connections"]).await;
    assert_eq!(dry.exit, Exit::Misused, "{dry:?}");
    let difference = "connection store: 1 erasure: another request: look (GET /people/{email}, read) instead of forget \
                      (POST /people/{email}/forget, write)";
    for shown in [
        "compared on 1 erasure in ",
        "settings suit it: store",
        "test of store skipped in ",
        "behaves-differently: ",
        &format!("than the one that serves:\n    {difference}"),
    ] {
        assert!(dry.out.contains(shown), "{shown} is not in\n{}", dry.out);
    }
    let refused = running.run(&["plugin", "publish", "eraser", &second]).await;
    assert_eq!(refused.exit, Exit::Misused, "{refused:?}");
    for shown in [difference, "publish it with --agree"] {
        assert!(refused.err.contains(shown), "{shown} is not in\n{}", refused.err);
    }
    let agreed = running.run(&["plugin", "publish", "eraser", &second, "--agree"]).await;
    assert_eq!(agreed.exit, Exit::Done, "{agreed:?}");
    assert!(agreed.out.contains(difference), "{}", agreed.out);
    let history = running.run(&["plugin", "history", "eraser"]).await;
    assert!(history.out.contains("serving"), "{}", history.out);
    running.assert_discreet();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_is_an_operation_whose_steps_are_printed_on_a_terminal_as_they_are_reached() {
    let running = Running::new().await;
    let (err, publish) = (Kept::default(), ["plugin", "publish", "guest", &guest("build_one"), "--agree"]);
    let published = running.watched(&publish, &err).await;
    assert_eq!(published.exit, Exit::Done, "{published:?}");
    assert!(published.out.starts_with("plugin guest: running sha256:"), "{}", published.out);
    let (first, steps) = published.err.split_once('\n').unwrap();
    let id = first.strip_prefix("publish guest: operation ").unwrap();
    let id = id.strip_suffix("; ctrl-c ends the wait").unwrap();
    // Further evidence of a step is on indented lines.
    let first_lines = steps.lines().filter(|line| !line.starts_with("   "));
    let reached: Vec<_> = first_lines.filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(reached, ["uploaded", "compiled", "proven", "approved", "serving"]);
    for line in steps.lines() {
        assert!(published.out.contains(line), "{line} in {}", published.out);
    }
    let shown = running.run(&["plugin", "operation", id]).await;
    shown.assert_line("what publish guest");
    shown.assert_line("state succeeded");
    assert!(shown.exit == Exit::Done && shown.out.trim_end().ends_with(steps.trim_end()), "{shown:?}");
    let quiet = running.run(&["plugin", "publish", "guest", &guest("build_two"), "--json"]).await;
    assert_eq!(quiet.json()["steps"].as_array().unwrap().len(), 5, "{quiet:?}");
    assert_eq!(quiet.err.lines().count(), 1, "{quiet:?}");
    let listed = running.run(&["plugin", "operations", "guest"]).await;
    assert_eq!(listed.out.matches("succeeded").count(), 2, "{}", listed.out);
    running.assert_discreet();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_publication_ends_as_if_it_was_waited_for_and_is_shown_with_its_problem() {
    let running = Running::new().await;
    let publish = ["plugin", "publish", "guest", &guest("build_one")];
    let refused = running.run(&publish).await;
    assert_eq!((refused.exit, refused.out.as_str()), (Exit::Misused, ""), "{refused:?}");
    let (first, why) = refused.err.split_once('\n').unwrap();
    assert!(
        why.starts_with("error: The version requests more permissions, which are not approved: "),
        "{why}"
    );
    assert!(why.contains("publish it again with --agree to approve this"), "{why}");
    let id = first.strip_prefix("publish guest: operation ").unwrap().split(';').next().unwrap();
    for wait in [&[][..], &["--wait"]] {
        let shown = running.run(&[&["plugin", "operation", id], wait].concat()).await;
        assert_eq!(shown.exit, Exit::Misused);
        assert!(shown.out.contains(" ms  asks-for-more\nerror: "), "{}", shown.out);
        assert!(shown.out.trim_end().ends_with(why.trim_end()), "{}", shown.out);
        shown.assert_line("state failed");
    }
    let refused = running.run(&[&publish[..], &["--json"]].concat()).await.json();
    assert_eq!(refused["error"]["problem"]["type"], "urn:connector-host:problem:asks-for-more");
    let unknown = running.run(&["plugin", "operation", "never"]).await;
    assert_eq!(unknown.exit, Exit::Misused, "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_of_an_older_version_that_answers_at_the_end_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "k-0123456789").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let conditions = json!({"max_bytes": 1, "describe_ms": 1, "wasi_trapped": false});
    let published = json!({"name": "guest", "digest": "sha256:ab", "before": null, "changes": [],
        "conditions": conditions, "next_start": "it stays"})
    .to_string();
    let answering = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4_096];
        let read = stream.read(&mut request).await.unwrap();
        let head =
            format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", published.len());
        stream.write_all(format!("{head}{published}").as_bytes()).await.unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    let arguments =
        ["--server", &server, "--api-key-file", key.to_str().unwrap(), "plugin", "roll-back", "guest"];
    let (exit, out, err) = ran(&arguments).await;
    assert_eq!((exit, err.as_str()), (Exit::Done, ""));
    assert!(out.starts_with("plugin guest: running sha256:ab\n") && out.ends_with("it stays\n"), "{out}");
    let request = answering.await.unwrap();
    assert!(
        request.starts_with("POST /api/v1/plugins/guest/roll-back ") && request.contains("respond-async")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_a_version_requires_is_given_with_it() {
    let running = Running::new().await;
    let (one, greedy) = (guest("build_one"), guest("build_greedy"));
    assert_eq!(running.run(&["plugin", "publish", "guest", &one, "--agree"]).await.exit, Exit::Done);
    for key in ["shop", "news"] {
        let create = ["connection", "create", key, "--tenant", "acme", "--plugin", "guest"];
        let setting = ["--setting", "domain=vendor.example.com", "--allow-host", "vendor.example.com"];
        assert_eq!(running.run(&[&create[..], &setting].concat()).await.exit, Exit::Done);
    }
    let publish = ["plugin", "publish", "guest", &greedy, "--agree"];
    let rehearse = [&publish[..], &["--dry-run"]].concat();
    let refused = running.run(&rehearse).await;
    assert!(
        refused.exit == Exit::Misused && refused.out.contains("setting region: it is required"),
        "{refused:?}"
    );
    let secret = format!("news.master-key=file:{}", running.path("iterable.key"));
    let given = ["--setting", "region=eu", "--setting", "news.region=us", "--secret", &secret];
    let would = running.run(&[&rehearse[..], &given].concat()).await;
    assert!(would.exit == Exit::Done && would.out.contains("would serve"), "{would:?}");
    let served = running.run(&[&publish[..], &given].concat()).await;
    assert_eq!(served.exit, Exit::Done, "{served:?}");
    for changed in ["news: settings.region, secrets.master-key\n", "shop: settings.region\n"] {
        assert!(served.out.contains(changed), "{served:?}");
    }
    for (key, region) in [("news", "us"), ("shop", "eu")] {
        let shown = running.run(&["connection", "show", key, "--json"]).await.json();
        assert_eq!(shown["settings"]["region"], region);
    }
    for (typed, wrong) in [
        (["--setting", "region"], "error: --setting: expected NAME=VALUE or CONNECTION.NAME=VALUE"),
        (["--secret", "news.master-key=m-0123456789"], "error: --secret: expected NAME=file:PATH"),
    ] {
        let refused = running.run(&[&publish[..], &typed].concat()).await;
        assert!(refused.exit == Exit::Misused && refused.err.starts_with(wrong), "{refused:?}");
        assert!(!refused.err.contains("m-0123456789"));
    }
    running.assert_discreet();
}
