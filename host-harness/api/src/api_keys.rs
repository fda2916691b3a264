//! API keys: listed, created and revoked, each by a key that has at least as much.
//! Tested in `src/tests/api_keys.rs`.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use host_harness::connection::check_host;
use host_model::{names::is_name, role, scope::Scopes};
use host_service::api_keys::{ApiKeys, CreateKeyError};
use host_store::grant::{Grant, KeyReach};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Json, Path, Query},
    caller::{AdminRead, AdminWrite},
    problem::{Problem, kinds},
    refusals::{Conflict, Forbidden, NotFound, Unprocessable},
    state::Api,
    types::api_keys::{ApiKey, ApiKeyPage, ApiKeyQuery, CreatedApiKey, NewApiKey},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_api_keys))
        .routes(routes!(create_api_key))
        .routes(routes!(revoke_api_key))
}

/// Lists the API keys whose tenants and connections are all within those of the caller's key. Their texts are not included.
#[utoipa::path(get, path = "/api/v1/api-keys", security(("key" = ["admin:read"])), tag = "API keys", params(ApiKeyQuery),
    responses((status = 200, body = ApiKeyPage)))]
async fn list_api_keys(
    State(api_keys): State<ApiKeys>,
    AdminRead(caller): AdminRead,
    Query(ApiKeyQuery { before, limit }): Query<ApiKeyQuery>,
) -> Result<axum::Json<ApiKeyPage>, Problem> {
    let all = api_keys.list(caller.reach()).await?.into_iter();
    let newest = match before {
        None => all.collect::<Vec<_>>(),
        Some(id) => all.skip_while(|key| key.id != id).skip(1).collect(),
    };
    let limit = usize::try_from(limit.0).unwrap_or(usize::MAX);
    Ok(axum::Json(ApiKeyPage { api_keys: newest.into_iter().take(limit).map(Into::into).collect() }))
}

/// Creates an API key. The answer contains its text, which is shown only once. A key can only create keys whose scopes,
/// tenants and connections it has itself; callback hosts as well, unless it can access everything.
#[utoipa::path(post, path = "/api/v1/api-keys", security(("key" = ["admin:write"])), tag = "API keys",
    responses((status = 201, body = CreatedApiKey), Forbidden, Conflict, Unprocessable))]
async fn create_api_key(
    State(api_keys): State<ApiKeys>,
    AdminWrite(caller): AdminWrite,
    Json(new): Json<NewApiKey>,
) -> Result<Response, Problem> {
    check_texts(&new)?;
    let NewApiKey { name, role, scopes, tenants, connections, callback_hosts } = new;
    let scopes = match (role, scopes) {
        (Some(role), None) => role::Role::from(role).scopes(),
        (None, Some(scopes)) if !scopes.is_empty() => Scopes::Only(scopes),
        _ => {
            let detail = "expected either `role` or `scopes` with at least one scope";
            return Err(Problem::of(kinds::BAD_BODY, detail));
        }
    };
    if tenants.is_none() && connections.is_some() {
        let detail = "connections: name their tenants in `tenants` too";
        return Err(Problem::of(kinds::BAD_BODY, detail));
    }
    let grant = Grant { reach: KeyReach { tenants, connections }, scopes, callback_hosts };
    let created = api_keys.create(name, grant, &caller.key().grant, caller.who()).await?;
    let mut response = (StatusCode::CREATED, axum::Json(CreatedApiKey::from(created))).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Revokes an API key whose tenants and connections are all within those of the caller's key, also the caller's own. It is
/// refused from now on, and its sessions on the operator's page end.
#[utoipa::path(post, path = "/api/v1/api-keys/{id}/revoke", security(("key" = ["admin:write"])), tag = "API keys", params(("id" = String, Path)),
    responses((status = 200, body = ApiKey), Forbidden, NotFound))]
async fn revoke_api_key(
    State(api_keys): State<ApiKeys>,
    AdminWrite(caller): AdminWrite,
    Path(id): Path<String>,
) -> Result<axum::Json<ApiKey>, Problem> {
    let revoked = api_keys.revoke(id.clone(), caller.reach().clone(), caller.who()).await?;
    let unknown = || Problem::of(kinds::UNKNOWN, format!("there is no API key {id} in use"));
    Ok(axum::Json(revoked.ok_or_else(unknown)?.into()))
}

/// Checks the names and hosts, and reports each wrong one at its field.
fn check_texts(new: &NewApiKey) -> Result<(), Problem> {
    let names = [
        ("name", vec![&new.name]),
        ("tenants", new.tenants.iter().flatten().collect()),
        ("connections", new.connections.iter().flatten().collect()),
    ];
    let wrong_name = |(field, name): (&'static str, &String)| {
        let expected =
            "expected lower-case words and digits with single dashes between them, such as `acme-eu`";
        (!is_name(name)).then(|| (field.to_owned(), format!("`{name}`: {expected}")))
    };
    let names = names.into_iter().flat_map(|(field, names)| names.into_iter().map(move |name| (field, name)));
    let mut errors: Vec<_> = names.filter_map(wrong_name).collect();
    errors.extend(new.callback_hosts.iter().filter_map(|host| {
        check_host(host).err().map(|wrong| ("callback_hosts".to_owned(), wrong.to_string()))
    }));
    if errors.is_empty() {
        return Ok(());
    }
    let detail = errors.iter().map(|(field, wrong)| format!("{field}: {wrong}")).collect::<Vec<_>>();
    Err(Problem::of(kinds::UNFIT_TEXT, detail.join("; ")).about_fields(errors))
}

impl From<CreateKeyError> for Problem {
    fn from(error: CreateKeyError) -> Self {
        let detail = error.to_string();
        match error {
            CreateKeyError::ExceedsOwn(parts) => {
                let why = "more than the key that creates it has";
                let fields = parts.iter().map(|part| (part.as_ref().to_owned(), why.to_owned()));
                Self::of(kinds::EXCEEDS_OWN_RIGHTS, detail).about_fields(fields)
            }
            CreateKeyError::NameTaken(_) => {
                Self::of(kinds::NAME_TAKEN, detail.clone()).about_fields([("name".to_owned(), detail)])
            }
            CreateKeyError::NoRandomness => Self::of(kinds::INTERNAL, detail),
            CreateKeyError::Store(error) => error.into(),
        }
    }
}
