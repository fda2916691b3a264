//! A tenant's notices and systems, as its platform defines them.
//! Tested in `cli/src/tests/server/consent.rs`.

use axum::{extract::State, http::StatusCode};
use host_store::RowChange;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Json, Path},
    caller::{Caller, ConnectionsRead, ConnectionsWrite},
    problem::{Problem, kinds},
    refusals::{Conflict, Forbidden, NotFound, Unprocessable},
    state::Api,
    types::notices::{Notice, Notices, System, Systems},
};
use host_model::{consent::notice::UnfitField, names::is_name};
use host_service::consent::catalogue::{Catalogue, CatalogueError};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_notices))
        .routes(routes!(put_notice, delete_notice))
        .routes(routes!(list_systems))
        .routes(routes!(put_system, delete_system))
}

/// Lists a tenant's notices.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/notices", security(("key" = ["connections:read"])), tag = "notices", params(("tenant" = String, Path)),
    responses((status = 200, body = Notices), NotFound))]
async fn list_notices(
    State(catalogue): State<Catalogue>,
    ConnectionsRead(caller): ConnectionsRead,
    Path(tenant): Path<String>,
) -> Result<axum::Json<Notices>, Problem> {
    check_tenant(&caller, &tenant)?;
    let notices = catalogue.notices(&tenant).await?.into_iter().map(Into::into).collect();
    Ok(axum::Json(Notices { notices }))
}

/// Creates a notice, or replaces the one with that id. Refused if a mapping would become invalid.
#[utoipa::path(put, path = "/api/v1/tenants/{tenant}/notices/{id}", security(("key" = ["connections:write"])), tag = "notices",
    params(("tenant" = String, Path), ("id" = String, Path)), responses((status = 204), Forbidden, NotFound, Conflict, Unprocessable))]
async fn put_notice(
    State(catalogue): State<Catalogue>,
    ConnectionsWrite(caller): ConnectionsWrite,
    Path((tenant, id)): Path<(String, String)>,
    Json(notice): Json<Notice>,
) -> Result<StatusCode, Problem> {
    check_whole_tenant(&caller, &tenant)?;
    same("id", &notice.id, &id)?;
    catalogue.put_notice(&tenant, notice.into(), caller.who()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a notice. Refused while an item is mapped to it.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/notices/{id}", security(("key" = ["connections:write"])), tag = "notices",
    params(("tenant" = String, Path), ("id" = String, Path)), responses((status = 204), Forbidden, NotFound, Conflict))]
async fn delete_notice(
    State(catalogue): State<Catalogue>,
    ConnectionsWrite(caller): ConnectionsWrite,
    Path((tenant, id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    check_whole_tenant(&caller, &tenant)?;
    deleted(catalogue.delete_notice(&tenant, &id, caller.who()).await?, "notice", &id)
}

/// Lists a tenant's systems.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/systems", security(("key" = ["connections:read"])), tag = "notices", params(("tenant" = String, Path)),
    responses((status = 200, body = Systems), NotFound))]
async fn list_systems(
    State(catalogue): State<Catalogue>,
    ConnectionsRead(caller): ConnectionsRead,
    Path(tenant): Path<String>,
) -> Result<axum::Json<Systems>, Problem> {
    check_tenant(&caller, &tenant)?;
    let systems = catalogue.systems(&tenant).await?.into_iter().map(Into::into).collect();
    Ok(axum::Json(Systems { systems }))
}

/// Creates a system, or replaces the one with that key. Refused if a mapping would become invalid.
#[utoipa::path(put, path = "/api/v1/tenants/{tenant}/systems/{key}", security(("key" = ["connections:write"])), tag = "notices",
    params(("tenant" = String, Path), ("key" = String, Path)), responses((status = 204), Forbidden, NotFound, Conflict, Unprocessable))]
async fn put_system(
    State(catalogue): State<Catalogue>,
    ConnectionsWrite(caller): ConnectionsWrite,
    Path((tenant, key)): Path<(String, String)>,
    Json(system): Json<System>,
) -> Result<StatusCode, Problem> {
    check_whole_tenant(&caller, &tenant)?;
    same("fides_key", &system.fides_key, &key)?;
    catalogue.put_system(&tenant, system.into(), caller.who()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a system. Refused while a connection belongs to it.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/systems/{key}", security(("key" = ["connections:write"])), tag = "notices",
    params(("tenant" = String, Path), ("key" = String, Path)), responses((status = 204), Forbidden, NotFound, Conflict))]
async fn delete_system(
    State(catalogue): State<Catalogue>,
    ConnectionsWrite(caller): ConnectionsWrite,
    Path((tenant, key)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    check_whole_tenant(&caller, &tenant)?;
    deleted(catalogue.delete_system(&tenant, &key, caller.who()).await?, "system", &key)
}

/// Checks that `caller` may change what concerns the whole tenant.
fn check_whole_tenant(caller: &Caller, tenant: &str) -> Result<(), Problem> {
    check_tenant(caller, tenant)?;
    if caller.reach().includes_tenant(tenant) {
        return Ok(());
    }
    let detail =
        "this concerns all connections of the tenant: use an API key that was created without --connection";
    Err(Problem::of(kinds::NOT_ALL_TENANTS, detail))
}

/// A tenant that the caller cannot access counts as unknown, and so does a name that no tenant can have.
fn check_tenant(caller: &Caller, tenant: &str) -> Result<(), Problem> {
    let unknown = || {
        let detail = format!(
            "there is no tenant `{tenant}`: expected the tenant of a connection, whose name has lower-case words and \
             digits with single dashes between them"
        );
        Problem::of(kinds::UNKNOWN, detail)
    };
    (is_name(tenant) && caller.reach().includes_some_of(tenant)).then_some(()).ok_or_else(unknown)
}

fn same(field: &str, written: &str, addressed: &str) -> Result<(), Problem> {
    let wrong = || {
        let detail = format!("{field}: `{written}` does not match `{addressed}` in the URL");
        Problem::of(kinds::ANOTHER_NAME, detail)
    };
    (written == addressed).then_some(()).ok_or_else(wrong)
}

fn deleted(change: RowChange, what: &str, name: &str) -> Result<StatusCode, Problem> {
    let unknown = || Problem::of(kinds::UNKNOWN, format!("there is no {what} `{name}`"));
    (change == RowChange::Changed).then_some(StatusCode::NO_CONTENT).ok_or_else(unknown)
}

impl From<CatalogueError> for Problem {
    fn from(error: CatalogueError) -> Self {
        let detail = error.to_string();
        match error {
            CatalogueError::Store(error) => error.into(),
            CatalogueError::Unfit(UnfitField { field, why }) => {
                Self::of(kinds::UNFIT_TEXT, detail).about_fields([(field.to_owned(), why.to_string())])
            }
            _ => Self::of(kinds::BREAKS_MAPPING, detail),
        }
    }
}
