use super::{Exit, Running};

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_released_in_steps_shown_moved_and_rolled_back() {
    let running = Running::connected().await;
    let none = running.run(&["plugin", "release", "show", "iterable"]).await;
    assert_eq!(none.exit, Exit::Misused, "{none:?}");
    let next = xtask::components::current("iterable-next").unwrap();
    let uploaded = running.run(&["plugin", "upload", "iterable", next.to_str().unwrap(), "--json"]).await;
    let digest = uploaded.json()["digest"].as_str().unwrap().to_owned();
    let first_step = ["plugin", "release", "begin", "iterable", &digest[..20], "--steps", "12.5,100"];
    let early = running.run(&first_step).await;
    assert!(early.exit != Exit::Done && early.err.contains("approve it first"), "{early:?}");
    let approved = running.run(&["plugin", "approve", "iterable", &digest]).await;
    assert_eq!(approved.exit, Exit::Done, "{approved:?}");
    let begun = running.run(&first_step).await;
    assert_eq!(begun.exit, Exit::Done, "{begun:?}");
    for shown in
        ["plugin iterable: release at 12.5 %", &digest, "steps 12.5 %, 100 %", "verdict: inconclusive"]
    {
        assert!(begun.out.contains(shown), "{shown} in {}", begun.out);
    }
    let shown = running.run(&["plugin", "release", "show", "iterable", "--json"]).await;
    assert_eq!((shown.exit, &shown.json()["state"]), (Exit::Unproven, &"running".into()), "{shown:?}");
    for (command, state) in [
        (&["pause", "iterable"][..], "release paused at 12.5 %"),
        (&["resume", "iterable"], "release at 12.5 %"),
        (&["advance", "iterable", "12.5"], "release at 100 %"),
        (&["roll-back", "iterable"], "release rolled back"),
    ] {
        if command[0] == "roll-back" {
            let again = running.run(&["plugin", "release", "advance", "iterable", "12.5"]).await;
            assert!(
                again.exit != Exit::Done && again.err.contains("is at 100 %, not at 12.5 %"),
                "{again:?}"
            );
        }
        let moved = running.run(&[&["plugin", "release"], command].concat()).await;
        assert!(moved.exit == Exit::Done && moved.out.contains(state), "{moved:?}");
    }
    let ended = running.run(&["plugin", "release", "show", "iterable"]).await;
    assert_eq!(ended.exit, Exit::Refused, "{ended:?}");
    let again = running.run(&["plugin", "release", "resume", "iterable"]).await;
    assert!(again.exit != Exit::Done && again.err.contains("the release has ended"), "{again:?}");
    running.assert_discreet();
}
