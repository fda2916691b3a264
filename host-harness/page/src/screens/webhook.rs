//! The webhook of a connection: each step of its setup with what is known of it, and its tokens.

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use host_api::{
    page::ApiClient,
    types::{
        connections::{Connection, ConnectionTest},
        tokens::{IssuedToken, Rotated, Rotation, TokenState, WebhookToken, WebhookTokens},
        webhook_setup::{SetupState, SetupStep, WebhookSetup, WebhookStep},
    },
};
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::shown_request::StateTag;
use crate::{
    answers::{Failed, Screen},
    confirm::{ConfirmScreen, Tone},
    done::Done,
    form::FormField,
    frame::{Frame, NavSection},
    state::Page,
    text::{Time, count, segment},
    user::{Now, User},
};

const DAY_MS: i64 = 86_400_000;

/// The setting with the vendor's id of the webhook, and the field for it.
const WEBHOOK_ID: &str = "webhook-id";

pub(super) fn routes() -> Router<Page> {
    Router::new()
        .route("/connections/{key}/webhook", get(show))
        .route("/connections/{key}/webhook/check", post(check))
        .route("/connections/{key}/webhook/id", post(set_id))
        .route("/connections/{key}/webhook/token", post(issue))
        .route("/connections/{key}/webhook/rotate", post(rotate))
        .route("/connections/{key}/webhook/tokens/{number}/revoke", get(ask_revocation).post(revoke))
}

/// Returns the address of the screen of the webhook of the connection `key`.
pub(super) fn address(key: &str) -> String {
    format!("/connections/{}/webhook", segment(key))
}

fn api_path(key: &str, rest: &str) -> String {
    format!("/api/v1/plus/connection/{}/consent-webhook/{rest}", segment(key))
}

/// A step as the screen shows it.
struct SetupRow {
    title: &'static str,
    state: StateTag,
    why: String,
    at: Option<Time>,
}

impl From<WebhookStep> for SetupRow {
    fn from(WebhookStep { step, state, why, at }: WebhookStep) -> Self {
        let (word, tone) = match state {
            SetupState::Done => ("Done", "good"),
            SetupState::Open => ("To do", "open"),
            SetupState::Unknown => ("Not known yet", "quiet"),
        };
        let title = match step {
            SetupStep::Address => "Address of the endpoint",
            SetupStep::Reachable => "The vendor reaches it",
            SetupStep::Webhook => "Webhook at the vendor",
            SetupStep::WebhookId => "Webhook ID",
            SetupStep::Token => "Token",
            SetupStep::TokenAtVendor => "Token at the vendor",
            SetupStep::Choices => "Choices arrive",
        };
        Self { title, state: StateTag { word, tone }, why, at: at.map(Time::at) }
    }
}

/// A token as the screen shows it.
struct TokenRow {
    number: i64,
    state: StateTag,
    issued: Time,
    age: String,
    expires: Time,
    seen: Option<Time>,
    note: Option<String>,
    may_revoke: bool,
}

impl TokenRow {
    fn of(token: WebhookToken, now: i64) -> Self {
        let (word, tone) = match token.state {
            TokenState::Offered => ("Offered", "open"),
            TokenState::Current => ("In use", "good"),
            TokenState::Former => ("Replaced", "quiet"),
            TokenState::Retired => ("Ended", "quiet"),
            TokenState::Revoked => ("Revoked", "bad"),
        };
        let days = usize::try_from(now.saturating_sub(token.issued_at) / DAY_MS).unwrap_or_default();
        Self {
            number: token.generation,
            state: StateTag { word, tone },
            issued: Time::at(token.issued_at),
            age: count(days, "day", "days"),
            expires: Time::at(token.expires_at),
            seen: token.seen_at.map(Time::at),
            note: token.push_reason,
            may_revoke: token.ended_at.is_none(),
        }
    }
}

#[derive(Template)]
#[template(path = "webhook.html")]
struct WebhookScreen {
    frame: Frame,
    key: String,
    address: String,
    url: Option<String>,
    at_vendor: String,
    steps: Vec<SetupRow>,
    done: usize,
    is_complete: bool,
    /// Whether the screen was asked for by its own address, so that it can stay current.
    is_live: bool,
    /// The fields of the form for the vendor's id.
    fields: Vec<FormField>,
    /// Whether the host sends the vendor each new token.
    is_renewed: bool,
    next_rotation: Option<Time>,
    last_delivery: Option<Time>,
    unread: String,
    tokens: Vec<TokenRow>,
}

impl WebhookScreen {
    async fn of(api: &ApiClient, user: &User, key: String, now: i64) -> Result<Self, Failed> {
        let path = format!("/api/v1/connection/{}/webhook", segment(&key));
        let setup: WebhookSetup = api.call(&user.caller, Method::GET, &path, None).await?;
        let path = api_path(&key, "tokens");
        let WebhookTokens { tokens } = api.call(&user.caller, Method::GET, &path, None).await?;
        let frame = Frame::of(user, NavSection::Connections, format!("Webhook of {key}"));
        let mut screen = Self {
            frame,
            address: address(&key),
            url: setup.url.clone(),
            at_vendor: setup.at_vendor.clone(),
            steps: Vec::new(),
            done: 0,
            is_complete: false,
            is_live: true,
            fields: vec![id_field("")],
            is_renewed: false,
            next_rotation: setup.next_rotation_at.map(Time::at),
            last_delivery: setup.last_received_at.map(Time::at),
            unread: count(setup.unread, "delivery", "deliveries"),
            tokens: tokens.into_iter().rev().map(|token| TokenRow::of(token, now)).collect(),
            key,
        };
        screen.set_steps(setup);
        Ok(screen)
    }

    fn set_steps(&mut self, setup: WebhookSetup) {
        let is_done = |step: &&WebhookStep| step.state == SetupState::Done;
        self.done = setup.steps.iter().filter(is_done).count();
        self.is_complete = setup.is_complete();
        self.is_renewed = setup.steps.iter().filter(is_done).any(|step| step.step == SetupStep::WebhookId);
        self.steps = setup.steps.into_iter().map(Into::into).collect();
    }
}

fn id_field(value: &str) -> FormField {
    FormField::text(WEBHOOK_ID, "Webhook ID", value)
        .required()
        .hint("The number in the vendor's list of webhooks. With it, the host sends the vendor each new token by itself.")
}

async fn show(
    State(api): State<ApiClient>,
    Now(now): Now,
    user: User,
    Path(key): Path<String>,
) -> Result<Screen<WebhookScreen>, Failed> {
    Ok(Screen(WebhookScreen::of(&api, &user, key, now).await?))
}

/// Tests the connection, and shows what the vendor says about the webhook.
async fn check(
    State(api): State<ApiClient>,
    Now(now): Now,
    user: User,
    Path(key): Path<String>,
) -> Result<Screen<WebhookScreen>, Failed> {
    let path = format!("/api/v1/connection/{}/test", segment(&key));
    let test: ConnectionTest = api.call(&user.caller, Method::GET, &path, None).await?;
    let path = format!("/api/v1/connection/{}/webhook", segment(&key));
    let setup: WebhookSetup = api.call(&user.caller, Method::GET, &path, None).await?;
    let mut screen = WebhookScreen::of(&api, &user, key, now).await?;
    screen.set_steps(setup.tested(&test));
    screen.is_live = false;
    Ok(Screen(screen))
}

#[derive(Deserialize)]
struct WebhookIdForm {
    #[serde(rename = "webhook-id")]
    id: String,
}

async fn set_id(
    State(api): State<ApiClient>,
    Now(now): Now,
    user: User,
    Path(key): Path<String>,
    Form(WebhookIdForm { id }): Form<WebhookIdForm>,
) -> Result<Response, Failed> {
    let why = match save_id(&api, &user, &key, id.trim()).await? {
        SaveOutcome::Saved => return Ok(Done::WebhookIdSet.at(&address(&key))),
        SaveOutcome::Refused(why) => why,
    };
    let mut screen = WebhookScreen::of(&api, &user, key, now).await?;
    screen.fields = vec![id_field(&id).error(Some(why))];
    screen.is_live = false;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, Screen(screen)).into_response())
}

/// What became of the vendor's id of the webhook.
enum SaveOutcome {
    Saved,
    /// Why it is not accepted.
    Refused(String),
}

/// Saves the vendor's id of the webhook.
async fn save_id(api: &ApiClient, user: &User, key: &str, id: &str) -> Result<SaveOutcome, Failed> {
    if id.is_empty() {
        let why = "enter the number that the vendor shows for the webhook";
        return Ok(SaveOutcome::Refused(why.to_owned()));
    }
    let path = format!("/api/v1/connection/{}", segment(key));
    let change = json!({"settings": {WEBHOOK_ID: id}});
    match api.call::<Connection>(&user.caller, Method::PATCH, &path, Some(change)).await {
        Ok(_) => Ok(SaveOutcome::Saved),
        // One that a configuration file owns is changed there: 409.
        Err(problem) if matches!(problem.status, 409 | 422) => {
            let why = problem.errors.first().map_or(problem.detail.clone(), |error| error.message.clone());
            Ok(SaveOutcome::Refused(why))
        }
        Err(problem) => Err(problem.into()),
    }
}

/// A new token, on the only screen that ever shows it.
#[derive(Template)]
#[template(path = "token.html")]
struct TokenScreen {
    frame: Frame,
    address: String,
    number: i64,
    token: String,
    expires: Time,
}

/// Issues a token. It is in the answer to the form alone: in no address, and nowhere else later.
async fn issue(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
) -> Result<Screen<TokenScreen>, Failed> {
    let issued: IssuedToken = api.call(&user.caller, Method::GET, &api_path(&key, "token"), None).await?;
    Ok(Screen(TokenScreen {
        frame: Frame::of(&user, NavSection::Connections, format!("New token for {key}")),
        address: address(&key),
        number: issued.generation,
        token: issued.access_token,
        expires: Time::at(issued.expires_at.saturating_mul(1_000)),
    }))
}

async fn rotate(
    State(api): State<ApiClient>,
    user: User,
    Path(key): Path<String>,
) -> Result<Response, Failed> {
    let path = api_path(&key, "token/rotate");
    let Rotated { outcome } = api.call(&user.caller, Method::POST, &path, None).await?;
    let done = match outcome {
        Rotation::Installed => Done::TokenInstalled,
        Rotation::ByHand => Done::TokenByHand,
    };
    Ok(done.at(&address(&key)))
}

async fn ask_revocation(user: User, Path((key, number)): Path<(String, i64)>) -> Screen<ConfirmScreen> {
    Screen(ConfirmScreen {
        frame: Frame::of(&user, NavSection::Connections, format!("Revoke token {number} of {key}?")),
        consequences: vec![
            format!("Deliveries that carry token {number} are refused from now on. This cannot be undone."),
            "If the vendor uses it and the host sends it its tokens, it gets another one within a minute. Otherwise, issue \
             a new token and enter it at the vendor: until then, its deliveries are refused, and it may give them up."
                .to_owned(),
        ],
        action: format!("{}/tokens/{number}/revoke", address(&key)),
        kept: Vec::new(),
        button: "Revoke the token".to_owned(),
        tone: Tone::Danger,
        back: address(&key),
    })
}

async fn revoke(
    State(api): State<ApiClient>,
    user: User,
    Path((key, number)): Path<(String, i64)>,
) -> Result<Response, Failed> {
    let path = api_path(&key, &format!("tokens/{number}"));
    let _left: WebhookTokens = api.call(&user.caller, Method::DELETE, &path, None).await?;
    Ok(Done::TokenRevoked.at(&address(&key)))
}
