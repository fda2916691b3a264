//! Interprets answers. The status takes precedence over the code, and Iterable's own texts never leave this file.

use super::model::{Envelope, Throttled, parse, without_mark};
use crate::{
    error::{Error, ErrorKind},
    http::Response,
};

/// Whether a success has taken effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Now,
    /// Accepted, to be carried out later.
    Later,
}

/// The reason for a refusal, if it is a known one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The person is erased and must not be added again.
    Forgotten,
    /// Iterable does not know the person, at least not yet.
    UnknownPerson,
    /// The identifier is malformed: no person can have it.
    InvalidPerson,
    /// This project does not have the Subscriptions API.
    FeatureOff,
    /// No known reason.
    Other,
}

/// An answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// Iterable's code, if it looks like one.
    pub(crate) code: Option<String>,
    pub(crate) kind: ErrorKind,
    pub(crate) meaning: Meaning,
    retry_after_ms: Option<u64>,
}

/// Interprets the answer to a write, or the envelope around the answer to a read.
pub(crate) fn read(response: &Response) -> Result<Done, Refusal> {
    let envelope = parse::<Envelope>(&response.body);
    if !(200..300).contains(&response.status) {
        return Err(refusal(response, envelope));
    }
    match envelope.as_ref().map(|envelope| envelope.code.as_deref()) {
        Some(Some("Accepted")) => Ok(Done::Later),
        Some(None | Some("Success")) => Ok(if response.status == 202 { Done::Later } else { Done::Now }),
        None if response.status == 202 => Ok(Done::Later),
        None if response.body.is_empty() => Ok(Done::Now),
        _ => Err(refusal(response, envelope)),
    }
}

/// Interprets the status alone, for an answer that is too long to read twice.
pub(crate) fn read_status(response: &Response) -> Result<(), Refusal> {
    if (200..300).contains(&response.status) {
        return Ok(());
    }
    Err(refusal(response, parse(&response.body)))
}

/// The refusal for an answer whose status is a success but whose body is not of the expected form.
pub(crate) fn unreadable(response: &Response) -> Refusal {
    refusal(response, parse(&response.body))
}

fn refusal(response: &Response, envelope: Option<Envelope>) -> Refusal {
    let (code, msg) = envelope.map_or((None, None), |envelope| (envelope.code, envelope.msg));
    let code = code.filter(|code| is_word(code) && code != "Success");
    let msg = msg.unwrap_or_else(|| {
        let body = without_mark(&response.body);
        String::from_utf8_lossy(body.get(..64).unwrap_or(body)).into_owned()
    });
    let kind = kind(response.status, code.as_deref());
    let retry_after_ms = response.retry_after_ms.or_else(|| match kind {
        ErrorKind::RateLimited => reset_ms(&response.body),
        _ => None,
    });
    let meaning = meaning(response.status, code.as_deref().unwrap_or_default(), &msg);
    Refusal { status: response.status, code, kind, meaning, retry_after_ms }
}

fn kind(status: u16, code: Option<&str>) -> ErrorKind {
    // If the status is a success, only the code shows what kind of failure it is.
    let code = if (200..300).contains(&status) { code } else { None };
    match (status, code) {
        (401 | 403, _) | (_, Some("BadApiKey" | "BadAuthorizationHeader" | "Unauthorized" | "Forbidden")) => {
            ErrorKind::Unauthorized
        }
        (429, _) | (_, Some("RateLimitExceeded")) => ErrorKind::RateLimited,
        (408 | 500..=599, _) | (_, Some("DatabaseError" | "GenericError" | "QueueEmailError")) => {
            ErrorKind::Unavailable
        }
        (400 | 409 | 413 | 422, _) | (_, Some(_)) => ErrorKind::Rejected,
        _ => ErrorKind::Other,
    }
}

fn meaning(status: u16, code: &str, msg: &str) -> Meaning {
    let says = |start: &str| msg.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start));
    let refused = matches!(status, 200..=299 | 400 | 404 | 409);
    match code {
        "ForgottenUserError" if refused => Meaning::Forgotten,
        "UnknownEmailError" | "UnknownUserIdError" if refused => Meaning::UnknownPerson,
        // Also seen with status 500.
        "error.users.noUserWithIdExists" if refused || status == 500 => Meaning::UnknownPerson,
        "InvalidEmailAddressError" | "InvalidUserIdError" if refused => Meaning::InvalidPerson,
        "NotFound" if status == 404 && says("Endpoint not found") => Meaning::FeatureOff,
        "BadParams" | "NotFound" | "" if refused => {
            let unknown = ["User does not exist", "No users with userId", "No user with that id exists"];
            if unknown.into_iter().any(says) { Meaning::UnknownPerson } else { Meaning::Other }
        }
        _ => Meaning::Other,
    }
}

/// Whether the code consists of letters and dots, as all of Iterable's codes do. Identifiers and secrets rarely do.
fn is_word(code: &str) -> bool {
    code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'.')
}

fn reset_ms(body: &[u8]) -> Option<u64> {
    let seconds = parse::<Throttled>(body)?.params.rate_limit_reset;
    let ms = std::time::Duration::try_from_secs_f64(seconds).ok()?.as_millis();
    u64::try_from(ms).ok()
}

impl Refusal {
    /// A short description, such as `status 400, code BadParams`.
    pub(crate) fn brief(&self) -> String {
        match &self.code {
            Some(code) => format!("status {}, code {code}", self.status),
            None => format!("status {}", self.status),
        }
    }

    /// Converts the refusal to an error about `operation` that changed nothing.
    pub(crate) fn into_error(self, operation: &str, advice: &str) -> Error {
        let brief = self.brief();
        let message = match self.kind {
            ErrorKind::Unauthorized => {
                format!("Iterable refused the key or its rights for `{operation}` ({brief})")
            }
            ErrorKind::RateLimited => format!("Iterable rate-limited `{operation}` ({brief})"),
            ErrorKind::Unavailable => format!("Iterable failed to process `{operation}` ({brief})"),
            ErrorKind::Rejected => format!("Iterable refused `{operation}` ({brief})"),
            _ => format!("Iterable gave an unexpected answer to `{operation}` ({brief})"),
        };
        let message = if advice.is_empty() { message } else { format!("{message}: {advice}") };
        let code = self.code.unwrap_or_else(|| match self.status {
            200..=299 => "unreadable-answer".to_owned(),
            status => format!("status-{status}"),
        });
        Error { kind: self.kind, code, message, retry_after_ms: self.retry_after_ms, may_have_acted: false }
    }

    /// Whether a write may have happened despite this answer: a gateway may have failed after it.
    pub(crate) fn may_have_acted(&self) -> bool {
        matches!(self.kind, ErrorKind::Unavailable | ErrorKind::Other)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(status: u16, body: &str) -> Result<Done, Refusal> {
        read(&Response { status, retry_after_ms: None, body: body.as_bytes().to_vec() })
    }

    fn refused(status: u16, body: &str) -> (ErrorKind, Meaning, Option<String>) {
        let refusal = answer(status, body).unwrap_err();
        (refusal.kind, refusal.meaning, refusal.code)
    }

    #[test]
    fn a_success_comes_in_several_forms() {
        for (status, body, done) in [
            (200, r#"{"msg":"","code":"Success","params":null}"#, Done::Now),
            (200, "{}", Done::Now),
            (200, "", Done::Now),
            (200, r#"{"code":"Accepted"}"#, Done::Later),
            (202, "", Done::Later),
            (202, "Request accepted", Done::Later),
            (202, r#"{"code":"Success"}"#, Done::Later),
        ] {
            assert_eq!(answer(status, body), Ok(done), "{status} {body}");
        }
    }

    #[test]
    fn the_status_decides_before_the_code() {
        let success = r#"{"msg":"Invalid API key","code":"Success"}"#;
        for (status, kind) in [
            (400, ErrorKind::Rejected),
            (401, ErrorKind::Unauthorized),
            (403, ErrorKind::Unauthorized),
            (404, ErrorKind::Other),
            (409, ErrorKind::Rejected),
            (429, ErrorKind::RateLimited),
            (500, ErrorKind::Unavailable),
            (503, ErrorKind::Unavailable),
            (302, ErrorKind::Other),
        ] {
            assert_eq!(refused(status, success), (kind, Meaning::Other, None), "{status}");
        }
        let unknown = r#"{"code":"UnknownEmailError"}"#;
        assert_eq!(refused(401, unknown).0, ErrorKind::Unauthorized);
        assert_eq!(refused(401, unknown).1, Meaning::Other);
    }

    #[test]
    fn a_200_with_an_error_code_is_an_error_of_its_kind() {
        for (code, kind) in [
            ("BadParams", ErrorKind::Rejected),
            ("SomethingNew", ErrorKind::Rejected),
            ("BadApiKey", ErrorKind::Unauthorized),
            ("RateLimitExceeded", ErrorKind::RateLimited),
            ("DatabaseError", ErrorKind::Unavailable),
        ] {
            assert_eq!(refused(200, &format!(r#"{{"code":"{code}"}}"#)).0, kind, "{code}");
        }
        assert_eq!(refused(200, "<html>hello</html>").0, ErrorKind::Other);
    }

    #[test]
    fn refusals_that_mean_something_are_distinguished() {
        for (status, body, meaning) in [
            (400, r#"{"code":"ForgottenUserError"}"#, Meaning::Forgotten),
            (409, r#"{"code":"ForgottenUserError"}"#, Meaning::Forgotten),
            (400, r#"{"code":"UnknownEmailError"}"#, Meaning::UnknownPerson),
            (
                400,
                r#"{"code":"BadParams","msg":"User does not exist. Email:  UserId: u"}"#,
                Meaning::UnknownPerson,
            ),
            (400, r#"{"code":"BadParams","msg":"user does not exist"}"#, Meaning::UnknownPerson),
            (400, r#"{"code":"BadParams","msg":"No users with userId 42 exist"}"#, Meaning::UnknownPerson),
            (400, "No user with that id exists!", Meaning::UnknownPerson),
            (400, "\u{feff}No user with that id exists!", Meaning::UnknownPerson),
            (404, r#"{"code":"error.users.noUserWithIdExists"}"#, Meaning::UnknownPerson),
            (500, r#"{"code":"error.users.noUserWithIdExists"}"#, Meaning::UnknownPerson),
            (
                400,
                r#"{"code":"InvalidEmailAddressError","msg":"Invalid email: foo@"}"#,
                Meaning::InvalidPerson,
            ),
            (404, r#"{"code":"NotFound","msg":"Endpoint not found for project: 1"}"#, Meaning::FeatureOff),
            (404, "<html><title>Action not found</title></html>", Meaning::Other),
            (400, r#"{"code":"NotFound","msg":"Endpoint not found"}"#, Meaning::Other),
            (400, r#"{"code":"BadParams","msg":"Invalid email list id"}"#, Meaning::Other),
        ] {
            assert_eq!(refused(status, body).1, meaning, "{status} {body}");
        }
    }

    #[test]
    fn the_wait_comes_from_the_header_or_else_from_the_body() {
        let body = r#"{"code":"RateLimitExceeded","params":{"rateLimitReset":1.5}}"#;
        let wait = |header, body: &str| {
            let response = Response { status: 429, retry_after_ms: header, body: body.as_bytes().to_vec() };
            read(&response).unwrap_err().into_error("forget", "").retry_after_ms
        };
        assert_eq!(wait(Some(60_000), body), Some(60_000));
        assert_eq!(wait(None, body), Some(1500));
        assert_eq!(wait(None, r#"{"params":{"rateLimitReset":-1}}"#), None);
        assert_eq!(wait(None, "Too Many Requests"), None);
    }

    #[test]
    fn what_iterable_says_does_not_reach_the_error() {
        let body = r#"{"msg":"[/api/users/update] body: {\"email\":\"a@example.com\"}, hdrs: (Api-Key,k)","code":"BadJsonBody"}"#;
        let error = answer(400, body).unwrap_err().into_error("create-user", "");
        assert_eq!(error.message, "Iterable refused `create-user` (status 400, code BadJsonBody)");
        assert_eq!(error.code, "BadJsonBody");
        for code in ["a@example.com", "user 7", "u123", &"A".repeat(65)] {
            let error = answer(400, &format!(r#"{{"code":"{code}"}}"#)).unwrap_err().into_error("forget", "");
            assert_eq!(
                (error.code.as_str(), error.message.as_str()),
                ("status-400", "Iterable refused `forget` (status 400)")
            );
        }
    }

    proptest! {
        #![proptest_config(test_support::cases(256))]

        #[test]
        fn any_status_and_any_bytes_are_read(status: u16, body: Vec<u8>, retry_after_ms: Option<u64>) {
            let _ = read(&Response { status, retry_after_ms, body });
        }

        #[test]
        fn only_a_success_by_status_is_a_success(status: u16, code in "Success|Accepted|[A-Za-z]{0,12}", msg in ".{0,80}") {
            let body = serde_json::json!({"code": code, "msg": msg}).to_string();
            let ok = answer(status, &body).is_ok();
            let success = ["", "Success", "Accepted"].contains(&code.as_str());
            prop_assert_eq!(ok, (200..300).contains(&status) && success);
        }
    }
}
