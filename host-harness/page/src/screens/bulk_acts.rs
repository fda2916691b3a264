//! Acts on many requests at once: the question before one, what waits for another person, and what came of it.

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use host_api::{
    page::ApiClient,
    types::bulk_acts::{BulkAct, BulkActPage, BulkKind, BulkRequest, BulkRequestPage, BulkState},
};
use http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::{chosen::Chosen, shown_request::StateTag};
use crate::{
    answers::{Failed, Screen},
    confirm::{ConfirmScreen, Tone},
    done::Done,
    frame::{Frame, NavSection},
    state::Page,
    text::{Number, Time, count, segment},
    user::User,
};

/// How many acts and refused requests a screen shows.
const PAGE: usize = 50;

pub(super) fn routes() -> Router<Page> {
    Router::new()
        .route("/bulk-acts", get(list).post(make))
        .route("/bulk-acts/new", get(ask_matching))
        .route("/bulk-acts/{id}", get(show))
        .route("/bulk-acts/{id}/approve", get(ask_approval).post(approve))
        .route("/bulk-acts/{id}/withdraw", post(withdraw))
}

/// An act as the screens show it.
pub(super) struct ActRow {
    pub(super) id: String,
    /// What it does, and to how many.
    pub(super) what: String,
    pub(super) made_by: String,
    state: StateTag,
    made: Time,
    /// When it expires, if it is pending.
    expires: Option<Time>,
    /// The decision on an act, and the API key that made it.
    decided: Option<(&'static str, String)>,
    decided_at: Option<Time>,
    ended: Option<Time>,
    total: Number,
    done: Number,
    refused: Number,
    /// The id of the API key that made it.
    api_key: String,
}

impl ActRow {
    fn is_pending(&self) -> bool {
        self.expires.is_some()
    }

    fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// How many of its requests have a result.
    fn ready(&self) -> Number {
        Number::of(self.done.exact() + self.refused.exact())
    }
}

impl From<BulkAct> for ActRow {
    fn from(act: BulkAct) -> Self {
        let decision = if act.state == BulkState::Withdrawn { "Withdrawn by" } else { "Approved by" };
        Self {
            what: what(act.act, act.total),
            state: tag(act.state),
            made: Time::at(act.made_at),
            expires: (act.state == BulkState::Pending).then(|| Time::at(act.expires_at)),
            decided: act.decided_by.map(|by| (decision, by)),
            decided_at: act.decided_at.map(Time::at),
            ended: act.ended_at.map(Time::at),
            id: act.id,
            made_by: act.made_by,
            total: Number::of(act.total),
            done: Number::of(act.done),
            refused: Number::of(act.refused),
            api_key: act.api_key,
        }
    }
}

fn what(act: BulkKind, total: i64) -> String {
    let requests = count(total, "request", "requests");
    match act {
        BulkKind::Replay => format!("Put {requests} back in the queue"),
    }
}

fn tag(state: BulkState) -> StateTag {
    let (word, tone) = match state {
        BulkState::Pending => ("Waits for approval", "open"),
        BulkState::Running => ("Running", "open"),
        BulkState::Done => ("Done", "good"),
        BulkState::Withdrawn => ("Withdrawn", "quiet"),
        BulkState::Expired => ("Not approved in time", "bad"),
    };
    StateTag { word, tone }
}

/// The newest acts that wait for another person.
pub(super) async fn pending(api: &ApiClient, user: &User) -> Result<Vec<ActRow>, Failed> {
    acts(api, user, "state=pending&limit=5").await
}

async fn acts(api: &ApiClient, user: &User, query: &str) -> Result<Vec<ActRow>, Failed> {
    let path = format!("/api/v1/bulk-acts?{query}");
    let BulkActPage { acts } = api.call(&user.caller, Method::GET, &path, None).await?;
    Ok(acts.into_iter().map(Into::into).collect())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ListQuery {
    before: String,
}

#[derive(Template)]
#[template(path = "bulk_acts.html")]
struct ActsScreen {
    frame: Frame,
    acts: Vec<ActRow>,
    /// The address of the next screen, if there may be one.
    older: Option<String>,
}

async fn list(
    State(api): State<ApiClient>,
    user: User,
    Query(ListQuery { before }): Query<ListQuery>,
) -> Result<Screen<ActsScreen>, Failed> {
    let before = if before.is_empty() { before } else { format!("&before={}", segment(&before)) };
    let acts = acts(&api, &user, &format!("limit={PAGE}{before}")).await?;
    let last = acts.last().filter(|_| acts.len() == PAGE);
    let older = last.map(|last| format!("/bulk-acts?before={}", segment(&last.id)));
    let frame = Frame::of(&user, NavSection::Requests, "Acts on many requests");
    Ok(Screen(ActsScreen { frame, acts, older }))
}

/// A request that was refused, as the screen shows it.
struct RefusedRow {
    id: String,
    connection: String,
    why: String,
}

impl From<BulkRequest> for RefusedRow {
    fn from(BulkRequest { id, connection, why, .. }: BulkRequest) -> Self {
        Self { id, connection, why: why.unwrap_or_default() }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RefusedQuery {
    after: String,
}

#[derive(Template)]
#[template(path = "bulk_act.html")]
struct ActScreen {
    frame: Frame,
    act: ActRow,
    refused: Vec<RefusedRow>,
    /// The address of the screen with more refused requests, if there may be some.
    more: Option<String>,
    /// Whether the user made it, and so may not approve it.
    is_own: bool,
}

async fn show(
    State(api): State<ApiClient>,
    user: User,
    Path(id): Path<String>,
    Query(RefusedQuery { after }): Query<RefusedQuery>,
) -> Result<Screen<ActScreen>, Failed> {
    let act = act(&api, &user, &id).await?;
    let after = if after.is_empty() { after } else { format!("&after={}", segment(&after)) };
    let path = format!("/api/v1/bulk-acts/{}/requests?result=refused&limit={PAGE}{after}", segment(&id));
    let BulkRequestPage { requests } = api.call(&user.caller, Method::GET, &path, None).await?;
    let refused: Vec<RefusedRow> = requests.into_iter().map(Into::into).collect();
    let last = refused.last().filter(|_| refused.len() == PAGE);
    let more = last.map(|last| format!("/bulk-acts/{}?after={}", segment(&id), segment(&last.id)));
    let is_own = act.api_key == user.caller.key.id;
    let frame = Frame::of(&user, NavSection::Requests, act.what.clone());
    Ok(Screen(ActScreen { frame, act, refused, more, is_own }))
}

async fn act(api: &ApiClient, user: &User, id: &str) -> Result<ActRow, Failed> {
    let path = format!("/api/v1/bulk-acts/{}", segment(id));
    let act: BulkAct = api.call(&user.caller, Method::GET, &path, None).await?;
    Ok(act.into())
}

/// Asks before an act on all requests that match a filter.
async fn ask_matching(
    State(api): State<ApiClient>,
    user: User,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, Failed> {
    let chosen = Chosen::of(&pairs);
    match chosen.number(&api, &user).await? {
        0 => Ok(Redirect::to(&chosen.back()).into_response()),
        number => Ok(question(&user, &chosen, number, None).into_response()),
    }
}

/// Returns the question before an act on the chosen requests, of which there are `number`, after `changed` if something has
/// changed meanwhile.
pub(super) fn question(
    user: &User,
    chosen: &Chosen,
    number: i64,
    changed: Option<String>,
) -> Screen<ConfirmScreen> {
    let what = what(BulkKind::Replay, number);
    let consequences = [
        chosen.described(),
        "Each is carried out again, in the order in which they were accepted. Limits of the vendor may spread them over \
         several days."
            .to_owned(),
        "A request that is neither failed nor expired, or whose data is no longer kept, stays as it is and is listed with \
         the reason. If the service asks for two people, nothing begins before another one has approved it."
            .to_owned(),
    ];
    Screen(ConfirmScreen {
        frame: Frame::of(user, NavSection::Requests, format!("{what}?")),
        consequences: changed.into_iter().chain(consequences).collect(),
        action: "/bulk-acts".to_owned(),
        kept: chosen.kept(number),
        button: what,
        tone: Tone::Main,
        back: chosen.back(),
    })
}

async fn make(
    State(api): State<ApiClient>,
    user: User,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Failed> {
    let expected = pairs.iter().find(|(name, _)| name == "expected");
    let expected = expected.and_then(|(_, number)| number.parse::<i64>().ok()).unwrap_or_default();
    let chosen = Chosen::of(&pairs);
    let body = chosen.replay(expected);
    match api.call::<BulkAct>(&user.caller, Method::POST, "/api/v1/bulk-acts", Some(body)).await {
        Ok(act) => {
            let is_pending = act.state == BulkState::Pending;
            let done = if is_pending { Done::BulkActRequested } else { Done::BulkActBegun };
            Ok(done.at(&format!("/bulk-acts/{}", segment(&act.id))))
        }
        Err(problem) if problem.r#type.ends_with(":matches-changed") => {
            match problem.members.get("found").and_then(Value::as_i64).unwrap_or_default() {
                0 => Ok(Redirect::to(&chosen.back()).into_response()),
                found => {
                    let changed = format!("Nothing was done: {}.", problem.detail);
                    let again = question(&user, &chosen, found, Some(changed));
                    Ok((StatusCode::CONFLICT, again).into_response())
                }
            }
        }
        Err(problem) => Err(problem.into()),
    }
}

/// Asks before an act is approved.
async fn ask_approval(
    State(api): State<ApiClient>,
    user: User,
    Path(id): Path<String>,
) -> Result<Screen<ConfirmScreen>, Failed> {
    let act = act(&api, &user, &id).await?;
    let address = format!("/bulk-acts/{}", segment(&id));
    Ok(Screen(ConfirmScreen {
        frame: Frame::of(&user, NavSection::Requests, format!("Approve: {}?", act.what)),
        consequences: vec![
            format!("Asked for by {}. It begins at once and cannot be withdrawn then.", act.made_by),
            "Each request is carried out again, in the order in which they were accepted.".to_owned(),
        ],
        action: format!("{address}/approve"),
        kept: Vec::new(),
        button: "Approve".to_owned(),
        tone: Tone::Main,
        back: address,
    }))
}

async fn approve(
    State(api): State<ApiClient>,
    user: User,
    Path(id): Path<String>,
) -> Result<Response, Failed> {
    decide(&api, &user, &id, "approve").await?;
    Ok(Done::BulkActApproved.at(&format!("/bulk-acts/{}", segment(&id))))
}

async fn withdraw(
    State(api): State<ApiClient>,
    user: User,
    Path(id): Path<String>,
) -> Result<Response, Failed> {
    decide(&api, &user, &id, "withdraw").await?;
    Ok(Done::BulkActWithdrawn.at(&format!("/bulk-acts/{}", segment(&id))))
}

async fn decide(api: &ApiClient, user: &User, id: &str, decision: &str) -> Result<(), Failed> {
    let path = format!("/api/v1/bulk-acts/{}/{decision}", segment(id));
    let _decided: BulkAct = api.call(&user.caller, Method::POST, &path, None).await?;
    Ok(())
}
