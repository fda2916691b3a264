//! A tenant's notices and systems, as its platform has them.

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    routing::{get, put},
};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{
    body::{Json, Path},
    caller::{Caller, Writer},
    problem::{Problem, kinds},
};
use crate::state::Api;
use host_model::consent::{Notice, System};
use host_service::consent::catalogue::Catalogue;
use host_service::consent::catalogue::CatalogueError;

#[derive(OpenApi)]
#[openapi(paths(list_notices, put_notice, delete_notice, list_systems, put_system, delete_system))]
pub(super) struct Part;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/api/v1/tenants/{tenant}/notices", get(list_notices))
        .route("/api/v1/tenants/{tenant}/notices/{id}", put(put_notice).delete(delete_notice))
        .route("/api/v1/tenants/{tenant}/systems", get(list_systems))
        .route("/api/v1/tenants/{tenant}/systems/{key}", put(put_system).delete(delete_system))
}

/// A tenant's notices.
#[derive(Serialize, ToSchema)]
struct Notices {
    /// By id: `id`, `notice_key`, `name`, `data_uses`, `enforcement_level`.
    #[schema(value_type = Vec<Object>)]
    notices: Vec<Notice>,
}

/// A tenant's systems.
#[derive(Serialize, ToSchema)]
struct Systems {
    /// By key: `fides_key`, `name`, `data_uses`.
    #[schema(value_type = Vec<Object>)]
    systems: Vec<System>,
}

/// Lists a tenant's notices.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/notices", tag = "notices", params(("tenant" = String, Path)),
    responses((status = 200, body = Notices)))]
async fn list_notices(
    State(catalogue): State<Catalogue>,
    caller: Caller,
    Path(tenant): Path<String>,
) -> Result<axum::Json<Notices>, Problem> {
    within(&caller, &tenant)?;
    Ok(axum::Json(Notices { notices: catalogue.notices(&tenant).await? }))
}

/// Makes a notice, or puts it in place of the one of that id. Refused where a mapping would no longer hold.
#[utoipa::path(put, path = "/api/v1/tenants/{tenant}/notices/{id}", tag = "notices",
    params(("tenant" = String, Path), ("id" = String, Path)), request_body = Object, responses((status = 204)))]
async fn put_notice(
    State(catalogue): State<Catalogue>,
    Writer(caller): Writer,
    Path((tenant, id)): Path<(String, String)>,
    Json(notice): Json<Notice>,
) -> Result<StatusCode, Problem> {
    within(&caller, &tenant)?;
    same("id", &notice.id, &id)?;
    catalogue.put_notice(&tenant, notice, caller.who()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a notice away. Refused while an item is mapped to it.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/notices/{id}", tag = "notices",
    params(("tenant" = String, Path), ("id" = String, Path)), responses((status = 204)))]
async fn delete_notice(
    State(catalogue): State<Catalogue>,
    Writer(caller): Writer,
    Path((tenant, id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    within(&caller, &tenant)?;
    gone(catalogue.delete_notice(&tenant, &id, caller.who()).await?, "notice", &id)
}

/// Lists a tenant's systems.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/systems", tag = "notices", params(("tenant" = String, Path)),
    responses((status = 200, body = Systems)))]
async fn list_systems(
    State(catalogue): State<Catalogue>,
    caller: Caller,
    Path(tenant): Path<String>,
) -> Result<axum::Json<Systems>, Problem> {
    within(&caller, &tenant)?;
    Ok(axum::Json(Systems { systems: catalogue.systems(&tenant).await? }))
}

/// Makes a system, or puts it in place of the one of that key. Refused where a mapping would no longer hold.
#[utoipa::path(put, path = "/api/v1/tenants/{tenant}/systems/{key}", tag = "notices",
    params(("tenant" = String, Path), ("key" = String, Path)), request_body = Object, responses((status = 204)))]
async fn put_system(
    State(catalogue): State<Catalogue>,
    Writer(caller): Writer,
    Path((tenant, key)): Path<(String, String)>,
    Json(system): Json<System>,
) -> Result<StatusCode, Problem> {
    within(&caller, &tenant)?;
    same("fides_key", &system.key, &key)?;
    catalogue.put_system(&tenant, system, caller.who()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a system away. Refused while a connection stands for it.
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/systems/{key}", tag = "notices",
    params(("tenant" = String, Path), ("key" = String, Path)), responses((status = 204)))]
async fn delete_system(
    State(catalogue): State<Catalogue>,
    Writer(caller): Writer,
    Path((tenant, key)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    within(&caller, &tenant)?;
    gone(catalogue.delete_system(&tenant, &key, caller.who()).await?, "system", &key)
}

/// Another tenant is as if it were not there.
fn within(caller: &Caller, tenant: &str) -> Result<(), Problem> {
    let unknown = || Problem::of(kinds::UNKNOWN, format!("there is no tenant `{tenant}`"));
    caller.reaches(tenant).then_some(()).ok_or_else(unknown)
}

fn same(field: &str, written: &str, addressed: &str) -> Result<(), Problem> {
    let wrong = || {
        let detail = format!("{field}: `{written}` is not the `{addressed}` of the address");
        Problem::of(kinds::BAD_BODY, detail)
    };
    (written == addressed).then_some(()).ok_or_else(wrong)
}

fn gone(was_there: bool, what: &str, name: &str) -> Result<StatusCode, Problem> {
    let unknown = || Problem::of(kinds::UNKNOWN, format!("there is no {what} `{name}`"));
    was_there.then_some(StatusCode::NO_CONTENT).ok_or_else(unknown)
}

impl From<CatalogueError> for Problem {
    fn from(error: CatalogueError) -> Self {
        let detail = error.to_string();
        match error {
            CatalogueError::Store(error) => error.into(),
            _ => Self::of(kinds::BREAKS_MAPPING, detail),
        }
    }
}
