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

use super::{agreed::lacks_approval, plugin_paths};
use crate::{
    answers::{Failed, Screen, shown_again},
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
            Some(connection) => Pinned { scope: PinPlace::Connection, target: connection, agree: false },
            None => Pinned { scope: PinPlace::Tenant, target: tenant, agree: false },
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
    /// Whether a change of what identifies people is approved, as the question before it asks.
    #[serde(default)]
    agree: bool,
}

impl Pinned {
    fn words(&self) -> String {
        let Self { scope, target, .. } = self;
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
        vec![
            ("scope".to_owned(), self.word().to_owned()),
            ("target".to_owned(), self.target.clone()),
            ("agree".to_owned(), self.agree.to_string()),
        ]
    }

    /// Returns the same with the approval that the API asks for.
    fn agreed(self) -> Self {
        Self { agree: true, ..self }
    }

    fn api_path(&self, plugin: &str) -> String {
        let rest = match self.scope {
            PinPlace::Tenant => "tenants",
            PinPlace::Connection => "connections",
        };
        let pins = format!("{}/pins/{rest}", plugin_paths::plugin_in_api(plugin));
        format!("{pins}/{}?agree={}", segment(self.target.trim()), self.agree)
    }
}

/// Returns the question before a version serves what is pinned. `refusal` is what the API asks approval for.
fn pin_question(
    user: &User,
    name: &str,
    digest: &str,
    pinned: &Pinned,
    refusal: Option<String>,
) -> ConfirmScreen {
    let (of, version) = (pinned.words(), short(digest));
    let consequences = [
        format!("From its next call on, version {version} serves {of}, whichever version plugin {name} runs."),
        "Publications and roll-backs do not change that until it is unpinned. What a new version mends does not reach it \
         either."
            .to_owned(),
    ];
    ConfirmScreen {
        frame: Frame::of(user, NavSection::Plugins, format!("Pin {of} to version {version}?")),
        consequences: consequences.into_iter().chain(refusal).collect(),
        action: format!("{}/pin", plugin_paths::version(name, digest)),
        kept: pinned.kept(),
        button: format!("Pin {of}"),
        tone: Tone::Main,
        back: plugin_paths::version(name, digest),
    }
}

/// Returns the question before a pin is removed. `refusal` is what the API asks approval for.
fn unpin_question(user: &User, name: &str, pinned: &Pinned, refusal: Option<String>) -> ConfirmScreen {
    let of = pinned.words();
    let consequence = format!(
        "From its next call on, the version that plugin {name} runs serves {of}, or the one that its tenant is pinned to."
    );
    ConfirmScreen {
        frame: Frame::of(user, NavSection::Plugins, format!("Unpin {of}?")),
        consequences: [consequence].into_iter().chain(refusal).collect(),
        action: format!("{}/unpin", plugin_paths::plugin(name)),
        kept: pinned.kept(),
        button: format!("Unpin {of}"),
        tone: Tone::Main,
        back: plugin_paths::plugin(name),
    }
}

async fn ask_pin(
    user: User,
    Path((name, digest)): Path<(String, String)>,
    Query(pinned): Query<Pinned>,
) -> Screen<ConfirmScreen> {
    Screen(pin_question(&user, &name, &digest, &pinned, None))
}

async fn pin(
    State(api): State<ApiClient>,
    user: User,
    Path((name, digest)): Path<(String, String)>,
    Form(pinned): Form<Pinned>,
) -> Result<Response, Failed> {
    let body = json!({"digest": digest});
    match api.call::<PluginPin>(&user.caller, Method::PUT, &pinned.api_path(&name), Some(body)).await {
        Ok(_) => Ok(Done::Pinned.at(&plugin_paths::plugin(&name))),
        Err(problem) if lacks_approval(&problem) => {
            let question = pin_question(&user, &name, &digest, &pinned.agreed(), Some(problem.detail));
            Ok(shown_again(problem.status, question))
        }
        Err(problem) => Err(problem.into()),
    }
}

async fn ask_unpin(
    user: User,
    Path(name): Path<String>,
    Query(pinned): Query<Pinned>,
) -> Screen<ConfirmScreen> {
    Screen(unpin_question(&user, &name, &pinned, None))
}

async fn unpin(
    State(api): State<ApiClient>,
    user: User,
    Path(name): Path<String>,
    Form(pinned): Form<Pinned>,
) -> Result<Response, Failed> {
    match api.call::<Unpinned>(&user.caller, Method::DELETE, &pinned.api_path(&name), None).await {
        Ok(_) => Ok(Done::Unpinned.at(&plugin_paths::plugin(&name))),
        Err(problem) if lacks_approval(&problem) => {
            let question = unpin_question(&user, &name, &pinned.agreed(), Some(problem.detail));
            Ok(shown_again(problem.status, question))
        }
        Err(problem) => Err(problem.into()),
    }
}
