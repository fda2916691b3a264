//! An administrator gives a colleague a key, sees what needs attention, reveals the person of a failed request, and reads who
//! did what.

use iterable_stand_in::Fault;
use reqwest::Method;
use serde_json::json;

use crate::walk::Walk;

const PERSON: &str = "ada@example.com";

pub(crate) async fn walk(walk: Walk) {
    walk.sign_in("admin", &[]).await;
    give_a_key(&walk).await;
    fail_a_request(&walk).await;
    walk.act("Overview").await;
    walk.comes_to_see("connection parked").await;
    walk.look("overview").await;
    walk.act("Alarms").await;
    walk.sees("What to do:").await;
    walk.look("alarms").await;
    reveal(&walk).await;
    read_the_audit(&walk).await;
    walk.act("Alarms").await;
    walk.fill("What was done about it", "the credential is renewed").await;
    walk.act("Clear").await;
    walk.sees("The alarm is cleared.").await;
    walk.sees("No alarm is open.").await;
    walk.look("no-alarm").await;
    walk.end().await;
}

async fn give_a_key(walk: &Walk) {
    walk.act("Keys").await;
    walk.look("keys").await;
    walk.act("Create a key").await;
    walk.fill("Name", "Not a name").await;
    walk.choose("Role", "Viewer").await;
    walk.look("new-key").await;
    walk.act("Create the key").await;
    walk.sees("Nothing was changed.").await;
    walk.look("new-key-refused").await;
    walk.fill("Name", "auditor").await;
    walk.act("Create the key").await;
    walk.sees("cannot be shown again").await;
    walk.look("created-key").await;
    walk.act("I have copied it").await;
    walk.act_in("auditor", "Revoke").await;
    walk.look("revoke-key").await;
    walk.act("Revoke the key").await;
    walk.sees("The API key is revoked and no longer accepted.").await;
}

/// The vendor refuses the credential, which parks the connection and raises an alarm, after it refused an erasure.
async fn fail_a_request(walk: &Walk) {
    let stand_in = &walk.service.stand_in;
    walk.service.connect().await;
    walk.service.fail_erasures(&[PERSON]).await;
    let no = json!({"code": "BadApiKey", "msg": "Invalid API key"});
    stand_in.fault(Fault::Answer(401, no), "POST /api/users/forget", 100);
    walk.service.erase("bob@example.com").await;
    walk.open("/connections/newsletter").await;
    walk.sees_on_reload("Parked").await;
    walk.look("parked").await;
}

async fn reveal(walk: &Walk) {
    let failed = walk.service.send(Method::GET, "/api/v1/requests?state=failed", None).await;
    let id = failed["requests"][0]["id"].as_str().expect("a request has failed");
    walk.open(&format!("/requests/{id}")).await;
    walk.sees_no(PERSON).await;
    walk.act("Reveal the person").await;
    walk.sees(PERSON).await;
    walk.look("revealed").await;
    assert!(!walk.path().await.contains("ada"));
}

async fn read_the_audit(walk: &Walk) {
    walk.act("Audit").await;
    walk.act("Verify now").await;
    walk.sees("Intact").await;
    walk.fill("What", "person-revealed").await;
    walk.act("Filter").await;
    walk.sees("person revealed").await;
    walk.sees_no(PERSON).await;
    walk.look("audit").await;
}
