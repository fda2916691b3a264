//! A user signs in, finds nothing to do, loses the way, and signs out.

use crate::walk::Walk;

pub(crate) async fn walk(walk: Walk) {
    walk.open("/requests").await;
    walk.sees("API key").await;
    walk.look("sign-in").await;
    walk.fill("API key", "chk_wrong").await;
    walk.act("Sign in").await;
    walk.sees("This API key is unknown or revoked.").await;
    walk.look("sign-in-refused").await;
    walk.sign_in("ops", &[]).await;
    walk.sees("No alarm is open.").await;
    walk.look("start-empty").await;
    walk.open("/no-such-screen").await;
    walk.sees("There is no screen at this address.").await;
    walk.act("Back to the overview").await;
    walk.act("Sign out").await;
    walk.sees("API key").await;
    assert_eq!(walk.path().await, "/sign-in");
    walk.end().await;
}
