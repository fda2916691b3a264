//! The difference between two versions of a plugin.

use askama::Template;
use axum::{
    Router,
    extract::{Path, Query, State},
    routing::get,
};
use host_api::{
    page::ApiClient,
    types::{
        version_difference::{DifferentAspect, DifferentPart, PartPresence, VersionDifference},
        versions::{PluginVersion, PluginVersions},
    },
};
use http::Method;
use serde::Deserialize;

use super::{plugin, plugin_paths, shown_request::StateTag};
use crate::{
    answers::{Failed, Screen},
    form::FieldChoice,
    frame::{Frame, NavSection},
    state::Page,
    text::{segment, short},
    user::User,
};

pub(super) fn routes() -> Router<Page> {
    Router::new().route("/plugins/{name}/versions/{digest}/difference", get(show))
}

/// A part that differs, as the screen shows it.
struct PartRow {
    area: String,
    name: String,
    presence: StateTag,
    aspects: Vec<DifferentAspect>,
}

impl From<DifferentPart> for PartRow {
    fn from(DifferentPart { area, name, presence, aspects }: DifferentPart) -> Self {
        let (word, tone) = match presence {
            PartPresence::Added => ("New", "open"),
            PartPresence::Removed => ("Gone", "quiet"),
            PartPresence::Changed => ("Changed", "open"),
        };
        Self { area: area.to_string().replace('_', " "), name, presence: StateTag { word, tone }, aspects }
    }
}

#[derive(Template)]
#[template(path = "difference.html")]
struct DifferenceScreen {
    frame: Frame,
    plugin: String,
    plugin_address: String,
    address: String,
    from: String,
    to: String,
    requests: Vec<String>,
    parts: Vec<PartRow>,
    /// The versions with which it can be compared.
    versions: Vec<FieldChoice>,
}

/// The version to compare with; the running one if it is empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Compared {
    from: String,
}

async fn show(
    State(api): State<ApiClient>,
    user: User,
    Path((name, digest)): Path<(String, String)>,
    Query(Compared { from }): Query<Compared>,
) -> Result<Screen<DifferenceScreen>, Failed> {
    let from = if from.is_empty() { String::new() } else { format!("?from={}", segment(&from)) };
    let path = format!("{}/difference{from}", plugin_paths::version_in_api(&name, &digest));
    let difference: VersionDifference = api.call(&user.caller, Method::GET, &path, None).await?;
    let path = format!("{}/versions", plugin_paths::plugin_in_api(&name));
    let PluginVersions { versions, .. } = api.call(&user.caller, Method::GET, &path, None).await?;
    let labels: Vec<_> = versions
        .iter()
        .filter(|version| version.is_stored)
        .map(|version| (version.digest.as_str(), label(version)))
        .collect();
    let pairs = labels.iter().map(|(digest, label)| (*digest, label.as_str()));
    let title = format!("{name}: from {} to {}", short(&difference.from), short(&digest));
    Ok(Screen(DifferenceScreen {
        frame: Frame::of(&user, NavSection::Plugins, title),
        plugin_address: plugin_paths::plugin(&name),
        address: plugin_paths::version(&name, &digest),
        from: short(&difference.from),
        to: short(&difference.to),
        versions: FieldChoice::among(pairs, &difference.from),
        requests: difference.requests,
        parts: difference.parts.into_iter().map(Into::into).collect(),
        plugin: name,
    }))
}

fn label(PluginVersion { version, digest, state, .. }: &PluginVersion) -> String {
    let version = version.as_deref().unwrap_or("never loaded");
    format!("{version} {}, {}", short(digest), plugin::tag(*state).word.to_lowercase())
}
