//! A vendor that says what a test wrote down, and holds every request to the manifest.

use std::collections::VecDeque;

use serde_json::Value;

use crate::{
    http::{Request, Response, SendError, SendErrorKind, Vendor},
    manifest::Operation,
    operations,
    settings::Settings,
    subject::Identifier,
};

pub(crate) fn identifiers(subject: &[(&str, &str)]) -> Vec<Identifier> {
    let identifier =
        |(kind, value): &(&str, &str)| Identifier { kind: (*kind).to_owned(), value: (*value).to_owned() };
    subject.iter().map(identifier).collect()
}

pub(crate) fn settings(pairs: &[(&str, &str)]) -> Settings {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Settings::read(&pairs).unwrap()
}

/// The answers of one call, in the order in which it asks.
pub(crate) struct Script {
    interface: &'static str,
    answers: VecDeque<(&'static str, Result<Response, SendError>)>,
    /// What was sent.
    pub(crate) sent: Vec<Request>,
}

impl Script {
    /// For a call of that interface.
    pub(crate) fn of(interface: &'static str) -> Self {
        Self { interface, answers: VecDeque::new(), sent: Vec::new() }
    }

    pub(crate) fn answers(mut self, operation: &'static str, status: u16, body: &str) -> Self {
        let response = Response { status, retry_after_ms: None, body: body.as_bytes().to_vec() };
        self.answers.push_back((operation, Ok(response)));
        self
    }

    pub(crate) fn fails(mut self, operation: &'static str, kind: SendErrorKind, request_sent: bool) -> Self {
        let error = SendError { kind, message: "no answer".to_owned(), request_sent, retry_after_ms: None };
        self.answers.push_back((operation, Err(error)));
        self
    }

    /// Asserts that every answer was asked for.
    pub(crate) fn done(&self) {
        let left: Vec<_> = self.answers.iter().map(|(operation, _)| operation).collect();
        assert!(left.is_empty(), "not asked for: {left:?}");
    }

    /// The bodies sent, parsed.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        let bodies = self.sent.iter().filter_map(|request| request.body.as_deref());
        bodies.map(|body| serde_json::from_slice(body).unwrap()).collect()
    }
}

impl Vendor for Script {
    fn send(&mut self, request: Request) -> Result<Response, SendError> {
        hold_to_manifest(&request, self.interface);
        let name = request.operation.name;
        self.sent.push(request);
        let Some((expected, answer)) = self.answers.pop_front() else {
            panic!("no answer was written for {name}")
        };
        assert_eq!(name, expected, "asked out of order");
        answer
    }
}

/// What the host would refuse.
pub(crate) fn hold_to_manifest(request: &Request, interface: &str) {
    let operation: &Operation = request.operation;
    assert!(operations::ALL.contains(&operation), "{} is not declared", operation.name);
    assert!(operation.used_by.contains(&interface), "{interface} may not send {}", operation.name);
    assert_eq!(request.body.is_some(), operation.content_type.is_some(), "body of {}", operation.name);
    let blanks: Vec<&str> =
        operation.path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
    let filled: Vec<&str> = request.values.iter().map(|(name, _)| *name).collect();
    assert_eq!(filled, blanks, "blanks of {}", operation.name);
}
