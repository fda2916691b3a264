//! `/api/users`: profiles and their erasure.

use http::StatusCode;
use serde_json::json;

use super::answer::Answer;
use crate::body::Fields;
use crate::call::Call;
use crate::project::{Change, HashList, Identifier, Nested, Project, check_user_id, user_body};
use crate::refusal::Refusal;
use crate::reply::Reply;

pub(super) fn forget(project: &mut Project, call: &Call<'_>) -> Answer {
    let id = one_identifier(project, call)?;
    project.forget(&id)?;
    Ok(Reply::success())
}

pub(super) fn unforget(project: &mut Project, call: &Call<'_>) -> Answer {
    let id = one_identifier(project, call)?;
    project.unforget(&id);
    Ok(Reply::success())
}

fn one_identifier(project: &Project, call: &Call<'_>) -> Result<Identifier, Refusal> {
    let fields = Fields::of(call.body())?;
    project.one_identifier(fields.text("email")?, fields.text("userId")?)
}

pub(super) fn forgotten(project: &mut Project, _: &Call<'_>) -> Answer {
    let body = project.forgotten(HashList::Emails)?;
    Ok(Reply::raw(StatusCode::OK, "application/json", body))
}

pub(super) fn forgotten_user_ids(project: &mut Project, _: &Call<'_>) -> Answer {
    let body = project.forgotten(HashList::UserIds)?;
    Ok(Reply::raw(StatusCode::OK, "application/json", body))
}

pub(super) fn update(project: &mut Project, call: &Call<'_>) -> Answer {
    project.update(&change(&Fields::of(call.body())?)?)?;
    Ok(Reply::success())
}

pub(super) fn bulk_update(project: &mut Project, call: &Call<'_>) -> Answer {
    let fields = Fields::of(call.body())?;
    let users = fields.required("users", fields.objects("users")?)?;
    let changes: Vec<Change> = users.iter().map(change).collect::<Result<_, _>>()?;
    Ok(Reply::ok(&project.bulk_update(&changes)?.body()))
}

fn change(fields: &Fields<'_>) -> Result<Change, Refusal> {
    Ok(Change {
        email: fields.text("email")?.map(str::to_owned),
        user_id: fields.text("userId")?.map(str::to_owned),
        data: fields.object("dataFields")?.cloned().unwrap_or_default(),
        prefer_user_id: fields.bool("preferUserId")?.unwrap_or_default(),
        nested: if fields.bool("mergeNestedObjects")?.unwrap_or_default() {
            Nested::Merge
        } else {
            Nested::Replace
        },
    })
}

pub(super) fn merge(project: &mut Project, call: &Call<'_>) -> Answer {
    let fields = Fields::of(call.body())?;
    let source = either(&fields, "sourceEmail", "sourceUserId")?;
    let destination = either(&fields, "destinationEmail", "destinationUserId")?;
    project.merge(&source, &destination)?;
    Ok(Reply::success())
}

pub(super) fn update_email(project: &mut Project, call: &Call<'_>) -> Answer {
    let fields = Fields::of(call.body())?;
    let new = fields.required("newEmail", fields.text("newEmail")?)?;
    let current = either(&fields, "currentEmail", "currentUserId")?;
    project.update_email(&current, new)?;
    Ok(Reply::success())
}

fn either(fields: &Fields<'_>, email: &str, user_id: &str) -> Result<Identifier, Refusal> {
    match (fields.text(email)?, fields.text(user_id)?) {
        (Some(email), _) => Ok(Identifier::email(email)),
        (None, Some(id)) => Ok(Identifier::user_id(id)),
        (None, None) => Err(Refusal::BadParams(format!("Either {email} or {user_id} must be set"))),
    }
}

pub(super) fn get(project: &mut Project, call: &Call<'_>) -> Answer {
    read(project, &Identifier::email(call.blank(0)))
}

pub(super) fn get_by_email(project: &mut Project, call: &Call<'_>) -> Answer {
    read(project, &Identifier::email(call.parameter("email").unwrap_or_default()))
}

pub(super) fn get_by_user_id(project: &mut Project, call: &Call<'_>) -> Answer {
    let id = call.blanks.first().cloned().or_else(|| call.parameter("userId")).unwrap_or_default();
    read(project, &Identifier::user_id(id))
}

/// Returns a person. An unknown address is a 200 as well.
fn read(project: &Project, id: &Identifier) -> Answer {
    let body = project.read(id)?.map_or_else(|| json!({}), |profile| user_body(project, profile));
    Ok(Reply::ok(&body))
}

pub(super) fn delete(project: &mut Project, call: &Call<'_>) -> Answer {
    project.delete_by_email(call.blank(0))?;
    Ok(Reply::success())
}

pub(super) fn delete_by_user_id(project: &mut Project, call: &Call<'_>) -> Answer {
    let id = call.blank(0);
    check_user_id(id)?;
    project.delete_by_user_id(id)?;
    Ok(Reply::success_saying(&format!("All users associated with {id} were successfully deleted")))
}

pub(super) fn get_fields(project: &mut Project, _: &Call<'_>) -> Answer {
    Ok(Reply::ok(&project.fields()))
}
