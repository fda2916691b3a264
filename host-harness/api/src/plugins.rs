//! Plugins: what runs, and other versions published and rolled back while it does.

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::{
    body::{Path, Query},
    caller::{Caller, Everybody},
    problem::{Problem, kinds},
};
use crate::state::Api;
use host_harness::plugin::{Permissions, SwapError};
use host_service::{
    connections::{
        Connections,
        approval::Approval,
        plugins::{PublishError, Published},
    },
    served::Served,
};

/// The largest upload, in bytes. A plugin's own `max-bytes`, 2 MiB where nobody says otherwise, is judged after that.
const LARGEST_COMPONENT: usize = 64 << 20;

/// What publishing means for the next start.
const NEXT_START: &str = "it also runs after the next start, before the file that the configuration names";

#[derive(OpenApi)]
#[openapi(paths(list, inspect, publish, roll_back))]
pub(super) struct Part;

pub(super) fn routes() -> Router<Api> {
    let one = post(publish).layer(DefaultBodyLimit::max(LARGEST_COMPONENT)).get(inspect);
    Router::new()
        .route("/api/v1/plugins", get(list))
        .route("/api/v1/plugins/{name}", one)
        .route("/api/v1/plugins/{name}/roll-back", post(roll_back))
}

/// Plugins.
#[derive(Serialize, ToSchema)]
struct Plugins {
    /// In the order of their names.
    plugins: Vec<Shown>,
}

/// A plugin's version that runs.
#[derive(Serialize, ToSchema)]
struct Shown {
    /// What connections call it by.
    name: String,
    /// The connector's own name.
    connector: String,
    /// The connector's own version.
    version: String,
    /// Its identity.
    digest: String,
    /// The version of the contract that it was built against, such as `0.2.0`.
    contract: String,
    /// What it offers.
    interfaces: Vec<String>,
    /// What it imports: its permission list.
    imports: Vec<String>,
}

/// The plugins that run.
#[utoipa::path(get, path = "/api/v1/plugins", tag = "plugins", responses((status = 200, body = Plugins)))]
async fn list(State(served): State<Served>, _caller: Caller) -> axum::Json<Plugins> {
    let slots = served.host().plugins();
    let plugins = slots.iter().map(|(name, slot)| {
        let running = slot.current();
        let plugin = running.plugin();
        Shown {
            name: name.clone(),
            connector: plugin.manifest().name.clone(),
            version: plugin.manifest().version.clone(),
            digest: plugin.digest().to_string(),
            contract: plugin.contract().to_string(),
            interfaces: plugin.exports().iter().map(ToString::to_string).collect(),
            imports: plugin.imports().to_vec(),
        }
    });
    axum::Json(Plugins { plugins: plugins.collect() })
}

/// A plugin that runs and everything that it may do: `digest`, `contract`, `imports`, `exports` and its `manifest`, with every setting,
/// operation and limit.
#[utoipa::path(get, path = "/api/v1/plugins/{name}", tag = "plugins", params(("name" = String, Path)),
    responses((status = 200, body = Object)))]
async fn inspect(
    State(served): State<Served>,
    _caller: Caller,
    Path(name): Path<String>,
) -> Result<axum::Json<Permissions>, Problem> {
    let slot = served.host().plugin(&name);
    let slot = slot.ok_or_else(|| Problem::of(kinds::UNKNOWN, format!("there is no plugin `{name}`")))?;
    Ok(axum::Json(Permissions::from(&**slot.current().plugin())))
}

/// How a version is published.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Publishing {
    /// Let it ask for more than the running version does, or offer less.
    #[serde(default)]
    agree: bool,
}

/// What runs now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct Runs {
    /// The plugin.
    name: String,
    /// The version that runs.
    digest: String,
    /// The one before it.
    before: Option<String>,
    /// What it asks for that the one before did not, a sentence each.
    changes: Vec<String>,
    /// What happens at the next start.
    next_start: &'static str,
}

impl Runs {
    fn of(name: String, published: &Published) -> axum::Json<Self> {
        axum::Json(Self {
            name,
            digest: published.digest.to_string(),
            before: published.before.map(|digest| digest.to_string()),
            changes: published.changes.0.iter().map(ToString::to_string).collect(),
            next_start: NEXT_START,
        })
    }
}

/// Puts a component in the place of a plugin, or makes that plugin. Calls in flight end on the version that they began
/// with. A version that asks for more than the running one is refused with what it asks for, unless `agree=true`.
#[utoipa::path(post, path = "/api/v1/plugins/{name}", tag = "plugins", params(("name" = String, Path), Publishing),
    request_body(content = Vec<u8>, content_type = "application/wasm"), responses((status = 200, body = Runs)))]
async fn publish(
    State(connections): State<Connections>,
    Everybody(caller): Everybody,
    Path(name): Path<String>,
    Query(Publishing { agree }): Query<Publishing>,
    component: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<axum::Json<Runs>, Problem> {
    let component = component.map_err(|_| {
        let detail = format!("a component of at most {LARGEST_COMPONENT} bytes is read here");
        Problem::of(kinds::TOO_LARGE, detail)
    })?;
    let published = connections.publish(&caller.who(), &name, component.to_vec(), agree).await?;
    Ok(Runs::of(name, &published))
}

/// Puts the version before the published one back. Doing it twice ends where it began. A version that identifies people by something
/// else is refused, unless `agree=true`.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/roll-back", tag = "plugins",
    params(("name" = String, Path), Publishing), responses((status = 200, body = Runs)))]
async fn roll_back(
    State(connections): State<Connections>,
    Everybody(caller): Everybody,
    Path(name): Path<String>,
    Query(Publishing { agree }): Query<Publishing>,
) -> Result<axum::Json<Runs>, Problem> {
    let published = connections.roll_back(&caller.who(), &name, Approval::of(agree)).await?;
    Ok(Runs::of(name, &published))
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        let detail = error.to_string();
        let agree = "publish it again with agree=true to let it";
        match error {
            PublishError::Store(error) => error.into(),
            PublishError::New { changes, .. } | PublishError::Swap(SwapError::AsksForMore(changes)) => {
                let changes: Vec<String> = changes.0.iter().map(ToString::to_string).collect();
                Self::of(kinds::ASKS_FOR_MORE, format!("{detail}\n{agree}")).with("changes", json!(changes))
            }
            PublishError::Rekeys { changes, .. } => {
                let changes: Vec<String> = changes.0.iter().map(ToString::to_string).collect();
                Self::of(kinds::ASKS_FOR_MORE, format!("{detail}\nroll back with agree=true to let it"))
                    .with("changes", json!(changes))
            }
            PublishError::Swap(SwapError::OffersLess(_)) => {
                Self::of(kinds::ASKS_FOR_MORE, format!("{detail}\n{agree}"))
            }
            PublishError::Swap(SwapError::Settings(errors)) => {
                let errors = errors.into_iter().map(|error| {
                    (format!("connections.{}.{}", error.connection, error.setting), error.problem.to_string())
                });
                Self::of(kinds::NOT_REPLACED, detail).about_fields(errors)
            }
            PublishError::Named(_) | PublishError::Load(_) => Self::of(kinds::NO_COMPONENT, detail),
            PublishError::Unknown(_) => Self::of(kinds::UNKNOWN, detail),
            PublishError::Swap(_)
            | PublishError::FollowsFile(_)
            | PublishError::NothingBefore(_)
            | PublishError::Overtaken(_)
            | PublishError::BeforeIsGone(_) => Self::of(kinds::NOT_REPLACED, detail),
        }
    }
}
