//! The running plugins.

use askama::Template;
use axum::{Router, extract::State, routing::get};
use host_api::{
    page::ApiClient,
    types::{
        plugins::{Plugin, Plugins},
        registries::PluginNotPulled,
    },
};
use http::Method;

use super::pull::RegistryPlace;
use crate::{
    answers::{Failed, Screen},
    frame::{Frame, NavSection},
    state::Page,
    text::{count, short},
    user::User,
};

pub(super) fn routes() -> Router<Page> {
    Router::new().route("/plugins", get(list))
}

/// A plugin as the screen shows it.
struct RunningPlugin {
    name: String,
    connector: String,
    version: String,
    digest: String,
    short_digest: String,
    pins: String,
}

impl From<Plugin> for RunningPlugin {
    fn from(plugin: Plugin) -> Self {
        let Plugin { name, connector, version, digest, pins, .. } = plugin;
        let pins = if pins.is_empty() { String::new() } else { count(pins.len(), "pin", "pins") };
        Self { name, connector, version, short_digest: short(&digest), digest, pins }
    }
}

#[derive(Template)]
#[template(path = "plugins.html")]
struct PluginsScreen {
    frame: Frame,
    plugins: Vec<RunningPlugin>,
    not_pulled: Vec<NotPulled>,
}

/// A plugin in a registry that does not run.
struct NotPulled {
    name: String,
    place: RegistryPlace,
}

impl From<PluginNotPulled> for NotPulled {
    fn from(PluginNotPulled { name, registry }: PluginNotPulled) -> Self {
        Self { name, place: registry.into() }
    }
}

async fn list(State(api): State<ApiClient>, user: User) -> Result<Screen<PluginsScreen>, Failed> {
    let Plugins { plugins, not_pulled } =
        api.call(&user.caller, Method::GET, "/api/v1/plugins", None).await?;
    let frame = Frame::of(&user, NavSection::Plugins, "Plugins");
    let plugins = plugins.into_iter().map(Into::into).collect();
    Ok(Screen(PluginsScreen { frame, plugins, not_pulled: not_pulled.into_iter().map(Into::into).collect() }))
}
