//! `/api/webhooks`.

use serde_json::json;

use super::answer::Answer;
use crate::body::Fields;
use crate::call::Call;
use crate::project::Project;
use crate::project::webhook::WebhookView;
use crate::reply::Reply;

pub(super) fn list(project: &mut Project, _: &Call<'_>) -> Answer {
    let shown: Vec<WebhookView<'_>> = project.webhooks().iter().map(WebhookView::from).collect();
    Ok(Reply::ok(&json!({"webhooks": shown})))
}

pub(super) fn change(project: &mut Project, call: &Call<'_>) -> Answer {
    let webhook = project.change_webhook(&Fields::of(call.body())?)?;
    Ok(Reply::ok(&WebhookView::from(webhook)))
}
