//! Faults: they replace an endpoint's own answer for a given number of requests.

use bytes::Bytes;
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::limits::Exceeded;
use crate::project::Project;
use crate::refusal::{BadField, ExpectedType, Refusal, RequestExcerpt};
use crate::reply::Reply;

/// A fault in place of an endpoint's own answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// 500 as JSON, with the given code, such as `GenericError` or `DatabaseError`.
    InternalError(String),
    /// An HTML page with the given status, such as 502, 503 or 504.
    Gateway(u16),
    /// No answer until the client disconnects. The request is not carried out.
    Hang,
    /// No answer until the client disconnects. The request is carried out.
    HangAfterWrite,
    /// The connection is closed without an answer. The request is not carried out.
    Reset,
    /// The connection is closed without an answer. The request is carried out.
    ResetAfterWrite,
    /// 200 with the given code instead of `Success`. The request is not carried out.
    OtherCode(String),
    /// 400 with the code `Success`. The request is not carried out.
    BadSuccess,
    /// 400 `BadJsonBody`, which echoes the request if the switch `bad_body` says so.
    BadBody,
    /// 429.
    RateLimited,
    /// 200 with bytes that are not JSON. The request is carried out.
    Garbage,
    /// 200 without a body. The request is carried out.
    Empty,
    /// 200 with JSON of the given size in bytes. The request is carried out.
    Huge(usize),
    /// 200 with arrays nested to the given depth. The request is carried out.
    Deep(usize),
    /// 302 to the given address.
    Redirect(String),
    /// An answer with the given status and JSON body.
    Answer(u16, Value),
}

/// A fault planned for upcoming requests.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) fault: Fault,
    /// The affected requests, such as `POST /api/users/forget`. A `*` matches anything.
    pub(crate) on: String,
    pub(crate) times: u32,
}

/// How a request ends.
#[derive(Debug)]
pub(crate) enum Ending {
    Reply(Reply),
    Hang,
    Reset,
}

impl Fault {
    /// Returns whether the request is carried out before the fault replaces its answer.
    pub(crate) fn after_write(&self) -> bool {
        matches!(
            self,
            Self::HangAfterWrite
                | Self::ResetAfterWrite
                | Self::Garbage
                | Self::Empty
                | Self::Huge(_)
                | Self::Deep(_)
        )
    }

    pub(crate) fn ending(&self, project: &Project, told: &RequestExcerpt<'_>, now: Timestamp) -> Ending {
        let ok = |body: Bytes| Reply::raw(StatusCode::OK, "application/json", body);
        let status = |status: u16| StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Ending::Reply(match self {
            Self::Hang | Self::HangAfterWrite => return Ending::Hang,
            Self::Reset | Self::ResetAfterWrite => return Ending::Reset,
            Self::InternalError(code) => {
                let msg = "An error occurred. Please try again later.";
                Reply::envelope(StatusCode::INTERNAL_SERVER_ERROR, code, msg, Value::Null)
            }
            Self::Gateway(code) => {
                let code = status(*code);
                Reply::html(
                    code,
                    &format!("{} {}", code.as_str(), code.canonical_reason().unwrap_or_default()),
                )
            }
            Self::OtherCode(code) => Reply::envelope(StatusCode::OK, code, "", Value::Null),
            Self::BadSuccess => {
                Reply::envelope(StatusCode::BAD_REQUEST, "Success", "error.invalid", Value::Null)
            }
            Self::BadBody => {
                let field = BadField { path: "obj.email".to_owned(), wanted: Some(ExpectedType::Text) };
                Refusal::BadBody(Some(field)).reply(&project.switches, told)
            }
            Self::RateLimited => Exceeded::INJECTED.reply(&project.switches, told.path, project.id, now),
            Self::Garbage => ok(Bytes::from_static(b"\x00\xff{\"msg\":")),
            Self::Empty => ok(Bytes::new()),
            Self::Huge(bytes) => ok(huge(*bytes)),
            Self::Deep(depth) => ok(Bytes::from("[".repeat(*depth) + &"]".repeat(*depth))),
            Self::Redirect(to) => {
                let mut reply = Reply::json(StatusCode::FOUND, &json!({}));
                reply.headers.push(("location", to.clone()));
                reply
            }
            Self::Answer(code, body) => Reply::json(status(*code), body),
        })
    }
}

fn huge(bytes: usize) -> Bytes {
    let (head, tail) = (r#"{"msg":""#, r#"","code":"Success","params":null}"#);
    let filler = bytes.saturating_sub(head.len() + tail.len());
    Bytes::from([head, &"x".repeat(filler), tail].concat())
}

/// Returns the fault for a request and counts it as used: the first planned one that matches, or `None`.
pub(crate) fn take(planned: &mut Vec<Planned>, method: &str, path: &str) -> Option<Fault> {
    let asked = format!("{method} {path}");
    let at = planned.iter().position(|plan| plan.times > 0 && fits(&plan.on, &asked))?;
    let plan = planned.get_mut(at)?;
    plan.times -= 1;
    let fault = plan.fault.clone();
    planned.retain(|plan| plan.times > 0);
    Some(fault)
}

/// Returns whether `text` matches `pattern`, in which each `*` matches anything.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices()
                .map(|(at, _)| at)
                .chain([rest.len()])
                .any(|at| rest.get(at..).is_some_and(|rest| fits(after, rest)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(fits("POST /api/users/forget", "POST /api/users/forget"));
        assert!(fits("* /api/users/*", "GET /api/users/ada%40example.com") && fits("*", "GET /"));
        assert!(!fits("POST *", "GET /api") && !fits("GET /api/*/x", "GET /api/a/y"));
    }

    #[test]
    fn a_fault_comes_as_often_as_planned() {
        let mut planned = vec![Planned { fault: Fault::Hang, on: "GET *".to_owned(), times: 2 }];
        let met = (0..3).filter(|_| take(&mut planned, "GET", "/x").is_some()).count();
        assert_eq!((met, planned.len()), (2, 0));
    }
}
