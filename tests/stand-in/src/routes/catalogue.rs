//! `/api/channels`, `/api/messageTypes`, `/api/lists`.

use http::StatusCode;
use serde_json::json;

use super::answer::Answer;
use crate::call::Call;
use crate::project::Project;
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(super) fn channels(project: &mut Project, _: &Call<'_>) -> Answer {
    Ok(Reply::ok(&json!({"channels": project.catalogue.channels})))
}

pub(super) fn message_types(project: &mut Project, _: &Call<'_>) -> Answer {
    Ok(Reply::ok(&project.catalogue.shown_message_types()))
}

pub(super) fn lists(project: &mut Project, _: &Call<'_>) -> Answer {
    Ok(Reply::ok(&json!({"lists": project.catalogue.lists})))
}

/// Returns one address per line.
pub(super) fn list_users(project: &mut Project, call: &Call<'_>) -> Answer {
    let list = call.parameter("listId").unwrap_or_default();
    let id = list.parse().ok().filter(|id| project.catalogue.has_static_list(*id));
    let id: i64 = id.ok_or(Refusal::NoSuchListToRead { project: project.id, list })?;
    let lines: String = project.on_list(id).flat_map(|email| [email, "\n"]).collect();
    Ok(Reply::raw(StatusCode::OK, "text/plain; charset=utf-8", lines))
}
