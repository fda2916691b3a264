//! A new user follows the integration's manual in the page alone: connects Iterable, tests it, maps a notice, sets up the
//! webhook, sees a choice that was made at the vendor, and has a person erased, with the proof of it.

use std::time::Duration;

use iterable_stand_in::FIRST_WEBHOOK;
use serde_json::json;
use test_support::eventually;

use crate::walk::Walk;

const PERSON: &str = "ada@example.com";

const OPT_OUT: &str = r#"{"email":"ada@example.com","eventName":"emailUnSubscribe","dataFields":{"createdAt":"2026-03-20 23:34:15 +00:00","channelIds":[6539],"email":"ada@example.com"}}"#;

/// Longer than the vendor needs to forget a person.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(20);

pub(crate) async fn walk(mut walk: Walk) {
    walk.service.stand_in.with_project(|project| project.seed(Some(PERSON), None, None));
    walk.sign_in("officer", &[]).await;
    connect(&walk).await;
    map(&walk).await;
    set_webhook_up(&walk).await;
    see_the_choice(&walk).await;
    erase(&mut walk).await;
    walk.end().await;
}

async fn connect(walk: &Walk) {
    let stand_in = &walk.service.stand_in;
    let host = stand_in.address().to_string();
    walk.act("Connections").await;
    walk.act("New connection").await;
    walk.choose("Plugin", "iterable").await;
    walk.act("Continue").await;
    walk.fill("Key", "newsletter").await;
    walk.fill("Tenant", "brief").await;
    walk.fill("Domain", &host).await;
    walk.fill("API key", stand_in.api_key()).await;
    walk.fill("System", "crm").await;
    walk.fill("Further hosts that it may reach", &host).await;
    walk.tick("It may reach this machine").await;
    walk.tick("It may do so without TLS").await;
    walk.act("Create the connection").await;
    walk.sees("The connection is created.").await;
    walk.act("Test connection").await;
    walk.sees("The connection works.").await;
}

async fn map(walk: &Walk) {
    walk.act("Consent mapping").await;
    walk.act("Add one").await;
    walk.act("Add a system").await;
    walk.fill("Key", "crm").await;
    walk.fill("Name", "Mail engine").await;
    walk.fill("Data uses", "marketing.advertising").await;
    walk.act("Save").await;
    walk.sees("The system is saved.").await;
    walk.act("Add a notice").await;
    walk.fill("ID", "marketing").await;
    walk.fill("Name", "Marketing").await;
    walk.fill("Data uses", "marketing").await;
    walk.act("Save").await;
    walk.sees("The notice is saved.").await;
    walk.act("Connections").await;
    walk.act("newsletter").await;
    walk.act("Consent mapping").await;
    walk.choose("Marketing Channel (Email)", "Marketing").await;
    walk.act("Preview the changes").await;
    walk.act("Save the mapping").await;
    walk.sees("The mapping is saved.").await;
}

async fn set_webhook_up(walk: &Walk) {
    walk.act("Connections").await;
    walk.act("newsletter").await;
    walk.act("Webhook").await;
    walk.fill("Webhook ID", &FIRST_WEBHOOK.to_string()).await;
    walk.act("Save the webhook ID").await;
    walk.sees("The webhook ID is saved.").await;
    walk.act("Issue a token to enter by hand").await;
    walk.sees("never again").await;
    let token = walk.evaluate("return document.getElementById('token').value").await;
    let token = token.as_str().expect("the token is shown").to_owned();
    walk.act("Back to the webhook").await;
    walk.service.deliver(&token, OPT_OUT).await;
    walk.comes_to_see("7 of 7 steps are done").await;
}

async fn see_the_choice(walk: &Walk) {
    walk.act("Person").await;
    walk.choose("Kind of identifier", "Email").await;
    walk.fill("Identifier", "unknown@example.com").await;
    walk.act("Find").await;
    walk.sees("No connection knows this person.").await;
    walk.look("person-unknown").await;
    walk.fill("Identifier", PERSON).await;
    walk.look("find-person").await;
    walk.act("Find").await;
    walk.sees("notice marketing").await;
    walk.sees("opted out").await;
    walk.look("person").await;
    assert_eq!(walk.path().await, "/person", "no address names the person");
}

async fn erase(walk: &mut Walk) {
    walk.act("Requests").await;
    walk.act("New request").await;
    walk.choose("Connection", "newsletter").await;
    walk.act("Continue").await;
    walk.choose("What the person wants", "Erase the person").await;
    walk.fill("Identifier: email", PERSON).await;
    walk.look("new-request").await;
    walk.act("Continue").await;
    walk.sees("Erase this person at newsletter?").await;
    walk.look("erase").await;
    walk.act("Erase the person").await;
    walk.sees("The request is stored.").await;
    walk.comes_to_see("accepted, not proven yet").await;
    walk.look("accepted").await;
    walk.pass(FORGOTTEN_AFTER).await;
    walk.comes_to_see("erased: the person is gone").await;
    walk.look("erased").await;

    let folder = walk.service.file("downloads");
    let parameters = json!({"behavior": "allow", "downloadPath": folder});
    walk.devtools("Browser.setDownloadBehavior", parameters).await;
    walk.download("Download the record").await;
    let record = async || {
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
        texts.find_map(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
    };
    let record = eventually("the record is downloaded", record, Option::is_some).await;
    let record = record.expect("it is there");
    assert_eq!(record["outcome"]["receipt"]["status"], "erased", "{record}");
}
