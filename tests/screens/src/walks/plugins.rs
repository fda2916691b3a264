//! A privacy officer reads what a plugin may do, compares and approves a new version, has it serve, and puts the old one back.

use crate::walk::Walk;

pub(crate) async fn walk(walk: Walk) {
    walk.service.connect().await;
    walk.sign_in("officer", &[]).await;
    walk.act("Plugins").await;
    walk.look("list").await;
    walk.act("iterable").await;
    walk.sees("Every request that it may send").await;
    walk.look("plugin").await;

    walk.act("Upload a version").await;
    walk.sees("A WebAssembly component.").await;
    walk.look("upload").await;
    let next = crate::target_dir().join("components/iterable-next.wasm");
    walk.choose_file("Component", &next).await;
    walk.act("Upload").await;
    walk.comes_to_see("Look at the version, then approve it").await;
    walk.look("operation").await;
    walk.act("Look at the version, then approve it").await;
    walk.sees("Waits for approval").await;
    walk.look("version").await;
    let version = walk.path().await;
    walk.act("Compare with the version that runs").await;
    walk.sees("What differs").await;
    walk.look("difference").await;
    walk.open(&version).await;
    walk.act("Approve").await;
    walk.sees("It does not serve yet").await;
    walk.look("approve").await;
    walk.act("Approve the version").await;
    walk.sees("The version is approved.").await;
    walk.act("Serve").await;
    walk.sees("serves all connections of plugin iterable").await;
    walk.look("serve").await;
    walk.act("Serve the version").await;
    walk.comes_to_see("Show the plugin").await;
    walk.act("Show the plugin").await;
    walk.act("Roll back").await;
    walk.sees("Roll plugin iterable back?").await;
    walk.look("roll-back").await;
    walk.act("Roll back").await;
    walk.comes_to_see("Show the plugin").await;

    walk.open(&version).await;
    walk.fill("Its key or name", "newsletter").await;
    walk.act("Pin").await;
    walk.sees("whichever version plugin iterable runs").await;
    walk.look("pin").await;
    walk.act("Pin connection newsletter").await;
    walk.sees("The pin is set.").await;
    walk.look("plugin-pinned").await;
    walk.act("Unpin connection newsletter").await;
    walk.sees("Unpin connection newsletter?").await;
    walk.look("unpin").await;
    walk.act("Unpin connection newsletter").await;
    walk.sees("The pin is removed.").await;
    walk.end().await;
}
