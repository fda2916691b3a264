//! With two people, one uploads a version and acts on several requests, and another approves both.

use crate::walk::Walk;

pub(crate) async fn walk(mut walk: Walk) {
    walk.service.set("two-people = true");
    walk.service.connect().await;
    walk.service.fail_erasures(&["ada@example.com", "bob@example.com"]).await;
    walk.sign_in("first", &["--role", "approver"]).await;
    let version = upload(&walk).await;
    act_on_requests(&walk).await;
    walk.act("Sign out").await;
    walk.sign_in("second", &["--role", "approver"]).await;
    approve(&walk, &version).await;
    walk.end().await;
}

/// Uploads a version. Returns the first characters of its digest.
async fn upload(walk: &Walk) -> String {
    walk.act("Plugins").await;
    walk.act("iterable").await;
    walk.act("Upload a version").await;
    walk.choose_file("Component", &crate::target_dir().join("components/iterable-next.wasm")).await;
    walk.act("Upload").await;
    walk.comes_to_see("Look at the version, then approve it").await;
    walk.act("Look at the version, then approve it").await;
    walk.sees("It was uploaded with this API key").await;
    walk.offers_no("Approve").await;
    walk.look("own-version").await;
    let digest = walk.path().await.split_once("sha256%3A").unwrap().1.to_owned();
    digest[..12].to_owned()
}

async fn act_on_requests(walk: &Walk) {
    walk.open("/requests?state=failed").await;
    walk.act("Put all 2 that match back…").await;
    walk.act("Put 2 requests back in the queue").await;
    walk.sees("You asked for it with this API key").await;
    walk.offers_no("Approve…").await;
    walk.look("own-act").await;
    walk.act("Overview").await;
    walk.sees("Nothing waits for your approval.").await;
}

async fn approve(walk: &Walk, version: &str) {
    walk.sees("Waiting for you").await;
    walk.look("waiting-for-you").await;
    walk.act(&format!("Version {version} of the plugin iterable")).await;
    walk.act("Approve").await;
    walk.act("Approve the version").await;
    walk.sees("The version is approved.").await;
    walk.act("Overview").await;
    walk.act("2 requests put back in the queue").await;
    walk.sees("0 of 2 have a result").await;
    walk.act("Approve…").await;
    walk.look("approve-act").await;
    walk.act("Approve").await;
    walk.comes_to_see("2 of 2 have a result").await;
}
