//! Sends requests, reads answers and tracks whether this call has changed anything at Iterable.

use serde::de::DeserializeOwned;

use super::{
    model::{Profile, User, UserAnswer, parse},
    request,
    response::{self, Done, Meaning, Refusal},
};
use crate::{
    error::{Error, ErrorKind},
    http::{Request, Response, SendError, SendErrorKind, Vendor},
    manifest::operation::Operation,
    subject::Person,
};

/// Iterable's API, as one call uses it.
pub(crate) struct Client<'a> {
    vendor: &'a mut dyn Vendor,
    acted: bool,
}

impl<'a> Client<'a> {
    pub(crate) fn new(vendor: &'a mut dyn Vendor) -> Self {
        Self { vendor, acted: false }
    }

    /// Whether Iterable has accepted a write of this call.
    pub(crate) fn has_acted(&self) -> bool {
        self.acted
    }

    /// Logs a warning for the operator.
    pub(crate) fn warn(&mut self, message: &str) {
        self.vendor.warn(message);
    }

    /// Sends a write. The caller interprets a refusal, and passes it to [`Client::fail`] if it has no special meaning.
    pub(crate) fn write(&mut self, request: Request) -> Result<Result<Done, Refusal>, Error> {
        let response = self.send(request)?;
        let answer = response::read(&response);
        self.acted |= answer.is_ok();
        Ok(answer)
    }

    /// Sends a read and parses its answer.
    pub(crate) fn read<T: DeserializeOwned>(&mut self, operation: &'static Operation) -> Result<T, Error> {
        let response = self.send(request::plain(operation))?;
        self.parse(operation, &response, response::read(&response))
    }

    /// Returns the person's profile; `None` if Iterable knows no one by that identifier.
    pub(crate) fn profile(&mut self, person: &Person) -> Result<Option<Profile>, Error> {
        let request = request::read_user(person);
        let operation = request.operation;
        let response = self.send(request)?;
        match response::read(&response) {
            Err(refusal) if refusal.meaning == Meaning::UnknownPerson => Ok(None),
            answer => self
                .parse(operation, &response, answer)
                .map(|answer: UserAnswer| answer.user.and_then(User::into_profile)),
        }
    }

    /// Returns the first of these that Iterable knows, with the profile.
    pub(crate) fn first_known<'p>(
        &mut self,
        people: &'p [Person],
    ) -> Result<Option<(&'p Person, Profile)>, Error> {
        for person in people {
            if let Some(profile) = self.profile(person)? {
                return Ok(Some((person, profile)));
            }
        }
        Ok(None)
    }

    /// Sends a read and returns its answer unparsed.
    pub(crate) fn raw(&mut self, request: Request) -> Result<Response, Error> {
        let operation = request.operation;
        let response = self.send(request)?;
        match response::read_status(&response) {
            Ok(()) => Ok(response),
            Err(refusal) => Err(self.fail(operation, refusal, "")),
        }
    }

    /// Converts a refusal to this call's error.
    pub(crate) fn fail(&self, operation: &Operation, refusal: Refusal, advice: &str) -> Error {
        let may_have_acted = self.acted || (operation.writes() && refusal.may_have_acted());
        Error { may_have_acted, ..refusal.into_error(operation.name, advice) }
    }

    /// The error for a success whose body is not of the expected form.
    pub(crate) fn unreadable(&self, operation: &Operation, response: &Response) -> Error {
        self.fail(operation, response::unreadable(response), "")
    }

    /// Parses the body of a success. `answer` is what its envelope says.
    fn parse<T: DeserializeOwned>(
        &self,
        operation: &Operation,
        response: &Response,
        answer: Result<Done, Refusal>,
    ) -> Result<T, Error> {
        match answer {
            Ok(_) => parse(&response.body).ok_or_else(|| self.unreadable(operation, response)),
            Err(refusal) => Err(self.fail(operation, refusal, "")),
        }
    }

    fn send(&mut self, request: Request) -> Result<Response, Error> {
        let operation = request.operation;
        self.vendor.send(request).map_err(|error| self.unanswered(operation, &error))
    }

    fn unanswered(&self, operation: &Operation, error: &SendError) -> Error {
        let (kind, code) = match error.kind {
            SendErrorKind::Denied => (ErrorKind::Other, "denied"),
            SendErrorKind::NoCredential => (ErrorKind::Unauthorized, "no-credential"),
            SendErrorKind::RateLimited => (ErrorKind::RateLimited, "rate-limited"),
            SendErrorKind::TimedOut => (ErrorKind::Unavailable, "timed-out"),
            SendErrorKind::Unreachable => (ErrorKind::Unavailable, "unreachable"),
            SendErrorKind::TooLarge => (ErrorKind::Other, TOO_LARGE),
            SendErrorKind::BudgetSpent => (ErrorKind::Unavailable, "budget-spent"),
        };
        Error {
            kind,
            code: code.to_owned(),
            message: format!("no answer to `{}`: {}", operation.name, error.message),
            retry_after_ms: error.retry_after_ms,
            may_have_acted: self.acted || (operation.writes() && error.request_sent),
        }
    }
}

/// The error code for an answer that exceeded its size limit.
pub(crate) const TOO_LARGE: &str = "too-large";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{operations, testing::Script};

    fn failure(kind: SendErrorKind, request_sent: bool) -> SendError {
        SendError { kind, message: "why".to_owned(), request_sent, retry_after_ms: Some(5) }
    }

    #[test]
    fn an_unanswered_write_may_have_acted_and_an_unanswered_read_may_not() {
        for (sent, write, may_have_acted) in [(true, true, true), (false, true, false), (true, false, false)]
        {
            let mut vendor = |_: Request| Err(failure(SendErrorKind::TimedOut, sent));
            let mut client = Client::new(&mut vendor);
            let person = Person::Email("a@example.com".to_owned());
            let error = if write {
                client.write(request::forget(&person)).unwrap_err()
            } else {
                client.profile(&person).err().unwrap()
            };
            assert_eq!((error.kind, error.may_have_acted), (ErrorKind::Unavailable, may_have_acted));
            assert_eq!(error.retry_after_ms, Some(5));
        }
    }

    #[test]
    fn every_reason_for_a_missing_answer_is_distinguished() {
        for (kind, wanted, code) in [
            (SendErrorKind::Denied, ErrorKind::Other, "denied"),
            (SendErrorKind::NoCredential, ErrorKind::Unauthorized, "no-credential"),
            (SendErrorKind::RateLimited, ErrorKind::RateLimited, "rate-limited"),
            (SendErrorKind::TimedOut, ErrorKind::Unavailable, "timed-out"),
            (SendErrorKind::Unreachable, ErrorKind::Unavailable, "unreachable"),
            (SendErrorKind::TooLarge, ErrorKind::Other, "too-large"),
            (SendErrorKind::BudgetSpent, ErrorKind::Unavailable, "budget-spent"),
        ] {
            let mut vendor = |_: Request| Err(failure(kind, false));
            let error = Client::new(&mut vendor).raw(request::plain(&operations::LIST_CHANNELS)).unwrap_err();
            assert_eq!((error.kind, error.code.as_str()), (wanted, code));
            assert_eq!(error.message, "no answer to `list-channels`: why");
        }
    }

    #[test]
    fn a_failure_after_a_write_that_was_taken_may_have_acted() {
        let mut script =
            Script::of("erasure").answers("forget", 200, "{}").answers("read-user-by-email", 500, "");
        let mut client = Client::new(&mut script);
        let person = Person::Email("a@example.com".to_owned());
        assert_eq!(client.write(request::forget(&person)).unwrap(), Ok(Done::Now));
        let error = client.profile(&person).err().unwrap();
        assert_eq!((error.kind, error.may_have_acted), (ErrorKind::Unavailable, true));
    }

    #[test]
    fn an_unknown_person_is_none_and_an_answer_that_cannot_be_read_is_an_error() {
        for (status, body, known) in [
            (200, "{}", Ok(false)),
            (400, "No user with that id exists!", Ok(false)),
            (500, r#"{"code":"error.users.noUserWithIdExists"}"#, Ok(false)),
            (200, r#"{"user":{"userId":"u"}}"#, Ok(true)),
            (200, "", Err(ErrorKind::Other)),
            (200, "[]", Err(ErrorKind::Other)),
            (200, "<html>", Err(ErrorKind::Other)),
            (200, r#"{"code":"BadParams"}"#, Err(ErrorKind::Rejected)),
            (404, "<html>", Err(ErrorKind::Other)),
            (400, r#"{"code":"Success","msg":""}"#, Err(ErrorKind::Rejected)),
        ] {
            let mut script = Script::of("consent").answers("read-user-by-user-id", status, body);
            let person = Person::UserId("u".to_owned());
            let read = Client::new(&mut script).profile(&person);
            assert_eq!(
                read.map(|profile| profile.is_some()).map_err(|error| error.kind),
                known,
                "{status} {body}"
            );
        }
    }
}
