//! An operator makes a connection, tests it, pauses and resumes it, and deletes it.

use crate::walk::Walk;

pub(crate) async fn walk(walk: Walk) {
    let (host, secret) =
        (walk.service.stand_in.address().to_string(), walk.service.stand_in.api_key().to_owned());
    walk.sign_in("ops", &[]).await;
    walk.act("Connections").await;
    walk.sees("There is no connection yet.").await;
    walk.look("list-empty").await;
    walk.act("New connection").await;
    walk.choose("Plugin", "iterable").await;
    walk.look("choose-plugin").await;
    walk.act("Continue").await;
    walk.fill("Key", "newsletter").await;
    walk.fill("Tenant", "connecting").await;
    walk.fill("Domain", "vendor.example.com").await;
    walk.fill("API key", &secret).await;
    walk.look("form").await;
    walk.act("Create the connection").await;
    walk.sees("Nothing was changed.").await;
    walk.look("form-refused").await;
    walk.fill("Domain", &host).await;
    walk.fill("API key", &secret).await;
    walk.fill("Further hosts that it may reach", &host).await;
    walk.tick("It may reach this machine").await;
    walk.tick("It may do so without TLS").await;
    walk.act("Create the connection").await;
    walk.sees("The connection is created.").await;
    walk.act("Test connection").await;
    walk.sees("The connection works.").await;
    walk.look("tested").await;
    let no = serde_json::json!({"code": "BadApiKey", "msg": "Invalid API key"});
    walk.service.stand_in.fault(iterable_stand_in::Fault::Answer(401, no), "GET /api/channels", 9);
    walk.act("Test connection").await;
    walk.sees("The connection does not work.").await;
    walk.look("test-failed").await;

    walk.act("Pause").await;
    walk.fill("Reason", "The vendor migrates until Monday").await;
    walk.look("pause").await;
    walk.act("Pause the connection").await;
    walk.sees("The connection is paused.").await;
    walk.act("Connections").await;
    walk.sees("The vendor migrates until Monday").await;
    walk.look("list").await;
    walk.act("newsletter").await;
    walk.act("Resume").await;
    walk.sees("The connection is resumed.").await;

    walk.act("Change").await;
    walk.sees("Change connection newsletter").await;
    walk.look("change").await;
    walk.act("Cancel").await;
    walk.act("Delete this connection").await;
    walk.sees("This cannot be undone.").await;
    walk.look("delete").await;
    walk.act("Delete the connection").await;
    walk.sees("The connection is deleted.").await;
    walk.end().await;
}
