use super::{Exit, Running};

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
