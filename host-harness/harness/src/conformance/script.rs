//! A vendor that follows the script of a case, and compares what it is asked for.
//! Tested in `tests/all/conformance`.

use host_model::contract::http::{HttpError, HttpErrorKind, Request};
use http::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{
    case::{ExpectedRequest, ScriptedAnswer},
    difference::{FurtherKeys, differences, differs, shown},
    stage::PretendedVendor,
};
use crate::egress::VendorResponse;

/// Answers the expected requests in order.
pub(super) struct ScriptedVendor {
    requests: Vec<ExpectedRequest>,
    played: Mutex<Played>,
}

/// How far the script has been played.
#[derive(Default)]
struct Played {
    next: usize,
    /// What the connector asked for last, until the host sends it.
    asked: Option<Request>,
    findings: Vec<String>,
}

impl ScriptedVendor {
    pub(super) fn new(requests: Vec<ExpectedRequest>) -> Self {
        Self { requests, played: Mutex::default() }
    }

    /// Ends the script. Returns everything that was not as expected.
    pub(super) fn findings(&self) -> Vec<String> {
        let Played { next, asked, mut findings } = std::mem::take(&mut *self.played.lock());
        findings.extend(asked.map(|request| refused(&request)));
        let unsent = self.requests.iter().enumerate().skip(next);
        findings.extend(unsent.map(|(at, request)| {
            format!("request {}: expected `{}`, but the connector did not send it", at + 1, request.operation)
        }));
        findings
    }
}

impl PretendedVendor for ScriptedVendor {
    fn asked(&self, request: &Request) {
        let mut played = self.played.lock();
        if let Some(before) = played.asked.replace(request.clone()) {
            played.findings.push(refused(&before));
        }
    }

    fn answer(&self, operation: &str) -> Result<VendorResponse, HttpError> {
        let mut played = self.played.lock();
        // The host also sends requests of its own, such as those for a token.
        let asked = played.asked.take_if(|asked| asked.operation == operation);
        let number = played.next + 1;
        let Some(expected) = self.requests.get(played.next) else {
            played
                .findings
                .push(format!("request {number}: expected no further request, found `{operation}`"));
            return Err(failure(HttpErrorKind::Unreachable));
        };
        if expected.operation != operation {
            let wanted = format!("`{}`", expected.operation);
            played.findings.push(differs(format!("request {number}"), &wanted, &format!("`{operation}`")));
            return Err(failure(HttpErrorKind::Unreachable));
        }
        played.next += 1;
        let compared = asked.iter().flat_map(|asked| compared(number, expected, asked));
        played.findings.extend(compared);
        response(&expected.answer)
    }
}

fn refused(request: &Request) -> String {
    format!("the host refused to send `{}`: see the outcome", request.operation)
}

/// Returns how what was asked for differs from what was expected.
fn compared(number: usize, expected: &ExpectedRequest, asked: &Request) -> Vec<String> {
    let place = |part: &str| format!("request {number} `{}`: {part}", expected.operation);
    let values: serde_json::Map<_, _> =
        asked.values.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    let mut found =
        differences(&place("values"), &json!(expected.values), &values.into(), FurtherKeys::Found);
    found.extend(differences(
        &place("query"),
        &json!(expected.query),
        &json!(asked.query),
        FurtherKeys::Found,
    ));
    match (&expected.body, &asked.body) {
        (Some(expected), Some(body)) => {
            let (wanted, body) = (document(expected.as_bytes()), document(body));
            found.extend(differences(&place("body"), &wanted, &body, FurtherKeys::Found));
        }
        (None, None) => {}
        (expected, body) => {
            let wanted =
                expected.as_ref().map_or("no body".to_owned(), |body| shown(&document(body.as_bytes())));
            let body = body.as_ref().map_or("no body".to_owned(), |body| shown(&document(body)));
            found.push(differs(place("body"), &wanted, &body));
        }
    }
    found
}

/// Returns a body as JSON, or as a text if it is none.
fn document(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(body)))
}

fn response(answer: &ScriptedAnswer) -> Result<VendorResponse, HttpError> {
    match answer {
        ScriptedAnswer::Failed(kind) => Err(failure(*kind)),
        ScriptedAnswer::Answered { status, headers, body } => {
            let headers = headers.iter().filter_map(|(name, value)| {
                let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
                Some((name, HeaderValue::from_str(value).ok()?))
            });
            let headers: HeaderMap = headers.collect();
            Ok(VendorResponse { status: *status, headers, body: body.clone().into_bytes() })
        }
    }
}

/// Returns a failure as the host reports it. Of an unreachable vendor, it knows that it received nothing.
pub(super) fn failure(kind: HttpErrorKind) -> HttpError {
    HttpError {
        kind,
        message: "the vendor of this proof does not answer".to_owned(),
        request_sent: kind != HttpErrorKind::Unreachable,
        retry_after_ms: None,
    }
}
