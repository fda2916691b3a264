//! Pins: a tenant or a connection that one version serves, whichever its plugin runs.

use axum::{
    Form, Router,
    extract::{Path, Query, State},
    response::Response,
    routing::get,
};
use host_api::{
    page::ApiClient,
    types::pins::{PluginPin, Unpinned},
};
use http::Method;
use serde::Deserialize;
use serde_json::json;
use url::form_urlencoded::Serializer;

use super::plugin_paths;
use crate::{
    answers::{Failed, Screen},
    confirm::{ConfirmScreen, Tone},
    done::Done,
    frame::{Frame, NavSection},
    state::Page,
    text::{Time, segment, short},
    user::User,
};

pub(super) fn routes() -> Router<Page> {
    Router::new()
        .route("/plugins/{name}/unpin", get(ask_unpin).post(unpin))
        .route("/plugins/{name}/versions/{digest}/pin", get(ask_pin).post(pin))
}

/// A pin as the screen shows it.
pub(super) struct PinRow {
    pub(super) of: String,
    pub(super) digest: String,
    pub(super) short_digest: String,
    pub(super) by: String,
    pub(super) at: Time,
    pub(super) note: Option<String>,
    /// What names it in a query.
    pub(super) query: String,
}

impl From<PluginPin> for PinRow {
    fn from(PluginPin { tenant, connection, digest, by, at, note, .. }: PluginPin) -> Self {
        let pinned = match connection {
            Some(connection) => Pinned { scope: PinPlace::Connection, target: connection },
            None => Pinned { scope: PinPlace::Tenant, target: tenant },
        };
        Self {
            of: pinned.words(),
            query: pinned.query(),
            short_digest: short(&digest),
            digest,
            by,
            at: Time::at(at),
            note,
        }
    }
}

/// Whether a pin is that of a tenant or of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PinPlace {
    Tenant,
    Connection,
}

/// What is pinned.
#[derive(Clone, Debug, Deserialize)]
struct Pinned {
    scope: PinPlace,
    target: String,
}

impl Pinned {
    fn words(&self) -> String {
        let Self { scope, target } = self;
        match scope {
            PinPlace::Tenant => format!("tenant {target}"),
            PinPlace::Connection => format!("connection {target}"),
        }
    }

    fn word(&self) -> &'static str {
        match self.scope {
            PinPlace::Tenant => "tenant",
            PinPlace::Connection => "connection",
        }
    }

    fn query(&self) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("scope", self.word()).append_pair("target", &self.target).finish()
    }

    fn kept(&self) -> Vec<(String, String)> {
        vec![("scope".to_owned(), self.word().to_owned()), ("target".to_owned(), self.target.clone())]
    }

    fn api_path(&self, plugin: &str) -> String {
        let rest = match self.scope {
            PinPlace::Tenant => "tenants",
            PinPlace::Connection => "connections",
        };
        format!("{}/pins/{rest}/{}", plugin_paths::plugin_in_api(plugin), segment(self.target.trim()))
    }
}

async fn ask_pin(
    user: User,
    Path((name, digest)): Path<(String, String)>,
    Query(pinned): Query<Pinned>,
) -> Screen<ConfirmScreen> {
    let (of, version) = (pinned.words(), short(&digest));
    Screen(ConfirmScreen {
        frame: Frame::of(&user, NavSection::Plugins, format!("Pin {of} to version {version}?")),
        consequences: vec![
            format!("From its next call on, version {version} serves {of}, whichever version plugin {name} runs."),
            "Publications and roll-backs do not change that until it is unpinned. What a new version mends does not reach it \
             either."
                .to_owned(),
        ],
        action: format!("{}/pin", plugin_paths::version(&name, &digest)),
        kept: pinned.kept(),
        button: format!("Pin {of}"),
        tone: Tone::Main,
        back: plugin_paths::version(&name, &digest),
    })
}

async fn pin(
    State(api): State<ApiClient>,
    user: User,
    Path((name, digest)): Path<(String, String)>,
    Form(pinned): Form<Pinned>,
) -> Result<Response, Failed> {
    let body = json!({"digest": digest});
    let _pin: PluginPin = api.call(&user.caller, Method::PUT, &pinned.api_path(&name), Some(body)).await?;
    Ok(Done::Pinned.at(&plugin_paths::plugin(&name)))
}

async fn ask_unpin(
    user: User,
    Path(name): Path<String>,
    Query(pinned): Query<Pinned>,
) -> Screen<ConfirmScreen> {
    let of = pinned.words();
    Screen(ConfirmScreen {
        frame: Frame::of(&user, NavSection::Plugins, format!("Unpin {of}?")),
        consequences: vec![format!(
            "From its next call on, the version that plugin {name} runs serves {of}, or the one that its tenant is pinned to."
        )],
        action: format!("{}/unpin", plugin_paths::plugin(&name)),
        kept: pinned.kept(),
        button: format!("Unpin {of}"),
        tone: Tone::Main,
        back: plugin_paths::plugin(&name),
    })
}

async fn unpin(
    State(api): State<ApiClient>,
    user: User,
    Path(name): Path<String>,
    Form(pinned): Form<Pinned>,
) -> Result<Response, Failed> {
    let _unpinned: Unpinned = api.call(&user.caller, Method::DELETE, &pinned.api_path(&name), None).await?;
    Ok(Done::Unpinned.at(&plugin_paths::plugin(&name)))
}
