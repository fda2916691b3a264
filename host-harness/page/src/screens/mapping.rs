//! The consent mapping of a connection: the vendor's tree with a notice for each item, and what a save changes.

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use host_api::{
    page::ApiClient,
    types::{
        connections::Connection,
        mapping::{ConsentableItem, MappingPreview},
        notices::{Notice, System},
        problem::{FieldError, Problem},
    },
};
use host_model::{consent, digest::Digest};
use http::Method;
use serde_json::json;

use super::{
    catalogue::{notices, systems},
    connection::find,
    connections::path,
    mapping_tree::{Assigned, ItemNode, NoticeOption, TreeContext, assign, item_nodes},
};
use crate::{
    answers::{Failed, Screen, shown_again},
    done::Done,
    frame::{Frame, NavSection},
    state::Page,
    text::{Number, count, segment},
    user::User,
};

/// The field with the digest of the mapping that a preview was made for.
const SEEN: &str = "seen";

pub(super) fn routes() -> Router<Page> {
    Router::new()
        .route("/connections/{key}/mapping", get(show).post(preview))
        .route("/connections/{key}/mapping/save", post(save))
}

fn api_path(key: &str) -> String {
    format!("/api/v1/plus/connection/{}/consentable-items", segment(key))
}

/// What the screens about a mapping are made of.
struct Mapping {
    connection: Connection,
    items: Vec<ConsentableItem>,
    options: Vec<NoticeOption>,
}

impl Mapping {
    /// Asks the vendor for its items.
    async fn of(api: &ApiClient, user: &User, key: &str) -> Result<Self, Problem> {
        let connection = find(api, user, key).await?;
        let notices = notices(api, user, &connection.tenant).await?;
        let system = match &connection.system {
            Some(key) => Some(described(systems(api, user, &connection.tenant).await?, key)),
            None => None,
        };
        let items = api.call(&user.caller, Method::GET, &api_path(key), None).await?;
        let option = |notice: Notice| NoticeOption {
            id: notice.id.clone(),
            name: notice.name.clone(),
            unusable: consent::Notice::from(notice).reaches(system.as_ref()).err().map(|why| why.to_string()),
        };
        let options = notices.into_iter().map(option).collect();
        Ok(Self { connection, items, options })
    }

    /// Returns a digest of the saved mapping, by which a save recognizes that another one came between.
    fn digest(&self) -> String {
        Digest::of(json!(self.items).to_string().as_bytes()).to_string()
    }

    fn screen(&self, user: &User, assigned: Option<&Assigned>, errors: &[FieldError]) -> MappingScreen {
        let Connection { key, tenant, system, .. } = &self.connection;
        let context = TreeContext { options: &self.options, assigned, errors };
        let items = item_nodes(&self.items, &context);
        MappingScreen {
            frame: Frame::of(user, NavSection::Connections, format!("Consent mapping of {key}")),
            path: path(key),
            key: key.clone(),
            catalogue: format!("/tenants/{}/notices", segment(tenant)),
            tenant: tenant.clone(),
            system: system.clone(),
            has_notices: !self.options.is_empty(),
            unusable: self.options.iter().filter_map(|option| option.unusable.clone()).collect(),
            wrong: items.iter().flat_map(ItemNode::wrong).collect(),
            items,
        }
    }
}

/// The system with this key. One that is not described uses no data.
fn described(systems: Vec<System>, key: &str) -> consent::System {
    let known = systems.into_iter().find(|system| system.fides_key == key);
    known.map_or_else(
        || consent::System { key: key.to_owned(), name: key.to_owned(), data_uses: [].into() },
        Into::into,
    )
}

#[derive(Template)]
#[template(path = "mapping.html")]
struct MappingScreen {
    frame: Frame,
    key: String,
    path: String,
    tenant: String,
    /// The address of the tenant's notices and systems.
    catalogue: String,
    system: Option<String>,
    has_notices: bool,
    /// Why some notices cannot be chosen.
    unusable: Vec<String>,
    items: Vec<ItemNode>,
    /// The items that are wrong: their numbers, names and errors.
    wrong: Vec<(usize, String, String)>,
}

async fn show(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
) -> Result<Screen<MappingScreen>, Failed> {
    let mapping = Mapping::of(&api, &user, &key).await?;
    Ok(Screen(mapping.screen(&user, None, &[])))
}

/// An item whose notice changes.
pub(super) struct MappingChangeRow {
    name: String,
    id: String,
    before: String,
    after: String,
    people: Number,
}

/// What a save changes, before it is done.
#[derive(Template)]
#[template(path = "mapping_preview.html")]
pub(super) struct PreviewScreen {
    frame: Frame,
    path: String,
    changes: Vec<MappingChangeRow>,
    people: Number,
    /// The number of items that change, are saved and are forgotten, in words.
    changed: String,
    saved: String,
    forgotten: Option<String>,
    /// Where the answer is posted, with what.
    action: String,
    kept: Vec<(String, String)>,
}

impl PreviewScreen {
    /// Shows `preview`. The answer is posted to `act` below the mapping, with `kept`.
    pub(super) fn of(
        user: &User,
        key: &str,
        preview: MappingPreview,
        act: &str,
        kept: Vec<(String, String)>,
    ) -> Self {
        let words = |notice: Option<String>| notice.unwrap_or_else(|| "no notice".to_owned());
        let row = |change: host_api::types::mapping::MappingChange| MappingChangeRow {
            name: change.name,
            id: change.external_id,
            before: words(change.notice_before),
            after: words(change.notice_after),
            people: Number::of(change.people),
        };
        let changed = count(preview.changes.len(), "item changes its notice", "items change their notices");
        Self {
            frame: Frame::of(user, NavSection::Connections, format!("Save the mapping of {key}?")),
            path: path(key),
            changes: preview.changes.into_iter().map(row).collect(),
            people: Number::of(preview.people),
            changed,
            saved: count(preview.saved, "item is", "items are"),
            forgotten: (preview.forgotten > 0)
                .then(|| count(preview.forgotten, "saved item is", "saved items are")),
            action: format!("{}/mapping/{act}", path(key)),
            kept,
        }
    }
}

async fn preview(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
    Form(entries): Form<Vec<(String, String)>>,
) -> Result<Response, Failed> {
    let (mapping, assigned) = (Mapping::of(&api, &user, &key).await?, Assigned::read(&entries));
    previewed(&api, &user, &mapping, &assigned, entries).await
}

/// Returns what a save of the mapping in `entries` changes.
async fn previewed(
    api: &ApiClient,
    user: &User,
    mapping: &Mapping,
    assigned: &Assigned,
    mut entries: Vec<(String, String)>,
) -> Result<Response, Failed> {
    let key = &mapping.connection.key;
    entries.retain(|(name, _)| name != SEEN);
    entries.push((SEEN.to_owned(), mapping.digest()));
    let new_mapping = json!(assign(&mapping.items, assigned));
    let path = format!("{}/preview", api_path(key));
    match api.call::<MappingPreview>(&user.caller, Method::POST, &path, Some(new_mapping)).await {
        Ok(preview) => Ok(Screen(PreviewScreen::of(user, key, preview, "save", entries)).into_response()),
        Err(problem) => refused(user, mapping, assigned, problem),
    }
}

async fn save(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
    Form(entries): Form<Vec<(String, String)>>,
) -> Result<Response, Failed> {
    let (mapping, assigned) = (Mapping::of(&api, &user, &key).await?, Assigned::read(&entries));
    // Saved by another user or changed at the vendor since the preview: what the save would change is shown anew.
    if entries.iter().any(|(name, digest)| name == SEEN && *digest != mapping.digest()) {
        return previewed(&api, &user, &mapping, &assigned, entries).await;
    }
    let new_mapping = json!(assign(&mapping.items, &assigned));
    match api
        .call::<Vec<ConsentableItem>>(&user.caller, Method::PUT, &api_path(&key), Some(new_mapping))
        .await
    {
        Ok(_) => Ok(Done::MappingSaved.at(&format!("{}/mapping", path(&key)))),
        Err(problem) => refused(&user, &mapping, &assigned, problem),
    }
}

/// Shows the tree again as it was filled in, with each problem at its item.
fn refused(
    user: &User,
    mapping: &Mapping,
    assigned: &Assigned,
    problem: Problem,
) -> Result<Response, Failed> {
    if problem.errors.is_empty() {
        return Err(problem.into());
    }
    Ok(shown_again(problem.status, mapping.screen(user, Some(assigned), &problem.errors)))
}
