//! `/api/webhooks`.

use serde_json::json;

use super::answer::Answer;
use crate::body::Fields;
use crate::call::Call;
use crate::project::Project;
use crate::project::webhook::Shown;
use crate::reply::Reply;

pub(super) fn list(project: &mut Project, _: &Call<'_>) -> Answer {
    let shown: Vec<Shown<'_>> = project.webhooks().iter().map(Shown::from).collect();
    Ok(Reply::ok(&json!({"webhooks": shown})))
}

pub(super) fn change(project: &mut Project, call: &Call<'_>) -> Answer {
    let webhook = project.change_webhook(&Fields::of(call.body())?)?;
    Ok(Reply::ok(&Shown::from(webhook)))
}
