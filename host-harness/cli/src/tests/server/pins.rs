use super::{Exit, Running};

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_pinned_shown_and_unpinned_and_a_check_names_a_version() {
    let running = Running::connected().await;
    let before = running.run(&["plugin", "list", "--json"]).await.json()["plugins"][0]["digest"].clone();
    let before = before.as_str().unwrap();
    let next = xtask::components::current("iterable-next").unwrap();
    let published = running.run(&["plugin", "publish", "iterable", next.to_str().unwrap(), "--agree"]).await;
    assert_eq!(published.exit, Exit::Done, "{published:?}");
    let one = ["plugin", "pin", "iterable", &before[..20], "--connection", "newsletter", "--note", "wait"];
    let pinned = running.run(&one).await;
    assert_eq!(pinned.out, format!("plugin iterable: connection newsletter is pinned to {before}\n"));
    let pins = running.run(&["plugin", "pins", "iterable"]).await;
    for shown in ["connection newsletter", &before[..19], "wait"] {
        assert!(pins.out.contains(shown), "{shown} in {}", pins.out);
    }
    let shown = running.run(&["connection", "show", "newsletter"]).await;
    assert!(shown.out.contains(&format!("{before} pinned for connection newsletter since")), "{}", shown.out);
    assert!(running.run(&["plugin", "list"]).await.out.contains("newsletter"));
    let inspected = running.run(&["inspect", "iterable"]).await;
    assert!(inspected.out.contains(&format!("connection newsletter to {before}")), "{}", inspected.out);
    let checked = running.run(&["check", "newsletter", "--plugin-version", before]).await;
    assert_eq!(checked.exit, Exit::Done, "{checked:?}");
    let unknown = format!("sha256:{}", "7".repeat(64));
    let checked = running.run(&["check", "newsletter", "--plugin-version", &unknown]).await;
    assert_ne!(checked.exit, Exit::Done, "{checked:?}");
    let unpinned = running.run(&["plugin", "unpin", "iterable", "--connection", "newsletter"]).await;
    assert_eq!(unpinned.out, "plugin iterable: connection newsletter is not pinned any more\n");
    let nothing = running.run(&["plugin", "pin", "iterable", before]).await;
    assert_eq!(nothing.exit, Exit::Misused, "{nothing:?}");
    running.assert_discreet();
}
