//! An operator sets up a webhook step by step, sees its first delivery, and has one read again.

use iterable_stand_in::FIRST_WEBHOOK;

use crate::walk::Walk;

const OPT_OUT: &str = r#"{"email":"ada@example.com","eventName":"emailUnSubscribe","dataFields":{"createdAt":"2026-03-20 23:34:15 +00:00","channelIds":[27447],"email":"ada@example.com"}}"#;

pub(crate) async fn walk(walk: Walk) {
    walk.service.connect().await;
    walk.sign_in("ops", &[]).await;
    walk.open("/connections/newsletter/webhook").await;
    walk.sees("1 of 7 steps are done").await;
    walk.look("begun").await;
    walk.fill("Webhook ID", " ").await;
    walk.act("Save the webhook ID").await;
    walk.sees("enter the number that the vendor shows").await;
    walk.look("id-refused").await;
    walk.act("Issue a token to enter by hand").await;
    walk.sees("never again").await;
    walk.look("token").await;
    let token = walk.evaluate("return document.getElementById('token').value").await;
    let token = token.as_str().expect("the token is shown").to_owned();
    assert!(!walk.path().await.contains(&token));
    walk.act("Back to the webhook").await;
    walk.sees("Token 1").await;
    walk.sees_no(&token).await;

    walk.service.deliver(&token, OPT_OUT).await;
    walk.comes_to_see("6 of 7 steps are done").await;
    walk.fill("Webhook ID", &FIRST_WEBHOOK.to_string()).await;
    walk.act("Save the webhook ID").await;
    walk.sees("The webhook ID is saved.").await;
    walk.sees("7 of 7 steps are done").await;
    walk.look("complete").await;
    walk.act("Send the vendor a new token").await;
    walk.sees("The vendor has a new token.").await;
    walk.act("Ask the vendor").await;
    walk.sees(&format!("webhook {FIRST_WEBHOOK}")).await;
    walk.look("checked").await;

    walk.service.deliver(&token, "no JSON").await;
    walk.open("/connections/newsletter/deliveries?unread=true").await;
    walk.comes_to_see("Unreadable").await;
    walk.look("unread").await;
    walk.act("Count them first").await;
    walk.sees("Read 1 delivery to newsletter again?").await;
    walk.look("replay").await;
    walk.act("Read 1 delivery again").await;
    walk.sees("The deliveries are read again.").await;
    walk.look("deliveries").await;
    walk.open("/connections/newsletter/webhook").await;
    walk.act("Revoke token 1").await;
    walk.sees("This cannot be undone.").await;
    walk.look("revoke").await;
    walk.act("Revoke the token").await;
    walk.sees("The token is revoked.").await;
    walk.end().await;
}
